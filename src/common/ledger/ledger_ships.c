#include "ledger/ledger_ships.h"

#include "ledger/ledger_internal.h"
#include "ledger/ledger_ships.sql.h"

#define MANY_CHUNKS 4000 /* ten years of days: one ship does not easily have more */
#define GAP_CHUNKS 400	 /* what is worth being passed over at once */
#define LOOKS_MAX 1000	 /* whoever needs more has more chunks than can be planned */

struct search {
	struct pg *source;
	const struct narrow *n;
	struct sl ship;
	int64_t chunk;
	struct str gaps;
	unsigned looks;
};

/*
 * One row of the year 1 or 9999 makes millions of chunks of which nothing is in. Between two rows
 * there is a gap in the middle, or both halves are looked at; two probes of an index each.
 */
static void find_gaps(struct search *s, int64_t first, int64_t last)
{
	int64_t middle = first + (last - first) / 2, before, behind, ignored;

	if ((last - first) / s->chunk < MANY_CHUNKS || s->looks++ == LOOKS_MAX ||
		!narrow_range_in(s->n, s->source, s->ship, first, middle, &ignored, &before) ||
		!narrow_range_in(s->n, s->source, s->ship, middle, last + 1, &behind, &ignored))
		return;
	if ((behind - before) / s->chunk > GAP_CHUNKS)
		str_addf(&s->gaps, "%s[%s,%s)", s->gaps.n > 1 ? "," : "",
			ledger_time(clock_floor(before, s->chunk) + s->chunk),
			ledger_time(clock_floor(behind, s->chunk)));
	find_gaps(s, first, before);
	find_gaps(s, behind, last);
}

/*
 * Rows without a ship, or of one that cannot be named, are read with all others, and so are met
 * only where one of these has a chunk: where some lack, the first has all from the first row on.
 */
static void cover_all(struct narrow *n, struct pg *source, struct ledger_ship *s, size_t count,
	int64_t chunk, struct arena *a)
{
	int64_t first = s->first, last = s->last, from, to, reach, before;
	AUTO_STR gaps = { 0 };

	if (!narrow_range(n, source, NULL, 0, &from, &to))
		return;
	reach = clock_floor(from, chunk);
	do {
		before = reach;
		for (size_t i = 0; i < count; i++)
			if (clock_floor(s[i].first, chunk) <= reach && s[i].last >= reach)
				reach = clock_floor(s[i].last, chunk) + chunk;
	} while (reach > before);
	if (reach > to)
		return;
	s->first = from;
	s->last = to;
	if ((to - from) / chunk < MANY_CHUNKS)
		return;
	str_add(&gaps, (struct sl){ s->gaps, strlen(s->gaps) - 1 });
	str_addf(&gaps, "%s[%s,%s),[%s,%s)}", gaps.n > 1 ? "," : "",
		ledger_time(clock_floor(s->first, chunk)), ledger_time(clock_floor(first, chunk)),
		ledger_time(clock_floor(last, chunk) + chunk),
		ledger_time(clock_floor(s->last, chunk) + chunk));
	s->gaps = arena_dup(a, str_sl(&gaps)).p;
}

/* Rows of each ship as the statistics have it: only the order of ships depends on it. */
static void take_weights(
	struct pg *source, const struct narrow *n, struct ledger_ship *ships, size_t count)
{
	AUTO_RESULT *r = pg_ask(source, weights_sql, n->ident, n->col[NARROW_SHIP].name.p);

	for (size_t row = 0; row < pg_rows(r); row++)
		for (size_t i = 0; i < count; i++)
			if (sl_eq(ships[i].ship, pg_value(r, row, 0)))
				(void)!num_u64(pg_value(r, row, 1), &ships[i].weight);
}

