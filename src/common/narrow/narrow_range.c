/* What of narrow.h needs the indexes: which ships there are, and from when to when. */
#include "narrow/narrow.h"

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
 * index by time begins. Within [from, to), where INT64_MIN as `from` is no bound at all.
 */
static void add_range_query(const struct narrow *n, struct pg *pg, struct str *s,
	const struct sl *ship, int64_t from, int64_t to)
{
	const char *time = n->col[NARROW_TIME].ident, *channel = n->col[NARROW_CHANNEL].ident;
	AUTO_STR where = { 0 }, bounds = { 0 };

	if (ship)
		str_addf(&where, "%s = %s AND ", n->col[NARROW_SHIP].ident, pg_literal(pg, *ship));
	if (from != INT64_MIN) {
		str_addf(&bounds, "%s >= ", time);
		narrow_add_time(n, &bounds, from);
		str_addf(&bounds, " AND %s <= ", time);
		narrow_add_time(n, &bounds, to - 1);
	} else {
		str_addz(&bounds, "true");
	}
	if (ship && n->by_channel && !n->by_ship_time) {
		narrow_add_loose_scan(n, s, "channels", channel, str_z(&where));
		str_addf(s,
			"SELECT min(a), max(b) FROM channels, LATERAL (SELECT min(%s) AS a, "
			"max(%s) AS b FROM %s WHERE %s%s = channels.x AND %s) r",
			time, time, n->ident, str_z(&where), channel, str_z(&bounds));
	} else {
		str_addf(s, "SELECT min(%s), max(%s) FROM %s WHERE %s%s", time, time, n->ident,
			str_z(&where), str_z(&bounds));
	}
}

/* False: one of them is no instant. `any`: is there one at all? */
static bool ask_range(const struct narrow *n, struct pg *pg, const struct sl *ship, int64_t from,
	int64_t to, int64_t *first, int64_t *last, bool *any)
{
	AUTO_STR sql = { 0 };
	AUTO_RESULT *r = NULL;

	add_range_query(n, pg, &sql, ship, from, to);
	r = pg_query(pg, str_z(&sql), 0, NULL);
	*any = !pg_is_null(r, 0, 0);
	return !*any || (clock_parse(pg_value(r, 0, 0), first) &&
				clock_parse(pg_value(r, 0, 1), last));
}

bool narrow_range_in(const struct narrow *n, struct pg *pg, struct sl ship, int64_t from,
	int64_t to, int64_t *first, int64_t *last)
{
	bool any;

	if (!ask_range(n, pg, &ship, from, to, first, last, &any))
		bug("a time within bounds that is no time");
	return any;
}

static bool range_of(struct narrow *n, struct pg *pg, const struct sl *ship, int64_t *first,
	int64_t *last)
{
	bool any;

	if (ask_range(n, pg, ship, INT64_MIN, 0, first, last, &any))
		return any;
	n->odd = true;
	if (!ask_range(n, pg, ship, NARROW_FIRST_INSTANT, NARROW_END_INSTANT, first, last, &any))
		bug("a time within bounds that is no time");
	return any;
}

bool narrow_range(struct narrow *n, struct pg *pg, const struct sl *ships, size_t n_ships,
	int64_t *first, int64_t *last)
{
	bool any = false;

	if (n_ships == 0)
		return range_of(n, pg, NULL, first, last);
	for (size_t i = 0; i < n_ships; i++) {
		size_t known = names_find(&n->spans, ships[i]);
		int64_t a, b;

		if (known != NAMES_NONE) {
			a = n->span[known].first;
			b = n->span[known].last;
		} else if (!range_of(n, pg, &ships[i], &a, &b)) {
			continue;
		}
		*first = !any || a < *first ? a : *first;
		*last = !any || b > *last ? b : *last;
		any = true;
	}
	return any;
}

bool narrow_next(const struct narrow *n, struct pg *pg, const struct narrow_part *part,
	int64_t *instant)
{
	AUTO_STR sql = { 0 };
	AUTO_RESULT *r = NULL;
	bool any;

	str_addf(&sql, "SELECT min(%s) FROM %s WHERE ", n->col[NARROW_TIME].ident, n->ident);
	narrow_add_where(n, pg, &sql, part);
	r = pg_query(pg, str_z(&sql), 0, NULL);
	any = !pg_is_null(r, 0, 0);
	if (any && !clock_parse(pg_value(r, 0, 0), instant))
		bug("a time within bounds that is no time");
	return any;
}

bool narrow_has_outcasts(const struct narrow *n, struct pg *pg, const struct narrow_part *part)
{
	bool ship = part->shipless && !n->col[NARROW_SHIP].not_null;
	AUTO_STR sql = { 0 };

	if (n->odd || (n->col[NARROW_TIME].not_null && !ship))
		return n->odd;
	str_addf(&sql, "SELECT EXISTS (SELECT FROM %s WHERE ", n->ident);
	narrow_add_where(n, pg, &sql, part);
	str_addc(&sql, ')');
	return pg_is_yes(pg_query(pg, str_z(&sql), 0, NULL));
}

