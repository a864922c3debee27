#include "pg/table_internal.h"

#include "pg/relation.h"
#include "pg/table.sql.h"
#include "stream/namelist.h"

/* ---- what there is --------------------------------------------------------------------------- */

/* Columns of facts: see read_facts(). */
enum fact {
	F_OID, F_KIND, F_SECURED, F_INSERT_RULE, F_ANY_RULE, F_DEFERS, F_ALLOWED, F_UNCHECKED,
	F_REFERRED, F_DROPS
};

static void add_column_of(struct table *t, const struct pg_result *r, size_t i)
{
	size_t n = names_add(&t->columns, pg_value(r, i, 0), NULL);

	mem_grow(&t->column, &t->columns_cap, n + 1, sizeof *t->column);
	t->column[n] = (struct column){
		.type = arena_dup(&t->texts, pg_value(r, i, 1)),
		.json = pg_true(r, i, 2),
		.nested = pg_true(r, i, 3),
		.nullable = pg_true(r, i, 4),
		.computed = pg_true(r, i, 5),
		.always = pg_true(r, i, 6),
		.required = pg_true(r, i, 7),
		.sequence = pg_is_null(r, i, 8) ? SL("") : arena_dup(&t->texts, pg_value(r, i, 8)),
		.absent = t->ruled || pg_is_null(r, i, 9)
				? NULL
				: arena_dup(&t->texts, pg_value(r, i, 9)).p,
		.equal = SL("="),
	};
}

/* ---- the key --------------------------------------------------------------------------------- */

size_t table_end_of_key(const struct pg_result *r, size_t i)
{
	size_t end = i + 1;

	while (end < pg_rows(r) && sl_eq(pg_value(r, end, 0), pg_value(r, i, 0)))
		end++;
	return end;
}

static bool is_the_key(const struct table *t, const struct pg_result *r, size_t i, size_t end)
{
	bool same = end - i == t->keys.n;

	for (; same && i < end; i++)
		same = names_find(&t->keys, pg_value(r, i, 1)) != NAMES_NONE;
	return same;
}

static NORETURN void no_such_key(const struct table *t, const struct pg_result *r)
{
	struct str list = { 0 };

	for (size_t i = 0; i < pg_rows(r); i++)
		str_addf(&list, "%s%s",
			i == 0 ? "" : sl_eq(pg_value(r, i, 0), pg_value(r, i - 1, 0)) ? "," : "; ",
			msg_q(pg_value(r, i, 1)));
	die_hint(EX_CONFIGURATION,
		"a key is what a unique index is of: valid, not deferrable, of columns and all "
		"rows",
		"--key %s is no key of %s%s%s", t->conf.keys, str_z(&t->ident),
		list.n > 0 ? "; its keys: " : ", which has none", str_z(&list));
}

static void check_key(struct table *t, const char *oid)
{
	/* unique keys that ON CONFLICT can use: a row for each column, with the key's equality */
	AUTO_RESULT *r = pg_ask(t->pg,
		pg_server_version(t->pg) >= 150000 ? unique_sql : unique_14_sql, oid);
	size_t i = 0, end = 0;

	for (; i < pg_rows(r); i = end) {
		end = table_end_of_key(r, i);
		if (is_the_key(t, r, i, end))
			break;
	}
	if (i == pg_rows(r))
		no_such_key(t, r);
	t->nulls_equal = pg_true(r, i, 3);
	for (; i < end; i++)
		t->column[names_find(&t->columns, pg_value(r, i, 1))].equal =
			arena_dup(&t->texts, pg_value(r, i, 2));
}

/* Is one a number, such as #3, which is told once there are columns? */
static bool is_numbered(const struct table *t)
{
	for (size_t i = 0; i < t->keys.n; i++)
		if (*t->keys.name[i].p == '#' &&
			names_find(&t->columns, t->keys.name[i]) == NAMES_NONE)
			return true;
	return false;
}

static void name_keys(struct table *t, const struct names *cols)
{
	AUTO_NAMES given = t->keys;

	t->keys = (struct names){ 0 };
	for (size_t i = 0; i < given.n; i++) {
		struct sl name = cols ? namelist_resolve(cols, given.name[i]) : given.name[i];

		if (cols && *name.p == '#' && names_find(cols, name) == NAMES_NONE)
			opt_usage("--key: there is no column %s", msg_q(name));
		(void)names_add(&t->keys, relation_cut(name), NULL);
	}
}

