/* ledger_ships.h - the ships of a narrow table, as a plan wants them. */
#pragma once

#include "ledger/ledger.h"
#include "narrow/narrow.h"

/*
 * The ships that have rows, or those of `only` that do (n_only 0: all), with their first instants
 * and about how many rows they have. *out is to be freed with mem_free(); names live as long as
 * `n`. Gaps of many chunks of that length live in the arena.
 */
size_t ledger_ships_find(struct pg *source, struct narrow *n, const struct sl *only, size_t n_only,
	int64_t chunk_us, struct arena *a, struct ledger_ship **out);

/*
 * Refuses (78) ships that neither the source has nor a job of these tables or their registry knows:
 * mistyped ones. `n` with `source`, or `target` (where the ledger is) with `job`, may be NULL.
 */
void ledger_want_ships(struct narrow *n, struct pg *source, struct pg *target,
	const struct ledger_job *job, const struct opt_list *ships);

/* Adds the ships that the job has chunks of. */
void ledger_ships_planned(struct pg *target, uint64_t job, struct names *out);

/* Are there jobs of another narrow table, source or prefix in the target schema of this one? */
bool ledger_has_neighbours(struct pg *target, const struct ledger_job *job) NODISCARD;

/*
 * Refuses (78) ships that one of those jobs has. A ship has its tables once in a schema: of two
 * narrow tables that both know it one would hide values of the other, and `validate --repair
 * --delete` of either remove what the other brought.
 */
void ledger_refuse_shared(struct pg *target, const struct ledger_job *job, const struct sl *ships,
	size_t n);

/*
 * The same of ships as they are met: those that were not asked for yet. `met`: all of them so far,
 * the first *asked of them were.
 */
void ledger_refuse_met(struct pg *target, const struct ledger_job *job, const struct names *met,
	size_t *asked);

/* Do jobs of several narrow tables fill tables of this schema and prefix? */
bool ledger_is_mixed(struct pg *target, const char *schema, const char *prefix) NODISCARD;
