#include "pg/conn_internal.h"

#include "core/stop.h"
#include "core/utf8.h"

#include <limits.h>
#include <stdarg.h>

void pg_add_clean(struct str *s, const char *text)
{
	size_t n = strlen(text), i = 0;

	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	while (i < n) {
		size_t len = utf8_char(text + i, n - i);
		unsigned char c = (unsigned char)text[i];
		char quoted[40];

		if (c == '\n' || c == '\t' || c == '\r') {
			if (s->n > 0 && s->p[s->n - 1] != ' ')
				str_addz(s, c == '\n' ? "; " : " ");
		} else if (len == 1 && c >= 0x20 && c != 0x7f) {
			str_addc(s, (char)c);
		} else {
			msg_quote(quoted, sizeof quoted, (struct sl){ text + i, len ? len : 1 });
			str_add(s, (struct sl){ quoted + 1, strlen(quoted) - 2 });
		}
		i += len ? len : 1;
	}
}

enum exit_code pg_exit_code(const char *sqlstate)
{
	static const struct {
		const char *states;
		enum exit_code code;
	} table[] = {
		/* dropped or unknown: database, schema, table, column */
		{ "57P04 3D000 3F000 42P01 42703", EX_CONFIGURATION },
		/* serialization failure, deadlock; a lock or an object that others have */
		{ "40 55P03 55006", EX_BUSY },
		/* no disk, memory or connections left; cancelled; too long idle in transaction */
		{ "53 57014 25P03", EX_TEMP },
		{ "08 57", EX_AWAY }, /* no connection; shutting down, crashed, starting up */
		{ "28 42501", EX_NOTALLOWED }, /* authentication, permission */
		/* values that do not fit their type; constraints; row too big, too many columns */
		{ "22 23 54", EX_DATA },
		{ "42P06 42P07 42701 42710 42723", EX_EXISTS },
		{ "42", EX_STATEMENT },
	};

	if (!*sqlstate)
		return EX_AWAY; /* no answer from the server */
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (pg_state_is(sqlstate, table[i].states))
			return table[i].code;
	return EX_REFUSED;
}

void pg_cancel(const struct pg *pg)
{
	char why[1];

	if (pg->cancel)
		(void)PQcancel(pg->cancel, why, sizeof why); /* documented as safe in a handler */
}

bool pg_is_lost(const struct pg *pg)
{
	return PQstatus(pg->conn) == CONNECTION_BAD;
}

void pg_add_address(const struct pg *pg, struct str *s)
{
	str_addf(s, "%s:%s/%s", PQhost(pg->conn), PQport(pg->conn), PQdb(pg->conn));
}

int pg_server_version(const struct pg *pg)
{
	return PQserverVersion(pg->conn);
}

const char *pg_role(const struct pg *pg)
{
	return pg->role;
}

/* ---- failures -------------------------------------------------------------------------------- */

static void keep_field(struct str *s, const PGresult *res, int field, const char *before)
{
	const char *text = PQresultErrorField(res, field);

	if (!text)
		return;
	str_addz(s, before);
	pg_add_clean(s, text);
}

/* In UTF-8 where it can be. */
static void keep_text(struct pg *pg, struct str *s, const PGresult *res, int field,
	const char *before)
{
	const char *text = PQresultErrorField(res, field);
	AUTO_STR read = { 0 };

	if (pg->reader && text && recode_text(pg->reader, sl_of(text), &read)) {
		str_addz(s, before);
		pg_add_clean(s, str_z(&read));
	} else {
		keep_field(s, res, field, before);
	}
}

#define OF_PAGES "RelationGetBufferForTuple" /* which says that a row is too big */

