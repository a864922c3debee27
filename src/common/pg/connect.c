/*
 * The part of conn.h about what a session is given. Between us and a server there may be a pooler,
 * which gives the server's session to others after each transaction: so nothing is ever set for
 * longer than that, neither by SET nor by options of the connection's start.
 */
#include "pg/conn_internal.h"

#include "core/clock.h"

#include <locale.h>
#include <poll.h>

/*
 * Texts of values must not depend on who runs us, names are always qualified, and the server is to
 * notice a dead client too: its locks and its snapshot go then. A read may take hours and a loader
 * may wait long for its input, so timeouts of a role's own do not apply, except for locks.
 */
static const struct {
	int since;
	const char *name, *value;
} settings[] = {
	{ 0, "statement_timeout", "0" }, /* first: it applies to the others, too */
	{ 0, "search_path", "" },
	{ 0, "timezone", "UTC" },
	{ 0, "datestyle", "ISO, YMD" },
	{ 0, "intervalstyle", "iso_8601" },
	{ 0, "extra_float_digits", "3" },
	{ 0, "bytea_output", "hex" },
	{ 0, "lock_timeout", PG_LOCK_TIMEOUT },
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

static PGresult *send_query(struct pg *pg, const char *sql, int n, const char *const *params)
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
		return send_query(pg, sql, n, params);
	if (n > PARAMS_MAX)
		bug("too many parameters of a statement");
	for (int i = 0; i < n; i++)
		if (params[i])
			sent[i] = mem_strdup(pg_as_sent(pg, params[i]));
	res = send_query(pg, pg_as_sent(pg, sql), n, (const char *const *)sent);
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
	else if (!pg_is_lost(pg))
		pg_die(pg, "cannot set up the session");
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

static void session_start(struct pg *pg)
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
static void session_must_last(struct pg *pg, struct pg *other)
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

/* ---- making connections ---------------------------------------------------------------------- */

/* What a connection gets unless the user said otherwise; a dead server is noticed in a minute. */
static const struct {
	const char *keyword, *value;
} link_defaults[] = {
	{ "connect_timeout", "10" },	 { "keepalives_idle", "10" },
	{ "keepalives_interval", "10" }, { "keepalives_count", "6" },
	{ "tcp_user_timeout", "60000" },
};

/*
 * Does libpq take a piece of the password for something else, which messages show? In a URI the
 * first @ or / ends user and password: what follows is a host, a port, a database.
 */
static bool is_misread(const char *uri, const PQconninfoOption *parsed)
{
	size_t authority = strcspn(uri, "/?"), path = strcspn(uri, "?");
	const char *at = memchr(uri, '@', path);

	if (at && (size_t)(at - uri) > authority && memchr(uri, ':', authority))
		return true;
	if (at && memchr(at + 1, '@', path - (size_t)(at + 1 - uri)))
		return true;
	for (; parsed->keyword; parsed++)
		if (strcmp(parsed->keyword, "port") == 0 && parsed->val)
			return parsed->val[strspn(parsed->val, "0123456789,")] != '\0';
	return false;
}

/* Refuses strings that libpq refuses or misreads with a piece of the password in its message. */
static void check_conninfo(const char *conninfo, const char *role)
{
	char *why = NULL;
	PQconninfoOption *parsed = PQconninfoParse(conninfo, &why);
	const char *scheme = strstr(conninfo, "://");
	bool is_uri = scheme && scheme == conninfo + strcspn(conninfo, ":=");

	if (!parsed && !strstr(conninfo, "password") && !strchr(conninfo, '@')) {
		AUTO_STR text = { 0 };

		pg_add_clean(&text, why ? why : "out of memory");
		die(EX_CONFIGURATION, "connection string, %s: %s", role, str_z(&text));
	}
	if (!parsed || (is_uri && is_misread(scheme + 3, parsed)))
		die_hint(EX_CONFIGURATION,
			is_uri ? N_("in a URI, @, / and % of a name or password are written %40, "
				    "%2F and %25")
			       : N_("values with blanks are quoted: password='two words'"),
			"connection string, %s: malformed", role);
	PQconninfoFree(parsed);
}

/* The service named in a connection string, to be freed; NULL when none is. */
static char *service_of(const char *conninfo)
{
	PQconninfoOption *parsed = PQconninfoParse(conninfo, NULL);
	char *service = NULL;

	for (PQconninfoOption *o = parsed; o && o->keyword; o++)
		if (strcmp(o->keyword, "service") == 0 && o->val && *o->val)
			service = mem_strdup(o->val);
	PQconninfoFree(parsed);
	return service;
}

/*
 * What environment and service file say, to be freed by PQconninfoFree(). libpq reads the service
 * named by PGSERVICE only; the one in the connection string is lent to it for the call.
 */
static PQconninfoOption *user_defaults(const char *conninfo)
{
	AUTO_FREE char *service = service_of(conninfo);
	const char *env = getenv("PGSERVICE");
	AUTO_FREE char *before = env ? mem_strdup(env) : NULL;
	PQconninfoOption *defaults;

	if (service)
		(void)setenv("PGSERVICE", service, 1);
	defaults = PQconndefaults();
	if (service && before)
		(void)setenv("PGSERVICE", before, 1);
	else if (service)
		(void)unsetenv("PGSERVICE");
	return defaults;
}

void pg_add_env(struct str *s, const char *conninfo)
{
	PQconninfoOption *parsed;

	if (!conninfo || !*conninfo)
		return;
	check_conninfo(conninfo, "target");
	parsed = PQconninfoParse(conninfo, NULL);
	for (PQconninfoOption *o = parsed; o && o->keyword; o++)
		if (o->envvar && o->val && *o->val) {
			str_addf(s, "%s=%s", o->envvar, o->val);
			str_addc(s, '\0');
		}
	PQconninfoFree(parsed);
}

static bool is_set(const PQconninfoOption *options, const char *keyword)
{
	for (; options && options->keyword; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val && *options->val;
	return false;
}

struct link_params {
	const char *key[13], *value[13];
	size_t n;
};

static void add_param(struct link_params *p, const char *key, const char *value)
{
	p->key[p->n] = key;
	p->value[p->n++] = value;
}

/* In order of rank, the last wins: our defaults, then the user's string, then what must be. */
static void gather(struct link_params *p, const char *conninfo, bool replication)
{
	PQconninfoOption *defaults = user_defaults(conninfo);

	for (size_t i = 0; i < ARRAY_LEN(link_defaults); i++)
		if (!is_set(defaults, link_defaults[i].keyword))
			add_param(p, link_defaults[i].keyword, link_defaults[i].value);
	PQconninfoFree(defaults);
	add_param(p, "fallback_application_name", msg_prog());
	if (*conninfo)
		add_param(p, "dbname", conninfo);
	add_param(p, "client_encoding", "UTF8");
	if (replication)
		add_param(p, "replication", "database");
}

/* A setting of this connection after all defaults are applied, to be freed. */
static char *setting_of(PGconn *conn, const char *keyword)
{
	PQconninfoOption *options = PQconninfo(conn);
	char *value = NULL;

	for (PQconninfoOption *o = options; o && o->keyword; o++)
		if (strcmp(o->keyword, keyword) == 0)
			value = mem_strdup(o->val ? o->val : "");
	PQconninfoFree(options);
	return value ? value : mem_strdup("");
}

/* In microseconds; as in libpq, no positive number means no limit. */
static int64_t connect_timeout(PGconn *conn)
{
	AUTO_FREE char *text = setting_of(conn, "connect_timeout");
	int64_t seconds;
	bool limited = num_i64(sl_of(text), &seconds) && seconds > 0 && seconds < INT32_MAX;

	return limited ? seconds * CLOCK_US_PER_SEC : INT64_MAX;
}

static bool has_several_hosts(PGconn *conn)
{
	AUTO_FREE char *host = setting_of(conn, "host"), *hostaddr = setting_of(conn, "hostaddr");

	return strchr(host, ',') || strchr(hostaddr, ',');
}

/*
 * Connects step by step: only so can the server be asked for the SQLSTATE of its refusal, the one
 * part of it that is not translated. False when the time is over.
 */
static bool poll_connection(PGconn *conn)
{
	PostgresPollingStatusType step = PGRES_POLLING_WRITING;
	int64_t limit, now = clock_monotonic(), deadline;

	if (PQstatus(conn) == CONNECTION_BAD)
		return true;
	limit = connect_timeout(conn);
	deadline = limit == INT64_MAX ? INT64_MAX : now + limit;
	PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
	while (step != PGRES_POLLING_OK && step != PGRES_POLLING_FAILED) {
		struct pollfd fd = { .fd = PQsocket(conn) };
		int64_t wait_ms = (deadline - now) / 1000;

		fd.events = step == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		if (wait_ms <= 0)
			return false;
		if (poll(&fd, 1, wait_ms > 60000 ? 60000 : (int)wait_ms) > 0)
			step = PQconnectPoll(conn);
		now = clock_monotonic();
	}
	return true;
}

/* Finds the SQLSTATE in `FATAL:  28P01: password …` and takes it and the LOCATION line out. */
static void split_refusal(char *text, char sqlstate[6])
{
	char *location = strstr(text, "\nLOCATION:");

	*sqlstate = '\0';
	if (location)
		*location = '\0';
	for (char *p = text; (p = strstr(p, ":  ")); p++)
		if (strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && p[8] == ':') {
			memcpy(sqlstate, p + 3, 5);
			sqlstate[5] = '\0';
			memmove(p + 3, p + 10, strlen(p + 10) + 1);
			return;
		}
}

static enum exit_code refusal_code(const PGconn *conn, const char *text, const char *sqlstate)
{
	/* a pooler that passes no replication, or no options: it will not do so later either */
	if (strstr(text, "unsupported startup parameter"))
		return EX_CONFIGURATION;
	if (*sqlstate)
		return pg_exit_code(sqlstate);
	/* as libpq says it of itself, and getaddrinfo() */
	if (strstr(text, "out of memory") || strstr(text, "Memory allocation failure"))
		return EX_MEMORY;
	if (PQconnectionNeedsPassword(conn) || strstr(text, "certificate"))
		return EX_NOTALLOWED;
	/* libpq prefixes what happened on the way to a server; the rest is about the settings */
	if (strncmp(text, "connection to server", 20) == 0 || strstr(text, "translate host name"))
		return EX_AWAY;
	return EX_CONFIGURATION;
}

/* Why there is no connection: dies, unless it may pass and the caller is patient. */
static void refused(struct pg *pg, bool in_time, struct str *why)
{
	AUTO_FREE char *text = mem_strdup(PQerrorMessage(pg->conn));
	const char *hint = NULL;
	AUTO_STR line = { 0 };
	enum exit_code code;

	if (!why)
		return;
	split_refusal(text, pg->sqlstate);
	code = refusal_code(pg->conn, text, pg->sqlstate);
	if (PQconnectionNeedsPassword(pg->conn))
		hint = "a password is taken from PGPASSWORD, ~/.pgpass or the connection string";
	else if (code == EX_CONFIGURATION && pg->replicates)
		hint = "a slot needs the address of the server itself; or --follow poll";
	pg_add_clean(&line, text);
	if (!in_time)
		str_addz(&line, line.n > 0 ? " no answer in time" : "no answer in time");
	if (!pg->patient || (code & 0xff) != EX_TEMP)
		die_hint(code, hint, "cannot connect, %s: %s", pg->role, str_z(&line));
	str_add(why, str_sl(&line));
}

static void on_notice(void *ctx, const PGresult *res)
{
	const struct pg *pg = ctx;
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	AUTO_STR line = { 0 };

	if (!severity || !text || strcmp(severity, "WARNING") != 0)
		return;
	pg_add_clean(&line, text);
	msg_warn("%s: %s", pg->role, str_z(&line));
}

/*
 * What libpq says of a failure is in English here: refusal_code() reads it, and the exit code is
 * the same in every language.
 */
static PGconn *try_link(const struct link_params *params, bool *in_time)
{
	locale_t english = newlocale(LC_MESSAGES_MASK, "C", duplocale(LC_GLOBAL_LOCALE));
	locale_t before = uselocale(english);
	PGconn *conn = PQconnectStartParams(params->key, params->value, 1);

	if (!conn)
		die(EX_MEMORY, "out of memory");
	*in_time = poll_connection(conn);
	if (!*in_time && has_several_hosts(conn)) {
		/* only libpq itself can go on to the next host after a silent one */
		PQfinish(conn);
		conn = PQconnectdbParams(params->key, params->value, 1);
		*in_time = true;
	}
	uselocale(before);
	if (english)
		freelocale(english);
	return conn;
}

static struct pg *open_link(
	const char *conninfo, const char *role, bool patient, bool replication, struct str *why)
{
	struct pg *pg = mem_zalloc(sizeof *pg);
	struct link_params params = { .n = 0 };
	bool in_time;

	pg->role = role;
	pg->patient = patient;
	pg->replicates = replication;
	conninfo = conninfo ? conninfo : "";
	check_conninfo(conninfo, role);
	gather(&params, conninfo, replication);
	pg->conn = try_link(&params, &in_time);
	if (PQstatus(pg->conn) != CONNECTION_OK) {
		refused(pg, in_time, why);
		pg_close(pg);
		return NULL;
	}
	PQsetErrorVerbosity(pg->conn, PQERRORS_DEFAULT);
	PQsetNoticeReceiver(pg->conn, on_notice, pg);
	pg->cancel = PQgetCancel(pg->conn);
	session_start(pg);
	if (pg_is_lost(pg)) {
		str_addz(why ? why : &pg->line, pg_error(pg));
		pg_close(pg);
		return NULL;
	}
	return pg;
}

/* Only who is patient comes back without a connection. */
static struct pg *open_or_die(const char *conninfo, const char *role)
{
	AUTO_STR why = { 0 };
	struct pg *pg = open_link(conninfo, role, false, false, &why);

	if (!pg)
		die(EX_AWAY, "connection lost, %s: %s", role, str_z(&why));
	return pg;
}

struct pg *pg_connect(const char *conninfo, const char *role)
{
	struct pg *pg = open_or_die(conninfo, role);

	if (pg->pooled && strcmp(role, "target") == 0) {
		struct pg *other = open_or_die(conninfo, role);

		session_must_last(pg, other);
		pg_close(other);
	}
	return pg;
}

struct pg *pg_connect_patient(
	const char *conninfo, const char *role, bool replication, struct str *why)
{
	return open_link(conninfo, role, true, replication, why);
}

void pg_close(struct pg *pg)
{
	if (!pg)
		return;
	PQfreemem(pg->copy_row);
	PQfreeCancel(pg->cancel);
	PQfinish(pg->conn);
	str_free(&pg->error);
	str_free(&pg->hint);
	str_free(&pg->context);
	str_free(&pg->local);
	str_free(&pg->config);
	str_free(&pg->line);
	str_free(&pg->raw);
	recode_free(pg->reader);
	recode_free(pg->writer);
	recode_free(pg->storer);
	str_free(&pg->stored);
	for (size_t i = 0; i < ARRAY_LEN(pg->quoted); i++)
		str_free(&pg->quoted[i]);
	mem_free(pg);
}
