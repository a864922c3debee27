/* table_make.c - the stream's columns, tables made for them, and what is done at the end. */
#include "pg/table_internal.h"

#include "core/clock.h"
#include "core/num.h"
#include "pg/relation.h"
#include "pg/table_make.sql.h"
#include "stream/namelist.h"

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

/* TYPE goes into the statement as it is: so it must look like a type, and nothing else. */
static void check_types(const struct table *t)
{
	for (size_t i = 0; i < t->conf.types.n; i++) {
		const char *type = strrchr(t->conf.types.v[i].p, '=');
		static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					      "0123456789_ ,.()[]\"";

		if (!type || !type[1] || strspn(type + 1, letters) != strlen(type + 1))
			opt_usage("--column-type: not NAME=TYPE: %s", msg_q(t->conf.types.v[i]));
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

/*
 * Somebody else may be making the same table: then this waits for him, however long he loads, and
 * the table is taken as it is.
 */
static void create_table(struct table *t)
{
	AUTO_STR sql = { 0 };

	check_types(t);
	for (size_t i = 0; i < t->keys.n; i++)
		table_must_have(t, t->keys.name[i]);
	add_create(t, &sql);
	t->created = pg_try_exec(t->pg, str_z(&sql));
	if (!t->created && !pg_state_is(pg_sqlstate(t->pg), "42P07 23505"))
		pg_die(t->pg, "cannot make the table");
	/* back to the lock_timeout there was */
	if (!t->created)
		pg_exec(t->pg, "ROLLBACK TO SAVEPOINT ferry_create");
	pg_exec(t->pg, "RELEASE SAVEPOINT ferry_create");
	table_read(t);
}

/* A table made in this run grows with the input: NDJSON may name a column late. */
static void add_column(struct table *t, struct sl name)
{
	pg_execf(t->pg, "ALTER TABLE %s ADD COLUMN %s %s", str_z(&t->ident),
		pg_ident(t->pg, relation_cut(name)), type_of(t, name));
	table_read(t);
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
	table_read(t);
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

static void advance_to(struct table *t, size_t i)
{
	const struct column *c = &t->column[i];
	char greatest[24];

	(void)snprintf(greatest, sizeof greatest, "%lld", (long long)c->greatest);
	pg_run(t->pg, advance_sql, c->sequence.p, greatest);
}

void table_sequences(struct table *t, bool advance)
{
	for (size_t i = 0; i < t->columns.n; i++) {
		struct column *c = &t->column[i];
		AUTO_STR sql = { 0 };
		AUTO_RESULT *r = NULL;
		int64_t next = 0;

		if (!c->any)
			continue;
		str_addf(&sql, "SELECT last_value + is_called::int FROM %s", c->sequence.p);
		r = pg_query(t->pg, str_z(&sql), 0, NULL);
		(void)!num_i64(pg_value(r, 0, 0), &next);
		if (next > c->greatest)
			continue;
		if (advance)
			advance_to(t, i);
		else
			msg_warn("column %s now has %lld, and its sequence will give %lld next: "
				 "--advance-sequences mends that",
				msg_q(t->columns.name[i]), (long long)c->greatest, (long long)next);
		c->any = false;
	}
}
