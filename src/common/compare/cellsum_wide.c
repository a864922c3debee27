/* cellsum_wide.c - the statements on the wide tables. */
#include "compare/cellsum_internal.h"

#define ARGUMENTS_MAX 100    /* of a function of PostgreSQL */
#define CHANNELS_AT_ONCE 400 /* two columns each; a result holds 1,664 */

static const char *column_of(struct cellsum_target *t, const struct ship *ship, size_t channel)
{
	return pg_ident(registry_pg(t->r), ship->channel[channel].column);
}

/* The key as timestamp in UTC. */
static void add_instant(struct cellsum_target *t, struct str *sql, const struct ship *ship)
{
	str_addf(sql, ship->zoned ? "(%s AT TIME ZONE 'UTC')" : "%s", registry_key_ident(t->r));
}

static void add_range(struct cellsum_target *t, struct str *sql, const struct ship *ship,
	int64_t from, int64_t to)
{
	str_addf(sql, " WHERE %s >= ", registry_key_ident(t->r));
	cellsum_add_bound(sql, from, ship->zoned);
	str_addf(sql, " AND %s < ", registry_key_ident(t->r));
	cellsum_add_bound(sql, to, ship->zoned);
}

/* Is the channel a column of this group (from 0) that is there? */
static bool is_of(const struct ship *ship, size_t channel, size_t group)
{
	return ship->channel[channel].made && ship->channel[channel].group == group + 1;
}

/* The name under which a row's hash of its instant is found: no column may have it. */
static void name_hash(const struct ship *ship, struct str *name)
{
	str_clear(name);
	str_addz(name, "instant_hash");
	while (names_find(&ship->columns, str_sl(name)) != NAMES_NONE)
		str_addc(name, '_');
}

/* The hash of a column's cell, shifted: NULL where it is NULL. */
static void add_cell(struct cellsum_target *t, struct str *sql, const struct ship *ship,
	size_t channel, const char *time_hash)
{
	AUTO_STR seed = { 0 }, text = { 0 };

	str_addf(&seed, "%s # ", time_hash);
	cellsum_add_hash(&seed, t->hash,
		pg_literal(registry_pg(t->r), ship->channels.name[channel]), "0");
	str_addf(&text, "%s%s", column_of(t, ship, channel),
		ship->channel[channel].type != COLUMN_TEXT ? "::text" : "");
	cellsum_add_hash(sql, t->hash, str_z(&text), str_z(&seed));
	str_addz(sql, CELLSUM_SHIFT);
}

/* `num_nonnulls(a, b, …) + num_nonnulls(…)` of a group's columns, or 0. */
static void add_count(
	struct cellsum_target *t, struct str *sql, const struct ship *ship, size_t group)
{
	size_t n = 0;

	for (size_t i = 0; i < ship->channels.n; i++) {
		if (!is_of(ship, i, group))
			continue;
		str_addf(sql, "%s%s",
			n == 0              ? "num_nonnulls("
			: n % ARGUMENTS_MAX ? ", "
					    : ") + num_nonnulls(",
			column_of(t, ship, i));
		n++;
	}
	str_addz(sql, n ? ")" : "0");
}

static void add_row_sum(struct cellsum_target *t, struct str *sql, const struct ship *ship,
	size_t group, const char *time_hash)
{
	size_t n = 0;

	for (size_t i = 0; i < ship->channels.n; i++) {
		if (!is_of(ship, i, group))
			continue;
		str_addz(sql, n++ ? " + coalesce(" : "coalesce(");
		add_cell(t, sql, ship, i, time_hash);
		str_addz(sql, ", 0)");
	}
	str_addz(sql, n ? "" : "0::bigint");
}

/* `FROM (SELECT *, hash …) AS w`: the hash of the instant once per row (OFFSET keeps it so). */
static void add_hashed(struct cellsum_target *t, struct str *sql, const struct ship *ship,
	size_t group, const char *name, int64_t from, int64_t to)
{
	AUTO_STR instant = { 0 };

	add_instant(t, &instant, ship);
	str_addz(sql, " FROM (SELECT *, ");
	cellsum_add_time_hash(sql, t->hash, str_z(&instant));
	str_addf(sql, " AS %s FROM %s", name, registry_table(t->r, ship, group));
	add_range(t, sql, ship, from, to);
	str_addz(sql, " OFFSET 0) AS w");
}

/* NULL where others have locked the table, and that is nobody's end. */
static struct pg_result *ask(struct cellsum_target *t, const char *sql)
{
	struct pg *pg = registry_pg(t->r);
	struct pg_result *r = pg_try_query(pg, sql, 0, NULL);

	if (!r && !(t->patient && pg_state_is(pg_sqlstate(pg), "55P03")))
		pg_die(pg, "cannot compute checksums");
	return r;
}

static void add_group(struct cellsum_target *t, struct ship *ship, size_t group, int64_t from,
	int64_t to, struct cellsum *out)
{
	AUTO_STR sql = { 0 }, hash = { 0 };
	AUTO_RESULT *r = NULL;

	name_hash(ship, &hash);
	str_addz(&sql, "SELECT count(*), sum(");
	add_count(t, &sql, ship, group);
	str_addz(&sql, "), sum(");
	add_row_sum(t, &sql, ship, group, str_z(&hash));
	str_addf(&sql, "), sum(%s" CELLSUM_SHIFT ")", str_z(&hash));
	str_addz(&sql, group > 0 ? ", (SELECT count(*) FROM (" : ", 0");
	if (group > 0)
		cellsum_add_wide_orphans(t, &sql, from, to, ship, group);
	str_addz(&sql, group > 0 ? ") AS orphan)" : "");
	add_hashed(t, &sql, ship, group, str_z(&hash), from, to);
	r = ask(t, str_z(&sql));
	out->locked = !r;
	if (!r)
		return;
	out->cells += pg_count(r, 0, 1);
	out->cell_sum += cellsum_mod64(pg_value(r, 0, 2));
	out->orphans += pg_count(r, 0, 4);
	if (group == 0) {
		out->rows = out->instants = pg_count(r, 0, 0);
		out->instant_sum = cellsum_mod64(pg_value(r, 0, 3));
	}
}

