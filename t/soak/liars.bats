load ../helper

# All that t/liars.bats has a sample of: its own tests, whole. They have a sandbox of the file.
@test "soak: every lie about every answer" {
	RUN_TIMEOUT=3600 run_rc 0 env WHOLE=1 MIGRATIONS=40 bats "$root/t/liars.bats"
	sed "s/^/# /" "$out" >&3
}
