-- name: head_sql
SELECT txid_snapshot_xmin(s), txid_snapshot_xmax(s), p.oid, p.pubinsert,
	p.pubupdate OR p.pubdelete, p.pubtruncate
	FROM txid_current_snapshot() AS s LEFT JOIN pg_publication p ON p.pubname = $1;

-- The relations that feed the table: $1 the table, $2 the publication, NULL when polling. A stamp
-- is made of the rows of the catalog that make the relation a part of the table, and of the
-- publication: each has another xmin when it was made anew. A publication that tells of a table
-- above ours tells of it by that one's name. What differs by version stands between the parts:
-- partitions that are being detached, entries of a publication that leave nothing out, and whole
-- schemas in it.
-- part: tree
WITH RECURSIVE t AS (SELECT $1::oid AS oid, '' AS path UNION ALL
	SELECT i.inhrelid, t.path || '/' || i.xmin::text FROM pg_inherits i
		JOIN t ON i.inhparent = t.oid

-- part: feeds
), part AS (SELECT oid, string_agg(path, ',' ORDER BY path) AS path FROM t GROUP BY oid
), pub AS (SELECT *, oid || ':' || xmin::text AS stamp FROM pg_publication
		WHERE pubname = $2),
	above AS (SELECT EXISTS (SELECT FROM pg_partition_ancestors($1::oid) AS a (oid), pub
		LEFT JOIN pg_publication_rel r ON r.prpubid = pub.oid WHERE a.oid <> $1::oid
			AND pubviaroot AND (puballtables OR r.prrelid = a.oid)) AS hides)
SELECT c.oid, coalesce(pg_relation_filenode(c.oid), 0), format('%I.%I', n.nspname, c.relname),
	part.path || ' ' || coalesce(m.stamp, ''),
	$2::text IS NULL OR c.relkind = 'p' OR c.relkind = 'r' AND c.relpersistence = 'p'
		AND m.yes AND NOT hides,
	c.relkind = 'r' AND c.relpersistence = 'p' AND NOT hides,
	coalesce((SELECT format('%I.%I', an.nspname, ac.relname) FROM
		pg_partition_ancestors(c.oid) WITH ORDINALITY AS a (oid, k) JOIN part USING (oid)
		JOIN pg_class ac USING (oid) JOIN pg_namespace an ON an.oid = ac.relnamespace
		ORDER BY k DESC LIMIT 1), format('%I.%I', n.nspname, c.relname)),
	pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid), c.relkind <> 'p'
	FROM part JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace,
	above, LATERAL (SELECT coalesce(bool_and(ok), false) AS yes,
		string_agg(e.stamp, ',' ORDER BY e.stamp) AS stamp FROM (
			SELECT

-- part: published
AS ok, pub.stamp || ':' || r.oid || ':' || r.xmin::text AS stamp
	FROM pub JOIN pg_publication_rel r ON r.prpubid = pub.oid
	WHERE r.prrelid = c.oid OR r.prrelid IN (SELECT pg_partition_ancestors(c.oid))
UNION ALL SELECT true, pub.stamp FROM pub WHERE puballtables

-- part: order
) AS e) AS m ORDER BY c.oid

-- name: feeds_15_sql
{tree} WHERE NOT i.inhdetachpending
{feeds} r.prqual IS NULL AND r.prattrs IS NULL
{published} UNION ALL SELECT true, pub.stamp || ':' || s.oid || ':' || s.xmin::text
	FROM pub JOIN pg_publication_namespace s ON s.pnpubid = pub.oid
	WHERE s.pnnspid = c.relnamespace OR s.pnnspid IN (SELECT relnamespace
		FROM pg_class WHERE oid IN (SELECT pg_partition_ancestors(c.oid)))
{order};

-- name: feeds_14_sql
{tree} WHERE NOT i.inhdetachpending {feeds} true {published} {order};

-- name: feeds_12_sql
{tree} {feeds} true {published} {order};
