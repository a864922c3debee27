/* feeds_census.h - what the source says of one moment about what feeds the table; for feeds.c. */
#pragma once

#include "follow/feeds.h"

struct census {
	struct ledger_feeds now;
	const char **add;    /* by number: what to add to the publication, quoted */
	bool *can;	     /* be in a publication at all: neither foreign nor unlogged */
	bool *leaf;	     /* it has rows of its own */
	uint64_t xmin, xmax; /* of its snapshot */
	bool inserts, deletions, truncations, identity;
	size_t uncovered, mendable;
	struct arena arena;
};

/*
 * Asks, into a census that is zero or was taken before; its arena is the caller's to free. False
 * when the connection is lost, a patient one.
 */
bool census_take(const struct feeds *f, struct pg *source, struct census *c) NODISCARD;
