/* repair_rows.c - rows that are too many, and rows that the view does not show. */
#include "compare/repair_internal.h"

#include "core/kp.h"

#define ARGUMENTS_MAX 100 /* of a function of PostgreSQL */

void repair_orphans(struct repair *r, struct ship *ship, const struct celldiff_cell *list, size_t n)
{
	struct pg *pg = registry_pg(r->target->r);
	AUTO_STR sql = { 0 }, instants = { 0 };
	const char *params[] = { repair_instants(&instants, ship, list, n) };
	AUTO_RESULT *done = NULL;

	repair_begin(r);
	str_addf(&sql,
		"INSERT INTO %s (%s) SELECT unnest($1::%s[]) ORDER BY 1 ON CONFLICT DO NOTHING",
		registry_table(r->target->r, ship, 0), registry_key_ident(r->target->r),
		registry_key_type(ship));
	done = pg_try_query(pg, str_z(&sql), 1, params);
	if (done) {
		r->set += pg_affected(done);
		pg_exec(pg, "COMMIT");
	} else {
		repair_give_way(r, n);
	}
}

/* ---- rows of no instant --------------------------------------------------------------------- */

/* ` WHERE key = ANY ($1) AND t.a IS NULL AND …`: rows of a group without any value. */
static void add_empty(struct repair *r, struct str *sql, const struct ship *ship, size_t group)
{
	struct pg *pg = registry_pg(r->target->r);
	size_t n = 0;

	str_addf(sql, " WHERE t.%s = ANY ($1::%s[])", registry_key_ident(r->target->r),
		registry_key_type(ship));
	for (size_t i = 0; i < ship->channels.n; i++) {
		if (!ship->channel[i].made || ship->channel[i].group != group + 1)
			continue;
		str_addf(sql, "%st.%s",
			n == 0              ? " AND num_nonnulls("
			: n % ARGUMENTS_MAX ? ", "
					    : ") + num_nonnulls(",
			pg_ident(pg, ship->channel[i].column));
		n++;
	}
	str_addz(sql, n ? ") = 0" : "");
	repair_add_license(r, sql, ship);
}

/* ` AND NOT EXISTS (…)` for every further group: the first row goes last. */
static void add_alone(struct repair *r, struct str *sql, const struct ship *ship)
{
	for (size_t g = 1; g < ship->n_groups; g++) {
		const char *key = registry_key_ident(r->target->r);

		if (ship->group[g].made)
			str_addf(sql, " AND NOT EXISTS (SELECT FROM %s AS g WHERE g.%s = t.%s)",
				registry_table(r->target->r, ship, g), key, key);
	}
}

/* Locks the first rows, which every live writer of these instants needs too. */
static bool lock(struct repair *r, struct ship *ship, const char *instants)
{
	const char *key = registry_key_ident(r->target->r);
	AUTO_STR sql = { 0 };
	AUTO_RESULT *rows = NULL;

	str_addf(&sql, "SELECT FROM %s WHERE %s = ANY ($1::%s[]) ORDER BY %s FOR UPDATE",
		registry_table(r->target->r, ship, 0), key, registry_key_type(ship), key);
	rows = pg_try_query(registry_pg(r->target->r), str_z(&sql), 1, &instants);
	return rows != NULL;
}

/* Those of the instants that the source still has not. */
static size_t absent(struct repair *r, struct ship *ship, const struct celldiff_cell *list,
	size_t n, struct celldiff_cell *out)
{
	AUTO_FREE int64_t *at = mem_alloc(mem_mul(n + 1, sizeof *at));
	AUTO_STR sql = { 0 };
	AUTO_NAMES there = { 0 };
	AUTO_RESULT *rows = NULL;
	size_t known = 0, kept = 0;

	for (size_t i = 0; i < n; i++)
		known += clock_parse(list[i].instant, &at[known]);
	if (known > 0) {
		cellsum_add_narrow_instants_at(r->source, &sql, at, known, ship->id);
		rows = pg_query(r->source->pg, str_z(&sql), 0, NULL);
		for (size_t i = 0; i < pg_rows(rows); i++)
			(void)names_add(&there, pg_value(rows, i, 0), NULL);
	}
	for (size_t i = 0; i < n; i++)
		if (clock_parse(list[i].instant, &at[0]) &&
			names_find(&there, list[i].instant) == NAMES_NONE)
			out[kept++] = list[i];
	return kept;
}

/* Deletes from the further groups, then from the first; false when another holds a row. */
static bool delete_rows(struct repair *r, struct ship *ship, const char *instants)
{
	struct pg *pg = registry_pg(r->target->r);
	AUTO_STR sql = { 0 };
	bool ok = true;

	for (size_t i = ship->n_groups; i > 0 && ok; i--) {
		size_t g = i - 1;
		AUTO_RESULT *done = NULL;

		if (!ship->group[g].made)
			continue;
		str_clear(&sql);
		str_addf(&sql, "DELETE FROM %s AS t", registry_table(r->target->r, ship, g));
		add_empty(r, &sql, ship, g);
		if (g == 0)
			add_alone(r, &sql, ship);
		done = pg_try_query(pg, str_z(&sql), 1, &instants);
		ok = done != NULL;
		if (ok && g == 0)
			r->removed += pg_affected(done);
	}
	return ok;
}

void repair_rows(struct repair *r, struct ship *ship, const struct celldiff_cell *list, size_t n)
{
	AUTO_FREE struct celldiff_cell *gone = mem_alloc(mem_mul(n, sizeof *gone));
	AUTO_STR instants = { 0 };
	size_t n_gone;
	bool ok;

	repair_begin(r);
	ok = lock(r, ship, repair_instants(&instants, ship, list, n));
	if (ok) {
		n_gone = absent(r, ship, list, n, gone);
		KP("repair_row_read");
		ok = delete_rows(r, ship, repair_instants(&instants, ship, gone, n_gone));
	}
	if (ok)
		pg_exec(registry_pg(r->target->r), "COMMIT");
	else
		repair_give_way(r, n);
}
