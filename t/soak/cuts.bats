load ../helper
load ../cuts

# Every message of each case of t/cuts.bats, cut off in one way after the other; EVERY=N: each Nth.

setup() { cuts_setup; }
teardown() { cuts_teardown; }

@test "soak: a pipeline of the past, its source cut off" { cut_some past source 0; }
@test "soak: a pipeline of the past, its target cut off" { cut_some past target 0; }
@test "soak: the whole migration, its source cut off" { cut_some whole source 0; }
@test "soak: the whole migration, its target cut off" { cut_some whole target 0; }
@test "soak: followed by polling, the source cut off" { kind=poll cut_some follow source 0; }
@test "soak: followed by polling, the target cut off" { kind=poll cut_some follow target 0; }
@test "soak: followed from a slot, the source cut off" { kind=slot cut_some follow source 0; }
@test "soak: followed from a slot, the target cut off" { kind=slot cut_some follow target 0; }
@test "soak: rows into both tables, cut off" { cut_some dual target 0; }
