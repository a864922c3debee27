#include "narrow/narrow_poll.h"

#include "core/kp.h"
#include "narrow/narrow_poll.sql.h"

#define NO_XID 0
/* xmin has 32 bits, of which half are older than a given one. */
#define XID_HORIZON (UINT64_C(1) << 31)
/*
 * Pages before the end that other sessions may still be filling: each keeps to one page of its own,
 * and under contention the table is extended by up to 512 (PostgreSQL 14-15, hio.c).
 */
#define TAIL_SLACK 1024
#define LEAF_TURN (CLOCK_US_PER_SEC / 16) /* so many tables a second are looked at for nothing */
#define FLUSH_TRIES 40 /* a server writes its WAL five times a second, as a rule */
#define FLUSH_PAUSE (CLOCK_US_PER_SEC / 20)
#define MAX_PAST 512   /* entries of the history */
#define MAX_SEEN 10000 /* transactions remembered to have been handed out */
/* A time zone ahead of UTC is the only good reason for a `timestamp` in the future. */
#define MAX_AHEAD (INT64_C(14) * 3600 * CLOCK_US_PER_SEC)
#define MAX_AHEAD_ZONE (INT64_C(3600) * CLOCK_US_PER_SEC)

/* The source as a tick found it. */
struct past {
	uint64_t next; /* all transactions from here on began later */
	uint64_t xmin; /* all before it had ended */
	int64_t newest;
};

/*
 * One of the tables with the rows. Those that have not grown take turns, so rows in it are new from
 * a transaction of its own on, and its tail begins where those were written.
 */
struct leaf {
	uint64_t oid, file, pages;
	uint64_t xmin, settled; /* as those of all */
	uint64_t tick;		/* its latest */
	int64_t at;		/* the same by clock_monotonic() */
	bool due, denied;
};

struct narrow_poll {
	struct narrow_poll_conf conf;
	bool tail;  /* tables are looked at one by one */
	bool whole; /* all of the next tick's window is new, and nothing before it is wanted */
	bool noting; /* these rows are to be remembered, not handed out */
	/* where the next tick goes on */
	int64_t instant;
	uint64_t xmin; /* NO_XID: all rows are new */
	uint64_t settled; /* rows of older ones were there when `instant` was the newest */
	/*
	 * For a position: what a crash cannot undo. Numbers of transactions that were rolled back,
	 * and whose WAL was not flushed, are given once more after it.
	 */
	uint64_t safe, unsafe, unsafe_lsn;
	struct leaf *leaf; /* by oid */
	size_t n_leaves;
	uint64_t ticks;

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

/* What the server says of this moment; in a transaction, of its snapshot. */
struct moment {
	uint64_t xmin;
	/* the next transaction; a snapshot's xmax is less while those behind it are running */
	uint64_t next;
	uint64_t written, flushed; /* ends of the WAL; 0 on a standby, where all is flushed */
	int64_t now;
};

static struct moment ask_moment(const struct narrow_poll *p)
{
	AUTO_RESULT *r = pg_query(p->conf.source, moment_sql, 0, NULL);
	struct moment m = { .xmin = pg_count(r, 0, 0),
		.next = pg_count(r, 0, 1),
		.written = pg_count(r, 0, 3),
		.flushed = pg_count(r, 0, 4) };

