#include "narrow/narrow_poll.h"

#include "core/clock.h"
#include "core/kp.h"
#include "core/mem.h"
#include "core/msg.h"
#include "core/num.h"

#define NO_XID 0
/* xmin has 32 bits, of which half are older than a given one. */
#define XID_HORIZON (UINT64_C(1) << 31)
/*
 * Pages before the end that other sessions may still be filling: each keeps to one page of its own,
 * and under contention the table is extended by up to 512 (PostgreSQL 14-15, hio.c).
 */
#define TAIL_SLACK 1024
#define FLUSH_TRIES 40 /* a server writes its WAL five times a second, as a rule */
#define FLUSH_PAUSE (CLOCK_US_PER_SEC / 20)
#define MAX_PAST 512   /* entries of the history */
#define MAX_SEEN 10000 /* transactions remembered to have been handed out */
/* A time zone ahead of UTC is the only good reason for a `timestamp` in the future. */
#define MAX_AHEAD (INT64_C(14) * 3600 * CLOCK_US_PER_SEC)
#define MAX_AHEAD_ZONE (INT64_C(3600) * CLOCK_US_PER_SEC)

/* The table as a tick found it. */
struct past {
	uint64_t next; /* all transactions from here on began later */
	int64_t newest;
	uint64_t pages;
};

struct narrow_poll {
	struct narrow_poll_conf conf;
	bool tail;  /* the table has one */
	bool whole; /* all of the next tick's window is new, and nothing before it is wanted */
	bool noting; /* these rows are to be remembered, not handed out */
	/* where the next tick goes on */
	int64_t instant;
	uint64_t xmin; /* NO_XID: all rows are new */
	/*
	 * For a position: what a crash cannot undo. Numbers of transactions that were rolled back,
	 * and whose WAL was not flushed, are given once more after it.
	 */
	uint64_t safe, unsafe, unsafe_lsn;
	uint64_t page;
	uint64_t file; /* the table's: in another one (VACUUM FULL) rows have other places */

	struct past *past; /* by next; never empty */
	size_t n_past, past_cap;
	uint32_t *seen, *seen_now; /* transactions from xmin on that are handed out */
	size_t n_seen, seen_cap, n_now, now_cap;
	int64_t newest; /* instant handed out, or of a position */
	int64_t latest_bound; /* later ones are not believed */

	void (*row)(void *ctx, struct narrow_reader *reader, const struct narrow_row *row);
	void *ctx;
};

/* ---- positions ------------------------------------------------------------------------------- */

static uint64_t get_u64(const struct pg_result *r, int col)
{
	uint64_t v = 0;

	if (!num_u64(pg_value(r, 0, col), &v))
		bug("not a number: %s", msg_q(pg_value(r, 0, col)));
	return v;
}

/* What the server says of this moment; in a transaction, of its snapshot. */
struct moment {
	uint64_t xmin, pages;
	/* the next transaction; a snapshot's xmax is less while those behind it are running */
	uint64_t next;
	uint64_t file;
	uint64_t written, flushed; /* ends of the WAL; 0 on a standby, where all is flushed */
	int64_t now;
};

static struct moment ask_moment(const struct narrow_poll *p)
{
	const struct narrow *n = p->conf.narrow;
	struct pg_result *r = pg_query(p->conf.source,
		"SELECT txid_snapshot_xmin(s), top + age((top & 4294967295)::text::xid), "
		"coalesce(pg_relation_size($1::oid::regclass), 0)"
		" / current_setting('block_size')::bigint, "
		"clock_timestamp() AT TIME ZONE 'UTC',"
		" CASE WHEN standby THEN 0 ELSE pg_current_wal_insert_lsn() - '0/0' END,"
		" CASE WHEN standby THEN 0 ELSE pg_current_wal_flush_lsn() - '0/0' END,"
		" coalesce(pg_relation_filenode($1::oid), 0)"
		" FROM txid_current_snapshot() AS s, txid_snapshot_xmax(s) AS top,"
		" pg_is_in_recovery() AS standby",
		1, &n->oid);
	struct moment m = { .xmin = get_u64(r, 0),
		.next = get_u64(r, 1),
		.pages = get_u64(r, 2),
		.written = get_u64(r, 4),
		.flushed = get_u64(r, 5),
		.file = get_u64(r, 6) };

