/*
 * narrow_poll.h - the rows of the narrow table that are new since the last look, asked for by SQL:
 * for servers without wal_level = logical.
 *
 * Which rows are new is told by the transaction that wrote them (xmin), not by any clock: a look
 * (a "tick") reads one snapshot, and hands out what snapshots before it did not show. Since no
 * index knows xmin, only two parts of the table are looked at:
 *
 *  - the *window*: rows from a low edge of time on. The edge is the newest instant that was there
 *    when the oldest transaction still running began, less the overlap; so a transaction may stay
 *    open for any time, prepared ones included, and no clock of the source or of ours is asked.
 *  - the *tails*: rows of any time in the pages that a table, or each partition and child, has
 *    grown by since then, less what other sessions may still be filling (PostgreSQL 14). A tail
 *    begins behind the last row of a transaction that had ended by then, so it needs no memory of
 *    its own. Of many tables those that have not grown take turns.
 *
 * What neither finds is a row older than the window that went into room freed by deleted rows, and
 * a deletion: those are for a comparison of both sides.
 *
 * A position is text for the ledger, `INSTANT/XMIN/SETTLED`: the edge without the overlap, the
 * oldest transaction that may still bring something, and the oldest that was open when the tails
 * began.
 */
#pragma once

#include "narrow/narrow_row.h"

#define NARROW_POLL_OVERLAP (INT64_C(60) * CLOCK_US_PER_SEC)

struct narrow_poll_conf {
	const struct narrow *narrow;
	struct pg *source;
	const struct sl *ships; /* only these (n_ships 0: all); kept by reference, as the others */
	size_t n_ships;
	int64_t overlap;
};

struct narrow_poll;

/*
 * Goes on at a position. An empty one means here: what is visible at this moment is somebody
 * else's to read. One of another server (or of a time before this one was set back) is taken for
 * its instant only, with a warning. Dies with 78 when it is none.
 */
struct narrow_poll *narrow_poll_open(
	const struct narrow_poll_conf *conf, struct sl position) NODISCARD;

/* Goes on with all rows from this instant on. */
struct narrow_poll *narrow_poll_since(
	const struct narrow_poll_conf *conf, int64_t instant) NODISCARD;

void narrow_poll_close(struct narrow_poll *p);

/*
 * One look, in a transaction of its own. `row` is called for each new row, good or bad, by time;
 * `reader` is for narrow_row_put_json(). A row may be handed out again, never left out. Returns the
 * source's wall clock before the snapshot: what was committed by then and looked at is handed out.
 * Dies as narrow_begin() does, and when the server fails; `row` may end the program, too.
 */
int64_t narrow_poll_tick(struct narrow_poll *p,
	void (*row)(void *ctx, struct narrow_reader *reader, const struct narrow_row *row),
	void *ctx);

/* Appends the position behind the latest tick, or the first one. */
void narrow_poll_position(const struct narrow_poll *p, struct str *s);

/* The low edge of the window of the next tick. */
int64_t narrow_poll_edge(const struct narrow_poll *p);
