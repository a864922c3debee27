#include "narrow/narrow.h"

#include "narrow/narrow_row.h"
#include "narrow/narrow.sql.h"
#include "pg/relation.h"
#include "pg/rights.h"
#include "stream/json.h"

const struct sl narrow_format_names[NARROW_FORMATS] = {
	[NARROW_DECIMAL] = SL_INIT("Decimal"),
	[NARROW_INTEGER] = SL_INIT("Integer"),
	[NARROW_TEXT] = SL_INIT("String"),
	[NARROW_BOOL] = SL_INIT("Boolean"),
};

static const struct {
	const char *column, *option;
	bool required;
} roles[NARROW_ROLES] = {
	[NARROW_SHIP] = { "ship_id", "ship-column", true },
	[NARROW_CHANNEL] = { "data_channel_id", "channel-column", true },
	[NARROW_TIME] = { "created_time", "time-column", true },
	[NARROW_ID] = { "id", "id-column", false },
	[NARROW_FORMAT] = { "value_format", "format-column", false },
	[NARROW_DOUBLE] = { "double_v", "double-column", false },
	[NARROW_LONG] = { "long_v", "long-column", false },
	[NARROW_STRING] = { "str_v", "string-column", false },
	[NARROW_BOOLEAN] = { "bool_v", "boolean-column", false },
	[NARROW_VALUE] = { "value", "value-column", false },
};

/* pg_type.oid of built-in types never changes (src/include/catalog/pg_type.dat). */
enum { OID_BOOL = 16, OID_NAME = 19, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25,
       OID_FLOAT8 = 701, OID_BPCHAR = 1042, OID_VARCHAR = 1043, OID_TIMESTAMP = 1114,
       OID_TIMESTAMPTZ = 1184, OID_RECORD = 2249 };

/* ---- options as a text ----------------------------------------------------------------------- */

/* The name of an option, with "expression" instead of "column" for those. */
static void put_option(struct str *s, enum narrow_role role, bool expression)
{
	const char *name = roles[role].option;

	str_set(s, (struct sl){ name, strlen(name) - strlen("column") });
	str_addz(s, expression ? "expression" : "column");
}

const char *narrow_columns(const struct narrow_opts *opts, struct arena *a)
{
	AUTO_STR json = { 0 }, name = { 0 };
	bool any = false;

	for (int i = 0; i < 2 * NARROW_XMIN; i++) {
		enum narrow_role role = (enum narrow_role)(i / 2);
		const char *given = i % 2 ? opts->expression[role] : opts->column[role];

		any |= given != NULL;
		if (!given || (i % 2 == 0 && strcmp(given, roles[role].column) == 0))
			continue;
		put_option(&name, role, i % 2);
		str_addc(&json, json.n ? ',' : '{');
		str_add_json(&json, str_sl(&name));
		str_addc(&json, ':');
		str_add_json(&json, sl_of(given));
	}
	str_addz(&json, json.n ? "}" : any ? "{}" : "");
	return arena_dup(a, str_sl(&json)).p;
}

bool narrow_take_columns(struct narrow_opts *opts, const char *columns, struct arena *a)
{
	AUTO_STR name = { 0 };
	const char *why;
	size_t at;
	const struct json *o = json_parse(a, sl_of(columns), &why, &at);
	bool all = true;

	for (int i = 0; i < 2 * NARROW_XMIN && o; i++) {
		enum narrow_role role = (enum narrow_role)(i / 2);
		struct sl value;

		put_option(&name, role, i % 2);
		if (!json_get_str(o, str_z(&name), &value))
			continue;
		all &= i % 2 == 0;
		if (i % 2 == 0)
			opts->column[role] = arena_dup(a, value).p;
	}
	return all;
}

/* ---- the table ------------------------------------------------------------------------------- */

static NORETURN void no_such_table(struct pg *pg, const char *asked, const struct str *table)
{
	struct pg_result *r = pg_ask(pg, alike_sql, str_z(table));
	char hint[300] = N_("--table SCHEMA.TABLE names it");

	if (pg_rows(r) > 0)
		(void)snprintf(hint, sizeof hint, tr("there is %.200s"), pg_valuez(r, 0, 0));
	die_hint(EX_CONFIGURATION, hint, "no such table, source: %s", asked);
}

