/* wide_coverage.c - counting, in SQL, what staged rows would change; and the report of it. */
#include "wide/wide_coverage.h"

#include "wide/wide_internal.h"

static const struct report_column columns[] = {
	{ N_("ship"), false }, { N_("table"), false }, { N_("columns"), true },
	{ N_("columns_given"), true }, { N_("rows"), true }, { N_("rows_there"), true },
	{ N_("rows_new"), true }, { N_("cells"), true }, { N_("cells_filled"), true },
	{ N_("cells_changed"), true }, { N_("cells_unchanged"), true },
};

/* Of the cells in staged rows (s): all, those whose cell in the table (t) is NULL, or differs. */
enum counted { CELLS, FILLED, CHANGED };

/* Values are compared by image, as the merge does. */
static void add_sum(struct wide *w, struct str *sql, const struct lane *l, const struct rack *k,
	size_t n, enum counted what)
{
	str_addz(sql, ", coalesce(sum(0");
	for (size_t i = 0; i < n; i++) {
		const char *name;

		if (!k->column[i].used)
			continue;
		name = pg_ident(w->pg, l->ship->channel[k->column[i].channel].column);
		str_addf(sql, " + (s.%s IS NOT NULL", name);
		if (what == FILLED)
			str_addf(sql, " AND t.%s IS NULL", name);
		else if (what == CHANGED)
			str_addf(sql,
				" AND t.%s IS NOT NULL"
				" AND ROW(s.%s)::record *<> ROW(t.%s)::record",
				name, name, name);
		str_addz(sql, ")::int");
	}
	str_addz(sql, "), 0)");
}

void wide_count_staged(struct wide *w, struct lane *l, struct rack *k, const char *target, size_t n)
{
	AUTO_STR sql = {0};
	AUTO_RESULT *r = NULL;
	const char *key;

	str_addf(&sql, "SELECT count(*), count(t.%s)", registry_key_ident(w->r));
	add_sum(w, &sql, l, k, n, CELLS);
	add_sum(w, &sql, l, k, n, FILLED);
	add_sum(w, &sql, l, k, n, CHANGED);
	key = registry_key_ident(w->r);
	str_addf(&sql, " FROM " STAGE_NAME " AS s LEFT JOIN %s AS t ON t.%s = s.%s",
		k->stage.number, target, key, key);
	r = pg_query(w->pg, str_z(&sql), 0, NULL);
	k->count.rows += pg_count(r, 0, 0);
	k->count.there += pg_count(r, 0, 1);
	k->count.cells += pg_count(r, 0, 2);
	k->count.filled += pg_count(r, 0, 3);
	k->count.changed += pg_count(r, 0, 4);
}

static void report_group(struct report *r, const struct lane *l, size_t group)
{
	static const struct rack none = {.n = 0};
	const struct group *g = &l->ship->group[group];
	const struct rack *k = group < l->n_racks ? &l->rack[group] : &none;

	report_text(r, l->ship->id);
	report_text(r, g->table);
	report_count(r, g->n);
	report_count(r, k->n);
	report_count(r, k->count.rows);
	report_count(r, k->count.there);
	report_count(r, k->count.rows - k->count.there);
	report_count(r, k->count.cells);
	report_count(r, k->count.filled);
	report_count(r, k->count.changed);
	report_count(r, k->count.cells - k->count.filled - k->count.changed);
}

static void report_unknown(struct report *r, const struct lane *l)
{
	report_text(r, l->ship->id);
	report_textz(r, NULL);
	report_count(r, 0);
	report_count(r, l->n_loose);
	for (int i = 0; i < 3; i++)
		report_count(r, 0);
	report_count(r, l->unknown);
	for (int i = 0; i < 3; i++)
		report_count(r, 0);
}

void wide_coverage_put(const struct wide *w, enum report_format format, struct str *out)
{
	AUTO_REPORT r = { .columns = columns, .n_columns = ARRAY_LEN(columns) };

	for (size_t i = 0; i < w->ships.n; i++) {
		const struct lane *l = &w->lane[i];

		for (size_t g = 0; g < l->ship->n_groups; g++)
			if (l->ship->group[g].n > 0)
				report_group(&r, l, g);
		if (l->n_loose > 0)
			report_unknown(&r, l);
	}
	report_put(&r, format, out);
	if (format == REPORT_JSON)
		str_addc(out, '\n');
}

uint64_t wide_ignored(const struct wide *w)
{
	uint64_t n = 0;

	for (size_t i = 0; i < w->ships.n; i++)
		n += w->lane[i].unknown;
	return n;
}
