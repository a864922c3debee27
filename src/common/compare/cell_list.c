#include "compare/cell_list.h"

static struct sl keep(struct cell_list *l, struct sl text)
{
	return text.p ? arena_dup(&l->arena, text) : text;
}

static void gather(void *ctx, const struct celldiff_cell *found)
{
	struct cell_list *l = ctx;
	struct celldiff_cell *c;

	mem_grow(&l->cell, &l->cap, l->n + 1, sizeof *l->cell);
	c = &l->cell[l->n];
	*c = (struct celldiff_cell){ .ship = found->ship, .what = found->what };
	c->instant = keep(l, found->instant);
	/* they come channel by channel */
	if (l->n > 0 && sl_eq(c[-1].channel, found->channel))
		c->channel = c[-1].channel;
	else
		c->channel = keep(l, found->channel);
	if (l->values) {
		c->narrow = keep(l, found->narrow);
		c->wide = keep(l, found->wide);
	}
	l->n++;
}

void cell_list_find(struct cell_list *l, struct cellsum_source *source,
	struct cellsum_target *target, struct ship *ship, int64_t from, int64_t to, size_t max,
	bool values)
{
	struct celldiff d = {
		.source = source, .target = target, .found = gather, .ctx = l, .limit = max};

	l->n = 0;
	l->values = values;
	arena_reset(&l->arena);
	celldiff_find(&d, ship, from, to);
	l->more = d.n >= max;
}

/* What tells one difference from another: where it is, not what it is. */
static void put_place(struct str *s, const struct celldiff_cell *c)
{
	str_set(s, c->instant);
	str_addc(s, c->what >= ROW_MISSING ? '\1' : '\0');
	str_add(s, c->channel);
}

void cell_list_keep(struct cell_list *l, const struct cell_list *before)
{
	AUTO_NAMES places = { 0 };
	AUTO_STR place = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < before->n; i++) {
		put_place(&place, &before->cell[i]);
		(void)names_add(&places, str_sl(&place), NULL);
	}
	for (size_t i = 0; i < l->n; i++) {
		put_place(&place, &l->cell[i]);
		if (names_find(&places, str_sl(&place)) != NAMES_NONE)
			l->cell[n++] = l->cell[i];
	}
	l->n = n;
}

void cell_list_free(struct cell_list *l)
{
	mem_free(l->cell);
	arena_free(&l->arena);
	*l = (struct cell_list){ 0 };
}
