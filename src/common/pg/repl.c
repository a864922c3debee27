#include "pg/repl.h"

#include "pg/conn_internal.h"

#include "core/clock.h"

#include <poll.h>

#define STATUS_LEN 34 /* of the only message we send */
#define DATA_HEAD 25  /* of 'w': tag, start, end, time */
#define ALIVE_LEN 18  /* of 'k': tag, end, time, whether an answer is wanted */

struct repl {
	struct pg *pg;
	char *message; /* what libpq handed out last */
};

/* ---- positions ------------------------------------------------------------------------------- */

static bool parse_hex(const char **p, const char *end, uint64_t *v)
{
	const char *begin = *p;

	*v = 0;
	for (; *p < end; (*p)++) {
		char c = **p;
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : -1;

		if (digit < 0)
			break;
		*v = *v << 4 | (uint64_t)digit;
	}
	return *p > begin && *p - begin <= 8;
}

bool lsn_parse(struct sl text, uint64_t *lsn)
{
	const char *p = text.p, *end = text.p + text.n;
	uint64_t high, low;

	if (!parse_hex(&p, end, &high) || p == end || *p++ != '/' || !parse_hex(&p, end, &low) ||
		p != end)
		return false;
	*lsn = high << 32 | low;
	return true;
}

const char *lsn_text(char dst[LSN_TEXT_MAX], uint64_t lsn)
{
	(void)snprintf(dst, LSN_TEXT_MAX, "%X/%X", (unsigned)(lsn >> 32), (unsigned)lsn);
	return dst;
}

static uint64_t load64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return __builtin_bswap64(v);
}

static void store64(char *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof v);
}

/* ---- opening --------------------------------------------------------------------------------- */

/* An error of the server: temporary ones are the caller's. */
static bool keep_why(struct pg *pg, const char *doing, struct str *why)
{
	if (!pg_is_lost(pg) && (pg_exit_code(pg_sqlstate(pg)) & 0xff) != EX_TEMP)
		pg_die(pg, doing);
	str_addf(why, "%s: %s", doing, pg_error(pg));
	return false;
}

static bool is_same_origin(struct pg *pg, const char *origin, struct str *why)
{
	PGresult *res = PQexec(pg->conn, "IDENTIFY_SYSTEM");

	if (PQresultStatus(res) != PGRES_TUPLES_OK) {
		pg_keep_failure(pg, res);
		PQclear(res);
		return keep_why(pg, "cannot identify the source", why);
	}
	if (origin && strcmp(PQgetvalue(res, 0, 0), origin) != 0)
		die(EX_CONFIGURATION, "the source is another server now: system %s, not %s",
			PQgetvalue(res, 0, 0), origin);
	PQclear(res);
	return true;
}

static bool start(struct pg *pg, const struct repl_conf *conf, struct str *why)
{
	AUTO_STR sql = { 0 };
	char from[LSN_TEXT_MAX];
	PGresult *res;
	bool ok;

	str_addf(&sql,
		"START_REPLICATION SLOT %s LOGICAL %s (proto_version '1', publication_names %s)",
		pg_ident(pg, sl_of(conf->slot)), lsn_text(from, conf->from),
		pg_literal(pg, sl_of(pg_ident(pg, sl_of(conf->publication)))));
	msg_detail("%s", str_z(&sql));
	res = PQexec(pg->conn, session_sql(pg, str_z(&sql)));
	ok = PQresultStatus(res) == PGRES_COPY_BOTH;
	if (!ok)
		pg_keep_failure(pg, res);
	PQclear(res);
	return ok || keep_why(pg, "cannot start replication", why);
}

struct repl *repl_open(const struct repl_conf *conf, struct str *why)
{
	struct pg *pg = pg_connect_patient(conf->conninfo, "source", true, why);
	struct repl *r;

	if (!pg)
		return NULL;
	pg_read_as(pg, conf->encoding);
	if (pg_is_lost(pg) || !is_same_origin(pg, conf->origin, why) || !start(pg, conf, why)) {
		pg_close(pg);
		return NULL;
	}
	r = mem_zalloc(sizeof *r);
	r->pg = pg;
	return r;
}

