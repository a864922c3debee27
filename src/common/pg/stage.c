#include "pg/stage.h"

void stage_add_name(struct str *sql, const struct stage *stage)
{
	str_addf(sql, "pg_temp.ferry_stage_%u", stage->number);
}

void stage_prepare(struct pg *pg, struct stage *stage, const char *target, size_t shape)
{
	AUTO_STR sql = { 0 };

	if (stage->made && stage->shape == shape) {
		str_addz(&sql, "TRUNCATE ");
		stage_add_name(&sql, stage);
	} else {
		if (stage->made) {
			str_addz(&sql, "DROP TABLE ");
			stage_add_name(&sql, stage);
			str_addc(&sql, ';');
		}
		str_addz(&sql, "CREATE TEMP TABLE ");
		stage_add_name(&sql, stage);
		/* not LIKE: that copies NOT NULL, also where the target has a default */
		str_addf(&sql, " ON COMMIT DELETE ROWS AS SELECT * FROM %s WITH NO DATA", target);
	}
	pg_exec(pg, str_z(&sql));
	stage->made = true;
	stage->shape = shape;
}

static void add_list(struct pg *pg, struct str *sql, const char *prefix, const struct sl *names,
	size_t n)
{
	for (size_t i = 0; i < n; i++) {
		str_addz(sql, i ? ", " : "");
		str_addz(sql, prefix);
		pg_add_ident(pg, sql, names[i]);
	}
}

/* The value a column gets: a function of the one there (t) and the new one (excluded). */
static void add_value(struct pg *pg, struct str *sql, enum merge how, struct sl col)
{
	static const char *const before[] = { "coalesce(t.", "coalesce(excluded." };
	static const char *const between[] = { ", excluded.", ", t." };

	str_addz(sql, before[how]);
	pg_add_ident(pg, sql, col);
	str_addz(sql, between[how]);
	pg_add_ident(pg, sql, col);
	str_addc(sql, ')');
}

static void add_values(struct pg *pg, struct str *sql, enum merge how, const struct sl *cols,
	size_t n)
{
	for (size_t i = 0; i < n; i++) {
		str_addz(sql, i ? ", " : "");
		add_value(pg, sql, how, cols[i]);
	}
}

/*
 * A row that only has to be there, for what other tables have of it, is locked until then: whoever
 * would remove it as an empty one looks again.
 */
static void add_lock(struct pg *pg, struct str *sql, struct sl key)
{
	str_addz(sql, "UPDATE SET ");
	pg_add_ident(pg, sql, key);
	str_addz(sql, " = t.");
	pg_add_ident(pg, sql, key);
	str_addz(sql, " WHERE false");
}

/*
 * Old and new row are compared by image (*<>): so -0 replaces 0 and 1.00 replaces 1.0, and types
 * without an equality, such as json, can be compared too.
 */
static void add_changes(struct pg *pg, struct str *sql, enum merge how, const struct sl *cols,
	size_t n)
{
	str_addz(sql, "ROW(");
	add_list(pg, sql, "t.", cols, n);
	str_addz(sql, ")::record *<> ROW(");
	add_values(pg, sql, how, cols, n);
	str_addz(sql, ")::record");
}

static void add_update(struct pg *pg, struct str *sql, enum merge how, const struct sl *cols,
	size_t n)
{
	str_addz(sql, "UPDATE SET (");
	add_list(pg, sql, "", cols, n);
	str_addz(sql, ") = ROW(");
	add_values(pg, sql, how, cols, n);
	str_addz(sql, ") WHERE ");
	add_changes(pg, sql, how, cols, n);
}

/* Of staged rows, those that a merge would write, and those it would not though they differ. */
static void add_survey(struct pg *pg, struct str *sql, const struct stage *stage,
	const char *target, enum merge how, const struct sl *keys, size_t n_keys,
	const struct sl *cols, size_t n_cols)
{
	str_addz(sql, "SELECT count(*) FILTER (WHERE o.writes) AS writes, count(*) FILTER"
		      " (WHERE NOT o.writes AND o.differs) AS differs FROM (SELECT ");
	add_list(pg, sql, "t.", keys, 1);
	str_addz(sql, " IS NULL OR ");
	add_changes(pg, sql, how, cols, n_cols);
	str_addz(sql, " AS writes, ");
	add_changes(pg, sql, MERGE_OVERLAY, cols, n_cols);
	str_addz(sql, " AS differs FROM ");
	stage_add_name(sql, stage);
	str_addf(sql, " AS excluded LEFT JOIN %s AS t USING (", target);
	add_list(pg, sql, "", keys, n_keys);
	str_addz(sql, ")) AS o");
}

bool stage_merge(struct pg *pg, const struct stage *stage, const char *target, enum merge how,
	const struct sl *keys, size_t n_keys, const struct sl *cols, size_t n_cols, uint64_t rows,
	struct merged *merged)
{
	const char *comma = n_cols ? ", " : "";
	AUTO_STR sql = { 0 }, survey = { 0 };
	AUTO_RESULT *r = NULL, *now = NULL;
	uint64_t missing;

	add_survey(pg, &survey, stage, target, how, keys, n_keys, cols, n_cols);
	/* the survey is of the rows as they were before, and only made where it is needed */
	str_addf(&sql, "WITH s AS MATERIALIZED (%s), m AS (INSERT INTO %s AS t (", survey.p,
		target);
	add_list(pg, &sql, "", keys, n_keys);
	str_addz(&sql, comma);
	add_list(pg, &sql, "", cols, n_cols);
	str_addz(&sql, ") SELECT ");
	add_list(pg, &sql, "", keys, n_keys);
	str_addz(&sql, comma);
	add_list(pg, &sql, "", cols, n_cols);
	str_addz(&sql, " FROM ");
	stage_add_name(&sql, stage);
	str_addz(&sql, " ORDER BY ");
	add_list(pg, &sql, "", keys, n_keys);
	str_addz(&sql, " ON CONFLICT (");
	add_list(pg, &sql, "", keys, n_keys);
	str_addz(&sql, ") DO ");
	if (n_cols > 0)
		add_update(pg, &sql, how, cols, n_cols);
	else
		add_lock(pg, &sql, keys[0]);
	/* a row that was there is locked before it is written, which its new version shows */
	str_addz(&sql, " RETURNING t.xmax = '0'::xid AS added)"
		       " SELECT count(*) FILTER (WHERE added),"
		       " count(*) FILTER (WHERE NOT added),");
	str_addf(&sql,
		" CASE WHEN count(*) < %llu THEN (SELECT writes FROM s) - count(*) ELSE 0 END,"
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
