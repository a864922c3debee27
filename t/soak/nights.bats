load ../helper
load ../sandbox
load ../fs
load ../oracle
load ../nights

# NIGHTS 365; FAULT takes one kind alone.

setup() {
	helper_setup
	sandbox_set
	false_clock
}

@test "soak: a year of nights" {
	nights "${NIGHTS:-365}" >&3
}
