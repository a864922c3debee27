#include "compare/repair_internal.h"

/* ---- statements ------------------------------------------------------------------------------ */

void repair_add_license(struct repair *r, struct str *sql, const struct ship *ship)
{
	if (!r->remove)
		str_addf(sql,
			" AND t.%s IN (SELECT unnest(instants)%s FROM ferry.doubt"
			" WHERE job_id = %llu AND ship = %s)",
			registry_key_ident(r->target->r), ship->zoned ? " AT TIME ZONE 'UTC'" : "",
			(unsigned long long)r->job,
			pg_literal(registry_pg(r->target->r), ship->id));
}

const char *repair_instants(
	struct str *s, const struct ship *ship, const struct celldiff_cell *list, size_t n)
{
	str_clear(s);
	str_addc(s, '{');
	for (size_t i = 0; i < n; i++)
		str_addf(s, "%s\"%.*s%s\"", i ? "," : "", (int)list[i].instant.n,
			list[i].instant.p, ship->zoned ? "+00" : "");
	str_addc(s, '}');
	return str_z(s);
}

void repair_begin(struct repair *r)
{
	pg_exec(registry_pg(r->target->r), "BEGIN; SET LOCAL lock_timeout = '500ms'");
}

void repair_give_way(struct repair *r, size_t rows)
{
	struct pg *pg = registry_pg(r->target->r);
	const char *state = pg_sqlstate(pg);

	if (pg_state_is(state, "42 55000")) {
		if (!r->broken)
			msg_warn("cannot repair, for the table is not as it was made: %s",
				pg_error(pg));
		r->broken = true;
	} else if (!pg_state_is(state, "55P03 40P01")) {
		pg_die(pg, "cannot repair");
	} else {
		r->locked = true;
	}
	pg_exec(pg, "ROLLBACK");
	r->busy += rows;
}

/* ---- a round --------------------------------------------------------------------------------- */

static bool is_missing(const struct celldiff_cell *c)
{
	return c->what == CELL_MISSING || c->what == ROW_MISSING;
}

/* From the first to the last instant where something is missing; all of it when not all is known.
 */
static bool missing_range(const struct cell_list *list, int64_t *from, int64_t *to)
{
	int64_t first = INT64_MAX, last = INT64_MIN, t;
	bool any = false;

	for (size_t i = 0; i < list->n; i++) {
		if (!is_missing(&list->cell[i]))
			continue;
		any = true;
		if (!clock_parse(list->cell[i].instant, &t)) /* a year that no clock has */
			return true;
		first = t < first ? t : first;
		last = t > last ? t : last;
	}
	if (any && !list->more) {
		*from = first;
		*to = last + 1;
	}
	return any || list->more;
}

/* How many of list[i..n) belong together: one channel, or one kind of row. */
static size_t run_of(const struct cell_list *list, size_t i)
{
	const struct celldiff_cell *c = &list->cell[i];
	size_t n = 1;

	while (i + n < list->n && n < REPAIR_AT_ONCE && sl_eq(c[n].channel, c->channel) &&
		c[n].what == c->what)
		n++;
	return n;
}

bool repair_round(
	struct repair *r, struct ship *ship, int64_t from, int64_t to, const struct cell_list *list)
{
	bool any = missing_range(list, &from, &to);
	size_t n;

	r->broken = false;
	if (any)
		repair_fill(r, ship, from, to);
	for (size_t i = 0; i < list->n; i += n) {
		const struct celldiff_cell *c = &list->cell[i];
		bool extra = c->what == CELL_EXTRA || c->what == ROW_EXTRA;

		n = run_of(list, i);
		if (is_missing(c) || (extra && !r->remove && !r->job))
			continue;
		any = true;
		if (c->what == ROW_ORPHAN)
			repair_orphans(r, ship, c, n);
		else if (c->what == ROW_EXTRA)
			repair_rows(r, ship, c, n);
		else
			repair_set(r, ship, c, n);
	}
	return any && !r->broken;
}
