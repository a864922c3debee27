#include "follow/feeds.h"

#include "follow/feeds.sql.h"
#include "follow/slot.h"
#include "ledger/ledger_origin.h"
#include "ledger/ledger_ranges.h"

#include <stdarg.h>

/* What the source says of one moment about what feeds the table. */
struct census {
	struct ledger_feeds now;
	const char **add;    /* by number: what to add to the publication, quoted */
	bool *can;	     /* be in a publication at all: neither foreign nor unlogged */
	bool *leaf;	     /* it has rows of its own */
	uint64_t xmin, xmax; /* of its snapshot */
	bool inserts, deletions, truncations, identity;
	size_t uncovered, mendable;
	struct arena arena;
};

/* ---- what there is of one moment ------------------------------------------------------------- */

static const struct {
	int since;
	const char *sql;
} feeds_by_version[] = {
	{ 150000, feeds_15_sql },
	{ 140000, feeds_14_sql },
	{ 0, feeds_12_sql },
};

static void take_head(struct census *c, const struct pg_result *r)
{
	c->xmin = pg_count(r, 0, 0);
	c->xmax = pg_count(r, 0, 1);
	c->now.publication = pg_count(r, 0, 2);
	c->inserts = pg_true(r, 0, 3);
	c->deletions = pg_true(r, 0, 4);
	c->truncations = pg_true(r, 0, 5);
}

static void take_feeds(struct census *c, const struct pg_result *r, bool polling)
{
	size_t n = c->now.n = pg_rows(r);

	c->now.feed = arena_alloc(&c->arena, mem_mul(n + 1, sizeof *c->now.feed));
	c->add = arena_alloc(&c->arena, mem_mul(n + 1, sizeof *c->add));
	c->can = arena_alloc(&c->arena, n + 1);
	c->leaf = arena_alloc(&c->arena, n + 1);
	for (size_t i = 0; i < n; i++) {
		bool covered = pg_true(r, i, 4) && (polling || c->inserts || !pg_true(r, i, 8));

		c->now.feed[i] = (struct ledger_feed){ .relation = pg_count(r, i, 0),
			.file = pg_count(r, i, 1),
			.name = arena_dup(&c->arena, pg_value(r, i, 2)),
			.stamp = arena_dup(&c->arena, pg_value(r, i, 3)),
			.covered = covered };
		c->can[i] = pg_true(r, i, 5);
		c->leaf[i] = pg_true(r, i, 8);
		c->add[i] = arena_dup(&c->arena, pg_value(r, i, 6)).p;
		c->now.changes += pg_count(r, i, 7);
		c->uncovered += !covered;
		c->mendable += !covered && c->can[i];
	}
}

