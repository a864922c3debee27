#include "stream/pivot.h"

#include "core/decimal.h"
#include "stream/digest.h"

/* The row of one group at the current key. */
struct pivot_row {
	size_t group;
	struct field *f; /* by number of the column */
	uint64_t *n;	 /* DUP_MEAN, DUP_COUNT: values of the cell; DUP_CONCAT: room for it */
	size_t cap, n_cap;
	struct field keep[PIVOT_MAX_KEEP];
	struct arena texts;
	size_t waste, may_waste; /* bytes of `texts` that nobody needs */
};

struct pivot_group {
	struct str last_key; /* of its last row, open or not */
	size_t row;	     /* number of its open row, or NAMES_NONE */
	struct field *by;    /* values of the by columns */
	struct sl digest_by; /* the same for digest.h */
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

void pivot_key_add(struct str *s, bool by_number, struct sl text)
{
	uint32_t n = (uint32_t)text.n;

	str_addc(s, by_number ? 1 : 0);
	str_add(s, (struct sl){ (const char *)&n, sizeof n });
	str_add(s, text);
}

struct sl pivot_key_next(struct sl *packed)
{
	uint32_t n;
	struct sl part;

	memcpy(&n, packed->p + 1, sizeof n);
	part = (struct sl){ packed->p + 1 + sizeof n, n };
	sl_skip(packed, 1 + sizeof n + n);
	return part;
}

int pivot_key_order(struct sl a, struct sl b)
{
	int c = 0;

	while (c == 0 && a.n > 0 && b.n > 0) {
		bool by_number = *a.p == 1;
		struct sl x = pivot_key_next(&a), y = pivot_key_next(&b);

		c = by_number ? numbers_first(x, y) : sl_cmp(x, y);
	}
	return c;
}

static void widen_row(struct pivot_row *r, size_t n)
{
	size_t had = r->cap, had_n = r->n_cap;

	if (LIKELY(n <= had))
		return;
	mem_grow(&r->f, &r->cap, n, sizeof *r->f);
	memset(r->f + had, 0, (r->cap - had) * sizeof *r->f); /* F_ABSENT */
	mem_grow(&r->n, &r->n_cap, r->cap, sizeof *r->n);
	memset(r->n + had_n, 0, (r->n_cap - had_n) * sizeof *r->n);
}

/* What was gathered becomes the value of the cell. */
static void finish_cells(struct pivot *pv, struct pivot_row *r)
{
	struct decimal sum;

	if (pv->on_duplicate != DUP_MEAN && pv->on_duplicate != DUP_COUNT)
		return;
	for (size_t i = 0; i < pv->columns.n; i++) {
		struct field *f = &r->f[i];

		if (field_is_null(f))
			continue;
		str_clear(&pv->sum);
		if (pv->on_duplicate == DUP_COUNT)
			str_addu(&pv->sum, r->n[i]);
		else if (r->n[i] > 1 && decimal_parse(field_sl(f), &sum))
			decimal_divide(&pv->sum, &sum, r->n[i]);
		else
			continue;
		f->p = arena_dup(&r->texts, str_sl(&pv->sum)).p;
		f->n = (uint32_t)pv->sum.n;
		f->plain = true;
		if (pv->on_duplicate == DUP_COUNT)
			f->kind = F_NUM;
	}
}

/* The key has changed, or a chunk ends: all open rows are complete. */
static void close_rows(struct pivot *pv)
{
	for (size_t i = 0; i < pv->n_rows; i++) {
		struct pivot_row *r = &pv->rows[i];
		struct pivot_group *g = &pv->group[r->group];

		widen_row(r, pv->columns.n);
		finish_cells(pv, r);
		pv->kept = r->keep;
		pv->row(pv->ctx, g->by, str_sl(&pv->key), r->f);
		memset(r->f, 0, pv->columns.n * sizeof *r->f);
		if (UNLIKELY(pv->on_duplicate >= DUP_MEAN))
			memset(r->n, 0, pv->columns.n * sizeof *r->n);
		arena_reset(&r->texts);
		r->waste = r->may_waste = 0;
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
	g->digest_by = digest_by(&pv->joined, g->by, pv->n_by);
	if (pv->n_by > 1)
		g->digest_by = arena_dup(&pv->group_texts, g->digest_by);
}

static bool same_group(const struct pivot_group *g, const struct field *by, size_t n)
{
	for (size_t b = 0; b < n; b++)
		if (g->by[b].kind != by[b].kind || !sl_eq(field_sl(&g->by[b]), field_sl(&by[b])))
			return false;
	return true;
}

static size_t find_group(struct pivot *pv, const struct field *by)
{
	bool added;
	size_t i;

	if (LIKELY(pv->last_group < pv->groups.n &&
		   same_group(&pv->group[pv->last_group], by, pv->n_by)))
		return pv->last_group;
	/* with its kind and its length no value can be taken for another, or for two */
	str_clear(&pv->joined);
	for (size_t b = 0; b < pv->n_by; b++)
		rec_pack(&pv->joined, &(struct field){ by[b].p, by[b].n, by[b].kind, 0 });
	i = names_add(&pv->groups, str_sl(&pv->joined), &added);
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
	str_set(&g->last_key, key);
	if (pv->n_rows == pv->rows_cap) {
		mem_grow(&pv->rows, &pv->rows_cap, pv->n_rows + 1, sizeof *pv->rows);
		memset(pv->rows + pv->n_rows, 0, (pv->rows_cap - pv->n_rows) * sizeof *pv->rows);
	}
	g->row = pv->n_rows++;
	pv->rows[g->row].group = gi;
	memset(pv->rows[g->row].keep, 0, sizeof pv->rows[g->row].keep);
	return &pv->rows[g->row];
}

/* Of each column to be kept, the first value that is one. */
static void keep_values(struct pivot *pv, struct pivot_row *r, const struct field *keep)
{
	for (size_t i = 0; i < pv->n_keep; i++) {
		if (!field_is_null(&r->keep[i]) || keep[i].kind == F_ABSENT)
			continue;
		r->keep[i] = keep[i];
		r->keep[i].p = arena_dup(&r->texts, field_sl(&keep[i])).p;
	}
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
	if (pv->on_unknown != UNKNOWN_ADD)
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

#define MAY_WASTE ((size_t)1 << 20)

static void move_text(struct arena *to, struct field *f, size_t *bytes)
{
	if (f->kind == F_ABSENT)
		return;
	f->p = arena_dup(to, field_sl(f)).p;
	*bytes += f->n;
}

/* Leaves behind what was replaced, as soon as that is more than what is needed. */
static void tidy_row(struct pivot *pv, struct pivot_row *r)
{
	struct arena texts = { 0 };
	size_t bytes = 0;

	for (size_t i = 0; i < r->cap; i++) {
		move_text(&texts, &r->f[i], &bytes);
		if (pv->on_duplicate == DUP_CONCAT)
			r->n[i] = 0; /* no more room behind it */
	}
	for (size_t i = 0; i < pv->n_keep; i++)
		move_text(&texts, &r->keep[i], &bytes);
	arena_free(&r->texts);
	r->texts = texts;
	r->waste = 0;
	r->may_waste = bytes;
}

/* A value that is replaced often takes no more memory. */
static void __attribute__((noinline)) set_again(
	struct pivot *pv, struct pivot_row *r, size_t i, const struct field *value)
{
	const char *room = r->f[i].n >= value->n ? r->f[i].p : NULL;

	r->waste += 16 + r->f[i].n;
	r->f[i] = *value;
	r->f[i].p = room ? memcpy((char *)(uintptr_t)room, value->p, value->n)
			 : arena_dup(&r->texts, field_sl(value)).p;
	if (r->waste > MAY_WASTE + r->may_waste)
		tidy_row(pv, r);
}

static inline void set_cell(
	struct pivot *pv, struct pivot_row *r, size_t i, const struct field *value)
{
	widen_row(r, pv->columns.n);
	if (UNLIKELY(r->f[i].kind != F_ABSENT)) {
		set_again(pv, r, i, value);
		return;
	}
	r->f[i] = *value;
	r->f[i].p = arena_dup(&r->texts, field_sl(value)).p;
}

static void count_drop(struct pivot *pv, size_t gi, struct sl name, const struct field *value)
{
	uint64_t row = digest_row(pv->group[gi].digest_by, str_sl(&pv->key));

	pv->drop_cells++;
	pv->drop_sum += digest_cell(row, digest_name(name), field_sl(value));
}

/* 9,5 and `9 ` are no numbers here; byte by byte they are more than 10,5. */
static bool is_near_number(struct sl s)
{
	char text[64];
	struct decimal d;
	size_t n = 0;

	if (s.n > sizeof text)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ' ' && s.p[i] != '\t')
			text[n++] = s.p[i] == ',' ? '.' : s.p[i];
	return decimal_parse((struct sl){ text, n }, &d);
}

/* `mixed`: of a number and a text none is the larger one. */
static bool replaces(
	struct pivot *pv, const struct field *old, const struct field *new, bool *mixed)
{
	struct sl a = field_sl(new), b = field_sl(old);
	struct decimal x, y;
	bool numbers;
	int c;

	if (pv->on_duplicate != DUP_MAX && pv->on_duplicate != DUP_MIN)
		return pv->on_duplicate == DUP_LAST;
	numbers = decimal_parse(a, &x);
	*mixed = numbers != decimal_parse(b, &y);
	pv->near_numbers += !numbers && !*mixed && (is_near_number(a) || is_near_number(b));
	c = numbers && !*mixed ? decimal_cmp(&x, &y) : 0;
	c = c ? c : sl_cmp(a, b);
	return pv->on_duplicate == DUP_MAX ? c > 0 : c < 0;
}

/* Puts a text behind that of a cell, whose room grows by doubling. */
static void append(struct pivot_row *r, size_t ci, struct sl text)
{
	struct field *f = &r->f[ci];
	size_t n = f->n + text.n + 1;
	char *p = (char *)(uintptr_t)f->p;

	if (r->n[ci] < n) {
		r->n[ci] = 2 * n;
		p = arena_alloc(&r->texts, 2 * n);
		memcpy(p, f->p, f->n);
	}
	p[f->n] = ',';
	memcpy(p + f->n + 1, text.p, text.n);
	*f = (struct field){ .p = p, .n = (uint32_t)n, .kind = F_STR };
}

/* A value is added to what its cell has of others already, or begins it. */
static enum pivot_result gather(struct pivot *pv, struct pivot_row *r, size_t ci,
				const struct field *value)
{
	bool numbers = pv->on_duplicate == DUP_SUM || pv->on_duplicate == DUP_MEAN;
	struct decimal a, b;
	struct field sum = *value, *old;

	widen_row(r, pv->columns.n);
	old = &r->f[ci];
	pv->other = *old;
	if (numbers && !decimal_parse(field_sl(value), &b))
		return PIVOT_NO_NUMBER;
	if (field_is_null(old)) {
		set_cell(pv, r, ci, value);
		r->n[ci] = pv->on_duplicate != DUP_CONCAT;
		return PIVOT_OK;
	}
	pv->duplicates++;
	if (pv->on_duplicate == DUP_CONCAT) {
		append(r, ci, field_sl(value));
		return PIVOT_OK;
	}
	r->n[ci]++;
	if (!numbers)
		return PIVOT_OK;
	str_clear(&pv->sum);
	if (!decimal_parse(field_sl(old), &a) || !decimal_add(&pv->sum, &a, &b))
		return PIVOT_NO_NUMBER;
	sum.p = pv->sum.p;
	sum.n = (uint32_t)pv->sum.n;
	sum.plain = true;
	set_cell(pv, r, ci, &sum);
	return PIVOT_OK;
}

/* The cell goes into an open row. */
static enum pivot_result put_cell(struct pivot *pv, struct pivot_row *r, size_t ci,
				  const struct field *value)
{
	struct field *old;
	bool replace, mixed = false;

	if (UNLIKELY(value->kind == F_ABSENT))
		return PIVOT_OK;
	if (UNLIKELY(pv->on_duplicate >= DUP_SUM && !field_is_null(value)))
		return gather(pv, r, ci, value);
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
		replace = replaces(pv, old, value, &mixed);
		if (mixed)
			return PIVOT_NO_NUMBER;
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
		str_set(&pv->key, key);
		pv->have_key = true;
	}
	gi = find_group(pv, by);
	r = open_row(pv, gi);
	if (UNLIKELY(!r))
		return PIVOT_UNSORTED;
	if (UNLIKELY(pv->n_keep > 0))
		keep_values(pv, r, by + pv->n_by);
	ci = find_column(pv, name);
	if (UNLIKELY(ci == NAMES_NONE)) {
		pv->ignored++;
		if (!field_is_null(value))
			count_drop(pv, gi, name, value);
		return pv->on_unknown == UNKNOWN_ERROR || !pv->n_given ? PIVOT_UNKNOWN : PIVOT_OK;
	}
	return put_cell(pv, r, ci, value);
}

enum pivot_result pivot_add_likely(struct pivot *pv, const struct pivot_column *column,
				   const struct field *value)
{
	pv->last_column = (size_t)(column - pv->column);
	return put_cell(pv, &pv->rows[pv->group[pv->last_group].row], pv->last_column, value);
}

void pivot_end_chunk(struct pivot *pv)
{
	close_rows(pv);
	for (size_t i = 0; i < pv->groups.n; i++)
		str_clear(&pv->group[i].last_key);
}

void pivot_report(const struct pivot *pv)
{
	static const char *const kept[] = { "last", "first", "", "largest", "smallest" };

	if (pv->duplicates && pv->on_duplicate < DUP_SUM)
		msg_note("%llu repeated cells, the %s value won",
			 (unsigned long long)pv->duplicates, kept[pv->on_duplicate]);
	if (pv->near_numbers)
		msg_warn("%llu repeated cells have values such as 9,5 or with blanks, which are no "
			 "numbers: they were compared as texts, so that 9,5 is more than 10,5",
			 (unsigned long long)pv->near_numbers);
	if (pv->ignored)
		msg_note("%llu cells of unknown columns left out", (unsigned long long)pv->ignored);
}

void pivot_free(struct pivot *pv)
{
	for (size_t i = 0; i < pv->rows_cap; i++) {
		mem_free(pv->rows[i].f);
		mem_free(pv->rows[i].n);
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
	str_free(&pv->sum);
}