	if (!clock_parse(pg_value(r, 0, 3), &m.now))
		bug("not a time: %s", msg_q(pg_value(r, 0, 3)));
	pg_clear(r);
	return m;
}

/* At most one is waited for: a server that writes at all flushes within a second. */
static void keep_safe(struct narrow_poll *p, const struct moment *m)
{
	if (p->unsafe != NO_XID && m->flushed >= p->unsafe_lsn) {
		p->safe = p->unsafe;
		p->unsafe = NO_XID;
	}
	if (m->flushed >= m->written) {
		p->safe = m->xmin;
		p->unsafe = NO_XID;
	} else if (p->unsafe == NO_XID) {
		p->unsafe = m->xmin;
		p->unsafe_lsn = m->written;
	}
}

static int64_t latest_bound(const struct narrow_poll *p, int64_t now)
{
	return now + (p->conf.narrow->zone ? MAX_AHEAD_ZONE : MAX_AHEAD);
}

static bool take_position(struct narrow_poll *p, struct sl text)
{
	const char *end = text.p + text.n, *a = memchr(text.p, '/', text.n);
	const char *b = a ? memchr(a + 1, '/', (size_t)(end - a - 1)) : NULL;

	return b && clock_parse((struct sl){ text.p, (size_t)(a - text.p) }, &p->instant) &&
		num_u64((struct sl){ a + 1, (size_t)(b - a - 1) }, &p->xmin) &&
		num_u64((struct sl){ b + 1, (size_t)(end - b - 1) }, &p->page);
}

void narrow_poll_position(const struct narrow_poll *p, struct str *s)
{
	char text[CLOCK_TEXT_MAX];

	str_add(s, (struct sl){ text, clock_put(text, p->instant, false) });
	str_addf(s, "/%llu/%llu", (unsigned long long)p->safe, (unsigned long long)p->page);
}