/* Fills in what there is to say of the table itself. */
static void find_table(struct pg *pg, struct narrow *n)
{
	AUTO_STR schema = { 0 }, table = { 0 }, ident = { 0 };
	AUTO_RESULT *r = NULL;
	char kind;

	relation_split(n->table, &schema, &table);
	r = pg_ask(pg, table_sql, str_z(&schema), str_z(&table));
	if (pg_rows(r) == 0)
		no_such_table(pg, n->table, &table);
	rights_to_read(pg, str_z(&schema), str_z(&table));
	n->oid = arena_dup(&n->arena, pg_value(r, 0, 0)).p;
	kind = pg_valuez(r, 0, 1)[0];
	n->lockable = (kind == 'r' || kind == 'p') && pg_true(r, 0, 5);
	n->has_place = kind == 'r' || kind == 'p' || kind == 'm';
	n->several_tables = kind == 'p' || pg_true(r, 0, 4);
	if (pg_true(r, 0, 2))
		die_hint(EX_NOTALLOWED,
			"what is hidden would count as missing: take a role that sees all (ALTER "
			"ROLE ... BYPASSRLS), or the table's owner",
			"%s: row level security may hide rows from this user", n->table);
	(void)!num_u64(pg_value(r, 0, 3), &n->rows_estimate);
	n->ident = arena_dup(&n->arena, sl_of(pg_table(pg, str_sl(&schema), str_sl(&table)))).p;
}

/* ---- columns --------------------------------------------------------------------------------- */

static enum narrow_wire wire_of(uint64_t type, bool *cast)
{
	*cast = false;
	switch (type) {
	case OID_FLOAT8:
		return NARROW_W_F8;
	case OID_INT8:
		return NARROW_W_I8;
	case OID_INT4:
		return NARROW_W_I4;
	case OID_INT2:
		return NARROW_W_I2;
	case OID_BOOL:
		return NARROW_W_BOOL;
	case OID_TEXT:
	case OID_VARCHAR:
	case OID_BPCHAR: /* a cast would strip its blanks */
	case OID_NAME:
		return NARROW_W_TEXT;
	default:
		*cast = true;
		return NARROW_W_TEXT;
	}
}

static NORETURN void no_such_column(const struct narrow *n, enum narrow_role role, const char *name,
	const struct pg_result *columns)
{
	struct str hint = { 0 };

	str_addf(&hint, "--%s names it; the columns are", roles[role].option);
	for (size_t i = 0; i < pg_rows(columns) && i < 40; i++)
		str_addf(&hint, "%s %s", i ? "," : "", pg_valuez(columns, i, 0));
	die_hint(EX_CONFIGURATION, str_z(&hint), "no column %s in the table, source: %s",
		msg_q(sl_of(name)), n->table);
}

/* The columns of find_columns()'s query are: name, type, category of type, its name, not null … */
static void take_column(struct narrow *n, struct pg *pg, enum narrow_role role,
	const struct pg_result *columns, size_t row)
{
	struct narrow_column *c = &n->col[role];
	AUTO_STR ident = { 0 };
	uint64_t type = 0;
	bool cast;

	(void)!num_u64(pg_value(columns, row, 1), &type);
	c->name = arena_dup(&n->arena, pg_value(columns, row, 0));
	c->wire = wire_of(type, &cast);
	c->number = sl_eq_str(pg_value(columns, row, 2), "N");
	c->not_null = pg_true(columns, row, 4);
	/* two names may be equal to it, citext, say, in an order of its own */
	c->folds = role <= NARROW_CHANNEL &&
		   (!pg_true(columns, row, 5) ||
			   (cast && sl_eq_str(pg_value(columns, row, 2), "S")));
	if (role == NARROW_SHIP)
		n->exact_ship = type == OID_TEXT || type == OID_VARCHAR || c->folds;
	str_addf(&ident, c->folds ? "(%s::pg_catalog.text COLLATE pg_catalog.\"C\")" : "%s",
		pg_ident(pg, c->name));
	c->ident = c->expr = arena_dup(&n->arena, str_sl(&ident)).p;
	if (role == NARROW_TIME) {
		if (type != OID_TIMESTAMP && type != OID_TIMESTAMPTZ)
			die_hint(EX_CONFIGURATION, "a view can show it as a timestamp",
				"column %s is of type %s, not timestamp or timestamptz, source: %s",
				msg_q(c->name), pg_valuez(columns, row, 3), n->table);
		n->zone = type == OID_TIMESTAMPTZ;
	} else if (cast && !c->folds) {
		str_addz(&ident, "::pg_catalog.text");
		c->expr = arena_dup(&n->arena, str_sl(&ident)).p;
	} else if (role <= NARROW_CHANNEL && c->wire != NARROW_W_TEXT) {
		str_addz(&ident, "::pg_catalog.text");
		c->expr = arena_dup(&n->arena, str_sl(&ident)).p;
		c->wire = NARROW_W_TEXT;
	}
}

