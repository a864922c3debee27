#include "follow/feeds_census.h"

#include "follow/slot.h"

static const char head_sql[] =
	"SELECT txid_snapshot_xmin(s), txid_snapshot_xmax(s), p.oid, p.pubinsert,"
	" p.pubupdate OR p.pubdelete, p.pubtruncate"
	" FROM txid_current_snapshot() AS s LEFT JOIN pg_publication p ON p.pubname = $1";

/*
 * $1 the table, $2 the publication, NULL when polling. A stamp is made of the rows of the catalog
 * that make the relation a part of the table, and of the publication: each has another xmin when it
 * was made anew. A publication that tells of a table above ours tells of it by that one's name.
 */
#define FEEDS_SQL(pending, filter, schemas)                                                       \
	"WITH RECURSIVE t AS (SELECT $1::oid AS oid, '' AS path UNION ALL"                        \
	" SELECT i.inhrelid, t.path || '/' || i.xmin::text FROM pg_inherits i"                    \
	"  JOIN t ON i.inhparent = t.oid" pending                                                 \
	"), part AS (SELECT oid, string_agg(path, ',' ORDER BY path) AS path FROM t GROUP BY oid"  \
	"), pub AS (SELECT *, oid || ':' || xmin::text AS stamp FROM pg_publication"              \
	"  WHERE pubname = $2),"                                                                  \
	" above AS (SELECT EXISTS (SELECT FROM pg_partition_ancestors($1::oid) AS a (oid), pub"   \
	"   LEFT JOIN pg_publication_rel r ON r.prpubid = pub.oid WHERE a.oid <> $1::oid"          \
	"    AND pubviaroot AND (puballtables OR r.prrelid = a.oid)) AS hides)"                    \
	"SELECT c.oid, coalesce(pg_relation_filenode(c.oid), 0), format('%I.%I', n.nspname,"      \
	"  c.relname), part.path || ' ' || coalesce(m.stamp, ''),"                                \
	" $2::text IS NULL OR c.relkind = 'p' OR c.relkind = 'r' AND c.relpersistence = 'p'"      \
	"  AND m.yes AND NOT hides,"                                                              \
	" c.relkind = 'r' AND c.relpersistence = 'p' AND NOT hides,"                              \
	" coalesce((SELECT format('%I.%I', an.nspname, ac.relname) FROM"                          \
	"   pg_partition_ancestors(c.oid) WITH ORDINALITY AS a (oid, k) JOIN part USING (oid)"    \
	"   JOIN pg_class ac USING (oid) JOIN pg_namespace an ON an.oid = ac.relnamespace"        \
	"   ORDER BY k DESC LIMIT 1), format('%I.%I', n.nspname, c.relname)),"                    \
	" pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid), c.relkind <> 'p'" \
	" FROM part JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace,"   \
	" above, LATERAL (SELECT coalesce(bool_and(ok), false) AS yes,"                           \
	"  string_agg(e.stamp, ',' ORDER BY e.stamp) AS stamp FROM ("                             \
	"   SELECT " filter " AS ok, pub.stamp || ':' || r.oid || ':' || r.xmin::text AS stamp"   \
	"    FROM pub JOIN pg_publication_rel r ON r.prpubid = pub.oid"                           \
	"    WHERE r.prrelid = c.oid OR r.prrelid IN (SELECT pg_partition_ancestors(c.oid))"      \
	"   UNION ALL SELECT true, pub.stamp FROM pub WHERE puballtables" schemas                 \
	"  ) AS e) AS m ORDER BY c.oid"

static const struct {
	int since;
	const char *sql;
} feeds_sql[] = {
	{ 150000,
		FEEDS_SQL(" WHERE NOT i.inhdetachpending", "r.prqual IS NULL AND r.prattrs IS NULL",
			" UNION ALL SELECT true, pub.stamp || ':' || s.oid || ':' || s.xmin::text"
			" FROM pub JOIN pg_publication_namespace s ON s.pnpubid = pub.oid"
			" WHERE s.pnnspid = c.relnamespace OR s.pnnspid IN (SELECT relnamespace"
			"  FROM pg_class WHERE oid IN (SELECT pg_partition_ancestors(c.oid)))") },
	{ 140000, FEEDS_SQL(" WHERE NOT i.inhdetachpending", "true", "") },
	{ 0, FEEDS_SQL("", "true", "") },
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
	struct pg_result *head = NULL, *rows = NULL;
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
	pg_clear(head);
	pg_clear(rows);
	if (ok && f->publication && c->deletions)
		c->identity = slot_has_identity(source, f->narrow);
	return ok && !pg_is_lost(source);
}
