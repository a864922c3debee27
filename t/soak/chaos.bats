load ../helper
load ../chaos

# CHAOS_ROUNDS 300 of each.

setup_file() { scratch_db; }
setup() {
	helper_setup
	others=''
}
teardown() { chaos_teardown; }

@test "soak: changes of the source's schema, from a slot" { chaos slot "${CHAOS_ROUNDS:-300}"; }
@test "soak: changes of the source's schema, by polling" { chaos poll "${CHAOS_ROUNDS:-300}"; }