uint64_t narrow_keyless(const struct narrow *n, struct pg *pg)
{
	static const enum narrow_role key[] = { NARROW_SHIP, NARROW_CHANNEL, NARROW_TIME };
	AUTO_STR sql = { 0 };
	AUTO_RESULT *r = NULL;
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
	}
	return count;
}

/* From the hexadecimal digits of encode(). */
static void keep_odd_ship(struct narrow *n, struct sl hex)
{
	char name[NARROW_NAME_MAX];
	size_t length = hex.n / 2;

	n->odd = true;
	if (length > sizeof name)
		return; /* as one that is too long */
	for (size_t i = 0; i < length; i++) {
		const char *digits = "0123456789abcdef";

		name[i] = (char)((strchr(digits, hex.p[2 * i]) - digits) << 4 |
				 (strchr(digits, hex.p[2 * i + 1]) - digits));
	}
	(void)names_add(&n->odd_ships, (struct sl){ name, length }, NULL);
}

#define MANY_SHIPS 100
#define FEW_ROWS 5000

bool narrow_is_sparse(const struct narrow *n, size_t n_ships)
{
	return n_ships > MANY_SHIPS && n->rows_estimate > 0 && !n->encoding && !n->target &&
	       n->rows_estimate / n_ships < FEW_ROWS;
}

/* False: a time is no instant, and that is noted. */
static bool read_spans(struct narrow *n, struct pg *pg)
{
	const char *time = n->col[NARROW_TIME].ident;
	AUTO_STR sql = { 0 };
	AUTO_RESULT *r = NULL;

	str_addf(&sql, "SELECT %s, min(%s), max(%s) FROM %s WHERE %s IS NOT NULL",
		n->col[NARROW_SHIP].expr, time, time, n->ident, n->col[NARROW_SHIP].ident);
	if (n->odd)
		narrow_add_years(n, &sql);
	str_addz(&sql, " GROUP BY 1");
	r = pg_query(pg, str_z(&sql), 0, NULL);
	names_clear(&n->spans);
	mem_free(n->span);
	n->span = mem_alloc(mem_mul(pg_rows(r) + 1, sizeof *n->span));
	for (size_t i = 0; i < pg_rows(r); i++) {
		struct narrow_span s;

		if (pg_is_null(r, i, 1))
			continue;
		if (!clock_parse(pg_value(r, i, 1), &s.first) ||
			!clock_parse(pg_value(r, i, 2), &s.last)) {
			n->odd = true;
			return false;
		}
		n->span[names_add(&n->spans, pg_value(r, i, 0), NULL)] = s;
	}
	return true;
}

size_t narrow_ships(struct narrow *n, struct pg *pg, struct sl **ships)
{
	const char *ship = n->col[NARROW_SHIP].ident;
	AUTO_STR sql = { 0 };
	AUTO_RESULT *r = NULL;
	size_t count, found = 0;

	if (n->by_ship)
		narrow_add_loose_scan(n, &sql, "ships", ship, "");
	else
		str_addf(&sql, "WITH ships AS (SELECT DISTINCT %s AS x FROM %s) ", ship, n->ident);
	str_addf(&sql, "SELECT x, %s FROM ships WHERE x IS NOT NULL ORDER BY x",
		n->encoding || n->target
			? "pg_catalog.encode(pg_catalog.convert_to(x::text, 'SQL_ASCII'), 'hex')"
			: "NULL");
	r = pg_query(pg, str_z(&sql), 0, NULL);
	count = pg_rows(r);
	*ships = mem_alloc(mem_mul(count ? count : 1, sizeof **ships));
	for (size_t i = 0; i < count; i++) {
		struct sl name = pg_value(r, i, 0);

		n->unstored |= name.p && !narrow_can_store(n, name);
		if (!name.p || !narrow_can_store(n, name))
			keep_odd_ship(n, pg_value(r, i, 1));
		else if (name.n > 0 && name.n <= NARROW_NAME_MAX)
			(*ships)[found++] = arena_dup(&n->arena, name);
		else
			n->odd = true;
	}
	if (narrow_is_sparse(n, found) && !read_spans(n, pg))
		(void)!read_spans(n, pg);
	return found;
}

void narrow_warn_scans(const struct narrow *n, int64_t from, int64_t to, int64_t chunk)
{
	if (n->by_time || n->by_ship_time || to <= from || to - from <= chunk)
		return;
	msg_warn("%s: no index begins with %s, so each chunk reads the whole table; make one, or "
		 "take a larger --chunk", n->table, msg_q(n->col[NARROW_TIME].name));
}