/*
 * What the operator gives instead of a column. It is tried as one item of a SELECT, which the
 * extended protocol keeps from being several statements; in the condition nothing but an expression
 * of one row may stand.
 */
static void take_expression(
	struct narrow *n, struct pg *pg, enum narrow_role role, const char *expression)
{
	struct narrow_column *c = &n->col[role];
	static const char *const option[NARROW_ROLES] = { [NARROW_SHIP] = "ship",
		[NARROW_CHANNEL] = "channel",
		[NARROW_VALUE] = "value" };
	AUTO_STR sql = { 0 }, expr = { 0 };
	AUTO_RESULT *r = NULL;
	bool cast = true;

	/* a comment at its end does not take the parenthesis with it */
	str_addf(&expr, "(%s\n)", expression);
	str_addf(&sql, "SELECT %s FROM %s WHERE %s IS NOT NULL LIMIT 0", str_z(&expr), n->ident,
		str_z(&expr));
	pg_exec(pg, "BEGIN READ ONLY");
	r = pg_try_query(pg, str_z(&sql), 0, NULL);
	/* not the expression's fault, but that of rights, time or room */
	if (!r && pg_state_is(pg_sqlstate(pg), "42501 53 55 57"))
		pg_die(pg, "cannot try an expression");
	if (!r || pg_cols(r) != 1 || pg_column_type(r, 0) == OID_RECORD)
		die_hint(EX_CONFIGURATION, "it is one value, made of the columns of one row",
			"--%s-expression: %s, source: %s", option[role],
			r ? "more than one value" : pg_error(pg), n->table);
	c->wire = role == NARROW_VALUE ? wire_of(pg_column_type(r, 0), &cast) : NARROW_W_TEXT;
	pg_exec(pg, "COMMIT");
	if (cast)
		str_addz(&expr, "::pg_catalog.text");
	c->computed = true;
	c->name = sl_of(roles[role].column);
	c->ident = c->expr = arena_dup(&n->arena, str_sl(&expr)).p;
}

bool narrow_is_computed(const struct narrow *n)
{
	bool any = false;

	for (int role = 0; role < NARROW_ROLES; role++)
		any |= n->col[role].computed;
	return any;
}

/* Is the column there? `must`: somebody asked for it. */
static bool look_for(struct narrow *n, struct pg *pg, const struct narrow_opts *opts,
	enum narrow_role role, const struct pg_result *columns)
{
	const char *name = opts->column[role] ? opts->column[role] : roles[role].column;

	if (opts->expression[role]) {
		take_expression(n, pg, role, opts->expression[role]);
		return true;
	}
	if (!*name && !roles[role].required)
		return false; /* an empty name: do without */
	for (size_t i = 0; i < pg_rows(columns); i++)
		if (sl_eq_str(pg_value(columns, i, 0), name)) {
			take_column(n, pg, role, columns, i);
			return true;
		}
	if (roles[role].required || opts->column[role])
		no_such_column(n, role, name, columns);
	return false;
}

static void find_columns(struct narrow *n, struct pg *pg, const struct narrow_opts *opts)
{
	AUTO_RESULT *r = pg_ask(pg, columns_sql, n->oid);
	bool any = false;

	for (int role = 0; role <= NARROW_ID; role++)
		(void)look_for(n, pg, opts, (enum narrow_role)role, r);
	if (!opts->column[NARROW_VALUE] && !opts->expression[NARROW_VALUE])
		for (int role = NARROW_DOUBLE; role <= NARROW_BOOLEAN; role++)
			any |= look_for(n, pg, opts, (enum narrow_role)role, r);
	if (any)
		(void)look_for(n, pg, opts, NARROW_FORMAT, r);
	else if (!look_for(n, pg, opts, NARROW_VALUE, r))
		no_such_column(n, NARROW_VALUE, roles[NARROW_DOUBLE].column, r);
}

bool narrow_is_hypertable(const struct narrow *n, struct pg *pg)
{
	return pg_knows(pg, "SELECT to_regclass($1) IS NOT NULL",
		       "_timescaledb_catalog.hypertable") &&
	       pg_knows(pg, hypertable_sql, n->oid);
}

