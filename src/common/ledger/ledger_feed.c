#include "ledger/ledger_feed.h"

#include "ledger/ledger_feed.sql.h"
#include "ledger/ledger_internal.h"

void ledger_feeds_get(struct pg *target, uint64_t job, struct ledger_feeds *out, struct arena *a)
{
	AUTO_RESULT *r = ledger_ask(target,
		"SELECT relation, file, name, stamp, covered FROM ferry.feed WHERE job_id = $1"
		" ORDER BY relation", job);
	AUTO_RESULT *follower = ledger_ask(target,
		"SELECT publication_oid, changes, gap FROM ferry.follower WHERE job_id = $1", job);

	*out = (struct ledger_feeds){ .n = pg_rows(r) };
	out->feed = arena_alloc(a, mem_mul(out->n + 1, sizeof *out->feed));
	for (size_t i = 0; i < out->n; i++)
		out->feed[i] = (struct ledger_feed){ .relation = pg_count(r, i, 0),
			.file = pg_count(r, i, 1),
			.name = arena_dup(a, pg_value(r, i, 2)),
			.stamp = arena_dup(a, pg_value(r, i, 3)),
			.covered = pg_true(r, i, 4) };
	if (pg_rows(follower) > 0) {
		out->publication = pg_count(follower, 0, 0);
		out->changes = pg_count(follower, 0, 1);
		out->gap = arena_dup(a, pg_value(follower, 0, 2));
	}
}

static void put_feeds(struct str *s, const struct ledger_feeds *f)
{
	str_addc(s, '[');
	for (size_t i = 0; i < f->n; i++) {
		const struct ledger_feed *v = &f->feed[i];

		str_addf(s, "%s{\"relation\":%llu,\"file\":%llu,\"covered\":%s,\"name\":",
			i ? "," : "", (unsigned long long)v->relation,
			(unsigned long long)v->file, v->covered ? "true" : "false");
		str_add_json(s, v->name);
		str_add_member(s, "stamp", v->stamp);
		str_addc(s, '}');
	}
	str_addc(s, ']');
}

void ledger_feeds_set(struct pg *target, uint64_t job, const struct ledger_feeds *f)
{
	AUTO_FREE char *gap = f->gap.n > 0 ? mem_sldup(f->gap) : NULL;
	AUTO_STR json = { 0 };

	put_feeds(&json, f);
	pg_clear(ledger_ask(target, "DELETE FROM ferry.feed WHERE job_id = $1", job));
	pg_run(target, feed_sql, ledger_u64(job), str_z(&json));
	pg_run(target,
		"UPDATE ferry.follower SET publication_oid = $2, changes = $3, gap = $4"
		" WHERE job_id = $1",
		ledger_u64(job), ledger_u64(f->publication), ledger_u64(f->changes), gap);
}

void ledger_doubt_add(
	struct pg *target, uint64_t job, uint64_t relation, bool held, const char *why)
{
	pg_run(target,
		"INSERT INTO ferry.doubt (job_id, why, relation, held) VALUES ($1, $2, $3, $4)",
		ledger_u64(job), why, relation ? ledger_u64(relation) : NULL, held ? "t" : "f");
}

size_t ledger_doubts_held(
	struct pg *target, uint64_t job, struct arena *a, struct ledger_held **out)
{
	AUTO_RESULT *r = ledger_ask(target,
		"SELECT id, relation, why FROM ferry.doubt WHERE job_id = $1 AND held"
		" AND ship IS NULL ORDER BY id", job);
	size_t n = pg_rows(r);

	*out = arena_alloc(a, mem_mul(n + 1, sizeof **out));
	for (size_t i = 0; i < n; i++)
		(*out)[i] = (struct ledger_held){ .id = pg_count(r, i, 0),
			.relation = pg_count(r, i, 1),
			.why = arena_dup(a, pg_value(r, i, 2)) };
	return n;
}

bool ledger_doubt_ship(
	struct pg *target, uint64_t job, enum ledger_level level, struct sl ship, const char *why)
{
	AUTO_FREE char *name = mem_sldup(ship);
	AUTO_RESULT *r = pg_ask(target, doubt_ship_sql, ledger_u64(job), name, why,
		ledger_levels[level]);

	return pg_affected(r) > 0;
}

bool ledger_had_rows(struct pg *target, uint64_t job, struct sl ship, const struct names *channels,
	bool live)
{
	AUTO_FREE char *name = mem_sldup(ship);
	AUTO_STR list = { 0 };

	return pg_knows(target, live ? had_live_sql : had_rows_sql, ledger_u64(job), name,
		ledger_array(&list, channels->name, channels->n));
}

void ledger_doubt_release(struct pg *target, uint64_t id, const char *from, const char *to)
{
	pg_run(target,
		"UPDATE ferry.doubt SET held = false, time_from = $2, time_to = $3"
		" WHERE id = $1",
		ledger_u64(id), from, to);
}
