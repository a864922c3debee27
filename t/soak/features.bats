load ../helper
load ../sandbox
load ../fs
load ../storm

# The sizes of production, where `make check` takes small ones.

setup_file() {
	sandbox_start --set group-delay=0 --set offline-delay=0 --set athena-delay=0
}
teardown_file() {
	sandbox_stop
	helper_teardown_file
}
setup() {
	RUN_TIMEOUT=3600
	helper_setup
	sandbox_set
}

@test "soak: 1 M records through everything that goes wrong with a service" {
	storm_load 1000000 >&3
}

@test "soak: 1 M records, killed 20 times" {
	storm_kills 1000000 20 >&3
}
