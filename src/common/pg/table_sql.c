/* table_sql.c - the statements that merge rows into a table, in bulk or one by one. */
#include "pg/rights.h"
#include "pg/table_internal.h"

enum part { PART_KEY = 1, PART_SET = 2, PART_FIXED = 4, PART_ALL = 7 };

bool table_is_key(const struct table *t, uint32_t column)
{
	return names_find(&t->keys, t->columns.name[column]) != NAMES_NONE;
}

/* Is a key looked for, so that rows of one must not come twice? */
static bool merges(const struct table *t)
{
	return t->keys.n > 0 && t->conf.on_conflict != TABLE_ERROR;
}

static enum part part_of(const struct table *t, const struct written *w)
{
	if (table_is_key(t, w->to))
		return PART_KEY;
	return t->column[w->to].always ? PART_FIXED : PART_SET;
}

/* Appends the columns of these parts, each with `prefix`; how many they are. */
static size_t add_list(struct table *t, struct str *sql, const struct shape *s, unsigned parts,
	const char *prefix)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (!(part_of(t, &s->col[i]) & parts))
			continue;
		str_addf(sql, "%s%s%s", n++ ? ", " : "", prefix,
			pg_ident(t->pg, t->columns.name[s->col[i].to]));
	}
	return n;
}

static bool has(struct table *t, const struct shape *s, unsigned part)
{
	for (size_t i = 0; i < s->n; i++)
		if (part_of(t, &s->col[i]) & part)
			return true;
	return false;
}

void table_add_columns(struct table *t, struct str *sql, const struct shape *s, bool marks)
{
	str_addz(sql, " (");
	(void)add_list(t, sql, s, PART_ALL, "");
	if (marks && s->marked)
		str_addf(sql, ", %s", str_z(&t->has));
	str_addc(sql, ')');
}

/* What a statement sets columns to, where the source `s` may lack them. */
enum values {
	VALUES_NEW,   /* of s, or the default */
	VALUES_THERE, /* of s, or what the row `t` has */
	VALUES_STAGED_CONFLICT, /* of `excluded`, or what `t` has; all rows are marked alike */
	VALUES_CONFLICT, /* the same in the loop over single rows */
};

/* Appends the condition that column i is in the record whose mark is `mark`. */
static void add_has(struct str *sql, const char *mark, size_t i)
{
	str_addf(sql, "pg_catalog.substr(%s, %zu, 1) = '1'", mark, i + 1);
}

static void add_mark(const struct table *t, struct str *mark, enum values how)
{
	if (how == VALUES_CONFLICT)
		str_addz(mark, "ferry_r.m");
	else if (how == VALUES_STAGED_CONFLICT)
		str_addf(mark, "(SELECT pg_catalog.min(%s) FROM pg_temp.ferry_stage_0)",
			str_z(&t->has));
	else
		str_addf(mark, "s.%s", str_z(&t->has));
}

static void add_values(struct table *t, struct str *sql, const struct shape *s, unsigned parts,
	enum values how)
{
	const char *row = how <= VALUES_THERE ? "s." : "excluded.", *comma = "";
	AUTO_STR mark = { 0 };

	add_mark(t, &mark, how);
	for (size_t i = 0; i < s->n; i++) {
		const char *absent = t->column[s->col[i].to].absent;
		/* where NULL is the default it is in s already */
		bool either = s->col[i].optional && (how != VALUES_NEW || absent[0]);
		const char *name = pg_ident(t->pg, t->columns.name[s->col[i].to]);

		if (!(part_of(t, &s->col[i]) & parts))
			continue;
		str_addf(sql, "%s%s", comma, either ? "CASE WHEN " : "");
		if (either)
			add_has(sql, str_z(&mark), i);
		str_addf(sql, "%s%s%s", either ? " THEN " : "", row, name);
		if (either && how == VALUES_NEW)
			str_addf(sql, " ELSE %s END", absent);
		else if (either)
			str_addf(sql, " ELSE t.%s END", name);
		comma = ", ";
	}
}

/* ---- the rows of a merge --------------------------------------------------------------------- */

/* `value` is of type jsonb: what jsonb_populate_record() makes of it for this column. */
static void add_populated(struct table *t, struct str *sql, struct sl name, const char *value)
{
	str_addf(sql,
		"(pg_catalog.jsonb_populate_record(NULL::%s, "
		"pg_catalog.jsonb_build_object(%s, %s))).%s",
		str_z(&t->ident), pg_literal(t->pg, name), value, pg_ident(t->pg, name));
}

