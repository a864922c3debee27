/* ledger_ships.h - the ships of a narrow table, as a plan wants them. */
#ifndef FERRY_PG_LEDGER_SHIPS_H
#define FERRY_PG_LEDGER_SHIPS_H

#include "pg/ledger.h"
#include "pg/narrow.h"

/*
 * The ships that have rows, or those of `only` that do (n_only 0: all), with their first instants
 * and about how many rows they have. *out is to be freed with mem_free(); names live as long as
 * `n`.
 */
size_t ledger_ships_find(struct pg *source, struct narrow *n, const struct sl *only, size_t n_only,
	struct ledger_ship **out);

#endif