	if (!clock_parse(pg_value(r, 0, 2), &m.now))
		bug("not a time: %s", msg_q(pg_value(r, 0, 2)));
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
		num_u64((struct sl){ b + 1, (size_t)(end - b - 1) }, &p->settled);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A table whose turn is yet to come holds it back. */
void narrow_poll_position(const struct narrow_poll *p, struct str *s)
{
	char text[CLOCK_TEXT_MAX];
	uint64_t xmin = p->safe, settled = p->settled;

	for (size_t i = 0; i < p->n_leaves; i++) {
		xmin = least(xmin, p->leaf[i].xmin);
		settled = least(settled, p->leaf[i].settled);
	}
	str_add(s, (struct sl){ text, clock_put(text, p->instant, false) });
	str_addf(s, "/%llu/%llu", (unsigned long long)xmin,
		(unsigned long long)least(xmin, settled));
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
	p->tail = n->has_place && pg_server_version(conf->source) >= 140000;
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
	remember(p, (struct past){ .next = p->xmin, .xmin = p->settled, .newest = p->instant });
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
	p->xmin = p->settled = m.xmin;
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
	p->settled = least(p->settled, p->xmin);
	m = ask_moment(p);
	if (p->xmin > m.next) {
		msg_warn("%s: the server counts fewer transactions than before; it was replaced or "
			 "set back, so compare both sides", conf->narrow->table);
		p->xmin = NO_XID;
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
	mem_free(p->leaf);
	mem_free(p->seen);
	mem_free(p->seen_now);
	mem_free(p);
}

/* ---- the tables ------------------------------------------------------------------------------ */

/*
 * The tail of a table begins behind the last page that has a row of a transaction which had ended
 * when the tail began.
 */
static uint64_t find_tail(const struct narrow_poll *p, const struct leaf *l, const char *name)
{
	uint64_t end = l->settled == NO_XID ? 0 : l->pages;
	bool found = false;

	for (uint64_t step = 8; end > 0 && !found; step *= 2) {
		uint64_t from = end > step ? end - step : 0;
		AUTO_STR sql = { 0 };

		str_addf(&sql,
			"SELECT EXISTS (SELECT FROM ONLY %s WHERE ctid >= '(%llu,0)'::tid AND"
			" ctid < '(%llu,0)'::tid AND age(xmin) > age('%u'::xid))",
			name, (unsigned long long)from, (unsigned long long)end,
			(unsigned)(l->settled & UINT32_MAX));
		found = pg_is_yes(pg_query(p->conf.source, str_z(&sql), 0, NULL));
		end = from;
	}
	return end > TAIL_SLACK ? end - TAIL_SLACK : 0;
}

/* What is known of a table, and whether it is looked at now; in another file rows are elsewhere. */
static struct leaf take_leaf(
	const struct narrow_poll *p, size_t *known, const struct pg_result *r, size_t row)
{
	uint64_t oid = pg_count(r, row, 0), file = pg_count(r, row, 1), pages = pg_count(r, row, 2);
	int64_t turn = (int64_t)pg_rows(r) * LEAF_TURN, now = clock_monotonic();
	struct leaf l = { .oid = oid, .xmin = p->xmin, .settled = p->settled, .due = true,
		.at = now - (int64_t)row * LEAF_TURN };
	bool denied = !pg_true(r, row, 3);

	while (*known < p->n_leaves && p->leaf[*known].oid < oid)
		++*known;
	if (*known < p->n_leaves && p->leaf[*known].oid == oid) {
		l = p->leaf[*known];
		l.due = l.file != file || l.pages < pages || now - l.at >= turn - LEAF_TURN;
		l.at = l.due ? now : l.at;
		l.settled = l.file != file ? NO_XID : l.settled;
	}
	l.file = file;
	l.pages = pages;
	if (denied && !l.denied)
		msg_warn("%s cannot be read by itself, so rows that come late into it wait for a "
			 "comparison: GRANT SELECT ON it", pg_valuez(r, row, 4));
	l.denied = denied;
	return l;
}

/* ---- what is new ----------------------------------------------------------------------------- */

/*
 * Appends the condition on the transaction, with AND before it; nothing when all rows are new.
 * Subtransactions have numbers of their own, later than that of their transaction, which no
 * snapshot lists: so what a snapshot shows is told by its xmin alone, and above it by what has been
 * handed out, since the rows of a transaction become visible all at once.
 */
static void add_new(
	const struct narrow_poll *p, uint64_t xmin, bool seen, uint64_t next, struct str *s)
{
	size_t n = seen ? p->n_seen : 0;

	if (xmin == NO_XID || !p->conf.narrow->has_place || next - xmin >= XID_HORIZON)
		return;
	str_addf(s, " AND pg_catalog.age(xmin) <= pg_catalog.age('%u'::pg_catalog.xid)",
		(unsigned)(xmin & UINT32_MAX));
	for (size_t i = 0; i < n; i++)
		str_addf(s, i ? ",%u" : " AND NOT (xmin = ANY ('{%u", p->seen[i]);
	if (n > 0)
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
	struct narrow_reader reader;
	struct narrow_row row;

	narrow_reader_copy(&reader, p->conf.narrow, p->conf.source, part);
	while (narrow_reader_next(&reader, p->conf.source, &row))
		take_row(p, &reader, &row);
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

/* What of the tables is new, each asked by itself, as if it were one. */
static void add_tails(struct narrow_poll *p, uint64_t next, struct str *from)
{
	AUTO_RESULT *r = pg_ask(p->conf.source, leaves_sql, p->conf.narrow->oid);
	struct leaf *leaf = mem_alloc(mem_mul(pg_rows(r) + 1, sizeof *leaf));

	for (size_t i = 0, known = 0; i < pg_rows(r); i++) {
		struct leaf *l = &leaf[i];

		*l = take_leaf(p, &known, r, i);
		if (!l->due || l->denied || l->pages == 0)
			continue;
		str_addf(from, "%sSELECT tableoid, ctid, xmin, %s FROM ONLY %s"
			" WHERE ctid >= '(%llu,0)'::pg_catalog.tid",
			from->n ? " UNION ALL " : "(", pg_valuez(r, i, 5), pg_valuez(r, i, 4),
			(unsigned long long)find_tail(p, l, pg_valuez(r, i, 4)));
		add_new(p, l->xmin, l->tick == p->ticks, next, from);
	}
	mem_free(p->leaf);
	p->leaf = leaf;
	p->n_leaves = pg_rows(r);
}

/* The tails first: their rows are earlier than those of the window. */
static void read_new(struct narrow_poll *p, uint64_t next)
{
	AUTO_STR fresh = { 0 }, tails = { 0 };
	struct narrow_part part;

	str_addz(&fresh, "true");
	if (p->tail)
		add_tails(p, next, &tails);
	if (tails.n > 0) {
		str_addz(&tails, ") AS t");
		part = part_of(p, INT64_MIN, narrow_poll_edge(p), &fresh);
		part.only = str_z(&tails);
		p->noting = p->whole;
		read_part(p, &part);
		p->noting = false;
	}
	if (!p->whole)
		add_new(p, p->xmin, true, next, &fresh);
	p->whole = false;
	part = part_of(p, narrow_poll_edge(p), INT64_MAX, &fresh);
	read_part(p, &part);
	if (!p->conf.narrow->col[NARROW_TIME].not_null) {
		part.timeless = true;
		read_part(p, &part);
	}
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
	p->settled = p->past[0].xmin;
	p->xmin = m->xmin;
	p->ticks++;
	for (size_t i = 0; i < p->n_leaves; i++)
		if (p->leaf[i].due) {
			p->leaf[i].xmin = p->xmin;
			p->leaf[i].settled = p->settled;
			p->leaf[i].tick = p->ticks;
		}
	keep_safe(p, m);
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
	read_new(p, m.next);
	pg_exec(p->conf.source, "COMMIT");
	KP("poll_tick");
	merge_seen(p, m.xmin);
	remember(p, (struct past){ .next = m.next, .xmin = m.xmin, .newest = p->newest });
	advance(p, &m);
	return before.now;
}
