/*
 * ledger_save.h - what the ledger and the registry say of ships, to a file and back: the part of a
 * backup that pg_dump cannot pick out.
 *
 * A line is a JSON object, {"table":"chunk","row":{…}}; the last one has the number of the others,
 * so that a file that was cut is refused (76). Events are not kept.
 */
#pragma once

#include "ledger/ledger.h"
#include "stream/out.h"

/*
 * Of the jobs of this schema and prefix, and of this narrow table unless it is NULL, one state of
 * it all; n_ships 0: of all ships.
 */
void ledger_save(struct pg *target, const char *schema, const char *prefix, const char *table,
	const struct sl *ships, size_t n_ships, struct out *out);

/*
 * Reads it from standard input, in one transaction. Rows that are there stay. Chunks that were at
 * work are pending again. Dies with 78 when another job has been planned for the same tables since.
 * Returns the number of rows read. `restoring`, unless NULL: the digest of a backup, whose tables
 * are there without their ledger (ferry.restoring); dies with 75 when they are not any more.
 */
uint64_t ledger_load(struct pg *target, const char *restoring);