static void add_staged(struct table *t, struct str *sql, const struct shape *s)
{
	str_addf(sql, "SELECT %s%s%s", str_z(&t->row), s->marked ? ", " : "",
		s->marked ? str_z(&t->has) : "");
	for (size_t i = 0; i < s->n; i++) {
		struct sl name = t->columns.name[s->col[i].to];

		str_addz(sql, ", ");
		if (s->col[i].as_json) {
			add_populated(t, sql, name, pg_ident(t->pg, name));
			str_addz(sql, " AS ");
		}
		str_addz(sql, pg_ident(t->pg, name));
	}
	str_addz(sql, " FROM pg_temp.ferry_stage_0");
}

static void add_variables(struct table *t, struct str *sql, const struct shape *s)
{
	str_addz(sql, "SELECT");
	for (size_t i = 0; i < s->n; i++)
		str_addf(sql, "%s ferry_v%zu AS %s", i ? "," : "", i,
			pg_ident(t->pg, t->columns.name[s->col[i].to]));
	if (s->marked)
		str_addf(sql, ", ferry_r.m AS %s", str_z(&t->has));
}

/*
 * Appends the staged rows, each with the last value that there is of each column in a row of its
 * key, and marked so: the last row of a key then is what all of them come to.
 */
static void add_combined(struct table *t, struct str *sql, const struct shape *s)
{
	AUTO_STR keys = { 0 }, marks = { 0 };

	(void)add_list(t, &keys, s, PART_KEY, "");
	str_addf(sql, "SELECT %s, %s", str_z(&t->row), keys.p);
	for (size_t i = 0; i < s->n; i++) {
		const char *name = pg_ident(t->pg, t->columns.name[s->col[i].to]);

		str_addf(&marks, "%spg_catalog.max(pg_catalog.substr(%s, %zu, 1)) OVER"
				 " (PARTITION BY %s)",
			i ? " || " : "", str_z(&t->has), i + 1, keys.p);
		if (part_of(t, &s->col[i]) == PART_KEY)
			continue;
		str_addf(sql, ", pg_catalog.first_value(%s) OVER (PARTITION BY %s ORDER BY (",
			name, keys.p);
		add_has(sql, str_z(&t->has), i);
		str_addf(sql, ") DESC, %s DESC) AS %s", str_z(&t->row), name);
	}
	str_addf(sql, ", %s AS %s FROM (", marks.p, str_z(&t->has));
	add_staged(t, sql, s);
	str_addz(sql, ") AS c");
}

/* Appends ` FROM (…) AS s`: of several rows of a key the one that counts. */
static void add_source(struct table *t, struct str *sql, const struct shape *s, enum source from)
{
	bool by_key = from == SOURCE_STAGE && merges(t);

	str_addz(sql, " (");
	if (by_key) {
		str_addz(sql, "SELECT DISTINCT ON (");
		(void)add_list(t, sql, s, PART_KEY, "");
		str_addz(sql, ") * FROM (");
	}
	if (by_key && t->combines)
		add_combined(t, sql, s);
	else if (from == SOURCE_STAGE)
		add_staged(t, sql, s);
	else
		add_variables(t, sql, s);
	if (by_key) {
		str_addz(sql, ") AS x ORDER BY ");
		(void)add_list(t, sql, s, PART_KEY, "");
		str_addf(sql, ", %s%s", str_z(&t->row),
			t->conf.on_conflict == TABLE_IGNORE ? "" : " DESC");
	}
	str_addz(sql, ") AS s");
}

static void add_match(struct table *t, struct str *sql)
{
	for (size_t i = 0; i < t->keys.n; i++) {
		const char *k = pg_ident(t->pg, t->keys.name[i]);

		str_addf(sql, "%s(t.%s %s s.%s", i ? " AND " : "", k,
			t->column[names_find(&t->columns, t->keys.name[i])].equal.p, k);
		if (t->nulls_equal)
			str_addf(sql, " OR t.%s IS NULL AND s.%s IS NULL", k, k);
		str_addc(sql, ')');
	}
}

/* ---- steps ----------------------------------------------------------------------------------- */

/*
 * Old and new row are compared by image (*<>): so -0 replaces 0 and 1.00 replaces 1.0, and types
 * without an equality, such as json, can be compared too.
 */
static void add_differ(struct table *t, struct str *sql, const struct shape *s, unsigned parts,
	enum values how)
{
	str_addz(sql, "ROW(");
	(void)add_list(t, sql, s, parts, "t.");
	str_addz(sql, ")::record OPERATOR(pg_catalog.*<>) ROW(");
	add_values(t, sql, s, parts, how);
	str_addz(sql, ")::record");
}

