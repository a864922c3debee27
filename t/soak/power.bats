load ../helper
load ../sandbox
load ../fs
load ../oracle
load ../power

setup() {
	helper_setup
	sandbox_set
}

@test "soak: the power fails at every point, and the disk shows whatever it could: outputs" {
	without_power output all
	without_power door all
}
@test "soak: the power fails at every point: a load" { without_power put all; }
@test "soak: the power fails at every point: a migration of groups" { without_power migrate each; }
@test "soak: the power fails at every point: a sync" { without_power sync each; }

@test "soak: the power fails at every point: a rollback with a backup" {
	cutoff=2024-10-03
	scratch_db
	"$root/t/telemetry" 2 3 60
	without_power backup each
}
