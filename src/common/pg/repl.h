/*
 * repl.h - streaming replication from a logical slot, over a connection of its own
 * (replication=database): the part of PostgreSQL's protocol around the plugin's messages.
 *
 * Nothing here ends the program because the server has gone: repl_open() and repl_next() say so,
 * and the caller comes back later.
 */
#pragma once

#include "pg/conn.h"

/* Positions in the WAL as PostgreSQL writes them, "0/16B3748". 0 is no position. */
bool lsn_parse(struct sl text, uint64_t *lsn) NODISCARD;
#define LSN_TEXT_MAX 20
const char *lsn_text(char dst[LSN_TEXT_MAX], uint64_t lsn);

struct repl;

struct repl_conf {
	const char *conninfo; /* of the source */
	const char *slot, *publication;
	uint64_t from; /* transactions that end there or before are not sent */
	const struct encoding *encoding; /* as pg_encoding() says of the source: how texts come */
	const char *origin; /* system identifier it must be; NULL: any */
};

/*
 * Connects and starts. NULL when that failed in a way that may pass (75); *why is then a line of
 * text. Other failures end the program: 77 not allowed, 78 configuration, or the server is another
 * one, 69 the slot or the publication is not there.
 */
struct repl *repl_open(const struct repl_conf *conf, struct str *why) NODISCARD;
void repl_close(struct repl *r); /* ends the stream cleanly where it still runs; NULL is fine */

enum repl_event {
	REPL_NOTHING, /* until the deadline, or a signal came */
	REPL_MESSAGE, /* of the plugin */
	REPL_ALIVE,   /* keepalive: nothing more of ours is before `end` */
	REPL_LOST,    /* the connection; `why` */
};

struct repl_message {
	struct sl data; /* lives until the next call */
	uint64_t end;	/* of the WAL the server has decoded */
	int64_t time;	/* of the server, an instant */
	bool hurry;	/* an answer is wanted at once */
	bool undefined; /* lost, because the publication or the slot is not there */
	struct str why;
};

/* Waits until `deadline` (clock_monotonic()); a deadline that is over takes what is at hand. */
enum repl_event repl_next(struct repl *r, int64_t deadline, struct repl_message *m) NODISCARD;

/* Tells the server what was received, and what it may forget. False: the connection is lost. */
bool repl_status(struct repl *r, uint64_t received, uint64_t flushed) NODISCARD;
