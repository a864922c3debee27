#include "stream/pivot.h"

#include "core/decimal.h"
#include "core/num.h"
#include "stream/digest.h"

/* The row of one group at the current key. */
struct pivot_row {
	size_t group;
	struct field *f; /* by number of the column */
	size_t cap;
	struct arena texts;
};

struct pivot_group {
	struct str last_key; /* of its last row, open or not */
	size_t row;	     /* number of its open row, or NAMES_NONE */
	struct field *by;    /* values of the by columns */
};

/* Numbers by value, however long they are, and before all else. */
static int numbers_first(struct sl a, struct sl b)
{
	struct decimal x, y;
	bool a_is = num_is_json(a) && decimal_parse(a, &x);
	bool b_is = num_is_json(b) && decimal_parse(b, &y);
	int c = a_is && b_is ? decimal_cmp(&x, &y) : b_is - a_is;

	return c ? c : sl_cmp(a, b);
}

pivot_order *pivot_order_of(struct sl first_key)
{
	return num_is_json(first_key) ? numbers_first : sl_cmp;
}

static void widen_row(struct pivot_row *r, size_t n)
{
	size_t had = r->cap;

	if (LIKELY(n <= had))
		return;
	mem_grow(&r->f, &r->cap, n, sizeof *r->f);
	memset(r->f + had, 0, (r->cap - had) * sizeof *r->f); /* F_ABSENT */
}

/* The key has changed, or a chunk ends: all open rows are complete. */
static void close_rows(struct pivot *pv)
{
	for (size_t i = 0; i < pv->n_rows; i++) {
		struct pivot_row *r = &pv->rows[i];
		struct pivot_group *g = &pv->group[r->group];

		widen_row(r, pv->columns.n);
		pv->row(pv->ctx, g->by, str_sl(&pv->key), r->f);
		memset(r->f, 0, pv->columns.n * sizeof *r->f);
		arena_reset(&r->texts);
		g->row = NAMES_NONE;
	}
	pv->n_rows = 0;
	pv->have_key = false;
}

static void init_group(struct pivot *pv, size_t i, const struct field *by)
{
	struct pivot_group *g;

	mem_grow(&pv->group, &pv->groups_cap, i + 1, sizeof *pv->group);
	g = &pv->group[i];
	*g = (struct pivot_group){ .row = NAMES_NONE };
	g->by = arena_alloc(&pv->group_texts, PIVOT_MAX_BY * sizeof *g->by);
	for (size_t b = 0; b < pv->n_by; b++) {
		g->by[b] = by[b];
		g->by[b].p = arena_dup(&pv->group_texts, field_sl(&by[b])).p;
	}
}

static size_t find_group(struct pivot *pv, const struct field *by)
{
	struct sl joined = pv->n_by ? field_sl(&by[0]) : SL("");
	bool added;
	size_t i;

	if (pv->n_by > 1) {
		str_clear(&pv->joined);
		for (size_t b = 0; b < pv->n_by; b++) {
			if (b)
				str_addc(&pv->joined, '\x1f'); /* unit separator */
			str_add(&pv->joined, field_sl(&by[b]));
		}
		joined = str_sl(&pv->joined);
	}
	if (pv->last_group < pv->groups.n && sl_eq(pv->groups.name[pv->last_group], joined))
		return pv->last_group;
	i = names_add(&pv->groups, joined, &added);
	if (added)
		init_group(pv, i, by);
	return pv->last_group = i;
}

/* NULL when the key does not come after the group's last one. */
static struct pivot_row *open_row(struct pivot *pv, size_t gi)
{
	struct pivot_group *g = &pv->group[gi];
	struct sl key = str_sl(&pv->key);

	if (g->row != NAMES_NONE)
		return &pv->rows[g->row];
	if (!pv->order)
		pv->order = pivot_order_of(key);
	if (g->last_key.n && pv->order(key, str_sl(&g->last_key)) <= 0) {
		pv->last_key = str_sl(&g->last_key);
		return NULL;
	}
	str_clear(&g->last_key);
	str_add(&g->last_key, key);
	if (pv->n_rows == pv->rows_cap) {
		mem_grow(&pv->rows, &pv->rows_cap, pv->n_rows + 1, sizeof *pv->rows);
		memset(pv->rows + pv->n_rows, 0, (pv->rows_cap - pv->n_rows) * sizeof *pv->rows);
	}
	g->row = pv->n_rows++;
	pv->rows[g->row].group = gi;
	return &pv->rows[g->row];
}

/* New columns are expected in the order in which they are met. */
static void describe_columns(struct pivot *pv)
{
	mem_grow(&pv->column, &pv->columns_cap, pv->columns.n, sizeof *pv->column);
	for (size_t i = pv->n_columns; i < pv->columns.n; i++)
		pv->column[i] = (struct pivot_column){ .name = field_name(pv->columns.name[i]),
						       .next = i + 1 };
	pv->n_columns = pv->columns.n;
}