/* In the order of the keys, so that two loaders cannot lock each other out. */
static void add_lock(struct table *t, struct str *sql, const struct shape *s, enum source from)
{
	bool updates = has(t, s, PART_SET) && t->conf.on_conflict != TABLE_IGNORE;

	str_addz(sql, "SELECT (SELECT count(*) FROM");
	add_source(t, sql, s, from);
	str_addz(sql, "), count(*), count(*) FILTER (WHERE differs) FROM (SELECT ");
	if (updates)
		add_differ(t, sql, s, PART_SET, VALUES_THERE);
	str_addf(sql, "%s AS differs FROM %s AS t,", updates ? "" : "false", str_z(&t->into));
	add_source(t, sql, s, from);
	str_addz(sql, " WHERE ");
	add_match(t, sql);
	if (updates) {
		str_addz(sql, " ORDER BY ");
		(void)add_list(t, sql, s, PART_KEY, "t.");
		str_addz(sql, " FOR NO KEY UPDATE OF t");
	}
	str_addz(sql, ") AS x");
}

static void add_fixed(struct table *t, struct str *sql, const struct shape *s, enum source from)
{
	str_addf(sql, "SELECT FROM %s AS t,", str_z(&t->into));
	add_source(t, sql, s, from);
	str_addz(sql, " WHERE ");
	add_match(t, sql);
	str_addz(sql, " AND ");
	add_differ(t, sql, s, PART_FIXED, VALUES_THERE);
}

static void add_set(
	struct table *t, struct str *sql, const struct shape *s, enum values how)
{
	str_addz(sql, "SET (");
	(void)add_list(t, sql, s, PART_SET, "");
	str_addz(sql, ") = ROW(");
	add_values(t, sql, s, PART_SET, how);
	str_addc(sql, ')');
}

static void add_update(struct table *t, struct str *sql, const struct shape *s, enum source from)
{
	str_addf(sql, "UPDATE %s AS t ", str_z(&t->into));
	add_set(t, sql, s, VALUES_THERE);
	str_addz(sql, " FROM");
	add_source(t, sql, s, from);
	str_addz(sql, " WHERE ");
	add_match(t, sql);
	str_addz(sql, " AND ");
	add_differ(t, sql, s, PART_SET, VALUES_THERE);
}

/*
 * Another session may have inserted a row of the key since, or a trigger have changed the key: so
 * it can still conflict. Of rows with different members nobody knows then which one it was; that is
 * an error, and they are tried again in smaller parts, down to a single row.
 */
static void add_conflict(struct table *t, struct str *sql, const struct shape *s, enum source from)
{
	bool nothing = t->conf.on_conflict == TABLE_IGNORE || !has(t, s, PART_SET);
	enum values how = from == SOURCE_STAGE ? VALUES_STAGED_CONFLICT : VALUES_CONFLICT;

	if (!nothing && from == SOURCE_STAGE && t->mixed)
		return;
	str_addz(sql, " ON CONFLICT (");
	(void)add_list(t, sql, s, PART_KEY, "");
	if (nothing) {
		str_addz(sql, ") DO NOTHING");
		return;
	}
	str_addz(sql, ") DO UPDATE ");
	add_set(t, sql, s, how);
	str_addz(sql, " WHERE ");
	add_differ(t, sql, s, PART_SET, how);
}

static bool writes_always(const struct table *t, const struct shape *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (t->column[s->col[i].to].always)
			return true;
	return false;
}

static void add_insert(struct table *t, struct str *sql, const struct shape *s, enum source from)
{
	bool by_key = merges(t);

	str_addf(sql, "INSERT INTO %s AS t", str_z(&t->into));
	table_add_columns(t, sql, s, false);
	str_addz(sql, writes_always(t, s) ? " OVERRIDING SYSTEM VALUE SELECT " : " SELECT ");
	add_values(t, sql, s, PART_ALL, VALUES_NEW);
	str_addz(sql, " FROM");
	add_source(t, sql, s, from);
	if (by_key) {
		str_addf(sql, " WHERE NOT EXISTS (SELECT FROM %s AS t WHERE ", str_z(&t->into));
		add_match(t, sql);
		str_addc(sql, ')');
	}
	if (from == SOURCE_STAGE) {
		str_addz(sql, " ORDER BY ");
		if (by_key)
			(void)add_list(t, sql, s, PART_KEY, "s.");
		else
			str_addf(sql, "s.%s", str_z(&t->row));
	}
	if (by_key)
		add_conflict(t, sql, s, from);
}

bool table_add_merge(struct table *t, struct str *sql, const struct shape *s, enum source from,
	enum merge_step step)
{
	enum table_conflict how = (enum table_conflict)t->conf.on_conflict;
	bool updates = t->keys.n > 0 && (how == TABLE_REPLACE || how == TABLE_UPDATE_ONLY);

	if (step == MERGE_LOCK && merges(t))
		add_lock(t, sql, s, from);
	else if (step == MERGE_FIXED && updates && has(t, s, PART_FIXED))
		add_fixed(t, sql, s, from);
	else if (step == MERGE_UPDATE && updates && has(t, s, PART_SET))
		add_update(t, sql, s, from);
	else if (step == MERGE_INSERT && how != TABLE_UPDATE_ONLY)
		add_insert(t, sql, s, from);
	else
		return false;
	return true;
}