size_t ledger_ships_find(struct pg *source, struct narrow *n, const struct sl *only, size_t n_only,
	int64_t chunk_us, struct arena *a, struct ledger_ship **out)
{
	AUTO_FREE struct sl *all = NULL;
	size_t count = n_only ? n_only : narrow_ships(n, source, &all), found = 0;
	const struct sl *ships = n_only ? only : all;

	*out = mem_zalloc(mem_mul(count + 1, sizeof **out));
	for (size_t i = 0; i < count; i++) {
		struct ledger_ship *s = &(*out)[found];

		s->ship = ships[i];
		if (narrow_range(n, source, &ships[i], 1, &s->first, &s->last)) {
			struct search search = { source, n, s->ship, chunk_us, { 0 }, 0 };

			str_addc(&search.gaps, '{');
			find_gaps(&search, s->first, s->last);
			str_addc(&search.gaps, '}');
			s->gaps = arena_dup(a, str_sl(&search.gaps)).p;
			str_free(&search.gaps);
			found++;
		} else if (!n->odd) {
			msg_warn("ship %s has no rows in %s", msg_q(ships[i]), n->table);
		}
	}
	if (found > 0 && n_only == 0 && !n->by_ship_time &&
		(n->unstored || n->odd || !n->col[NARROW_SHIP].not_null))
		cover_all(n, source, *out, found, chunk_us, a);
	take_weights(source, n, *out, found);
	return found;
}

void ledger_ships_planned(struct pg *target, uint64_t job, struct names *out)
{
	AUTO_RESULT *r = ledger_ask(target, planned_sql, job);

	for (size_t i = 0; i < pg_rows(r); i++)
		(void)names_add(out, pg_value(r, i, 0), NULL);
}

static bool is_known(struct pg *target, const struct ledger_job *job, struct sl ship)
{
	AUTO_STR list = { 0 };
	AUTO_RESULT *r = pg_ask(target, known_sql, job->target_schema, job->target_prefix,
		job->source_table, ledger_array(&list, &ship, 1));

	return pg_rows(r) > 0;
}

void ledger_want_ships(struct narrow *n, struct pg *source, struct pg *target,
	const struct ledger_job *job, const struct opt_list *ships)
{
	int64_t first, last;

	for (size_t i = 0; i < ships->n; i++)
		if (!(target && is_known(target, job, ships->v[i])) &&
			!(n && (narrow_range(n, source, &ships->v[i], 1, &first, &last) || n->odd)))
			die_hint(EX_CONFIGURATION,
				"narrow-to-wide --mode schema-only lists those there are; "
				"one that is to come is followed with --new-ship",
				"ship %s has no rows in %s", msg_q(ships->v[i]),
				n ? n->table : "the ledger");
}

bool ledger_has_neighbours(struct pg *target, const struct ledger_job *job)
{
	return pg_knows(target, has_neighbours_sql, job->source, job->source_table,
		job->target_schema, job->target_prefix);
}

void ledger_refuse_shared(struct pg *target, const struct ledger_job *job, const struct sl *ships,
	size_t n)
{
	AUTO_STR list = { 0 };
	AUTO_RESULT *r = pg_ask(target, neighbour_sql, job->source, job->source_table,
		job->target_schema, job->target_prefix, ledger_array(&list, ships, n));

	if (n > 0 && pg_rows(r) > 0)
		die_hint(EX_CONFIGURATION,
			"give another --target-schema, or --mode rollback of that job first",
			"ship %s has its tables in %s already: job %llu carries %s to %s…",
			msg_q(pg_value(r, 0, 1)), job->target_schema,
			(unsigned long long)pg_count(r, 0, 0), pg_value(r, 0, 2).p,
			pg_value(r, 0, 3).p);
}

void ledger_refuse_met(struct pg *target, const struct ledger_job *job, const struct names *met,
	size_t *asked)
{
	if (*asked < met->n && ledger_has_neighbours(target, job))
		ledger_refuse_shared(target, job, met->name + *asked, met->n - *asked);
	*asked = met->n;
}

bool ledger_is_mixed(struct pg *target, const char *schema, const char *prefix)
{
	return pg_knows(target, mixed_sql, schema, prefix);
}
