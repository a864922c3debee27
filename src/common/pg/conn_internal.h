/*
 * conn_internal.h - what conn.c, connect.c and copy.c share; nobody else includes it.
 */
#pragma once

#include "pg/conn.h"

#include <libpq-fe.h>

struct pg_setting {
	const char *name, *value;
};

struct pg {
	PGconn *conn;
	PGcancel *cancel;
	const char *role;  /* "source": names the side in messages */
	bool patient;	   /* the caller deals with the loss of the connection */
	bool replicates;   /* it takes commands of the replication protocol */
	bool pooled;
	struct pg_setting setting[24]; /* of every transaction */
	size_t n_settings;
	struct str local;  /* them, as SET LOCAL statements */
	struct str config; /* them, as one SELECT */
	struct str line;   /* the statements sent last */
	const struct encoding *encoding; /* NULL: texts come and go as UTF-8 */
	struct recode *reader, *writer, *storer;
	struct str raw;	   /* the statement sent last, as the server takes it */
	struct str stored; /* the text that pg_can_store() was asked for last */
	struct str quoted[16]; /* what was quoted last, by turns */
	size_t n_quoted;
	char sqlstate[6];  /* of the last failure */
	bool too_big;
	struct str error;  /* message and detail of the last failure, one clean line */
	struct str hint;
	struct str context;
	char *copy_row;	   /* COPY OUT: what libpq handed out last */
	bool copy_naps;	   /* COPY OUT: receive() may be used */
	int undrained;	   /* COPY OUT: how often libpq's buffer was filled to make it grow */
	bool copy_failed;  /* COPY IN: the server has given up already */
};

/* A statement as the server takes it; lives until the next. */
const char *pg_as_sent(struct pg *pg, const char *sql);

/*
 * Keeps what `res` (NULL: the connection itself) says of a failure; a lost connection dies (75),
 * unless it is a patient one.
 */
void pg_keep_failure(struct pg *pg, const PGresult *res);

/* The statements with the settings of a transaction, if they begin one. Lives until the next. */
const char *session_sql(struct pg *pg, const char *sql);

/* PQexecParams() of a statement with the same. */
PGresult *session_query(struct pg *pg, const char *sql, int n, const char *const *params);

/* Drops results until there are none; so the connection is ready for the next statement. */
void pg_drain(struct pg *pg);
