/*
 * The part of conn.h about what a session is given. Between us and a server there may be a pooler,
 * which gives the server's session to others after each transaction: so nothing is ever set for
 * longer than that, neither by SET nor by options of the connection's start.
 */
#include "pg/conn_internal.h"

#include "core/mem.h"
#include "core/num.h"

/*
 * Texts of values must not depend on who runs us, names are always qualified, and the server is to
 * notice a dead client too: its locks and its snapshot go then. A read may take hours and a loader
 * may wait long for its input, so timeouts of a role's own do not apply, except for locks.
 */
static const struct {
	int since;
	const char *name, *value;
} settings[] = {
	{ 0, "search_path", "" },
	{ 0, "timezone", "UTC" },
	{ 0, "datestyle", "ISO, YMD" },
	{ 0, "intervalstyle", "iso_8601" },
	{ 0, "extra_float_digits", "3" },
	{ 0, "bytea_output", "hex" },
	{ 0, "lock_timeout", PG_LOCK_TIMEOUT },
	{ 0, "statement_timeout", "0" },
	{ 0, "idle_in_transaction_session_timeout", "0" },
	{ 0, "tcp_keepalives_idle", "30" },
	{ 0, "tcp_keepalives_interval", "10" },
	{ 0, "tcp_keepalives_count", "6" },
	/* compiling an expression over a thousand columns takes longer than the statement */
	{ 110000, "jit", "off" },
	{ 170000, "transaction_timeout", "0" },
};

/* ---- settings of transactions ---------------------------------------------------------------- */

/* As statements in front of others, and as one for where only one is taken. */
static void write_settings(struct pg *pg)
{
	str_clear(&pg->local);
	str_clear(&pg->config);
	for (size_t i = 0; i < pg->n_settings; i++) {
		const char *name = pg->setting[i].name;
		const char *value = pg_literal(pg, sl_of(pg->setting[i].value));

		str_addf(&pg->local, "SET %s%s = %s;", pg->replicates ? "" : "LOCAL ", name, value);
		str_addf(&pg->config, "%s pg_catalog.set_config('%s', %s, true)",
			i ? "," : "SELECT", name, value);
	}
}

void pg_set(struct pg *pg, const char *name, const char *value)
{
	size_t i = 0;

	while (i < pg->n_settings && strcmp(pg->setting[i].name, name) != 0)
		i++;
	if (!value && i < pg->n_settings) {
		pg->n_settings--;
		memmove(&pg->setting[i], &pg->setting[i + 1],
			(pg->n_settings - i) * sizeof pg->setting[0]);
	} else if (value) {
		if (i == ARRAY_LEN(pg->setting))
			bug("too many settings of a session");
		pg->setting[i] = (struct pg_setting){ name, value };
		pg->n_settings += i == pg->n_settings;
	}
	write_settings(pg);
}

static bool begins(const char *sql, const char *word)
{
	return strncasecmp(sql, word, strlen(word)) == 0;
}

static const char *with_settings(struct pg *pg, const char *sql)
{
	size_t first = 0;

	if (pg->replicates || PQtransactionStatus(pg->conn) != PQTRANS_IDLE ||
		begins(sql, "COMMIT") || begins(sql, "ROLLBACK"))
		return sql;
	str_clear(&pg->line);
	if (begins(sql, "BEGIN")) {
		first = strcspn(sql, ";");
		str_add(&pg->line, (struct sl){ sql, first });
		/* whatever is the default: what one has waited for, the next must see */
		str_addz(&pg->line,
			first == strlen("BEGIN") ? " ISOLATION LEVEL READ COMMITTED;" : ";");
		first += sql[first] == ';';
	}
	/* several statements at once are one transaction, also without BEGIN */
	str_add(&pg->line, str_sl(&pg->local));
	str_addz(&pg->line, sql + first);
	return str_z(&pg->line);
}

const char *session_sql(struct pg *pg, const char *sql)
{
	return pg_as_sent(pg, with_settings(pg, sql));
}

/* What both statements gave: the failure of either, or the rows of the second. */
static PGresult *collect(PGconn *conn)
{
	PGresult *kept = NULL, *each;
	unsigned ends = 0;

	while (ends < 3) {
		ExecStatusType status;

		if (!(each = PQgetResult(conn))) {
			if (PQstatus(conn) == CONNECTION_BAD)
				break;
			ends++;
			continue;
		}
		status = PQresultStatus(each);
		if (status == PGRES_PIPELINE_SYNC) {
			PQclear(each);
			break;
		}
		if (status == PGRES_PIPELINE_ABORTED) {
			PQclear(each);
			continue;
		}
		PQclear(kept);
		kept = each;
	}
	return kept;
}