bool cellsum_wide_any(struct cellsum_target *t, struct ship *const *list, size_t n, int64_t from,
	int64_t to, bool *locked)
{
	AUTO_STR sql = { 0 };
	AUTO_RESULT *r = NULL;

	for (size_t i = 0; i < n; i++)
		for (size_t g = 0; g < list[i]->n_groups; g++) {
			if (!list[i]->group[g].made)
				continue;
			str_addf(&sql, "%s EXISTS (SELECT FROM %s", sql.n > 0 ? " OR" : "SELECT",
				registry_table(t->r, list[i], g));
			add_range(t, &sql, list[i], from, to);
			str_addc(&sql, ')');
		}
	if (sql.n == 0)
		return false;
	r = ask(t, str_z(&sql));
	*locked = !r;
	return r && pg_true(r, 0, 0);
}

void cellsum_wide(
	struct cellsum_target *t, struct ship *ship, int64_t from, int64_t to, struct cellsum *out)
{
	*out = (struct cellsum){ .rows = 0 };
	/* where nothing should be, that is asked first: it is a tenth of the work */
	if (t->sparse && !cellsum_wide_any(t, &ship, 1, from, to, &out->locked))
		return;
	for (size_t g = 0; g < ship->n_groups && !out->locked; g++)
		if (ship->group[g].made)
			add_group(t, ship, g, from, to, out);
}

/* ---- in detail ------------------------------------------------------------------------------- */

/* Counts and sums of channels list[0..n) of one group. */
static void take_channels(struct cellsum_target *t, struct ship *ship, size_t group, int64_t from,
	int64_t to, const size_t *list, size_t n, struct cellsum *out)
{
	AUTO_STR sql = { 0 }, hash = { 0 };
	AUTO_RESULT *r = NULL;

	name_hash(ship, &hash);
	for (size_t i = 0; i < n; i++) {
		str_addf(&sql, "%s count(%s), sum(", i ? "," : "SELECT",
			column_of(t, ship, list[i]));
		add_cell(t, &sql, ship, list[i], str_z(&hash));
		str_addc(&sql, ')');
	}
	add_hashed(t, &sql, ship, group, str_z(&hash), from, to);
	r = pg_query(registry_pg(t->r), str_z(&sql), 0, NULL);
	for (size_t i = 0; i < n; i++) {
		(void)!num_u64(pg_value(r, 0, (int)(2 * i)), &out[list[i]].cells);
		out[list[i]].cell_sum = cellsum_mod64(pg_value(r, 0, (int)(2 * i + 1)));
	}
}

struct cellsum *cellsum_wide_channels(
	struct cellsum_target *t, struct ship *ship, int64_t from, int64_t to, struct arena *a)
{
	struct cellsum *out = arena_alloc(a, mem_mul(ship->channels.n + 1, sizeof *out));
	size_t list[CHANNELS_AT_ONCE];

	for (size_t i = 0; i < ship->channels.n; i++)
		out[i] = (struct cellsum){ .cells = 0 };
	for (size_t g = 0; g < ship->n_groups; g++) {
		size_t n = 0;

		for (size_t i = 0; i < ship->channels.n; i++) {
			if (!is_of(ship, i, g))
				continue;
			list[n++] = i;
			if (n == CHANNELS_AT_ONCE) {
				take_channels(t, ship, g, from, to, list, n, out);
				n = 0;
			}
		}
		if (n > 0)
			take_channels(t, ship, g, from, to, list, n, out);
	}
	return out;
}

void cellsum_add_wide_cells(struct cellsum_target *t, struct str *sql, int64_t from, int64_t to,
	struct ship *ship, size_t channel)
{
	const char *column = column_of(t, ship, channel);

	str_addz(sql, "SELECT ");
	add_instant(t, sql, ship);
	str_addf(sql, ", %s::text FROM %s", column,
		registry_table(t->r, ship, ship->channel[channel].group - 1));
	add_range(t, sql, ship, from, to);
	str_addf(sql, " AND %s IS NOT NULL ORDER BY 1", column);
}

void cellsum_add_wide_instants(
	struct cellsum_target *t, struct str *sql, int64_t from, int64_t to, struct ship *ship)
{
	str_addz(sql, "SELECT ");
	add_instant(t, sql, ship);
	str_addf(sql, " FROM %s", registry_table(t->r, ship, 0));
	add_range(t, sql, ship, from, to);
	str_addz(sql, " ORDER BY 1");
}

void cellsum_add_wide_orphans(struct cellsum_target *t, struct str *sql, int64_t from, int64_t to,
	struct ship *ship, size_t group)
{
	for (size_t i = 0; i < 2; i++) {
		str_addz(sql, i ? " EXCEPT SELECT " : "SELECT ");
		add_instant(t, sql, ship);
		str_addf(sql, " FROM %s", registry_table(t->r, ship, i ? 0 : group));
		add_range(t, sql, ship, from, to);
	}
	str_addz(sql, " ORDER BY 1");
}
