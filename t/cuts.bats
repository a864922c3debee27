#!/usr/bin/env bats
# Connections to PostgreSQL that are cut off at one message of the protocol, whichever it is: run
# again, the same command makes all of it right, and nobody has said anything wrong in between.
# t/soak/cuts.bats has every message, this a sample.
load helper
load cuts

setup() { cuts_setup; }
teardown() { cuts_teardown; }

@test "cuts: a pipeline of the past" { cut_some past both 3; }
# bats test_tags=whole
@test "cuts: the whole migration" { cut_some whole both 1; }
@test "cuts: followed by polling" { kind=poll cut_some follow both 1; }
@test "cuts: followed from a slot" { kind=slot cut_some follow both 1; }
@test "cuts: rows into both tables" { cut_some dual target 2; }
