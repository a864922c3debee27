#include "follow/feeds_census.h"

#include "follow/feeds_census.sql.h"
#include "follow/slot.h"

static const struct {
	int since;
	const char *sql;
} feeds_sql[] = {
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

bool census_take(const struct feeds *f, struct pg *source, struct census *c)
{
	AUTO_RESULT *head = NULL, *rows = NULL;
	size_t which = 0;
	bool ok;

	arena_free(&c->arena);
	*c = (struct census){ .identity = true };
	while (pg_server_version(source) < feeds_sql[which].since)
		which++;
	ok = pg_try_exec(source, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") &&
	     (head = pg_try_query(source, head_sql, 1, &f->publication)) &&
	     (rows = pg_try_query(source, feeds_sql[which].sql, 2,
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