bool table_add_marks(struct table *t, struct str *sql, const struct shape *s)
{
	if (!merges(t) || !s->marked || t->conf.on_conflict == TABLE_IGNORE)
		return false;
	str_addf(sql,
		"SELECT pg_catalog.bool_or(least <> most), pg_catalog.min(least) <> "
		"pg_catalog.max(most) FROM (SELECT pg_catalog.min(%s) AS least, "
		"pg_catalog.max(%s) AS most FROM pg_temp.ferry_stage_0 GROUP BY ",
		str_z(&t->has), str_z(&t->has));
	(void)add_list(t, sql, s, PART_KEY, "");
	str_addz(sql, ") AS x");
	return true;
}

/* ---- tables on the way ----------------------------------------------------------------------- */

/* Not AS SELECT: whoever may only insert need not be allowed to read. NOT NULL is left out. */
void table_add_stage(struct table *t, struct str *sql, const struct shape *s)
{
	if (!t->stages)
		rights_to_stage(t->pg);
	str_addf(sql,
		"CREATE TEMP TABLE ferry_stage_0 (%s bigint GENERATED ALWAYS AS IDENTITY, %s text",
		str_z(&t->row), str_z(&t->has));
	for (size_t i = 0; i < t->columns.n; i++) {
		const char *type = t->column[i].type.p;

		for (size_t c = 0; c < s->n; c++)
			if (s->col[c].to == i && s->col[c].as_json)
				type = "pg_catalog.jsonb";
		str_addf(sql, ", %s %s", pg_ident(t->pg, t->columns.name[i]), type);
	}
	str_addz(sql, ") ON COMMIT DELETE ROWS");
}

static void add_assignments(struct table *t, struct str *sql, const struct shape *s)
{
	for (size_t i = 0; i < s->n; i++) {
		AUTO_STR value = { 0 };

		str_addf(&value, "ferry_r.c%zu%s", i,
			s->col[i].as_json ? "::pg_catalog.jsonb" : "");
		str_addf(sql, "ferry_c := %zu; ferry_v%zu := ", i + 1, i);
		if (s->col[i].as_json)
			add_populated(t, sql, t->columns.name[s->col[i].to], str_z(&value));
		else
			str_add(sql, str_sl(&value));
		str_addz(sql, "; ");
	}
	str_addz(sql, "ferry_c := 0; ");
}

static void add_writes(struct table *t, struct str *sql, const struct shape *s)
{
	AUTO_STR fixed = { 0 };

	if (table_add_merge(t, &fixed, s, SOURCE_VARIABLES, MERGE_FIXED))
		str_addf(sql, "IF EXISTS (%s) THEN RAISE 'fixed' USING ERRCODE = '428C9'; END IF; ",
			str_z(&fixed));
	for (enum merge_step step = MERGE_UPDATE; step <= MERGE_INSERT; step++)
		if (table_add_merge(t, sql, s, SOURCE_VARIABLES, step))
			str_addz(sql, "; ");
}

/* Variables take a text as a column of their type does, with its length and its domain's checks. */
void table_add_loop(struct table *t, struct str *sql, const struct shape *s, bool write)
{
	AUTO_STR body = { 0 };

	str_addz(&body, "#variable_conflict use_column\nDECLARE ferry_r record; ferry_c int; "
			"ferry_s text; ferry_m text; ferry_d text; ");
	for (size_t i = 0; i < s->n; i++)
		str_addf(&body, "ferry_v%zu %s; ", i, t->column[s->col[i].to].type.p);
	str_addz(&body, "BEGIN FOR ferry_r IN SELECT * FROM pg_temp.ferry_raw AS r ORDER BY r.n "
			"LOOP BEGIN ");
	add_assignments(t, &body, s);
	if (write)
		add_writes(t, &body, s);
	str_addz(&body,
		"EXCEPTION WHEN OTHERS OR assert_failure THEN "
		"GET STACKED DIAGNOSTICS ferry_s = RETURNED_SQLSTATE, ferry_m = MESSAGE_TEXT, "
		"ferry_d = PG_EXCEPTION_DETAIL; "
		/* no row's fault, and it would only come again with the next one */
		"IF pg_catalog.left(ferry_s, 2) IN ('08', '25', '40', '53', '55', '57', '58', "
		"'XX') THEN RAISE; END IF; "
		"INSERT INTO pg_temp.ferry_bad VALUES (ferry_r.n, ferry_s, ferry_m, ferry_d, "
		"ferry_c); END; END LOOP; END");
	str_addf(sql, "DO %s", pg_literal(t->pg, str_sl(&body)));
}