void repl_close(struct repl *r)
{
	if (!r)
		return;
	/* said in passing: the server notices the end of the connection as well */
	if (!pg_is_lost(r->pg) && PQputCopyEnd(r->pg->conn, NULL) == 1)
		(void)PQflush(r->pg->conn);
	PQfreemem(r->message);
	pg_close(r->pg);
	mem_free(r);
}

/* ---- the stream ------------------------------------------------------------------------------ */

static enum repl_event lost(struct repl *r, struct repl_message *m)
{
	pg_keep_failure(r->pg, NULL);
	str_addz(&m->why, r->pg->error.n > 0 ? pg_error(r->pg) : "the stream ended");
	return REPL_LOST;
}

/* The server ended the stream: its reason, if it gave one, comes as a result. */
static enum repl_event ended(struct repl *r, struct repl_message *m)
{
	PGresult *res = PQgetResult(r->pg->conn);

	pg_keep_failure(r->pg, PQresultStatus(res) == PGRES_FATAL_ERROR ? res : NULL);
	PQclear(res);
	m->undefined = strcmp(pg_sqlstate(r->pg), "42704") == 0;
	if (!pg_is_lost(r->pg) && *pg_sqlstate(r->pg) && !m->undefined &&
		(pg_exit_code(pg_sqlstate(r->pg)) & 0xff) != EX_TEMP)
		pg_die(r->pg, "replication stopped");
	str_addz(&m->why, r->pg->error.n > 0 ? pg_error(r->pg) : "the server ended the stream");
	return REPL_LOST;
}

static enum repl_event take(struct repl *r, size_t n, struct repl_message *m)
{
	if (r->message[0] == 'w' && n >= DATA_HEAD) {
		m->data = (struct sl){ r->message + DATA_HEAD, n - DATA_HEAD };
		m->end = load64(r->message + 9);
		m->time = (int64_t)load64(r->message + 17);
		return REPL_MESSAGE;
	}
	if (r->message[0] == 'k' && n >= ALIVE_LEN) {
		m->end = load64(r->message + 1);
		m->time = (int64_t)load64(r->message + 9);
		m->hurry = r->message[17] != 0;
		return REPL_ALIVE;
	}
	die(EX_STREAM, "the source sent a replication message of an unknown kind, or a cut one");
}

/* False when nothing came: the deadline is over, or a signal is to be looked at. */
static bool wait_for_data(struct repl *r, int64_t deadline, bool *broken)
{
	struct pollfd fd = { .fd = PQsocket(r->pg->conn), .events = POLLIN };
	int64_t left = deadline - clock_monotonic();
	int64_t ms = left <= 0 ? 0 : left / 1000 + 1;

	if (poll(&fd, 1, ms > 60000 ? 60000 : (int)ms) <= 0)
		return false;
	*broken = !PQconsumeInput(r->pg->conn);
	return true;
}

enum repl_event repl_next(struct repl *r, int64_t deadline, struct repl_message *m)
{
	bool broken = false;
	int n;

	m->hurry = m->undefined = false;
	str_clear(&m->why);
	PQfreemem(r->message);
	r->message = NULL;
	while ((n = PQgetCopyData(r->pg->conn, &r->message, 1)) == 0) {
		if (!wait_for_data(r, deadline, &broken))
			return REPL_NOTHING;
		if (broken)
			return lost(r, m);
	}
	if (n == -1)
		return ended(r, m);
	if (n < 0)
		return lost(r, m);
	return take(r, (size_t)n, m);
}

bool repl_status(struct repl *r, uint64_t received, uint64_t flushed)
{
	char s[STATUS_LEN] = { 'r' };

	store64(s + 1, received);
	store64(s + 9, flushed);
	store64(s + 17, flushed);
	store64(s + 25, (uint64_t)clock_now());
	return PQputCopyData(r->pg->conn, s, sizeof s) == 1 && PQflush(r->pg->conn) >= 0;
}