int64_t narrow_poll_edge(const struct narrow_poll *p)
{
	return p->instant - p->conf.overlap;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void remember(struct narrow_poll *p, struct past now)
{
	/* every other one: what is found for a transaction is then older, and so still right */
	if (p->n_past == MAX_PAST) {
		for (size_t i = 1; i < MAX_PAST / 2; i++)
			p->past[i] = p->past[2 * i];
		p->n_past = MAX_PAST / 2;
	}
	mem_grow(&p->past, &p->past_cap, p->n_past + 1, sizeof *p->past);
	p->past[p->n_past++] = now;
}

static struct narrow_poll *new_poll(const struct narrow_poll_conf *conf)
{
	const struct narrow *n = conf->narrow;
	struct narrow_poll *p = mem_zalloc(sizeof *p);

	p->conf = *conf;
	p->tail = n->has_place && !n->several_tables && pg_server_version(conf->source) >= 140000;
	if (!n->by_time && !n->by_ship_time)
		msg_warn("%s: no index begins with %s, so each look for new rows reads the whole "
			 "table; make one, or take a longer --interval",
			n->table, msg_q(n->col[NARROW_TIME].name));
	if (!n->has_place)
		msg_warn("%s is no table: all rows of the last %lld s are read again each time",
			n->table, (long long)(conf->overlap / CLOCK_US_PER_SEC));
	return p;
}

static struct narrow_poll *begin(struct narrow_poll *p)
{
	p->newest = p->instant;
	p->safe = p->xmin;
	remember(p, (struct past){ .next = p->xmin, .newest = p->instant, .pages = p->page });
	return p;
}

/* At the newest instant there is, of those to be believed. */
static void take_here(struct narrow_poll *p)
{
	const struct narrow *n = p->conf.narrow;
	struct moment m = ask_moment(p);
	uint64_t flushed = m.flushed; /* see p->safe */
	AUTO_STR sql = { 0 };
	AUTO_RESULT *r = NULL;

	for (int i = 0; flushed < m.written && i < FLUSH_TRIES; i++) {
		clock_sleep(FLUSH_PAUSE);
		flushed = ask_moment(p).flushed;
	}
	p->xmin = m.xmin;
	p->page = m.pages;
	str_addf(&sql, "SELECT max(%s) FROM %s WHERE %s <= ", n->col[NARROW_TIME].ident, n->ident,
		n->col[NARROW_TIME].ident);
	narrow_add_time(n, &sql, latest_bound(p, m.now));
	r = pg_query(p->conf.source, str_z(&sql), 0, NULL);
	/* an empty table may begin anywhere */
	if (pg_is_null(r, 0, 0) || !clock_parse(pg_value(r, 0, 0), &p->instant))
		p->instant = CLOCK_UNIX_EPOCH;
}

struct narrow_poll *narrow_poll_open(const struct narrow_poll_conf *conf, struct sl position)
{
	struct narrow_poll *p = new_poll(conf);
	struct moment m;

	if (position.n == 0) {
		take_here(p);
		return begin(p);
	}
	if (!take_position(p, position))
		die(EX_CONFIGURATION, "not a position to go on from: %s", msg_q(position));
	m = ask_moment(p);
	if (p->xmin > m.next) {
		msg_warn("%s: the server counts fewer transactions than before; it was replaced or "
			 "set back, so compare both sides", conf->narrow->table);
		p->xmin = NO_XID;
		p->page = 0;
		p->tail = false;
	}
	return begin(p);
}

struct narrow_poll *narrow_poll_since(const struct narrow_poll_conf *conf, int64_t instant)
{
	struct narrow_poll *p = new_poll(conf);

	take_here(p);
	p->instant = instant + conf->overlap;
	p->whole = true;
	return begin(p);
}

void narrow_poll_close(struct narrow_poll *p)
{
	if (!p)
		return;
	mem_free(p->past);
	mem_free(p->seen);
	mem_free(p->seen_now);
	mem_free(p);
}

/* ---- what is new ----------------------------------------------------------------------------- */

/*
 * Appends the condition on the transaction, with AND before it; nothing when all rows are new.
 * Subtransactions have numbers of their own, later than that of their transaction, which no
 * snapshot lists: so what a snapshot shows is told by its xmin alone, and above it by what has been
 * handed out, since the rows of a transaction become visible all at once.
 */
static void add_new(const struct narrow_poll *p, uint64_t next, struct str *s)
{
	if (p->xmin == NO_XID || !p->conf.narrow->has_place || next - p->xmin >= XID_HORIZON)
		return;
	str_addf(s, " AND pg_catalog.age(xmin) <= pg_catalog.age('%u'::pg_catalog.xid)",
		(unsigned)(p->xmin & UINT32_MAX));
	for (size_t i = 0; i < p->n_seen; i++)
		str_addf(s, i ? ",%u" : " AND NOT (xmin = ANY ('{%u", p->seen[i]);
	if (p->n_seen > 0)
		str_addz(s, "}'::pg_catalog.xid[]))");
}

static void note_seen(struct narrow_poll *p, struct sl raw)
{
	uint32_t xid;

	if (raw.n != sizeof xid)
		bug("COPY sent a transaction of %zu bytes", raw.n);
	memcpy(&xid, raw.p, sizeof xid);
	xid = __builtin_bswap32(xid);
	/* rows of a transaction mostly follow one another */
	if ((p->n_now > 0 && p->seen_now[p->n_now - 1] == xid) || p->n_now > 4 * MAX_SEEN)
		return;
	mem_grow(&p->seen_now, &p->now_cap, p->n_now + 1, sizeof *p->seen_now);
	p->seen_now[p->n_now++] = xid;
}

static void take_row(struct narrow_poll *p, struct narrow_reader *reader, struct narrow_row *row)
{
	if (reader->raw[NARROW_XMIN].p)
		note_seen(p, reader->raw[NARROW_XMIN]);
	if (p->noting)
		return;
	if (!row->why && row->time > p->newest && row->time <= p->latest_bound)
		p->newest = row->time;
	p->row(p->ctx, reader, row);
}

static void read_part(struct narrow_poll *p, const struct narrow_part *part)
{
	const struct narrow *n = p->conf.narrow;
	struct narrow_reader reader;
	struct narrow_row row;
	struct str sql = { 0 };
	struct sl message;

	narrow_reader_init(&reader, n, part);
	str_addz(&sql, "COPY (");
	narrow_add_select(n, p->conf.source, &sql, part);
	str_addz(&sql, ") TO STDOUT (FORMAT binary)");
	pg_copy_out(p->conf.source, str_z(&sql));
	while (pg_copy_row(p->conf.source, &message))
		if (narrow_read(&reader, message, &row))
			take_row(p, &reader, &row);
	str_free(&sql);
}

static struct narrow_part part_of(
	const struct narrow_poll *p, int64_t from, int64_t to, const struct str *also)
{
	return (struct narrow_part){ .from = from,
		.to = to,
		.xmin = p->conf.narrow->has_place,
		.also = str_sl(also),
		.ships = p->conf.ships,
		.n_ships = p->conf.n_ships };
}

/* The tail first: its rows are earlier than those of the window. */
static void read_new(struct narrow_poll *p, uint64_t next)
{
	struct str fresh = { 0 }, tail = { 0 };
	struct narrow_part part;
	int64_t edge = narrow_poll_edge(p);

	add_new(p, next, &fresh);
	if (p->tail) {
		str_addf(&tail, "ctid >= '(%llu,0)'::pg_catalog.tid",
			(unsigned long long)(p->page > TAIL_SLACK ? p->page - TAIL_SLACK : 0));
		str_add(&tail, str_sl(&fresh));
		part = part_of(p, INT64_MIN, edge, &tail);
		p->noting = p->whole;
		read_part(p, &part);
		p->noting = false;
	}
	str_free(&tail);
	str_addz(&tail, "true");
	if (!p->whole)
		str_add(&tail, str_sl(&fresh));
	p->whole = false;
	part = part_of(p, edge, INT64_MAX, &tail);
	read_part(p, &part);
	if (!p->conf.narrow->col[NARROW_TIME].not_null) {
		part.timeless = true;
		read_part(p, &part);
	}
	str_free(&tail);
	str_free(&fresh);
}

/* ---- going on -------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Is a transaction, of those a snapshot shows, one from `from` on? */
static bool is_from(uint32_t xid, uint64_t from)
{
	return (int32_t)(xid - (uint32_t)(from & UINT32_MAX)) >= 0;
}

/* Both lists become one, of what the next snapshot's xmin does not say. */
static void merge_seen(struct narrow_poll *p, uint64_t xmin)
{
	size_t n = 0, kept = 0;

	mem_grow(&p->seen_now, &p->now_cap, p->n_now + p->n_seen + 1, sizeof *p->seen_now);
	for (size_t i = 0; i < p->n_seen; i++)
		p->seen_now[p->n_now++] = p->seen[i];
	for (size_t i = 0; i < p->n_now; i++)
		if (is_from(p->seen_now[i], xmin))
			p->seen_now[n++] = p->seen_now[i];
	qsort(p->seen_now, n, sizeof *p->seen_now, by_number);
	mem_grow(&p->seen, &p->seen_cap, n + 1, sizeof *p->seen);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || p->seen[kept - 1] != p->seen_now[i])
			p->seen[kept++] = p->seen_now[i];
	/* so many behind an open one: handing them out again is dear, but not wrong */
	p->n_seen = kept <= MAX_SEEN ? kept : 0;
	p->n_now = 0;
}