static PGresult *query(struct pg *pg, const char *sql, int n, const char *const *params)
{
	PGconn *conn = pg->conn;
	PGresult *res = NULL;

	if (PQtransactionStatus(conn) != PQTRANS_IDLE || pg->n_settings == 0)
		return PQexecParams(conn, sql, n, NULL, params, NULL, NULL, 0);
	/* sent together they are one transaction, and one way there and back */
	if (PQenterPipelineMode(conn) &&
		PQsendQueryParams(conn, str_z(&pg->config), 0, NULL, NULL, NULL, NULL, 0) &&
		PQsendQueryParams(conn, sql, n, NULL, params, NULL, NULL, 0) &&
		PQpipelineSync(conn))
		res = collect(conn);
	(void)PQexitPipelineMode(conn);
	return res;
}

#define PARAMS_MAX 16

PGresult *session_query(struct pg *pg, const char *sql, int n, const char *const *params)
{
	char *sent[PARAMS_MAX] = { NULL };
	PGresult *res;

	if (!pg->writer)
		return query(pg, sql, n, params);
	if (n > PARAMS_MAX)
		bug("too many parameters of a statement");
	for (int i = 0; i < n; i++)
		if (params[i])
			sent[i] = mem_strdup(pg_as_sent(pg, params[i]));
	res = query(pg, pg_as_sent(pg, sql), n, (const char *const *)sent);
	for (int i = 0; i < n; i++)
		mem_free(sent[i]);
	return res;
}

/* ---- who is at the other end ----------------------------------------------------------------- */

static int64_t backend_pid(struct pg *pg)
{
	AUTO_RESULT *r = pg_try_query(pg, "SELECT pg_catalog.pg_backend_pid()", 0, NULL);
	int64_t pid = 0;

	if (r)
		(void)!num_i64(pg_value(r, 0, 0), &pid);
	return pid;
}

/* A pooler in statement mode ends the connection at a BEGIN. */
static void want_transactions(struct pg *pg)
{
	bool patient = pg->patient;

	pg->patient = true;
	if (!pg_try_exec(pg, "BEGIN") && strstr(pg_error(pg), "not allowed in statement pooling"))
		die_hint(EX_CONFIGURATION, "give the address of the server itself",
			"the %s is reached through a connection pooler that allows no "
			"transactions (pool_mode = statement)",
			pg->role);
	if (!pg_is_lost(pg))
		pg_exec(pg, "ROLLBACK");
	pg->patient = patient;
	if (pg_is_lost(pg))
		pg_keep_failure(pg, NULL);
}

void session_start(struct pg *pg)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (pg_server_version(pg) >= settings[i].since)
			pg_set(pg, settings[i].name, settings[i].value);
	if (pg->replicates) {
		/* nobody else gets it: a pooler that takes it gives it a server's own */
		if (!pg_try_exec(pg, str_z(&pg->local)) && !pg_is_lost(pg))
			pg_die(pg, "cannot set up the session");
		return;
	}
	pg->pooled = backend_pid(pg) != PQbackendPID(pg->conn);
	if (pg_is_lost(pg))
		return;
	if (pg_server_version(pg) >= 140000 &&
		pg_try_exec(pg, "SET LOCAL client_connection_check_interval = '10s'"))
		pg_set(pg, "client_connection_check_interval", "10s"); /* not on all systems */
	if (pg->pooled)
		want_transactions(pg);
	else if (pg_server_version(pg) >= 140000 && !pg_is_lost(pg))
		/* the one setting that is for the time between transactions; nobody shares it */
		(void)!pg_try_exec(pg, "SET idle_session_timeout = 0");
}

bool pg_is_pooled(const struct pg *pg)
{
	return pg->pooled;
}

#define PROBES 16

/*
 * In session mode each of two clients keeps its server. In transaction mode the server that was
 * just given back is the next one to be handed out, or the one that waits longest is: either the
 * same client gets another one, or the other client the same one. Others may interfere, so it is
 * tried several times.
 */
void session_must_last(struct pg *pg, struct pg *other)
{
	int64_t mine = backend_pid(pg);

	for (int i = 0; i < PROBES; i++)
		if (backend_pid(pg) != mine || backend_pid(pg) != mine ||
			backend_pid(other) == mine)
			die_hint(EX_CONFIGURATION,
				"give --target the address of the server itself, or of a pool in "
				"session mode",
				"the %s is reached through a connection pooler in transaction "
				"mode, in which staging tables and locks do not last",
				pg->role);
}