static void find_indexes(struct narrow *n, struct pg *pg)
{
	const struct narrow_column *ship = &n->col[NARROW_SHIP], *channel = &n->col[NARROW_CHANNEL];
	AUTO_RESULT *r = pg_ask(pg, indexes_sql, n->oid,
		ship->computed || ship->folds ? NULL : ship->name.p,
		channel->computed || channel->folds ? NULL : channel->name.p,
		n->col[NARROW_TIME].name.p);
	bool heirs = false;
	bool *flag[] = { &n->keyed, &n->by_ship_time, &n->by_time, &n->by_channel, &n->by_ship,
		&heirs };

	for (size_t i = 0; i < ARRAY_LEN(flag); i++)
		*flag[i] = pg_true(r, 0, (int)i);
	n->unique = n->keyed && (!heirs || narrow_is_hypertable(n, pg));
}

/* Appends what is the same as long as the columns are; false when the name is another table's. */
static bool take_print(const struct narrow *n, struct pg *pg, struct str *print)
{
	AUTO_RESULT *r = pg_ask(pg, print_sql, n->oid, n->ident);
	bool same = pg_true(r, 0, 1);

	str_add(print, pg_value(r, 0, 0));
	return same;
}

struct pg *narrow_connect(const char *conninfo, const struct narrow_opts *opts)
{
	struct pg *pg;

	relation_check(opts->table); /* before anybody is asked */
	pg = pg_connect(conninfo, "source");
	pg_read_raw(pg, opts->encoding);
	return pg;
}

struct narrow *narrow_detect(struct pg *pg, const struct narrow_opts *opts)
{
	struct narrow *n = mem_zalloc(sizeof *n);
	AUTO_STR print = { 0 };

	n->table = opts->table ? opts->table : NARROW_DEFAULT_TABLE;
	n->encoding = pg_encoding(pg);
	n->texts = n->encoding ? narrow_texts_new(n->encoding) : NULL;
	find_table(pg, n);
	find_columns(n, pg, opts);
	n->col[NARROW_XMIN].expr = "xmin";
	find_indexes(n, pg);
	(void)take_print(n, pg, &print);
	n->print = arena_dup(&n->arena, str_sl(&print)).p;
	return n;
}

void narrow_free(struct narrow *n)
{
	if (!n)
		return;
	narrow_texts_free(n->texts);
	names_free(&n->odd_ships);
	names_free(&n->spans);
	mem_free(n->span);
	arena_free(&n->arena);
	mem_free(n);
}

/*
 * The lock comes before the snapshot: a table that is rewritten (ALTER TABLE) looks empty to older
 * snapshots, and a column of another type would be misread.
 */
