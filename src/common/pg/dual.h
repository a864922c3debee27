/*
 * dual.h - narrow records into the narrow table and the wide ones of the same database, chunk by
 * chunk, each in one transaction.
 *
 *	dual_cols  dual_take …      records; nothing is sent yet
 *	dual_write  dual_commit     what was taken since the last commit
 *
 * Columns and tables that are missing are made by dual_write() beforehand, in a short transaction
 * of their own: nobody reads them yet. Then the rows go to the narrow table as they are, in the
 * order of time, and to the wide tables pivoted, where they replace what is there; of a value that
 * comes twice the last one counts. At last both are read back (sync.h).
 */
#ifndef FERRY_PG_DUAL_H
#define FERRY_PG_DUAL_H

#include "pg/narrow.h"
#include "pg/registry.h"
#include "stream/rec.h"

struct dual;

/*
 * Makes the ledger's schema where it is missing. `check`: how many values of a chunk are read back.
 * Connection, narrow table and options are kept.
 */
struct dual *dual_open(struct pg *pg, const struct narrow *n, struct target_opts *target,
	uint64_t check) NODISCARD;
void dual_close(struct dual *d);

/* The columns of the records. Dies with 65 when those of the key are missing. */
void dual_cols(struct dual *d, const struct names *cols);

/* Takes a record; or says why it cannot be taken, and which of its columns that is about. */
const char *dual_take(struct dual *d, const struct rec *rec, size_t *bad) NODISCARD;

uint64_t dual_rows(const struct dual *d); /* taken since the last commit */

/*
 * Writes what was taken, and reads it back; how many values were compared. Dies with 65 when the
 * server refuses a row, 69 when a table does not say what was written.
 */
uint64_t dual_write(struct dual *d);
void dual_commit(struct dual *d);

#endif