/* The oldest transaction running began behind which look? Earlier ones are of no use any more. */
static void advance(struct narrow_poll *p, const struct moment *m)
{
	size_t keep = 0;

	while (keep + 1 < p->n_past && p->past[keep + 1].next <= m->xmin)
		keep++;
	p->n_past -= keep;
	memmove(p->past, p->past + keep, p->n_past * sizeof *p->past);
	p->instant = p->past[0].newest;
	p->page = p->past[0].pages;
	p->xmin = m->xmin;
	keep_safe(p, m);
}

/* All of the table was written anew: rows that are new may be anywhere in it. */
static void forget_places(struct narrow_poll *p)
{
	p->page = 0;
	for (size_t i = 0; i < p->n_past; i++)
		p->past[i].pages = 0;
}

int64_t narrow_poll_tick(struct narrow_poll *p,
	void (*row)(void *ctx, struct narrow_reader *reader, const struct narrow_row *row),
	void *ctx)
{
	struct moment before = ask_moment(p), m;

	p->row = row;
	p->ctx = ctx;
	narrow_begin(p->conf.narrow, p->conf.source);
	m = ask_moment(p);
	p->latest_bound = latest_bound(p, m.now);
	/* it may have become shorter, by VACUUM */
	p->page = p->page < before.pages ? p->page : before.pages;
	if (p->file != 0 && p->file != m.file)
		forget_places(p);
	p->file = m.file;
	read_new(p, m.next);
	pg_exec(p->conf.source, "COMMIT");
	KP("poll_tick");
	merge_seen(p, m.xmin);
	remember(p, (struct past){ .next = m.next, .newest = p->newest, .pages = before.pages });
	advance(p, &m);
	return before.now;
}