/* Into a census that is zero or was taken before. False when a patient connection is lost. */
static bool census_take(const struct feeds *f, struct pg *source, struct census *c)
{
	AUTO_RESULT *head = NULL, *rows = NULL;
	size_t which = 0;
	bool ok;

	arena_free(&c->arena);
	*c = (struct census){ .identity = true };
	while (pg_server_version(source) < feeds_by_version[which].since)
		which++;
	ok = pg_try_exec(source, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") &&
	     (head = pg_try_query(source, head_sql, 1, &f->publication)) &&
	     (rows = pg_try_query(source, feeds_by_version[which].sql, 2,
		      (const char *[]){ f->narrow->oid, f->publication })) &&
	     pg_try_exec(source, "COMMIT");
	if (!ok && !pg_is_lost(source))
		pg_die(source, "cannot look at the tables that are followed");
	if (ok) {
		take_head(c, head);
		take_feeds(c, rows, !f->publication);
		/* those that are not told of, from 1 on */
		c->now.changes = f->publication && !c->deletions ? c->now.changes + 1 : 0;
	}
	if (ok && f->publication && c->deletions)
		c->identity = slot_has_identity(source, f->narrow);
	return ok && !pg_is_lost(source);
}

#define TRY_EVERY (INT64_C(30) * CLOCK_US_PER_SEC)     /* to mend what could not be mended */
#define CHANGES_EVERY (INT64_C(600) * CLOCK_US_PER_SEC) /* to compare for updates not followed */

/* ---- saying ---------------------------------------------------------------------------------- */

/* Something that happened, and what it puts in doubt: all, or what is in `relation`. */
static PRINTF_LIKE(5, 6) void doubt(const struct feeds *f, enum ledger_level level,
	uint64_t relation, bool held, const char *fmt, ...)
{
	char text[1000];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (level == LEDGER_INFO)
		msg_note("%s", text);
	else
		msg_warn("%s", text);
	if (!f->job)
		return;
	ledger_event(f->target, level, f->job, SL(""), LEDGER_NO_TIME, text);
	ledger_doubt_add(f->target, f->job, relation, held, text);
}

/* ---- mending the publication ----------------------------------------------------------------- */

static bool alter(const struct feeds *f, struct pg *source, const char *what)
{
	AUTO_STR sql = { 0 };
	bool ok;

	str_addf(&sql, "ALTER PUBLICATION %s %s", pg_ident(source, sl_of(f->publication)), what);
	ok = pg_try_exec(source, "BEGIN READ WRITE") && pg_try_exec(source, str_z(&sql)) &&
	     pg_try_exec(source, "COMMIT");
	if (!ok && !pg_is_lost(source)) {
		msg_warn("%s: %s", str_z(&sql), pg_error(source));
		(void)!pg_try_exec(source, "ROLLBACK");
	}
	return ok;
}

static const struct ledger_feed *find(const struct ledger_feeds *f, uint64_t relation)
{
	size_t low = 0, high = f->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (f->feed[mid].relation == relation)
			return &f->feed[mid];
		if (f->feed[mid].relation < relation)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static bool was_away(const struct ledger_feed *before, const struct ledger_feed *now)
{
	return before->covered && !sl_eq(before->stamp, now->stamp);
}

static bool any_was_away(const struct feeds *f, const struct census *c)
{
	for (size_t i = 0; i < c->now.n; i++) {
		const struct ledger_feed *before = find(&f->known, c->now.feed[i].relation);

		if (before && was_away(before, &c->now.feed[i]))
			return true;
	}
	return false;
}

/*
 * Before anything is added: what is published with updates needs an identity, or they fail. It
 * gives all of them other stamps, which are no alarm unless some were others already.
 */
static void mend_identity(struct feeds *f, struct pg *source, const struct census *c)
{
	if (!alter(f, source, "SET (publish = 'insert, truncate')"))
		return;
	f->altered = !any_was_away(f, c);
	doubt(f, LEDGER_WARNING, 0, false,
		"%s has no key of ship, channel and time any more that every part of it has: "
		"updates and deletions are not followed from here",
		f->narrow->table);
}

static void mend_cover(const struct feeds *f, struct pg *source, const struct census *c)
{
	AUTO_STR what = { 0 };
	const char *last = "";

	if (!c->inserts)
		(void)!alter(f, source, "SET (publish = 'insert, truncate')");
	for (size_t i = 0; i < c->now.n; i++) {
		if (c->now.feed[i].covered || !c->can[i] || strcmp(last, c->add[i]) == 0)
			continue;
		last = c->add[i];
		str_clear(&what);
		str_addf(&what, "ADD TABLE ONLY %s", last);
		if (!alter(f, source, str_z(&what)))
			break;
	}
}

/* Is anything uncovered that was not so before, in the same way? */
static bool is_news(const struct feeds *f, const struct census *c)
{
	for (size_t i = 0; i < c->now.n; i++) {
		const struct ledger_feed *now = &c->now.feed[i];
		const struct ledger_feed *before = find(&f->known, now->relation);

		if (!now->covered &&
			(!before || before->covered || !sl_eq(before->stamp, now->stamp)))
			return true;
	}
	return false;
}

/* True: something was tried, so it is to be asked again. */
static bool mend(struct feeds *f, struct pg *source, const struct census *c)
{
	int64_t now = clock_monotonic();
	bool any = c->mendable > 0 || !c->identity;

	if (!f->job || !f->publication || !any || (now < f->next_try && !is_news(f, c)))
		return false;
	f->next_try = now + TRY_EVERY;
	if (!c->identity)
		mend_identity(f, source, c);
	if (c->mendable > 0)
		mend_cover(f, source, c);
	return true;
}

/* ---- comparing with the look before ---------------------------------------------------------- */

/* A file is another one after TRUNCATE, and when all was rewritten, which keeps the old rows. */
static bool was_truncated(const struct feeds *f, struct pg *source, const struct ledger_feed *feed)
{
	AUTO_STR sql = { 0 };
	bool has;

	if (f->xmin == 0)
		return true;
	str_addf(&sql,
		"SELECT EXISTS (SELECT FROM ONLY %.*s WHERE age(xmin) > age('%u'::xid))",
		(int)feed->name.n, feed->name.p, (unsigned)(f->xmin & UINT32_MAX));
	has = pg_is_yes(pg_try_query(source, str_z(&sql), 0, NULL));
	return !has;
}

/* What has happened to one that is there; true: a doubt waits for the transactions of now. */
static bool compare_one(struct feeds *f, struct pg *source, const struct census *c, size_t i)
{
	const struct ledger_feed *now = &c->now.feed[i], *before = find(&f->known, now->relation);
	int n = (int)now->name.n;
	const char *name = now->name.p;
	const char *where = f->publication ? f->publication : "";

	if (!c->leaf[i])
		return false;
	if (!now->covered && (!before || before->covered)) {
		doubt(f, LEDGER_CRITICAL, before ? 0 : now->relation, true,
			"what is written to %.*s does not come: it is not in the publication %s, "
			"or cannot be", n, name, where);
		return true;
	}
	if (!before) {
		doubt(f, LEDGER_INFO, now->relation, true,
			"%.*s feeds %s now: what was in it before is to be compared", n, name,
			f->narrow->table);
		return true;
	}
	if (!f->altered && was_away(before, now)) {
		doubt(f, LEDGER_CRITICAL, 0, true,
			"%.*s was not followed for a while: it was detached or not published, "
			"and is again",
			n, name);
		return true;
	}
	/* a publication tells of the whole table, never of a partition alone */
	if (before->file != now->file && was_truncated(f, source, now) &&
		(!f->publication || !c->truncations || c->now.n > 1))
		doubt(f, LEDGER_CRITICAL, 0, false,
			"the source table was truncated (%.*s): its rows stay in the wide tables "
			"until validate --repair --delete",
			n, name);
	return now->covered && !before->covered;
}

static bool compare_gone(struct feeds *f, const struct census *c)
{
	bool any = false;

	for (size_t i = 0; i < f->known.n; i++) {
		const struct ledger_feed *before = &f->known.feed[i];

		if (find(&c->now, before->relation))
			continue;
		doubt(f, LEDGER_WARNING, before->relation, true,
			"%.*s does not feed %s any more: its rows stay in the wide tables until "
			"validate --repair --delete",
			(int)before->name.n, before->name.p, f->narrow->table);
		any = true;
	}
	return any;
}

/*
 * Updates and deletions that are not published: that there were some is counted by the server. What
 * was counted before the first look that finds them unpublished may have come after they were.
 */
static void compare_changes(struct feeds *f, struct census *c)
{
	int64_t now = clock_monotonic();
	bool first = f->known.changes == 0;

	if (!f->publication || c->deletions || c->now.changes == f->known.changes)
		return;
	if (!first && now < f->next_changes) {
		c->now.changes = f->known.changes; /* for later */
		return;
	}
	if (!first)
		f->next_changes = now + CHANGES_EVERY;
	doubt(f, LEDGER_WARNING, 0, false,
		"rows of %s %s updated or deleted, which is not published", f->narrow->table,
		first ? "may have been" : "were");
}

/* Appends the names of what is not covered, as they are to be added; at most a few. */
static void put_uncovered(const struct census *c, bool add, struct str *s)
{
	size_t n = 0;

	for (size_t i = 0; i < c->now.n && n < 5; i++)
		if (!c->now.feed[i].covered && (c->can[i] || !add))
			str_addf(s, "%s%s", n++ ? ", " : "",
				add ? c->add[i] : c->now.feed[i].name.p);
	if (n == 5)
		str_addz(s, ", …");
}

/* What is promised less than usual. */
static void put_gap(const struct feeds *f, const struct census *c, struct str *gap)
{
	if (!f->publication)
		return;
	if (c->uncovered > 0) {
		str_addz(gap, "slot: what is written to ");
		put_uncovered(c, false, gap);
		str_addz(gap, " is missing until it is compared: ");
		if (c->mendable > 0) {
			str_addf(gap, "ALTER PUBLICATION %s ADD TABLE ONLY ", f->publication);
			put_uncovered(c, true, gap);
			str_addz(gap, " is to be run by its owner");
		} else {
			str_addz(gap, "no publication can have it (unlogged, foreign, or told "
				      "of as another table)");
		}
	} else if (!c->deletions) {
		str_addz(gap, "slot: no row that is inserted is lost; updates and deletions are "
			      "not published, and wait for a comparison");
	} else if (!c->truncations) {
		str_addz(gap, "slot: nothing that was committed is lost but TRUNCATE, which is not "
			      "published, and waits for a comparison");
	}
	if (f->narrow->unique)
		return;
	str_addz(gap, gap->n > 0 ? "; " : "slot: nothing that was committed is lost; ");
	str_addz(gap, "of several rows of a cell the last that was committed counts until both "
		      "sides are compared");
}

/* ---- doubts that are held -------------------------------------------------------------------- */

/*
 * The time that the rows of a relation span, or all of it where that cannot be told, since it is
 * gone or has times that no ledger can hold. An empty one is in nobody's way.
 */
static bool release(struct feeds *f, struct pg *source, const struct ledger_held *held)
{
	const struct narrow_column *time = &f->narrow->col[NARROW_TIME];
	bool known;
	char number[24];
	AUTO_RESULT *name = NULL, *r = NULL;
	AUTO_STR sql = { 0 };

	number[num_put_u64(number, held->relation)] = '\0';
	if (held->relation)
		name = pg_try_query(source,
			"SELECT c.oid::regclass::text FROM pg_class c WHERE oid = $1::oid", 1,
			(const char *[]){ number });
	if (name && pg_rows(name) > 0) {
		str_addf(&sql,
			"SELECT lo, hi + interval '1 microsecond' FROM (SELECT min(%s)%s AS lo,"
			" max(%s)%s AS hi FROM ONLY %s) AS x WHERE lo IS NULL OR lo >= '0001-01-01'"
			" AND hi < '9999-01-01'",
			time->ident, f->narrow->zone ? " AT TIME ZONE 'UTC'" : "", time->ident,
			f->narrow->zone ? " AT TIME ZONE 'UTC'" : "", pg_valuez(name, 0, 0));
		r = pg_try_query(source, str_z(&sql), 0, NULL);
	}
	known = r && pg_rows(r) > 0;
	if (known && pg_is_null(r, 0, 0))
		ledger_doubt_settle(f->target, held->id, NULL);
	else if (!pg_is_lost(source))
		ledger_doubt_release(f->target, held->id, known ? pg_valuez(r, 0, 0) : NULL,
			known ? pg_valuez(r, 0, 1) : NULL);
	return !pg_is_lost(source);
}

static void release_all(struct feeds *f, struct pg *source, const struct census *c)
{
	AUTO_ARENA a = { 0 };
	struct ledger_held *held;
	size_t n, left = 0;

	if (!f->job || !f->holding || c->xmin < f->fence)
		return;
	n = ledger_doubts_held(f->target, f->job, &a, &held);
	for (size_t i = 0; i < n; i++) {
		const struct ledger_feed *feed = find(&c->now, held[i].relation);
		bool over = held[i].relation ? !feed || feed->covered : c->mendable == 0;

		left += !over || !release(f, source, &held[i]);
	}
	f->holding = left > 0;
}

/* ---- a look ---------------------------------------------------------------------------------- */

static void keep(struct feeds *f, const struct census *c, const struct str *gap)
{
	const struct ledger_feeds *now = &c->now;

	arena_reset(&f->arena);
	f->known = *now;
	f->known.gap = arena_dup(&f->arena, str_sl(gap));
	f->known.feed = arena_alloc(&f->arena, mem_mul(now->n + 1, sizeof *now->feed));
	for (size_t i = 0; i < now->n; i++) {
		f->known.feed[i] = now->feed[i];
		f->known.feed[i].name = arena_dup(&f->arena, now->feed[i].name);
		f->known.feed[i].stamp = arena_dup(&f->arena, now->feed[i].stamp);
	}
	if (f->job)
		ledger_feeds_set(f->target, f->job, &f->known);
}

static bool is_same(const struct feeds *f, const struct census *c, const struct str *gap)
{
	const struct ledger_feeds *a = &f->known, *b = &c->now;
	bool same = a->n == b->n && a->publication == b->publication && a->changes == b->changes &&
		    sl_eq(a->gap, str_sl(gap));

	for (size_t i = 0; same && i < a->n; i++)
		same = a->feed[i].relation == b->feed[i].relation &&
		       a->feed[i].file == b->feed[i].file &&
		       a->feed[i].covered == b->feed[i].covered &&
		       sl_eq(a->feed[i].stamp, b->feed[i].stamp);
	return same;
}

static void load(struct feeds *f)
{
	f->begun = f->holding = true;
	f->fence = UINT64_MAX; /* as of the first look */
	if (f->job)
		ledger_feeds_get(f->target, f->job, &f->known, &f->arena);
}

/* Doubts and what they are about are written together: no crash can part them. */
static void take(struct feeds *f, struct pg *source, struct census *c)
{
	AUTO_STR gap = { 0 };
	bool waits = false;

	put_gap(f, c, &gap);
	if (!is_same(f, c, &gap)) {
		if (f->job)
			pg_exec(f->target, "BEGIN");
		for (size_t i = 0; i < c->now.n && f->known.n > 0; i++)
			waits |= compare_one(f, source, c, i);
		waits |= compare_gone(f, c);
		if (f->known.n > 0)
			compare_changes(f, c);
		keep(f, c, &gap);
		if (f->job)
			pg_exec(f->target, "COMMIT");
	}
	f->holding |= waits;
	if (waits || f->fence == UINT64_MAX)
		f->fence = c->xmax;
	f->xmin = c->xmin;
}

static void check_table(const struct feeds *f, struct pg *source)
{
	if (f->job)
		ledger_origin_check(source, f->target, f->job, f->narrow);
	else if (ledger_origin_moved(source, f->narrow))
		die(EX_CONFIGURATION,
			"the table %s of the source is another one now, made anew or renamed",
			f->narrow->table);
}

enum feeds_found feeds_look(struct feeds *f, struct pg *source)
{
	struct census c = { .uncovered = 0 };
	enum feeds_found found = FEEDS_NOBODY;

	if (!f->begun)
		load(f);
	check_table(f, source);
	f->altered = false;
	if (census_take(f, source, &c) && (!mend(f, source, &c) || census_take(f, source, &c))) {
		bool other = f->known.publication && f->known.publication != c.now.publication;

		found = f->publication && (!c.now.publication || other) ? FEEDS_GONE : FEEDS_GOOD;
		if (found == FEEDS_GOOD) {
			take(f, source, &c);
			release_all(f, source, &c);
		}
	}
	arena_free(&c.arena);
	return found;
}

void feeds_begin(struct feeds *f, struct pg *source)
{
	struct census c = { .uncovered = 0 };
	struct str gap = { 0 };

	f->begun = true;
	if (!census_take(f, source, &c))
		pg_die(source, "cannot look at the tables that are followed");
	/* what is not covered is found so by the first look, and said then */
	for (size_t i = 0; i < c.now.n; i++)
		c.now.feed[i].covered = true;
	keep(f, &c, &gap);
	arena_free(&c.arena);
}

bool feeds_has(const struct feeds *f, uint64_t relation)
{
	return find(&f->known, relation);
}

void feeds_free(struct feeds *f)
{
	arena_free(&f->arena);
}