void narrow_begin(const struct narrow *n, struct pg *pg)
{
	AUTO_STR print = { 0 };

	pg_exec(pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	if (n->lockable)
		pg_execf(pg, "LOCK TABLE %s IN ACCESS SHARE MODE", n->ident);
	if (!take_print(n, pg, &print))
		die_hint(EX_CONFIGURATION,
			"narrow-to-wide --accept-source takes it, and compares everything",
			"the table %s of the source is another one now, made anew or renamed",
			n->table);
	if (strcmp(str_z(&print), n->print) != 0)
		die_hint(EX_TEMP, "run the same command again",
			"the columns of the table have changed, source: %s", n->table);
}

void narrow_only_reads(struct pg *pg)
{
	pg_set(pg, "transaction_read_only", "on");
	pg_set(pg, "max_parallel_workers_per_gather", "0");
}

/* ---- reading --------------------------------------------------------------------------------- */

void narrow_add_time(const struct narrow *n, struct str *s, int64_t instant)
{
	char text[CLOCK_TEXT_MAX];

	str_addf(s, "'%.*s'::%s", (int)clock_put(text, instant, n->zone), text,
		n->zone ? "timestamptz" : "timestamp");
}

void narrow_add_years(const struct narrow *n, struct str *s)
{
	str_addf(s, " AND %s BETWEEN ", n->col[NARROW_TIME].ident);
	narrow_add_time(n, s, NARROW_FIRST_INSTANT);
	str_addz(s, " AND ");
	narrow_add_time(n, s, NARROW_END_INSTANT - 1);
}

static void add_list(struct pg *pg, struct str *s, const struct sl *ships, size_t n)
{
	for (size_t i = 0; i < n; i++)
		str_addf(s, "%s%s", i ? ", " : "(", pg_literal(pg, ships[i]));
	str_addc(s, ')');
}

static void add_range(const struct narrow *n, struct str *s, const struct narrow_part *part)
{
	const char *time = n->col[NARROW_TIME].ident;

	if (part->from == INT64_MIN && part->to == INT64_MAX)
		str_addf(s, "%s IS NOT NULL", time);
	if (part->from != INT64_MIN) {
		str_addf(s, "%s >= ", time);
		narrow_add_time(n, s, part->from);
	}
	if (part->to != INT64_MAX) {
		str_addf(s, part->from != INT64_MIN ? " AND %s < " : "%s < ", time);
		narrow_add_time(n, s, part->to);
	}
}

/* What is compared with an empty text must be a text. */
static void add_outcasts(const struct narrow *n, struct str *s, const struct narrow_part *part)
{
	const char *time = n->col[NARROW_TIME].ident;
	const struct narrow_column *ship = &n->col[NARROW_SHIP];

	str_addf(s, "(%s < ", time);
	narrow_add_time(n, s, NARROW_FIRST_INSTANT);
	str_addf(s, " OR %s > ", time);
	narrow_add_time(n, s, NARROW_END_INSTANT - 1);
	if (!n->col[NARROW_TIME].not_null)
		str_addf(s, " OR %s IS NULL", time);
	if (part->shipless && !ship->not_null)
		str_addf(s, " OR %s IS NULL", ship->ident);
	if (part->shipless && strcmp(ship->ident, ship->expr) == 0)
		str_addf(s, " OR %s = '' OR pg_catalog.octet_length(%s) > %d", ship->ident,
			ship->ident, NARROW_NAME_MAX);
	for (size_t i = 0; i < n->odd_ships.n && part->shipless; i++) {
		str_addf(s, " OR %s = ", ship->ident);
		narrow_add_bytes(s, n->odd_ships.name[i]);
	}
	str_addc(s, ')');
}

void narrow_add_where(const struct narrow *n, struct pg *pg, struct str *s,
	const struct narrow_part *part)
{
	const char *ship = n->col[NARROW_SHIP].ident;

	if (part->outcasts)
		add_outcasts(n, s, part);
	else if (part->timeless)
		str_addf(s, "%s IS NULL", n->col[NARROW_TIME].ident);
	else
		add_range(n, s, part);
	if (part->also.n) {
		str_addz(s, " AND ");
		str_add(s, part->also);
	}
	if (part->n_ships) {
		str_addf(s, " AND %s IN ", ship);
		add_list(pg, s, part->ships, part->n_ships);
	}
	if (part->n_skip) {
		/* a row without a ship is to be met and refused, not passed over */
		str_addf(s, " AND (%s IS NULL OR %s NOT IN ", ship, ship);
		add_list(pg, s, part->skip, part->n_skip);
		str_addc(s, ')');
	}
}

/* Each further key costs the server half as much again, so there are none where none is needed. */
static void add_order(const struct narrow *n, struct str *s)
{
	str_addf(s, " ORDER BY %s", n->col[NARROW_TIME].ident);
	if (n->sorted)
		str_addf(s, ", %s, %s", n->col[NARROW_SHIP].ident, n->col[NARROW_CHANNEL].ident);
	if (n->unique)
		return;
	if (n->col[NARROW_ID].name.n)
		str_addf(s, ", %s", n->col[NARROW_ID].ident);
	else if (n->several_tables)
		str_addz(s, ", tableoid, ctid");
	else if (n->has_place)
		str_addz(s, ", ctid");
}

bool narrow_selects(const struct narrow *n, const struct narrow_part *part, enum narrow_role role)
{
	if (role == NARROW_SHIP && part->n_ships == 1 && n->exact_ship)
		return false;
	if (role == NARROW_XMIN)
		return part->xmin;
	return role != NARROW_ID && n->col[role].name.n > 0;
}

void narrow_copy(const struct narrow *n, struct pg *pg, const struct narrow_part *part)
{
	const char *comma = "COPY (SELECT ";
	struct str sql = { 0 }, *s = &sql;

	for (int role = 0; role < NARROW_ROLES; role++) {
		if (!narrow_selects(n, part, (enum narrow_role)role))
			continue;
		str_addf(s, "%s%s", comma, n->col[role].expr);
		comma = ", ";
	}
	str_addf(s, " FROM %s WHERE ", part->only ? part->only : n->ident);
	narrow_add_where(n, pg, s, part);
	add_order(n, s);
	str_addz(s, ") TO STDOUT (FORMAT binary)");
	if (!part->xmin) /* asked again and again */
		msg_detail("%s", str_z(s));
	pg_copy_out(pg, str_z(s));
	str_free(s);
}
