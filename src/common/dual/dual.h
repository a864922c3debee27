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
 * comes twice the last one counts. At last both are read back by the server, in the
 * transaction that wrote them, and compared with what was sent.
 */
#pragma once

#include "narrow/narrow.h"
#include "stream/rec.h"
#include "wide/registry.h"

struct dual;

/* Gets a record that the narrow table refuses; when it returns, neither table has it. */
typedef void dual_bad_fn(void *ctx, const struct rec *rec, const struct fault *fault);

/*
 * Makes the ledger's schema where it is missing. `check`: how many values of a chunk are read back.
 * Connection, narrow table and options are kept.
 */
struct dual *dual_open(struct pg *pg, const struct narrow *n, struct target_opts *target,
	uint64_t check, dual_bad_fn *bad, void *ctx) NODISCARD;
void dual_close(struct dual *d);

/* The columns of the records. Dies with 65 when those of the key are missing. */
void dual_cols(struct dual *d, const struct names *cols);

/* Takes a record; or says why it cannot be taken, and which of its columns that is about. */
const char *dual_take(struct dual *d, const struct rec *rec, size_t *bad) NODISCARD;

/* Ship and time of a record that cannot be taken, as far as it has them: "" and 0. */
struct sl dual_place(const struct dual *d, const struct rec *rec, int64_t *time);

uint64_t dual_rows(const struct dual *d); /* taken since the last commit */

/* All ships met so far, in order. */
const struct names *dual_ships(const struct dual *d);

/*
 * Writes what was taken, and reads it back; how many values were compared. dual_rows() is what is
 * left of it. Dies with 65 when a wide table refuses a value, 69 when a table does not say what was
 * written.
 */
uint64_t dual_write(struct dual *d);
void dual_commit(struct dual *d);
