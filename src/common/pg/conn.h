/*
 * conn.h - connections to PostgreSQL and single statements. The only module that includes
 * <libpq-fe.h>, together with copy.c beside it.
 *
 * Every session gets keepalives and timeouts (a dead server is noticed within a minute), UTF-8,
 * UTC, ISO dates, shortest-exact floats and an empty search_path. Errors of statements end the
 * program with a message that names the server's text, detail and hint, and an exit code by
 * SQLSTATE class (pg_exit_code); callers that can go on use the _try forms.
 */
#ifndef FERRY_PG_CONN_H
#define FERRY_PG_CONN_H

#include "core/base.h"
#include "core/msg.h"
#include "core/str.h"

struct pg; /* a connection */

/*
 * Connects. `conninfo` is a libpq connection string or URI, or NULL/"" for libpq's own defaults
 * (PG* variables, service files, .pgpass), as psql has it; `role` ("source", "target") names the
 * side in messages. Dies with 75 (cannot reach, starting up, too many connections), 77
 * (authentication) or 78 (malformed, unknown database). Never prints a password.
 */
struct pg *pg_connect(const char *conninfo, const char *role) NODISCARD;
void pg_close(struct pg *pg); /* NULL is fine */

/*
 * The same for a caller that can come back later: NULL with *why, a line of text, when the server
 * cannot be reached or has no room (75). A connection that is lost does not end the program either;
 * the _try forms fail then, and pg_is_lost() tells. `replication`: one that also takes commands of
 * the replication protocol; on it only pg_try_exec() and pg_exec() work.
 */
struct pg *pg_connect_patient(const char *conninfo, const char *role, bool replication,
	struct str *why) NODISCARD;
bool pg_is_lost(const struct pg *pg);

/*
 * Appends the PG* variables that say what the connection string does, NAME=VALUE and a NUL each;
 * nothing for NULL or "". So others can be given it without a password on their command line.
 */
void pg_add_env(struct str *s, const char *conninfo);

/* Asks the server to give up what it is doing for us. Callable from a signal handler. */
void pg_cancel(const struct pg *pg);

int pg_server_version(const struct pg *pg); /* 150018 */

/* Parameters are text, NULL for NULL. All results are text. */
struct pg_result;

/* Runs one statement that must succeed; rows are at hand until pg_clear(). */
struct pg_result *pg_query(struct pg *pg, const char *sql, int n, const char *const *params)
	NODISCARD;
size_t pg_rows(const struct pg_result *r);
struct sl pg_value(const struct pg_result *r, size_t row, int col); /* .p NULL when NULL */
const char *pg_valuez(const struct pg_result *r, size_t row, int col); /* "" when NULL */
bool pg_is_null(const struct pg_result *r, size_t row, int col);
uint64_t pg_affected(const struct pg_result *r);
void pg_clear(struct pg_result *r);

/* Runs one or more statements without parameters, results thrown away. Dies on error. */
void pg_exec(struct pg *pg, const char *sql);
void pg_execf(struct pg *pg, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * As pg_query()/pg_exec(), but an error of the *server* is the caller's: NULL or false, and
 * pg_sqlstate()/pg_error() tell. A lost connection still ends the program (75).
 */
struct pg_result *pg_try_query(struct pg *pg, const char *sql, int n, const char *const *params)
	NODISCARD;
bool pg_try_exec(struct pg *pg, const char *sql) NODISCARD;
const char *pg_sqlstate(const struct pg *pg); /* of the last failure, "" if none */
const char *pg_error(const struct pg *pg);    /* one line: message, detail */
const char *pg_context(const struct pg *pg);  /* "COPY t, line 3, column b: …" or "" */

/* Ends the program for the last failure, saying what was being done. */
void pg_die(struct pg *pg, const char *doing) NORETURN;

/*
 * Exit code for a SQLSTATE: 75 temporary or none ("", no answer), 77 not allowed, 65 data, 78
 * unknown database, schema, table or column, 69 otherwise.
 */
enum exit_code pg_exit_code(const char *sqlstate);

/* Appends a quoted identifier or literal; invalid UTF-8 ends the program with 65. */
void pg_add_ident(struct pg *pg, struct str *s, struct sl name);
void pg_add_literal(struct pg *pg, struct str *s, struct sl value);

/*
 * COPY out: start, then one row (binary: one message) per call, which lives until the next call;
 * pg_copy_row() returns false at the end. A server that was lost ends the program (75) here too.
 */
void pg_copy_out(struct pg *pg, const char *sql);
enum pg_copy { PG_COPY_ROW, PG_COPY_END, PG_COPY_FAILED /* by the server: pg_sqlstate() */ };
enum pg_copy pg_copy_try_row(struct pg *pg, struct sl *row) NODISCARD;
bool pg_copy_row(struct pg *pg, struct sl *row) NODISCARD;

/*
 * COPY in: start, put any number of pieces, end. pg_copy_end() returns false on a server error
 * (see pg_sqlstate()) and the rows the server counted through *rows.
 */
bool pg_copy_in(struct pg *pg, const char *sql) NODISCARD;
void pg_copy_put(struct pg *pg, struct sl piece);
bool pg_copy_end(struct pg *pg, uint64_t *rows) NODISCARD;

#endif
