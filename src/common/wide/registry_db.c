/* registry_db.c - the registry's side of the database: ferry.channel and the tables there are. */
#include "wide/registry_internal.h"

#include "core/clock.h"
#include "core/num.h"
#include "wide/registry_db.sql.h"

static const char *const type_names[] = { "text", "double precision", "bigint", "boolean" };

const char *column_type_sql(enum column_type t)
{
	if (t == COLUMN_OTHER)
		bug("a column of a foreign type is never made");
	return type_names[t];
}

static enum column_type type_of(struct sl name)
{
	for (size_t i = 0; i < ARRAY_LEN(type_names); i++)
		if (sl_eq_str(name, type_names[i]))
			return (enum column_type)i;
	return COLUMN_OTHER;
}

bool registry_meddlers(struct pg *pg, const char *schema, const char *prefix, struct str *out)
{
	AUTO_RESULT *r = pg_ask(pg, meddlers_sql, schema, prefix);
	bool any = !pg_is_null(r, 0, 0);

	if (any)
		str_addf(out, "%s may change or drop what is written: pg-wide-validate tells",
			pg_valuez(r, 0, 0));
	return any;
}

/* ---- reading: ferry.channel ----------------------------------------------------------------- */

static void take_channel(struct registry *r, struct ship *s, const struct pg_result *res,
	size_t row)
{
	struct sl id = pg_value(res, row, 0), column = pg_value(res, row, 3);
	size_t i = registry_channel(s, id);
	struct channel *c = &s->channel[i];
	struct group *g;
	uint64_t number;

	if (!num_u64(pg_value(res, row, 1), &number) || number == 0 ||
		number > REGISTRY_MAX_COLUMNS)
		die(EX_CONFIGURATION, "ferry.channel: ship %s, channel %s: no possible group",
			msg_q(s->id), msg_q(id));
	*c = (struct channel){
		.column = registry_keep(r, column),
		.format = registry_keep(r, pg_is_null(res, row, 5) ? SL("") : pg_value(res, row,
			5)),
		.about = registry_keep(r, pg_is_null(res, row, 6) ? SL("") : pg_value(res, row,
			6)),
		.group = (uint32_t)number,
		.type = type_of(pg_value(res, row, 4)),
		.stored = true,
	};
	if (!registry_take_column(s, c->column, i))
		die(EX_CONFIGURATION, "ferry.channel: ship %s: column %s is given to two channels",
			msg_q(s->id), msg_q(column));
	g = registry_group(s, c->group);
	if (g->n++ == 0) {
		g->table = registry_keep(r, pg_value(res, row, 2));
		g->list = registry_list_of(r, id);
	}
	s->unmade++;
}

static void put_ids(struct ship *const *list, size_t n, struct str *json)
{
	for (size_t i = 0; i < n; i++) {
		str_addc(json, i ? ',' : '[');
		str_add_json(json, list[i]->id);
	}
	str_addc(json, ']');
}

static void read_channels(struct registry *r, struct ship *const *list, size_t n)
{
	AUTO_STR ids = { 0 };
	AUTO_RESULT *res = NULL;

	put_ids(list, n, &ids);
	res = pg_ask(r->pg,
		"SELECT channel, grp, table_name, column_name, type, format, about, ship"
		" FROM ferry.channel WHERE target_schema = $1"
		" AND ship = ANY (ARRAY(SELECT jsonb_array_elements_text($2)))"
		" ORDER BY ship, grp, channel",
		r->opts->schema, str_z(&ids));
	for (size_t i = 0; i < pg_rows(res); i++)
		take_channel(r, r->ship[names_find(&r->ships, pg_value(res, i, 7))], res, i);
}

/* ---- reading: the tables -------------------------------------------------------------------- */

static void take_column(struct registry *r, struct ship *s, const struct group *g, struct sl name,
	struct sl type)
{
	size_t i = names_find(&s->columns, name);
	struct channel *c;

	if (sl_eq(name, r->key))
		s->zoned = sl_eq_str(type, "timestamp with time zone");
	/* somebody else's column: a channel of this name, which may still come, gets another */
	if (i == NAMES_NONE)
		(void)!registry_take_column(s, registry_keep(r, name), NAMES_NONE);
	if (i == NAMES_NONE || s->owner[i] == NAMES_NONE)
		return;
	c = &s->channel[s->owner[i]];
	if (c->made || g != &s->group[c->group - 1])
		return;
	c->made = true;
	c->type = type_of(type);
	s->unmade--;
}

