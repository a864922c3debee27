#include "pg/stage.h"

#include "pg/rights.h"

bool stage_prepare(struct pg *pg, struct stage *stage, const char *target, size_t shape)
{
	AUTO_STR sql = { 0 };

	if (stage->made && stage->shape == shape) {
		pg_execf(pg, "TRUNCATE " STAGE_NAME, stage->number);
		return true;
	}
	str_addz(&sql, "SAVEPOINT ferry_stage;");
	if (stage->made)
		str_addf(&sql, "DROP TABLE " STAGE_NAME ";", stage->number);
	/* not LIKE: that copies NOT NULL, also where the target has a default */
	str_addf(&sql,
		"CREATE TEMP TABLE " STAGE_NAME " ON COMMIT DELETE ROWS AS"
		" SELECT * FROM %s WITH NO DATA; RELEASE SAVEPOINT ferry_stage",
		stage->number, target);
	if (!pg_try_exec(pg, str_z(&sql))) {
		bool denied = strcmp(pg_sqlstate(pg), "42501") == 0;

		pg_exec(pg, "ROLLBACK TO SAVEPOINT ferry_stage");
		if (denied)
			rights_to_stage(pg); /* or it is the table's fault */
		return false;
	}
	stage->made = true;
	stage->shape = shape;
	return true;
}

static void add_list(
	struct pg *pg, struct str *sql, const char *prefix, const struct stage_target *to)
{
	for (size_t i = 0; i < to->n; i++)
		str_addf(sql, "%s%s%s", i ? ", " : "", prefix, pg_ident(pg, to->cols[i]));
}

/* What columns get: a function of the value there (t) and the new one (excluded). */
static void add_values(
	struct pg *pg, struct str *sql, enum merge how, const struct stage_target *to)
{
	const char *first = how == MERGE_FILL ? "t" : "excluded";
	const char *second = how == MERGE_FILL ? "excluded" : "t";

	for (size_t i = 0; i < to->n; i++) {
		const char *name = pg_ident(pg, to->cols[i]);

		str_addf(sql, "%scoalesce(%s.%s, %s.%s)", i ? ", " : "", first, name, second, name);
	}
}

/*
 * Old and new row are compared by image (*<>): so -0 replaces 0 and 1.00 replaces 1.0, and types
 * without an equality, such as json, can be compared too.
 */
static void add_changes(
	struct pg *pg, struct str *sql, enum merge how, const struct stage_target *to)
{
	str_addz(sql, "ROW(");
	add_list(pg, sql, "t.", to);
	str_addz(sql, ")::record *<> ROW(");
	add_values(pg, sql, how, to);
	str_addz(sql, ")::record");
}

static void add_update(struct pg *pg, struct str *sql, const struct stage_target *to)
{
	str_addz(sql, "UPDATE SET (");
	add_list(pg, sql, "", to);
	str_addz(sql, ") = ROW(");
	add_values(pg, sql, to->how, to);
	str_addz(sql, ") WHERE ");
	add_changes(pg, sql, to->how, to);
}

/* Of staged rows, those that a merge would write, and those it would not though they differ. */
static void add_survey(struct pg *pg, struct str *sql, const struct stage *stage,
	const struct stage_target *to)
{
	const char *key = pg_ident(pg, to->key);

	str_addf(sql,
		"SELECT count(*) FILTER (WHERE o.writes) AS writes, count(*) FILTER"
		" (WHERE NOT o.writes AND o.differs) AS differs FROM (SELECT t.%s IS NULL OR ",
		key);
	add_changes(pg, sql, to->how, to);
	str_addz(sql, " AS writes, ");
	add_changes(pg, sql, MERGE_OVERLAY, to);
	str_addf(sql,
		" AS differs FROM " STAGE_NAME " AS excluded LEFT JOIN %s AS t USING (%s)) AS o",
		stage->number, to->name, pg_ident(pg, to->key));
}

bool stage_merge(struct pg *pg, const struct stage *stage, const struct stage_target *to,
	uint64_t rows, struct merged *merged)
{
	AUTO_STR sql = { 0 }, survey = { 0 }, columns = { 0 };
	AUTO_RESULT *r = NULL, *now = NULL;
	const char *key;
	uint64_t missing;

	str_addf(&columns, "%s%s", pg_ident(pg, to->key), to->n > 0 ? ", " : "");
	add_list(pg, &columns, "", to);
	add_survey(pg, &survey, stage, to);
	/* the survey is of the rows as they were before, and only made where it is needed */
	key = pg_ident(pg, to->key);
	str_addf(&sql,
		"WITH s AS MATERIALIZED (%s), m AS (INSERT INTO %s AS t (%s) SELECT %s"
		" FROM " STAGE_NAME " ORDER BY %s ON CONFLICT (%s) DO ",
		survey.p, to->name, columns.p, columns.p, stage->number, key, key);
	/*
	 * A row that only has to be there, for what other tables have of it, is locked until then:
	 * whoever would remove it as an empty one looks again.
	 */
	if (to->n > 0)
		add_update(pg, &sql, to);
	else
		str_addf(&sql, "UPDATE SET %s = t.%s WHERE false", key, key);
	/*
	 * A row that was there is locked before it is written, which its new version shows. More
	 * than the survey saw is written where others have cleared cells meanwhile.
	 */
	str_addz(&sql, " RETURNING t.xmax = '0'::xid AS added)"
		       " SELECT count(*) FILTER (WHERE added),"
		       " count(*) FILTER (WHERE NOT added),");
	str_addf(&sql,
		" CASE WHEN count(*) < %llu THEN greatest((SELECT writes FROM s) - count(*), 0)"
		" ELSE 0 END,"
		" CASE WHEN count(*) < %llu THEN (SELECT differs FROM s) ELSE 0 END FROM m",
		(unsigned long long)rows, (unsigned long long)rows);
	r = pg_try_query(pg, str_z(&sql), 0, NULL);
	if (r) {
		merged->inserted += pg_count(r, 0, 0);
		merged->updated += pg_count(r, 0, 1);
		merged->superseded += pg_count(r, 0, 3);
		/* what another session has written meanwhile was dropped by nobody */
		if ((missing = pg_count(r, 0, 2)) > 0)
			now = pg_query(pg, survey.p, 0, NULL);
		merged->dropped += now && pg_count(now, 0, 0) > 0 ? missing : 0;
	}
	return r != NULL;
}