void pg_keep_failure(struct pg *pg, const PGresult *res)
{
	const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	const char *by = res ? PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION) : NULL;

	(void)snprintf(pg->sqlstate, sizeof pg->sqlstate, "%s", state ? state : "");
	/* the one sign in no language; a pooler, or a server that lies, has none */
	pg->too_big = state && by && strcmp(state, "54000") == 0 && strcmp(by, OF_PAGES) == 0;
	str_clear(&pg->error);
	str_clear(&pg->hint);
	str_clear(&pg->context);
	if (state) {
		keep_text(pg, &pg->error, res, PG_DIAG_MESSAGE_PRIMARY, "");
		keep_text(pg, &pg->error, res, PG_DIAG_MESSAGE_DETAIL, ": ");
		keep_text(pg, &pg->hint, res, PG_DIAG_MESSAGE_HINT, "");
		keep_text(pg, &pg->context, res, PG_DIAG_CONTEXT, "");
	} else {
		pg_add_clean(&pg->error, PQerrorMessage(pg->conn));
	}
	if (PQstatus(pg->conn) == CONNECTION_BAD && !pg->patient)
		die_hint(EX_AWAY, "run the same command again", "connection lost, %s: %s", pg->role,
			 str_z(&pg->error));
}

const char *pg_sqlstate(const struct pg *pg)
{
	return pg->sqlstate;
}

const char *pg_error(const struct pg *pg)
{
	return str_z(&pg->error);
}

bool pg_row_too_big(const struct pg *pg)
{
	return pg->too_big;
}

const char *pg_context(const struct pg *pg)
{
	return str_z(&pg->context);
}

void pg_die(struct pg *pg, const char *doing)
{
	stop_check(); /* the statement failed because we had it cancelled */
	if (pg->context.n > 0)
		msg_detail("%s: %s", pg->role, str_z(&pg->context));
	if (strcmp(pg->sqlstate, "42501") == 0 && pg->hint.n == 0)
		str_addz(&pg->hint,
			N_("narrow-to-wide --mode grants prints what an administrator runs"));
	if (strcmp(pg->sqlstate, "25006") == 0 && pg->hint.n == 0)
		str_addz(&pg->hint, N_("a standby cannot be written to, nor what "
				       "default_transaction_read_only is set for"));
	die_hint(pg_exit_code(pg->sqlstate), pg->hint.n > 0 ? str_z(&pg->hint) : NULL, "%s, %s: %s",
		 tr(doing), tr(pg->role), str_z(&pg->error));
}

/* ---- statements ------------------------------------------------------------------------------ */

void pg_drain(struct pg *pg)
{
	PGresult *res;

	while ((res = PQgetResult(pg->conn)))
		PQclear(res);
}

void pg_clear_at(struct pg_result **r)
{
	pg_clear(*r);
}

/* ---- encodings ------------------------------------------------------------------------------- */

void pg_read_as(struct pg *pg, const struct encoding *e)
{
	if (!e || pg_is_lost(pg))
		return;
	/* a pooler knows this setting, and keeps each client's */
	if (PQsetClientEncoding(pg->conn, PQparameterStatus(pg->conn, "server_encoding")) != 0)
		pg_keep_failure(pg, NULL);
	pg->encoding = e;
	pg->reader = encoding_reader(e);
	pg->writer = encoding_writer(e);
}

bool pg_is_ascii(const struct pg *pg)
{
	const char *server = PQparameterStatus(pg->conn, "server_encoding");

	return server && strcmp(server, "SQL_ASCII") == 0;
}

void pg_read_raw(struct pg *pg, const char *declared)
{
	const char *server = PQparameterStatus(pg->conn, "server_encoding");
	bool ascii = pg_is_ascii(pg);
	const struct encoding *e = encoding_find(declared ? declared : ascii ? "UTF8" :
		server ? server : "UTF8");

	if (declared && !e)
		die_hint(EX_CONFIGURATION, "UTF8, EUC_KR, UHC (CP949), or another one of Europe",
			"no encoding that a source can be read in: %s", msg_q(sl_of(declared)));
	if (declared && !ascii && strcmp(e->name, server ? server : "") != 0)
		die(EX_CONFIGURATION, "the %s says of itself that its texts are %s, not %s",
			pg->role, server, e->name);
	if (ascii || (e && strcmp(e->name, "UTF8") != 0))
		pg_read_as(pg, e);
}

const struct encoding *pg_encoding(const struct pg *pg)
{
	return pg->encoding;
}