static struct group *group_of_table(struct ship *s, struct sl table)
{
	for (size_t i = 0; i < s->n_groups; i++)
		if (sl_eq(s->group[i].table, table))
			return &s->group[i];
	return NULL;
}

static void take_table(struct registry *r, struct ship *s, const struct pg_result *res, size_t row)
{
	struct sl table = pg_value(res, row, 0), kind = pg_value(res, row, 1);
	bool is_table = sl_eq_str(kind, "r") || sl_eq_str(kind, "p");
	struct group *g = is_table ? group_of_table(s, table) : NULL;

	if (sl_eq(table, s->base))
		s->base_is = is_table ? BASE_TABLE : BASE_VIEW;
	if (!is_table && group_of_table(s, table))
		s->taken = registry_keep(r, table);
	if (g && !pg_true(res, row, 5))
		s->unkeyed = registry_keep(r, table);
	s->others |= g && !pg_true(res, row, 6);
	if (!g)
		return;
	g->made = true;
	if (!pg_is_null(res, row, 2))
		take_column(r, s, g, pg_value(res, row, 2), pg_value(res, row, 3));
}

/* A statement of ships with the names of the seeds, and of the first table of several. */
static struct pg_result *ask_names(struct registry *r, const char *sql, struct ship *const *list,
	size_t n)
{
	AUTO_STR ships = { 0 };

	for (size_t i = 0; i < n; i++) {
		str_addz(&ships, i ? ",{\"ship\":" : "[{\"ship\":");
		str_add_json(&ships, list[i]->id);
		str_add_member(&ships, "base", list[i]->base);
		str_add_member(&ships, "spine", registry_group_name(r, list[i]->base, 1, 0));
		str_addc(&ships, '}');
	}
	str_addc(&ships, ']');
	return pg_ask(r->pg, sql, r->opts->schema, str_z(&ships));
}

/*
 * Marks what is there: tables, columns with their types, and what has the seeds' name. OFFSET 0:
 * table by table by the catalog's indexes, also where its statistics know of few of them yet.
 */
static void read_tables(struct registry *r, struct ship *const *list, size_t n)
{
	AUTO_RESULT *res = NULL;

	/* group 1 may have no channel, with --groups; its table is the spine even so */
	for (size_t i = 0; i < n; i++)
		if (list[i]->n_groups > 1 && list[i]->group[0].table.n == 0)
			list[i]->group[0].table = registry_group_name(r, list[i]->base, 1, 0);
	res = ask_names(r, there_sql, list, n);
	for (size_t i = 0; i < pg_rows(res); i++)
		take_table(r, r->ship[names_find(&r->ships, pg_value(res, i, 4))], res, i);
}

/* ---- reading: the name of the seeds --------------------------------------------------------- */

/* Is the name that of a ship whose tables this program is about to make? */
static bool is_planned(const struct registry *r, const struct ship *s, struct sl name)
{
	for (size_t i = 0; i < r->ships.n; i++) {
		const struct ship *o = r->ship[i];

		if (o == s)
			continue;
		if (sl_eq(o->base, name))
			return true;
		for (size_t g = 0; g < o->n_groups; g++)
			if (sl_eq(o->group[g].table, name))
				return true;
	}
	return false;
}

bool registry_gives(struct registry *r, struct sl ship, struct sl table, uint64_t number,
	struct sl *base)
{
	for (unsigned n = 0; n < 3; n++) {
		*base = registry_base_name(r, ship, n);
		for (unsigned salt = 0; salt < 3; salt++)
			if (sl_eq(table, registry_group_name(r, *base, (uint32_t)number, salt)) ||
				sl_eq(table, *base))
				return true;
	}
	return false;
}

/* The name under which the registered tables were made. */
static struct sl base_of_registered(struct registry *r, const struct ship *s)
{
	const struct group *g = s->group;
	struct sl base;

