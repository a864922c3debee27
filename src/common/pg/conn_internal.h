/*
 * conn_internal.h - what conn.c and copy.c share; nobody else includes it.
 */
#ifndef FERRY_PG_CONN_INTERNAL_H
#define FERRY_PG_CONN_INTERNAL_H

#include "pg/conn.h"

#include <libpq-fe.h>

struct pg {
	PGconn *conn;
	PGcancel *cancel;
	const char *role;  /* "source": names the side in messages */
	bool patient;	   /* the caller deals with the loss of the connection */
	char sqlstate[6];  /* of the last failure */
	struct str error;  /* message and detail of the last failure, one clean line */
	struct str hint;
	struct str context;
	char *copy_row;	   /* COPY OUT: what libpq handed out last */
	bool copy_naps;	   /* COPY OUT: receive() may be used */
	int undrained;	   /* COPY OUT: how often libpq's buffer was filled to make it grow */
	bool copy_failed;  /* COPY IN: the server has given up already */
};

/* Appends text of the server as one line that neither a terminal nor a log can be tricked with. */
void pg_add_clean(struct str *s, const char *text);

/*
 * Keeps what `res` (NULL: the connection itself) says of a failure; a lost connection dies (75),
 * unless it is a patient one.
 */
void pg_keep_failure(struct pg *pg, const PGresult *res);

/* Drops results until there are none; so the connection is ready for the next statement. */
void pg_drain(struct pg *pg);

#endif