const struct encoding *pg_stores(const struct pg *pg)
{
	const char *server = PQparameterStatus(pg->conn, "server_encoding");
	const struct encoding *e = server ? encoding_find(server) : NULL;

	return e && strcmp(e->name, "UTF8") != 0 ? e : NULL;
}

bool pg_can_store(struct pg *pg, struct sl text)
{
	if (recode_is_ascii(text))
		return true;
	if (!pg->storer && pg_stores(pg))
		pg->storer = encoding_writer(pg_stores(pg));
	str_clear(&pg->stored);
	return !pg->storer || recode_text(pg->storer, text, &pg->stored);
}

const char *pg_as_sent(struct pg *pg, const char *sql)
{
	if (!pg->writer || recode_is_ascii(sl_of(sql)))
		return sql;
	str_clear(&pg->raw);
	if (!recode_text(pg->writer, sl_of(sql), &pg->raw))
		die(EX_CONFIGURATION, "a name that does not exist in the encoding of the %s (%s) "
			"is asked for: %s", pg->role, pg->encoding->name, sql);
	return str_z(&pg->raw);
}

static void put_value(struct pg *pg, PGresult *res, int row, int col)
{
	struct sl raw = { PQgetvalue(res, row, col), (size_t)PQgetlength(res, row, col) };
	AUTO_STR text = { 0 };
	bool good;

	if (recode_is_ascii(raw))
		return;
	good = recode_text(pg->reader, raw, &text) && text.n <= INT_MAX;
	if (!PQsetvalue(res, row, col, good ? text.p : NULL, good ? (int)text.n : -1))
		die(EX_MEMORY, "out of memory");
}

static void read_rows(struct pg *pg, PGresult *res)
{
	if (!pg->reader || PQresultStatus(res) != PGRES_TUPLES_OK)
		return;
	for (int row = 0; row < PQntuples(res); row++)
		for (int col = 0; col < PQnfields(res); col++)
			put_value(pg, res, row, col);
}

/* NULL when the server refused; the result is the caller's otherwise. */
static PGresult *keep_or_fail(struct pg *pg, PGresult *res)
{
	ExecStatusType status = PQresultStatus(res);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
		status == PGRES_EMPTY_QUERY) {
		read_rows(pg, res);
		return res;
	}
	pg_keep_failure(pg, res);
	PQclear(res);
	return NULL;
}

struct pg_result *pg_try_query(struct pg *pg, const char *sql, int n, const char *const *params)
{
	return (struct pg_result *)keep_or_fail(pg, session_query(pg, sql, n, params));
}

struct pg_result *pg_query(struct pg *pg, const char *sql, int n, const char *const *params)
{
	struct pg_result *r = pg_try_query(pg, sql, n, params);

	if (!r) {
		msg_detail("%s: %s", pg->role, sql);
		pg_die(pg, "statement failed");
	}
	return r;
}

bool pg_try_exec(struct pg *pg, const char *sql)
{
	PGresult *res = keep_or_fail(pg, PQexec(pg->conn, session_sql(pg, sql)));

	PQclear(res);
	return res != NULL;
}

void pg_exec(struct pg *pg, const char *sql)
{
	if (!pg_try_exec(pg, sql)) {
		msg_detail("%s: %s", pg->role, sql);
		pg_die(pg, "statement failed");
	}
}

void pg_rollback(struct pg *pg)
{
	if (PQtransactionStatus(pg->conn) != PQTRANS_IDLE)
		pg_exec(pg, "ROLLBACK");
}

void pg_execf(struct pg *pg, const char *fmt, ...)
{
	va_list ap;
	char *sql;

	va_start(ap, fmt);
	if (vasprintf(&sql, fmt, ap) < 0)
		die(EX_MEMORY, "out of memory");
	va_end(ap);
	pg_exec(pg, sql);
	free(sql);
}

/* A pg_result is libpq's own object under a name of ours, so that its header stays in here. */
static const PGresult *result_of(const struct pg_result *r)
{
	return (const PGresult *)r;
}

size_t pg_rows(const struct pg_result *r)
{
	return (size_t)PQntuples(result_of(r));
}

