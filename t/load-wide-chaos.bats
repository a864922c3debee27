load helper
load chaos

# A few rounds of what make soak does for long; FERRY_SEED=N repeats one.

setup_file() { scratch_db; }
setup() {
	helper_setup
	others=''
}
teardown() { chaos_teardown; }

@test "chaos: ten changes of the source's schema, from a slot" { chaos slot 10; }
