/* cell_list.h - the differences of a range (celldiff.h), gathered. */
#pragma once

#include "compare/celldiff.h"

/* A zeroed struct is empty. */
struct cell_list {
	struct celldiff_cell *cell; /* in the order of celldiff_find(); slices live in the arena */
	size_t n;
	bool more; /* there are more than were gathered */

	/* private */
	size_t cap, max;
	bool values;
	struct arena arena;
};

/* At most `max` differences of [from, to) of a ship, with their values or without. */
void cell_list_find(struct cell_list *l, struct cellsum_source *source,
	struct cellsum_target *target, struct ship *ship, int64_t from, int64_t to, size_t max,
	bool values);

/* Leaves only those that `before` has too. */
void cell_list_keep(struct cell_list *l, const struct cell_list *before);

void cell_list_free(struct cell_list *l);
