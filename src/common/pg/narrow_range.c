/* What of narrow.h needs the indexes: which ships there are, and from when to when. */
#include "pg/narrow.h"

#include "core/clock.h"
#include "core/num.h"

void narrow_add_loose_scan(const struct narrow *n, struct str *s, const char *name,
	const char *column, const char *where)
{
	str_addf(s,
		"WITH RECURSIVE %s AS ((SELECT %s AS x FROM %s WHERE %s%s IS NOT NULL "
		"ORDER BY %s LIMIT 1) UNION ALL SELECT (SELECT %s FROM %s WHERE %s%s > %s.x "
		"ORDER BY %s LIMIT 1) FROM %s WHERE %s.x IS NOT NULL) ",
		name, column, n->ident, where, column, column, column, n->ident, where, column,
		name, column, name, name);
}

/*
 * Appends the query for the first and last instant of one ship, or of all. Of one ship only the
 * index by (ship, channel, time) may know: a ship that joined late has no row for long where the
 * index by time begins.
 */
static void add_range_query(const struct narrow *n, struct pg *pg, struct str *s,
	const struct sl *ship)
{
	const char *time = n->col[NARROW_TIME].ident, *channel = n->col[NARROW_CHANNEL].ident;
	struct str where = { 0 };

	if (ship) {
		str_addf(&where, "%s = ", n->col[NARROW_SHIP].ident);
		pg_add_literal(pg, &where, *ship);
	}
	if (ship && n->by_channel && !n->by_ship_time) {
		str_addz(&where, " AND ");
		narrow_add_loose_scan(n, s, "channels", channel, str_z(&where));
		str_addf(s,
			"SELECT min(a), max(b) FROM channels, LATERAL (SELECT min(%s) AS a, "
			"max(%s) AS b FROM %s WHERE %s%s = channels.x) r",
			time, time, n->ident, str_z(&where), channel);
	} else {
		str_addf(s, "SELECT min(%s), max(%s) FROM %s%s%s", time, time, n->ident,
			ship ? " WHERE " : "", str_z(&where));
	}
	str_free(&where);
}

static int64_t instant_of(const struct narrow *n, struct sl text)
{
	int64_t instant;

	if (!clock_parse(text, &instant))
		die_hint(EX_DATA, "--since and --until leave such rows out",
			"a time that is none of the years 0001-9999, source: %s: %s", n->table,
			msg_q(text));
	return instant;
}

static bool range_of(const struct narrow *n, struct pg *pg, const struct sl *ship, int64_t *first,
	int64_t *last)
{
	struct str sql = { 0 };
	struct pg_result *r;
	bool any;

	add_range_query(n, pg, &sql, ship);
	r = pg_query(pg, str_z(&sql), 0, NULL);
	any = !pg_is_null(r, 0, 0);
	if (any) {
		*first = instant_of(n, pg_value(r, 0, 0));
		*last = instant_of(n, pg_value(r, 0, 1));
	}
	pg_clear(r);
	str_free(&sql);
	return any;
}

bool narrow_range(const struct narrow *n, struct pg *pg, const struct sl *ships, size_t n_ships,
	int64_t *first, int64_t *last)
{
	bool any = false;

	if (n_ships == 0)
		return range_of(n, pg, NULL, first, last);
	for (size_t i = 0; i < n_ships; i++) {
		int64_t a, b;

		if (!range_of(n, pg, &ships[i], &a, &b))
			continue;
		*first = !any || a < *first ? a : *first;
		*last = !any || b > *last ? b : *last;
		any = true;
	}
	return any;
}

bool narrow_next(const struct narrow *n, struct pg *pg, const struct narrow_part *part,
	int64_t *instant)
{
	struct str sql = { 0 };
	struct pg_result *r;
	bool any;

	str_addf(&sql, "SELECT min(%s) FROM %s WHERE ", n->col[NARROW_TIME].ident, n->ident);
	narrow_add_where(n, pg, &sql, part);
	r = pg_query(pg, str_z(&sql), 0, NULL);
	any = !pg_is_null(r, 0, 0);
	if (any)
		*instant = instant_of(n, pg_value(r, 0, 0));
	pg_clear(r);
	str_free(&sql);
	return any;
}

uint64_t narrow_keyless(const struct narrow *n, struct pg *pg)
{
	static const enum narrow_role key[] = { NARROW_SHIP, NARROW_CHANNEL, NARROW_TIME };
	struct str sql = { 0 };
	struct pg_result *r;
	uint64_t count = 0;
	bool any = false;

	str_addf(&sql, "SELECT count(*) FROM %s WHERE", n->ident);
	for (size_t i = 0; i < ARRAY_LEN(key); i++) {
		if (n->col[key[i]].not_null)
			continue;
		str_addf(&sql, "%s %s IS NULL", any ? " OR" : "", n->col[key[i]].ident);
		any = true;
	}
	if (any) {
		r = pg_query(pg, str_z(&sql), 0, NULL);
		(void)!num_u64(pg_value(r, 0, 0), &count);
		pg_clear(r);
	}
	str_free(&sql);
	return count;
}

size_t narrow_ships(struct narrow *n, struct pg *pg, struct sl **ships)
{
	const char *ship = n->col[NARROW_SHIP].ident;
	struct str sql = { 0 };
	struct pg_result *r;
	size_t count;

	if (n->by_ship) {
		narrow_add_loose_scan(n, &sql, "ships", ship, "");
		str_addz(&sql, "SELECT x FROM ships WHERE x IS NOT NULL ORDER BY x");
	} else {
		str_addf(&sql, "SELECT DISTINCT %s FROM %s WHERE %s IS NOT NULL ORDER BY 1", ship,
			n->ident, ship);
	}
	r = pg_query(pg, str_z(&sql), 0, NULL);
	count = pg_rows(r);
	*ships = mem_alloc(mem_mul(count ? count : 1, sizeof **ships));
	for (size_t i = 0; i < count; i++)
		(*ships)[i] = arena_dup(&n->arena, pg_value(r, i, 0));
	pg_clear(r);
	str_free(&sql);
	return count;
}
