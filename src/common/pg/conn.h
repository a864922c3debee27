/*
 * conn.h - connections to PostgreSQL and single statements. The only module that includes
 * <libpq-fe.h>, together with copy.c beside it.
 *
 * Every connection gets keepalives (a dead server is noticed within a minute) and UTF-8; every
 * transaction, also that of a single statement, gets timeouts, UTC, ISO dates, shortest-exact
 * floats and an empty search_path, by SET LOCAL: a pooler may give the server's session to somebody
 * else afterwards. So a transaction is begun by pg_exec() of a text that begins with BEGIN (it is
 * READ COMMITTED unless that says otherwise), and one text never ends one and begins another.
 * Errors of statements end the program with a message that names the server's text, detail and
 * hint, and an exit code by SQLSTATE class (pg_exit_code); callers that can go on use the _try
 * forms.
 */
#pragma once

#include "pg/encoding.h"

struct pg; /* a connection */

#define PG_LOCK_TIMEOUT "10s" /* of each transaction, where nothing else is set */

/*
 * Connects. `conninfo` is a libpq connection string or URI, or NULL/"" for libpq's own defaults
 * (PG* variables, service files, .pgpass), as psql has it; `role` ("source", "target") names the
 * side in messages. Dies with 75 (cannot reach, starting up, too many connections), 77
 * (authentication) or 78 (malformed, unknown database). Never prints a password.
 */
struct pg *pg_connect(const char *conninfo, const char *role) NODISCARD;
void pg_close(struct pg *pg); /* NULL is fine */

/*
 * Gives every transaction from now on this setting too, or (NULL) leaves it as the server has it.
 * Both texts must live as long as the connection. `transaction_read_only` is one of them.
 */
void pg_set(struct pg *pg, const char *name, const char *value);

/*
 * Is there a pooler in between? Then nothing may outlive a transaction: no temporary tables,
 * prepared statements, or locks of a session. A pooled "target" is refused by pg_connect() (78)
 * unless the pool is in session mode.
 */
bool pg_is_pooled(const struct pg *pg);

/*
 * How texts of the server are read, beyond what it converts itself: it refuses a whole statement
 * for one text that it cannot. So they come as they are stored and are made UTF-8 here, and what is
 * said to it the other way. Results have NULL for a text that is none; binary COPY and a
 * replication stream have texts as they are (pg_encoding()). `declared` is what a server of
 * SQL_ASCII, which does not know, holds (NULL: UTF-8); 78 for another. Servers of UTF-8, or of an
 * encoding that encoding.h does not have, convert as ever.
 */
void pg_read_raw(struct pg *pg, const char *declared);
void pg_read_as(struct pg *pg, const struct encoding *e); /* the same for one more connection */
const struct encoding *pg_encoding(const struct pg *pg);  /* NULL: all texts come as UTF-8 */
const struct encoding *pg_stores(const struct pg *pg);	  /* NULL: any text can be stored */
bool pg_can_store(struct pg *pg, struct sl text) NODISCARD; /* this one? */
#define PG_NOT_STORED "a text that the encoding of the database has not"
bool pg_is_ascii(const struct pg *pg); /* the server says SQL_ASCII */

const char *pg_role(const struct pg *pg); /* as given to pg_connect() */

/*
 * The same for a caller that can come back later: NULL with *why, a line of text, when the server
 * cannot be reached or has no room (75). A connection that is lost does not end the program either;
 * the _try forms fail then, and pg_is_lost() tells. `replication`: one that also takes commands of
 * the replication protocol; on it only pg_try_exec() and pg_exec() work. Where `why` is NULL, so is
 * what comes of any refusal.
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

/* Appends where the server was asked for: host, port and database, as libpq knows them. */
void pg_add_address(const struct pg *pg, struct str *s);

int pg_server_version(const struct pg *pg); /* 150018 */

/* Parameters are text, NULL for NULL. All results are text. */
struct pg_result;

/* Runs one statement that must succeed; rows are at hand until pg_clear(). */
struct pg_result *pg_query(struct pg *pg, const char *sql, int n, const char *const *params)
	NODISCARD;

