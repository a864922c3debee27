# The power fails: what was promised to be on the disk is there, and the same command goes on from
# what is. One point of the quick kinds here, all of all in t/soak/power.bats.
load helper
load sandbox
load fs
load power

setup() {
	helper_setup
	no_sanitizer 'what is preloaded has to be first'
	sandbox_set
}

@test "power: an output, what a front door writes, and the journal of a load" {
	without_power output some 9
	without_power door some 9
	without_power put some 17
}