	while (g->table.n == 0)
		g++;
	if (registry_gives(r, s->id, g->table, (uint64_t)(g - s->group) + 1, &base))
		return base;
	die_hint(EX_CONFIGURATION, "another --target-schema keeps them apart",
		"ship %s is registered with table %s, which does not begin with %s", msg_q(s->id),
		msg_q(g->table), msg_q(sl_of(r->opts->prefix)));
}

/*
 * Ships without a table get the first name that no other ship has, for a table or for a view of its
 * own: all of them the first one, those of which it is another's the second, and so on.
 */
static void choose_bases(struct registry *r, struct ship *const *list, size_t n)
{
	AUTO_FREE struct ship **left = mem_alloc(mem_mul(n, sizeof *left));
	size_t n_left = 0;

	for (size_t i = 0; i < n; i++)
		if (list[i]->n_groups > 0)
			list[i]->base = base_of_registered(r, list[i]);
		else
			left[n_left++] = list[i];
	for (unsigned k = 0; n_left > 0; k++) {
		AUTO_NAMES taken = { 0 };
		AUTO_RESULT *res = NULL;
		size_t n_taken = 0;

		if (k == 3)
			die(EX_CONFIGURATION, "no free name for the table of ship %s",
				msg_q(left[0]->id));
		for (size_t i = 0; i < n_left; i++)
			left[i]->base = registry_base_name(r, left[i]->id, k);
		res = ask_names(r, namesakes_sql, left, n_left);
		for (size_t i = 0; i < pg_rows(res); i++)
			(void)names_add(&taken, pg_value(res, i, 0), NULL);
		for (size_t i = 0; i < n_left; i++)
			left[i]->base = SL("");
		for (size_t i = 0; i < n_left; i++) {
			struct ship *s = left[i];
			struct sl base = registry_base_name(r, s->id, k);

			if (names_find(&taken, s->id) != NAMES_NONE || is_planned(r, s, base))
				left[n_taken++] = s;
			else
				s->base = base;
		}
		n_left = n_taken;
	}
}

void registry_read_all(struct registry *r, struct ship *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		registry_reset(r, list[i]);
		list[i]->zoned = r->zoned;
	}
	read_channels(r, list, n);
	choose_bases(r, list, n);
	read_tables(r, list, n);
	for (size_t i = 0; i < n; i++) {
		struct ship *s = list[i];

		s->read_at = clock_monotonic();
		if (s->n_groups > 0 || s->base_is == BASE_NONE)
			continue;
		read_channels(r, &s, 1); /* another loader may have made it in between */
		if (s->n_groups == 0)
			s->taken = s->base;
		else
			read_tables(r, &s, 1);
	}
}

void registry_read(struct registry *r, struct ship *s)
{
	registry_read_all(r, &s, 1);
}

bool registry_fits(struct registry *r, struct ship *s, struct str *why)
{
	if (s->taken.n > 0 || s->unkeyed.n > 0)
		registry_read(r, s); /* another loader may have been making it */
	if (s->taken.n > 0)
		str_addf(why, tr("%s.%s is there, but was not made by ferry"), r->opts->schema,
			msg_q(s->taken));
	else if (s->unkeyed.n > 0)
		str_addf(why, tr("%s.%s has no primary key of its time, so rows could be doubled"),
			r->opts->schema, msg_q(s->unkeyed));
	return s->taken.n == 0 && s->unkeyed.n == 0;
}

void registry_want_fit(struct registry *r, struct ship *s)
{
	AUTO_STR why = { 0 };

	if (!registry_fits(r, s, &why))
		die_hint(EX_CONFIGURATION,
			s->taken.n > 0 ? "rename it, or give another --target-prefix" : NULL, "%s",
			str_z(&why));
}

/* ---- changing ------------------------------------------------------------------------------- */

size_t registry_tables_at_once(struct pg *pg)
{
	AUTO_RESULT *r = pg_query(pg,
		"SELECT greatest(1, current_setting('max_locks_per_transaction')::bigint"
		" * current_setting('max_connections')::bigint / (4 * 8))",
		0, NULL);

	return (size_t)pg_count(r, 0, 0);
}

#define LOCK_KEY(ship) "hashtextextended('ferry.ship ' || $1 || ' ' || " ship ", 0)"