void table_name_keys(struct table *t, const struct names *cols)
{
	if (!is_numbered(t))
		return;
	name_keys(t, cols);
	table_read(t);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void take_facts(struct table *t, const struct pg_result *r)
{
	char kind = pg_valuez(r, 0, F_KIND)[0];
	const char *why = NULL;

	t->secured = pg_true(r, 0, F_SECURED) && pg_true(r, 0, F_ALLOWED);
	t->defers = pg_true(r, 0, F_DEFERS);
	t->foreign = kind == 'f';
	t->drops = pg_true(r, 0, F_DROPS);
	t->ruled = pg_true(r, 0, F_INSERT_RULE) || kind == 'v';
	/* COPY into a view counts also what an INSTEAD OF trigger drops */
	t->by_insert = pg_true(r, 0, F_SECURED) || pg_true(r, 0, F_INSERT_RULE) || kind == 'v';
	if (kind == 'v')
		why = "a view";
	else if (kind == 'f')
		why = "a foreign table";
	else if (pg_true(r, 0, F_ANY_RULE))
		why = "a table with rules";
	if (why && t->conf.keys)
		die(EX_CONFIGURATION, "--key: %s is %s, where rows cannot be replaced by a key",
			str_z(&t->ident), why);
	if (kind == 'v' && t->conf.truncate)
		die(EX_CONFIGURATION, "--truncate: %s is a view", str_z(&t->ident));
	if (t->conf.truncate && !pg_is_null(r, 0, F_REFERRED))
		die_hint(EX_CONFIGURATION, "--key replaces rows one by one",
			"--truncate: other tables refer to %s: %s", str_z(&t->ident),
			pg_valuez(r, 0, F_REFERRED));
	t->unchecked = t->conf.truncate && pg_true(r, 0, F_UNCHECKED);
}

/* A name like this that no column has. */
static void free_name(const struct table *t, struct str *name, const char *like)
{
	str_clear(name);
	str_addz(name, like);
	while (names_find(&t->columns, str_sl(name)) != NAMES_NONE)
		str_addc(name, '_');
}

void table_read(struct table *t)
{
	AUTO_RESULT *facts = pg_ask(t->pg, facts_sql, t->schema.p, t->name.p), *r = NULL;

	t->exists = pg_rows(facts) > 0;
	if (t->exists) {
		take_facts(t, facts);
		r = pg_ask(t->pg, columns_sql, pg_valuez(facts, 0, F_OID), str_z(&t->ident));
		for (size_t i = 0; i < pg_rows(r); i++)
			add_column_of(t, r, i);
		if (t->keys.n > 0 && !is_numbered(t))
			check_key(t, pg_valuez(facts, 0, F_OID));
	}
	free_name(t, &t->row, "ferry_row");
	free_name(t, &t->has, "ferry_has");
}

/* Names are compared with their case; who is used to psql may not expect that. */
static NORETURN void no_such_table(const struct table *t)
{
	struct pg_result *r = pg_ask(t->pg, alike_sql, t->schema.p, t->name.p);
	struct str hint = { 0 };

	if (pg_rows(r) > 0)
		str_addf(&hint, "there is %s; ", pg_valuez(r, 0, 0));
	str_addz(&hint, "--create makes it");
	die_hint(EX_CONFIGURATION, str_z(&hint), "no such table, target: %s", str_z(&t->ident));
}

static struct sl keep_name(struct table *t, const struct str *name)
{
	return arena_dup(&t->texts, relation_cut(str_sl(name)));
}

struct table *table_open(struct pg *pg, const struct table_conf *conf)
{
	struct table *t = mem_zalloc(sizeof *t);
	AUTO_STR schema = { 0 }, name = { 0 };

	t->pg = pg;
	t->conf = *conf;
	relation_split(conf->name, &schema, &name);
	t->schema = keep_name(t, &schema);
	t->name = keep_name(t, &name);
	str_addz(&t->ident, pg_table(pg, t->schema, t->name));
	str_add(&t->into, str_sl(&t->ident));
	if (conf->keys) {
		namelist_split(&t->keys, conf->keys, "key");
		name_keys(t, NULL);
	}
	table_read(t);
	if (!t->exists && !conf->create)
		no_such_table(t);
	return t;
}

bool table_exists(const struct table *t)
{
	return t->exists;
}

bool table_has_key(const struct table *t, struct sl column)
{
	return names_find(&t->keys, column) != NAMES_NONE;
}

bool table_defers(const struct table *t)
{
	return t->defers || t->unchecked;
}

const struct table_counts *table_counts(const struct table *t)
{
	return &t->counts;
}
