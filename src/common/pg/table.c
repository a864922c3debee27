#include "pg/table_internal.h"

#include "core/clock.h"
#include "pg/relation.h"
#include "pg/rights.h"
#include "pg/table.sql.h"
#include "stream/namelist.h"

/* ---- what there is --------------------------------------------------------------------------- */

/* Columns of facts: see read_facts(). */
enum fact {
	F_OID, F_KIND, F_SECURED, F_INSERT_RULE, F_ANY_RULE, F_DEFERS, F_ALLOWED, F_UNCHECKED,
	F_REFERRED, F_DROPS, F_STAGES
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

static void check_key(struct table *t)
{
	/* unique keys that ON CONFLICT can use: a row for each column, with the key's equality */
	AUTO_RESULT *r = pg_ask(t->pg,
		pg_server_version(t->pg) >= 150000 ? unique_sql : unique_14_sql, str_z(&t->ident));
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

/* ---- reading --------------------------------------------------------------------------------- */

static void take_facts(struct table *t, const struct pg_result *r)
{
	char kind = pg_valuez(r, 0, F_KIND)[0];
	const char *why = NULL;

	t->secured = pg_true(r, 0, F_SECURED) && pg_true(r, 0, F_ALLOWED);
	t->defers = pg_true(r, 0, F_DEFERS);
	t->foreign = kind == 'f';
	t->drops = pg_true(r, 0, F_DROPS);
	t->stages = pg_true(r, 0, F_STAGES);
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
			"--truncate: other tables refer to %s, or inherit from it: %s",
			str_z(&t->ident), pg_valuez(r, 0, F_REFERRED));
	if (t->conf.truncate && pg_true(r, 0, F_SECURED))
		die_hint(EX_CONFIGURATION, "--key replaces rows one by one",
			"--truncate: %s has row-level security: rows that are hidden from the role "
			"would go, too",
			str_z(&t->ident));
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

static void read_table(struct table *t)
{
	AUTO_RESULT *facts = pg_ask(t->pg, facts_sql, t->schema.p, t->name.p), *r = NULL;

	t->exists = pg_rows(facts) > 0;
	if (t->exists) {
		take_facts(t, facts);
		r = pg_ask(t->pg, columns_sql, pg_valuez(facts, 0, F_OID), str_z(&t->ident));
		for (size_t i = 0; i < pg_rows(r); i++)
			add_column_of(t, r, i);
		if (t->keys.n > 0 && !is_numbered(t))
			check_key(t);
	}
	free_name(t, &t->row, "ferry_row");
	free_name(t, &t->has, "ferry_has");
}

void table_name_keys(struct table *t, const struct names *cols)
{
	if (!is_numbered(t))
		return;
	name_keys(t, cols);
	read_table(t);
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
	read_table(t);
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

/* ---- columns, tables made for them, and what is done at the end ------------------------------ */

/* ---- types ----------------------------------------------------------------------------------- */

/* NULL, or the type where this --column-type is of the column, by its name or number. */
static const char *type_for(const struct table *t, const char *given, struct sl name)
{
	const char *type = strrchr(given, '=');
	struct sl of = { given, type ? (size_t)(type - given) : 0 };

	return sl_eq(namelist_resolve(t->cols, of), name) ? type + 1 : NULL;
}

static const char *given_type(const struct table *t, struct sl name)
{
	const char *type = NULL;

	for (size_t i = 0; !type && i < t->conf.types.n; i++)
		type = type_for(t, t->conf.types.v[i].p, name);
	return type;
}

void table_type(struct table *t, struct sl name, const char *type)
{
	size_t i = names_add(&t->types, relation_cut(name), NULL);

	mem_grow(&t->type, &t->types_cap, i + 1, sizeof *t->type);
	t->type[i] = type;
}

/* The type of a column that is made: --column-type, what was inferred, or text. */
static const char *type_of(const struct table *t, struct sl name)
{
	const char *given = given_type(t, name);
	size_t i = names_find(&t->types, relation_cut(name));

	return given ? given : i != NAMES_NONE ? t->type[i] : "text";
}

void table_check_conf(const struct table_conf *conf)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_ ,.()[]\"";
	AUTO_NAMES keys = { 0 }, names = { 0 };

	relation_check(conf->name);
	if (conf->keys)
		namelist_split(&keys, conf->keys, "key");
	for (size_t i = 0; i < conf->types.n; i++) {
		const char *given = conf->types.v[i].p, *type = strrchr(given, '=');
		struct sl name = { given, type ? (size_t)(type - given) : 0 };

		/* TYPE goes into the statement as it is: it must look like one, and no more */
		if (!name.n || !type[1] || strspn(type + 1, letters) != strlen(type + 1))
			opt_usage("--column-type: not NAME=TYPE: %s", msg_q(sl_of(given)));
		if (names_add(&names, name, NULL) != i)
			opt_usage("--%s: column %s is named twice", "column-type", msg_q(name));
	}
}

/* A type for a column that never came was meant for another name. */
static void check_met(const struct table *t)
{
	const char *option = t->conf.types.n > 0 ? "--column-type" : "--infer";

	if ((t->conf.types.n > 0 || t->conf.infer) && t->exists && !t->created)
		msg_warn("%s: %s was there already, with types of its own", option,
			str_z(&t->ident));
	for (size_t i = 0; i < t->conf.types.n; i++) {
		bool met = false;

		for (size_t c = 0; t->cols && c < t->cols->n && !met; c++)
			met = type_for(t, t->conf.types.v[i].p, t->cols->name[c]);
		if (!met)
			die_hint(EX_DATA, "names are compared with their case",
				"--column-type %s: the input has no such column",
				t->conf.types.v[i].p);
	}
}

/* ---- making ---------------------------------------------------------------------------------- */

void table_must_have(const struct table *t, struct sl key)
{
	for (size_t i = 0; i < t->cols->n; i++)
		if (sl_eq(relation_cut(t->cols->name[i]), key))
			return;
	die(EX_DATA, "the input has no column %s, a key", msg_q(key));
}

static void add_create(struct table *t, struct str *sql)
{
	str_addf(sql, "SAVEPOINT ferry_create; SET LOCAL lock_timeout = 0; CREATE TABLE %s (",
		str_z(&t->ident));
	for (size_t i = 0; i < t->cols->n; i++)
		str_addf(sql, "%s%s %s", i ? ", " : "",
			pg_ident(t->pg, relation_cut(t->cols->name[i])),
			type_of(t, t->cols->name[i]));
	for (size_t i = 0; i < t->keys.n; i++)
		str_addf(sql, "%s%s", i ? ", " : ", PRIMARY KEY (",
			pg_ident(t->pg, t->keys.name[i]));
	str_addz(sql, t->keys.n ? "))" : ")");
}

/* False where there is something of that name, and the transaction goes on. */
static bool try_create(struct table *t, const char *sql)
{
	bool made = pg_try_exec(t->pg, sql);

	if (!made && !pg_state_is(pg_sqlstate(t->pg), "42P07 42710 23505"))
		pg_die(t->pg, "cannot make the table");
	/* back to the lock_timeout there was */
	if (!made)
		pg_exec(t->pg, "ROLLBACK TO SAVEPOINT ferry_create");
	pg_exec(t->pg, "RELEASE SAVEPOINT ferry_create");
	return made;
}

/*
 * Somebody else may be making the same table: then this waits for him, however long he loads, and
 * the table is taken as it is. Of one that is committed in the midst of this, PostgreSQL looks for
 * the table, and then finds its type (42710).
 */
static void create_table(struct table *t)
{
	AUTO_STR sql = { 0 };

	for (size_t i = 0; i < t->keys.n; i++)
		table_must_have(t, t->keys.name[i]);
	add_create(t, &sql);
	t->created = try_create(t, str_z(&sql));
	read_table(t);
	if (!t->exists)
		die_hint(EX_EXISTS, "choose another name, or drop the type",
			"cannot make the table: there is a type %s already", str_z(&t->ident));
}

/* A table made in this run grows with the input: NDJSON may name a column late. */
static void add_column(struct table *t, struct sl name)
{
	pg_execf(t->pg, "ALTER TABLE %s ADD COLUMN %s %s", str_z(&t->ident),
		pg_ident(t->pg, relation_cut(name)), type_of(t, name));
	read_table(t);
}

/*
 * Nobody else exchanges the rows meanwhile: two would each have read the table, and then each wait
 * for the other. Like who makes a table, the second waits as long as the first one loads; others
 * may read and write.
 */
static void lock_renewed(struct table *t)
{
	pg_execf(t->pg,
		"SET LOCAL lock_timeout = 0; LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE; "
		"SET LOCAL lock_timeout = '" PG_LOCK_TIMEOUT "'",
		str_z(&t->ident));
}

/*
 * The rows that will replace those of the table gather in one of the session's own, which has the
 * same columns, keys and checks: readers of the table wait only for the exchange at the end.
 */
static void make_renewed(struct table *t)
{
	AUTO_STR sql = { 0 };

	rights_to_stage(t->pg);
	t->renewed = true;
	str_clear(&t->into);
	str_addz(&t->into, "pg_temp." TABLE_LOADED);
	if (!t->foreign)
		lock_renewed(t);
	str_addf(&sql,
		"CREATE TEMP TABLE " TABLE_LOADED
		" (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS "
		"INCLUDING INDEXES INCLUDING GENERATED) ON COMMIT DROP",
		str_z(&t->ident));
	for (size_t i = 0; i < t->columns.n; i++) {
		t->column[i].always = false;
		if (t->column[i].sequence.n == 0)
			continue;
		str_addf(&sql,
			"; ALTER TABLE pg_temp." TABLE_LOADED
			" ALTER COLUMN %s SET DEFAULT pg_catalog.nextval(%s)",
			pg_ident(t->pg, t->columns.name[i]),
			pg_literal(t->pg, t->column[i].sequence));
	}
	pg_exec(t->pg, str_z(&sql));
	t->by_insert = t->secured = t->defers = t->drops = false;
}

#define LOCK_TRIES 8

static NORETURN void die_locked(struct table *t)
{
	AUTO_RESULT *r = pg_query(t->pg, holders_sql, 1, (const char *[]){ str_z(&t->ident) });

	die_hint(EX_BUSY, "run it again, or end that session",
		"cannot exchange the rows of %s: it is in use by the session %s", str_z(&t->ident),
		pg_is_null(r, 0, 0) ? "?" : pg_valuez(r, 0, 0));
}

/* Who asks for a lock holds up all who come later: so it is asked for briefly, and again. */
static void lock_alone(struct table *t)
{
	AUTO_STR sql = { 0 };

	str_addf(&sql, "LOCK TABLE %s IN ACCESS EXCLUSIVE MODE", str_z(&t->ident));
	for (int tries = 1; !t->foreign; tries++) {
		pg_exec(t->pg, "SAVEPOINT ferry_lock; SET LOCAL lock_timeout = '200ms'");
		if (pg_try_exec(t->pg, str_z(&sql)))
			break;
		if (strcmp(pg_sqlstate(t->pg), "55P03") != 0)
			pg_die(t->pg, "cannot exchange the rows of the table");
		pg_exec(t->pg, "ROLLBACK TO SAVEPOINT ferry_lock");
		if (tries == LOCK_TRIES)
			die_locked(t);
		clock_sleep(CLOCK_US_PER_SEC);
	}
	pg_exec(t->pg, "SET LOCAL lock_timeout = '" PG_LOCK_TIMEOUT "'");
}

static void exchange(struct table *t)
{
	AUTO_STR sql = { 0 }, insert = { 0 }, list = { 0 };
	AUTO_RESULT *r = NULL;

	for (size_t i = 0; i < t->columns.n; i++)
		if (!t->column[i].computed)
			str_addf(&list, "%s%s", list.n ? ", " : "",
				pg_ident(t->pg, t->columns.name[i]));
	str_addf(&sql, "TRUNCATE %s", str_z(&t->ident));
	str_addf(&insert,
		"INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM %s",
		str_z(&t->ident), str_z(&list), str_z(&list), str_z(&t->into));
	lock_alone(t);
	pg_exec(t->pg, str_z(&sql));
	r = pg_try_query(t->pg, str_z(&insert), 0, NULL);
	t->refused = !r && t->unchecked && copybuf_is_row_fault(pg_sqlstate(t->pg));
	if (t->refused)
		return;
	if (!r)
		pg_die(t->pg, "cannot exchange the rows of the table");
	t->counts.dropped += t->counts.inserted - pg_affected(r);
	t->counts.inserted = pg_affected(r);
}

void table_into_itself(struct table *t)
{
	lock_alone(t);
	pg_execf(t->pg, "TRUNCATE %s", str_z(&t->ident));
	t->renewed = false;
	str_clear(&t->into);
	str_add(&t->into, str_sl(&t->ident));
	read_table(t);
}

/* ---- the stream's columns -------------------------------------------------------------------- */

size_t table_unknown(const struct table *t, struct str *list)
{
	size_t n = 0;

	for (size_t i = 0; t->cols && i < t->cols->n; i++)
		if (names_find(&t->columns, relation_cut(t->cols->name[i])) == NAMES_NONE &&
			n++ < 5)
			str_addf(list, "%s%s", list->n ? ", " : "", msg_q(t->cols->name[i]));
	str_addz(list, n > 5 ? ", …" : "");
	return n;
}

static NORETURN void unknown_columns(struct table *t)
{
	bool is_op = names_find(t->cols, SL("op")) != NAMES_NONE &&
		     names_find(&t->columns, SL("op")) == NAMES_NONE;
	struct str list = { 0 };

	(void)table_unknown(t, &list);
	die_hint(EX_DATA,
		is_op ? N_("op marks deletions (d), which only --wide carries out")
		      : N_("--ignore-unknown leaves them out; names are compared with their case"),
		"%s has no column %s", str_z(&t->ident), str_z(&list));
}

static void refuse_twins(const struct table *t, size_t i)
{
	struct sl name = relation_cut(t->cols->name[i]);

	for (size_t c = 0; name.n < t->cols->name[i].n && c < t->cols->n; c++)
		if (c != i && sl_eq(relation_cut(t->cols->name[c]), name))
			die(EX_DATA, "columns %s and %s have the same first 63 bytes, "
				     "which is all of a name that PostgreSQL keeps",
				msg_q(t->cols->name[c]), msg_q(t->cols->name[i]));
}

static void take_column(struct table *t, size_t i)
{
	struct sl name = relation_cut(t->cols->name[i]);
	size_t at = names_find(&t->columns, name);

	if (t->created && at == NAMES_NONE) {
		add_column(t, name);
		at = names_find(&t->columns, name);
	}
	t->to[i] = at == NAMES_NONE ? NOWHERE : (uint32_t)at;
	if (at == NAMES_NONE && !t->conf.ignore_unknown)
		unknown_columns(t);
	if (at != NAMES_NONE && t->column[at].computed) {
		msg_note("column %s is computed by the table: what the input has of it is "
			 "left out",
			msg_q(name));
		t->to[i] = NOWHERE;
	}
	t->n_wanted += t->to[i] != NOWHERE;
}

void table_cols(struct table *t, const struct names *cols, bool json)
{
	t->cols = cols;
	t->json = json;
	for (size_t i = t->n_cols; i < cols->n; i++)
		refuse_twins(t, i);
	if (!t->exists && cols->n > 0)
		create_table(t);
	if (t->conf.truncate && !t->created && !t->renewed && !t->refused && cols->n > 0)
		make_renewed(t);
	mem_grow(&t->to, &t->to_cap, cols->n, sizeof *t->to);
	for (; t->n_cols < cols->n; t->n_cols++)
		take_column(t, t->n_cols);
	if (t->n_wanted == 0 && cols->n > 0)
		die(EX_DATA, "%s has none of the input's columns", str_z(&t->ident));
}

/* ---- the end --------------------------------------------------------------------------------- */

void table_finish(struct table *t, bool last)
{
	table_flush(t);
	table_retry(t);
	/* without its index COPY had let all in; now the lock of that keeps it */
	if (t->keys.n > 0 && t->n_cols > 0)
		check_key(t);
	if (!last)
		return;
	check_met(t);
	/* an input without a record, such as [], may name no column either */
	if (t->conf.truncate && t->exists && !t->created && !t->renewed && !t->refused)
		make_renewed(t);
	if (t->renewed)
		exchange(t);
}

bool table_check(struct table *t)
{
	if (t->refused && t->renewed)
		return false;
	if (!pg_try_exec(t->pg, "SET CONSTRAINTS ALL IMMEDIATE")) {
		t->refused = t->renewed && t->unchecked;
		t->defers |= t->refused;
		if (t->immediate || !t->defers || !copybuf_is_row_fault(pg_sqlstate(t->pg)))
			pg_die(t->pg, "cannot commit");
		return false;
	}
	t->before = t->counts;
	t->immediate = false;
	return true;
}

/*
 * A row when the sequence of the column is behind what was loaded: its next number, what was
 * loaded, the number of the sequence from which it can go on, and whether there is one behind that.
 * `ask`: what was loaded is asked of the table; NULL when that cannot be.
 */
static struct pg_result *ask_behind(struct table *t, const struct column *c, struct sl column,
	bool ask)
{
	const char *of = pg_ident(t->pg, column), *from = str_z(&t->ident);
	AUTO_STR sql = { 0 }, most = { 0 }, least = { 0 };
	struct pg_result *r;

	str_addf(&most, ask ? "(SELECT pg_catalog.max(%2$s) FROM %3$s WHERE %2$s <= %1$lld)"
			    : "%1$lld", (long long)c->greatest, of, from);
	str_addf(&least, ask ? "(SELECT pg_catalog.min(%2$s) FROM %3$s WHERE %2$s >= %1$lld)"
			     : "%1$lld", (long long)c->least, of, from);
	str_addf(&sql,
		"SELECT next, n, on_from, on_from + by BETWEEN seqmin AND seqmax FROM (SELECT *, "
		"next + pg_catalog.div(n - next + by - pg_catalog.sign(by), by) * by AS on_from "
		"FROM (SELECT q.*, by, last_value + is_called::int * by AS next, "
		"CASE WHEN by > 0 THEN %s ELSE %s END AS n FROM %s, pg_catalog.pg_sequence AS q, "
		"LATERAL (SELECT seqincrement::numeric AS by) AS b "
		"WHERE seqrelid = %s::pg_catalog.regclass) AS s WHERE (n - next) * by >= 0) AS x",
		str_z(&most), str_z(&least), c->sequence.p, pg_literal(t->pg, c->sequence));
	pg_exec(t->pg, "SAVEPOINT ferry_behind");
	r = pg_try_query(t->pg, str_z(&sql), 0, NULL);
	/* no right to read the column, or its type is no number's */
	if (!r && !pg_state_is(pg_sqlstate(t->pg), "42501 42883"))
		pg_die(t->pg, "cannot look at the sequence");
	pg_exec(t->pg, r ? "RELEASE SAVEPOINT ferry_behind" : "ROLLBACK TO SAVEPOINT ferry_behind");
	return r;
}

static void mend_sequence(struct table *t, size_t i, const struct pg_result *r, bool advance)
{
	const char *name = msg_q(t->columns.name[i]);

	if (pg_rows(r) == 0)
		return;
	if (!pg_true(r, 0, 3))
		msg_warn("column %s now has %s, and its sequence has no number behind that: it is "
			 "left as it is",
			name, pg_valuez(r, 0, 1));
	else if (advance)
		pg_run(t->pg, advance_sql, t->column[i].sequence.p, pg_valuez(r, 0, 2));
	else
		msg_warn("column %s now has %s, and its sequence will give %s next: "
			 "--advance-sequences mends that",
			name, pg_valuez(r, 0, 1), pg_valuez(r, 0, 0));
}

void table_sequences(struct table *t, bool advance, bool all)
{
	all &= t->counts.skipped + t->counts.dropped + t->counts.superseded +
		t->counts.updated == 0;
	for (size_t i = 0; i < t->columns.n; i++) {
		const struct column *c = &t->column[i];
		struct sl name = t->columns.name[i];
		AUTO_RESULT *sent = c->any ? ask_behind(t, c, name, false) : NULL;
		AUTO_RESULT *r = NULL;

		/* behind what was sent; of which not all may be in the table */
		if (!sent || pg_rows(sent) == 0)
			continue;
		r = all ? NULL : ask_behind(t, c, name, true);
		if (all || r)
			mend_sequence(t, i, all ? sent : r, advance);
		else
			msg_warn("whether the sequence of column %s is behind is not known: "
				 "not all that was sent is there, and it may not be read",
				msg_q(name));
	}
}