/*
 * The same with the parameters one after the other, pg_ask(pg, "… $1 … $2 …", schema, table), for
 * the rows; to do something; and to know, as pg_is_yes().
 */
#define pg_ask(pg, sql, ...)                                                                       \
	pg_query(pg, sql, (int)ARRAY_LEN(((const char *[]){ __VA_ARGS__ })),                       \
		(const char *[]){ __VA_ARGS__ })
#define pg_run(pg, sql, ...) pg_clear(pg_ask(pg, sql, __VA_ARGS__))
#define pg_knows(pg, sql, ...) pg_is_yes(pg_ask(pg, sql, __VA_ARGS__))

size_t pg_rows(const struct pg_result *r);
size_t pg_cols(const struct pg_result *r);
uint32_t pg_column_type(const struct pg_result *r, int col); /* OID of its type */
int pg_find_column(const struct pg_result *r, const char *name); /* -1: there is none */
struct sl pg_value(const struct pg_result *r, size_t row, int col); /* .p NULL when NULL */
const char *pg_valuez(const struct pg_result *r, size_t row, int col); /* "" when NULL */
bool pg_is_null(const struct pg_result *r, size_t row, int col);
uint64_t pg_affected(const struct pg_result *r);
uint64_t pg_count(const struct pg_result *r, size_t row, int col); /* 0 when NULL */
bool pg_true(const struct pg_result *r, size_t row, int col); /* of a boolean; not when NULL */
void pg_clear(struct pg_result *r);

/* The answer to a question: a row, and true where it has a column. Clears it; NULL is no. */
bool pg_is_yes(struct pg_result *r) NODISCARD;

/* Runs one or more statements without parameters, results thrown away. Dies on error. */
void pg_exec(struct pg *pg, const char *sql);
void pg_execf(struct pg *pg, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Ends the open transaction, if there is one, and undoes it. */
void pg_rollback(struct pg *pg);

/*
 * As pg_query()/pg_exec(), but an error of the *server* is the caller's: NULL or false, and
 * pg_sqlstate()/pg_error() tell. A lost connection still ends the program (75).
 */
struct pg_result *pg_try_query(struct pg *pg, const char *sql, int n, const char *const *params)
	NODISCARD;
bool pg_try_exec(struct pg *pg, const char *sql) NODISCARD;
const char *pg_sqlstate(const struct pg *pg); /* of the last failure, "" if none */

/* Is a SQLSTATE one of a list, "23505 40P01 42"? Two characters are all of that class. */
bool pg_state_is(const char *sqlstate, const char *list);
const char *pg_error(const struct pg *pg);    /* one line: message, detail */
bool pg_row_too_big(const struct pg *pg);     /* for a page of its table, not for an index */
const char *pg_context(const struct pg *pg);  /* "COPY t, line 3, column b: …" or "" */

/* Ends the program for the last failure, saying what was being done. */
void pg_die(struct pg *pg, const char *doing) NORETURN;

/*
 * Exit code for a SQLSTATE: 75 temporary or none ("", no answer), 77 not allowed, 65 data, 78
 * unknown database, schema, table or column, 69 otherwise.
 */
enum exit_code pg_exit_code(const char *sqlstate);

/* Appends text of the server as one line that neither a terminal nor a log can be tricked with. */
void pg_add_clean(struct str *s, const char *text);

/*
 * A name, or a text, quoted for SQL: pg_execf(pg, "DROP TABLE %s", pg_ident(pg, name)). Each lives
 * until 16 more of them were asked for on this connection; invalid UTF-8 ends the program with 65.
 */
const char *pg_ident(struct pg *pg, struct sl name);
const char *pg_literal(struct pg *pg, struct sl value);
const char *pg_table(struct pg *pg, struct sl schema, struct sl table); /* "schema"."table" */

/* Appends an element of an array's text, which begins with {; NULL for none. */
void pg_add_element(struct str *s, struct sl text);

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

/* `AUTO_RESULT *r = …`: cleared at the end of the block it is declared in. */
void pg_clear_at(struct pg_result **r);
#define AUTO_RESULT __attribute__((cleanup(pg_clear_at))) struct pg_result