/* The number of a column, NAMES_NONE when it is unknown and not to be added. */
static size_t find_column(struct pivot *pv, struct sl name)
{
	const struct pivot_column *c = NULL;
	size_t i;

	/* channels tend to come in the same order at every key, now and then with one left out */
	for (size_t tries = 0; tries < PIVOT_GUESSES; tries++) {
		c = pivot_likely(pv, c);
		if (!c)
			break;
		if (sl_eq(field_sl(&c->name), name))
			return pv->last_column = (size_t)(c - pv->column);
	}
	if (pv->n_given && pv->on_unknown != UNKNOWN_ADD)
		i = names_find(&pv->columns, name);
	else
		i = names_add(&pv->columns, name, NULL);
	if (i == NAMES_NONE)
		return i;
	if (pv->n_columns)
		pv->column[pv->last_column].next = i;
	if (pv->n_columns < pv->columns.n)
		describe_columns(pv);
	return pv->last_column = i;
}

static void set_cell(struct pivot *pv, struct pivot_row *r, size_t i, const struct field *value)
{
	widen_row(r, pv->columns.n);
	r->f[i] = *value;
	r->f[i].p = arena_dup(&r->texts, field_sl(value)).p;
}

static void count_drop(struct pivot *pv, size_t gi, struct sl name, const struct field *value)
{
	/* digest.h knows one `by`: the joined text is the value itself when there is one */
	uint64_t row = digest_row(pv->groups.name[gi], str_sl(&pv->key));

	pv->drop_cells++;
	pv->drop_sum += digest_cell(row, digest_name(name), field_sl(value));
}

static bool replaces(const struct pivot *pv, const struct field *old, const struct field *new)
{
	return pv->on_duplicate == DUP_LAST ||
	       (pv->on_duplicate == DUP_MAX &&
		numbers_first(field_sl(new), field_sl(old)) > 0);
}

/* The cell goes into an open row. */
static enum pivot_result put_cell(struct pivot *pv, struct pivot_row *r, size_t ci,
				  const struct field *value)
{
	struct field *old;
	bool replace;

	if (UNLIKELY(value->kind == F_ABSENT))
		return PIVOT_OK;
	old = ci < r->cap ? &r->f[ci] : NULL;
	if (UNLIKELY(old && !field_is_null(old))) {
		pv->other = *old;
		if (field_is_null(value)) {
			count_drop(pv, r->group, pv->columns.name[ci], old);
			set_cell(pv, r, ci, value);
			return PIVOT_OK;
		}
		if (pv->on_duplicate == DUP_ERROR)
			return PIVOT_REPEATED;
		replace = replaces(pv, old, value);
		pv->duplicates++;
		count_drop(pv, r->group, pv->columns.name[ci], replace ? old : value);
		if (!replace)
			return PIVOT_OK;
	}
	set_cell(pv, r, ci, value);
	return PIVOT_OK;
}

enum pivot_result pivot_add(struct pivot *pv, const struct field *by, struct sl key, struct sl name,
			    const struct field *value)
{
	struct pivot_row *r;
	size_t gi, ci;

	if (!pv->have_key || !sl_eq(str_sl(&pv->key), key)) {
		close_rows(pv);
		str_clear(&pv->key);
		str_add(&pv->key, key);
		pv->have_key = true;
	}
	gi = find_group(pv, by);
	r = open_row(pv, gi);
	if (UNLIKELY(!r))
		return PIVOT_UNSORTED;
	ci = find_column(pv, name);
	if (UNLIKELY(ci == NAMES_NONE)) {
		pv->ignored++;
		if (!field_is_null(value))
			count_drop(pv, gi, name, value);
		return pv->on_unknown == UNKNOWN_ERROR ? PIVOT_UNKNOWN : PIVOT_OK;
	}
	return put_cell(pv, r, ci, value);
}

enum pivot_result pivot_add_likely(struct pivot *pv, const struct pivot_column *column,
				   const struct field *value)
{
	pv->last_column = (size_t)(column - pv->column);
	return put_cell(pv, &pv->rows[pv->group[pv->last_group].row], pv->last_column, value);
}

struct sl pivot_key(const struct pivot *pv)
{
	return str_sl(&pv->key);
}

struct sl pivot_last_key(const struct pivot *pv)
{
	return pv->last_key;
}

const struct field *pivot_other(const struct pivot *pv)
{
	return &pv->other;
}

void pivot_end_chunk(struct pivot *pv)
{
	close_rows(pv);
	for (size_t i = 0; i < pv->groups.n; i++)
		str_clear(&pv->group[i].last_key);
}

void pivot_free(struct pivot *pv)
{
	for (size_t i = 0; i < pv->rows_cap; i++) {
		mem_free(pv->rows[i].f);
		arena_free(&pv->rows[i].texts);
	}
	for (size_t i = 0; i < pv->groups.n; i++)
		str_free(&pv->group[i].last_key);
	mem_free(pv->rows);
	mem_free(pv->group);
	arena_free(&pv->group_texts);
	names_free(&pv->groups);
	names_free(&pv->columns);
	mem_free(pv->column);
	str_free(&pv->key);
	str_free(&pv->joined);
}
