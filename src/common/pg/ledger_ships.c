#include "pg/ledger_ships.h"

#include "core/num.h"

/* Rows of each ship as the statistics have it: only the order of ships depends on it. */
static void take_weights(
	struct pg *source, const struct narrow *n, struct ledger_ship *ships, size_t count)
{
	const char *params[] = { n->ident, n->col[NARROW_SHIP].name.p };
	struct pg_result *r = pg_query(source,
		"SELECT v, (f * greatest(c.reltuples, 0))::bigint FROM pg_class c"
		" JOIN pg_namespace n ON n.oid = c.relnamespace"
		" JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname,"
		" unnest(s.most_common_vals::text::text[], s.most_common_freqs) AS u (v, f)"
		" WHERE c.oid = $1::regclass AND s.attname = $2 ORDER BY s.inherited",
		2, params);

	for (size_t row = 0; row < pg_rows(r); row++)
		for (size_t i = 0; i < count; i++)
			if (sl_eq(ships[i].ship, pg_value(r, row, 0)))
				(void)!num_u64(pg_value(r, row, 1), &ships[i].weight);
	pg_clear(r);
}

size_t ledger_ships_find(struct pg *source, struct narrow *n, const struct sl *only, size_t n_only,
	struct ledger_ship **out)
{
	struct sl *all = NULL;
	size_t count = n_only ? n_only : narrow_ships(n, source, &all), found = 0;
	const struct sl *ships = n_only ? only : all;
	int64_t last;

	*out = mem_zalloc(mem_mul(count + 1, sizeof **out));
	for (size_t i = 0; i < count; i++) {
		struct ledger_ship *s = &(*out)[found];

		s->ship = ships[i];
		if (narrow_range(n, source, &ships[i], 1, &s->first, &last))
			found++;
		else
			msg_warn("ship %s has no rows in %s", msg_q(ships[i]), n->table);
	}
	mem_free(all);
	take_weights(source, n, *out, found);
	return found;
}