bool registry_lock(struct registry *r, struct ship *const *list, size_t n)
{
	AUTO_STR ids = { 0 };
	AUTO_RESULT *res = NULL;

	put_ids(list, n, &ids);
	res = pg_try_query(r->pg,
		"SELECT count(pg_advisory_xact_lock(key)) FROM (SELECT " LOCK_KEY("v") " AS key"
		" FROM jsonb_array_elements_text($2) AS v ORDER BY 1 OFFSET 0) AS k",
		2, (const char *[]){ r->opts->schema, str_z(&ids) });
	if (!res && !pg_state_is(pg_sqlstate(r->pg), "55P03"))
		pg_die(r->pg, "cannot lock ships");
	return res != NULL;
}

bool registry_try_lock(struct registry *r, const struct ship *s)
{
	return pg_knows(r->pg, "SELECT pg_try_advisory_xact_lock(" LOCK_KEY("$2") ")",
		r->opts->schema, s->id.p);
}

static struct sl free_group_name(struct registry *r, const struct ship *s, uint32_t number)
{
	for (unsigned salt = 0; salt < 3; salt++) {
		struct sl name = registry_group_name(r, s->base, number, salt);

		if (!is_planned(r, s, name) &&
			!pg_knows(r->pg, taken_sql, r->opts->schema, s->id.p, name.p))
			return name;
	}
	die(EX_CONFIGURATION, "no free name for table %u of ship %s", number, msg_q(s->id));
}

void registry_name_tables(struct registry *r, struct ship *s)
{
	size_t top = s->n_groups;

	while (top > 0 && s->group[top - 1].n == 0)
		top--;
	for (size_t i = 0; i < top; i++) {
		struct group *g = &s->group[i];
		bool several = top > 1;

		if (g->table.n > 0 && !(several && sl_eq(g->table, s->base)))
			continue;
		if (g->table.n == 0 && g->n == 0 && i > 0)
			continue;
		struct sl name = several ? free_group_name(r, s, (uint32_t)i + 1) : s->base;

		if (g->table.n > 0)
			s->rename = name;
		if (!g->made)
			g->table = name;
	}
}

static void put_channel(struct str *json, const struct ship *s, size_t i)
{
	const struct channel *c = &s->channel[i];

	str_addz(json, json->n > 1 ? ",{\"ship\":" : "{\"ship\":");
	str_add_json(json, s->id);
	str_add_member(json, "channel", s->channels.name[i]);
	str_addf(json, ",\"grp\":%u", c->group);
	str_add_member(json, "table_name", s->group[c->group - 1].table);
	str_add_member(json, "column_name", c->column);
	str_addf(json, ",\"type\":\"%s\"", column_type_sql(c->type));
	if (c->format.n > 0)
		str_add_member(json, "format", c->format);
	str_add(json, c->seen);
	str_addc(json, '}');
}

static uint64_t put_unstored(struct registry *r, struct ship *s, struct str *json)
{
	uint64_t n = 0;

	if (s->rename.n > 0)
		pg_run(r->pg,
			"UPDATE ferry.channel SET table_name = $3"
			" WHERE target_schema = $1 AND ship = $2 AND grp = 1",
			r->opts->schema, s->id.p, s->rename.p);
	s->rename = SL("");
	for (size_t i = 0; i < s->channels.n; i++)
		if (s->channel[i].group && !s->channel[i].stored) {
			put_channel(json, s, i);
			s->channel[i].stored = true;
			n++;
		}
	return n;
}

void registry_store(struct registry *r, struct ship *const *list, size_t n)
{
	AUTO_STR json = { 0 };
	AUTO_RESULT *res = NULL;
	uint64_t rows = 0;

	str_addc(&json, '[');
	for (size_t i = 0; i < n; i++)
		rows += put_unstored(r, list[i], &json);
	str_addc(&json, ']');
	if (rows == 0)
		return;
	res = pg_try_query(
		r->pg, register_sql, 2, (const char *[]){ r->opts->schema, str_z(&json) });
	if (!res && !pg_state_is(pg_sqlstate(r->pg), "23505"))
		pg_die(r->pg, "statement failed");
	/* all who register hold the ship's lock: somebody did without */
	if (!res || pg_affected(res) != rows)
		die(EX_TEMP, "ferry.channel: ship %s was changed at this moment",
			msg_q(list[0]->id));
}