bool pg_is_null(const struct pg_result *r, size_t row, int col)
{
	return PQgetisnull(result_of(r), (int)row, col) != 0;
}

size_t pg_cols(const struct pg_result *r)
{
	return (size_t)PQnfields(result_of(r));
}

uint32_t pg_column_type(const struct pg_result *r, int col)
{
	return PQftype(result_of(r), col);
}

int pg_find_column(const struct pg_result *r, const char *name)
{
	return PQfnumber(result_of(r), name);
}

struct sl pg_value(const struct pg_result *r, size_t row, int col)
{
	if (pg_is_null(r, row, col))
		return (struct sl){ NULL, 0 };
	return (struct sl){ PQgetvalue(result_of(r), (int)row, col),
		(size_t)PQgetlength(result_of(r), (int)row, col) };
}

const char *pg_valuez(const struct pg_result *r, size_t row, int col)
{
	return PQgetvalue(result_of(r), (int)row, col);
}

bool pg_is_yes(struct pg_result *r)
{
	bool yes = r && pg_rows(r) > 0 && (pg_cols(r) == 0 || pg_true(r, 0, 0));

	pg_clear(r);
	return yes;
}

uint64_t pg_count(const struct pg_result *r, size_t row, int col)
{
	struct sl text = pg_value(r, row, col);
	uint64_t n = 0;

	if (text.p && !num_u64(text, &n))
		bug("not a count: %s", msg_q(text));
	return n;
}

bool pg_true(const struct pg_result *r, size_t row, int col)
{
	return sl_eq_str(pg_value(r, row, col), "t");
}

uint64_t pg_affected(const struct pg_result *r)
{
	uint64_t n = 0;

	/* PQcmdTuples() only reads, but is not declared so */
	(void)!num_u64(sl_of(PQcmdTuples((PGresult *)(uintptr_t)r)), &n);
	return n;
}

void pg_clear(struct pg_result *r)
{
	PQclear((PGresult *)r);
}

bool pg_state_is(const char *sqlstate, const char *list)
{
	for (size_t n; *list; list += n + strspn(list + n, " ")) {
		n = strcspn(list, " ");
		if (strncmp(sqlstate, list, n) == 0)
			return true;
	}
	return false;
}

/* ---- quoting --------------------------------------------------------------------------------- */

static struct str *next_quoted(struct pg *pg)
{
	struct str *s = &pg->quoted[pg->n_quoted++ % ARRAY_LEN(pg->quoted)];

	str_clear(s);
	return s;
}

/* Not by libpq, which quotes in the encoding of the connection: this text may not be in it yet. */
static const char *quote(struct pg *pg, char mark, struct sl text)
{
	struct str *s = next_quoted(pg);

	if (mark == '\'' && memchr(text.p, '\\', text.n))
		str_addz(s, " E");
	str_addc(s, mark);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == mark || (mark == '\'' && text.p[i] == '\\'))
			str_addc(s, text.p[i]);
		str_addc(s, text.p[i]);
	}
	str_addc(s, mark);
	return str_z(s);
}

const char *pg_ident(struct pg *pg, struct sl name)
{
	size_t at;

	if (utf8_fault(name, &at))
		die(EX_DATA, "not a name, %s: %s: not valid UTF-8", pg->role, msg_q(name));
	return quote(pg, '"', name);
}

const char *pg_literal(struct pg *pg, struct sl value)
{
	size_t at;

	if (utf8_fault(value, &at))
		die(EX_DATA, "not a text, %s: %s: not valid UTF-8", pg->role, msg_q(value));
	return quote(pg, '\'', value);
}

const char *pg_table(struct pg *pg, struct sl schema, struct sl table)
{
	struct str *s = next_quoted(pg);

	str_addf(s, "%s.%s", pg_ident(pg, schema), pg_ident(pg, table));
	return str_z(s);
}

void pg_add_element(struct str *s, struct sl text)
{
	str_addz(s, s->n > 1 ? "," : "");
	if (!text.p) {
		str_addz(s, "NULL");
		return;
	}
	str_addc(s, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			str_addc(s, '\\');
		str_addc(s, text.p[i]);
	}
	str_addc(s, '"');
}
