/*
 * cellsum_child.h - the wide side's sums of many ranges, taken by a process of its own, so that
 * both servers are at work at once.
 */
#pragma once

#include "compare/cellsum.h"
#include "ledger/ledger_ranges.h"

struct cellsum_child;

/*
 * Starts it: for every range that counts, in order, it sums up all ships whose chunk there counts.
 * No connection may be open, since the child would share it.
 */
struct cellsum_child *cellsum_child_start(const struct target_opts *target, enum cellsum_hash hash,
	const struct ledger_range *range, size_t n_ranges, const struct names *ships) NODISCARD;

/* The sums of the next range, by number of the ship. A child that failed has said why: ends alike.
 */
void cellsum_child_read(struct cellsum_child *c, struct cellsum *sum);

void cellsum_child_end(struct cellsum_child *c);
