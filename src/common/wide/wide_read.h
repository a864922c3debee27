/*
 * wide_read.h - the wide tables of a ship read as one: its groups side by side, by time.
 *
 *	wide_read_open
 *	  for each ship: wide_read_ship, wide_read_next until it is false
 *	wide_read_close
 *
 * Only tables that have a column that is asked for are read. Each is sent by a binary COPY of its
 * own connection, so that servers and we work at once (a view over all of them is made by one
 * process of the server); where there are more groups than connections, or a pooler in between,
 * which may have no more to give, the server joins some to the first group, which has a row for
 * every instant. All connections read the one snapshot of the first.
 */
#pragma once

#include "stream/rec.h"
#include "wide/registry.h"

struct wide_read;

/*
 * `pg` is in a transaction that repeats its reads (BEGIN ISOLATION LEVEL REPEATABLE READ), and so
 * are those that are connected to `conninfo` in addition. `json`: a text is a number or a boolean
 * where the format of its channel says so and it looks like one. All that is given is kept.
 */
struct wide_read *wide_read_open(struct pg *pg, const char *conninfo, bool json) NODISCARD;
void wide_read_close(struct wide_read *w);

/* Asks all servers to give up. Callable from a signal handler. */
void wide_read_cancel(const struct wide_read *w);

/*
 * Begins with a ship: rows of [from, to), instants, INT64_MIN and INT64_MAX being open ends.
 * `channel` has numbers of ship->channel, of columns that are made.
 */
void wide_read_ship(struct wide_read *w, const struct registry *r, const struct ship *ship,
	const size_t *channel, size_t n, int64_t from, int64_t to);

/*
 * The next row: its instant and the value of each channel that was asked for, F_ABSENT where it is
 * NULL. False behind the last one. Values live until the next call.
 */
bool wide_read_next(struct wide_read *w, int64_t *time, struct field *value) NODISCARD;
