/* ledger_ships.h - the ships of a narrow table, as a plan wants them. */
#ifndef FERRY_LEDGER_SHIPS_H
#define FERRY_LEDGER_SHIPS_H

#include "ledger/ledger.h"
#include "narrow/narrow.h"

/*
 * The ships that have rows, or those of `only` that do (n_only 0: all), with their first instants
 * and about how many rows they have. *out is to be freed with mem_free(); names live as long as
 * `n`. Gaps of many chunks of that length live in the arena.
 */
size_t ledger_ships_find(struct pg *source, struct narrow *n, const struct sl *only, size_t n_only,
	int64_t chunk_us, struct arena *a, struct ledger_ship **out);

/* A job that has a ship in the schema of another job's tables. Strings are in the arena. */
struct ledger_neighbour {
	uint64_t job;
	struct sl ship;
	const char *table, *prefix;
};

/* Are there jobs of another narrow table, source or prefix in the target schema of this one? */
bool ledger_has_neighbours(struct pg *target, const struct ledger_job *job) NODISCARD;

/* Finds one of those that has one of the ships; false when none has. */
bool ledger_find_shared(struct pg *target, const struct ledger_job *job, const struct sl *ships,
	size_t n, struct arena *a, struct ledger_neighbour *out) NODISCARD;

#endif
