#include "compare/celldiff.h"

/* One side of a comparison: rows of COPY text, `instant` or `instant TAB value`, in order. */
struct side {
	struct pg *pg; /* NULL: there is nothing on this side */
	bool there;    /* a row is at hand */
	struct sl instant, value;
	struct str text; /* the value without COPY's escapes */
	struct recode *reader; /* of a server of another encoding */
	struct str read;       /* the value in UTF-8 */
};

/* Undoes the escapes of COPY's text format. */
static void unescape(struct sl s, struct str *out)
{
	static const char from[] = "bfnrtv", to[] = "\b\f\n\r\t\v";

	str_clear(out);
	for (size_t i = 0; i < s.n; i++) {
		const char *which;

		if (s.p[i] != '\\' || i + 1 == s.n) {
			str_addc(out, s.p[i]);
			continue;
		}
		i++;
		which = strchr(from, s.p[i]);
		str_addc(out, which && s.p[i] ? to[which - from] : s.p[i]);
	}
}

static void next(struct side *s)
{
	struct sl row;
	const char *tab;

	s->there = s->pg && pg_copy_row(s->pg, &row);
	if (!s->there)
		return;
	if (row.n > 0 && row.p[row.n - 1] == '\n')
		row.n--;
	tab = memchr(row.p, '\t', row.n);
	s->instant = (struct sl){ row.p, tab ? (size_t)(tab - row.p) : row.n };
	s->value = SL("");
	if (tab) {
		unescape((struct sl){ tab + 1, row.n - s->instant.n - 1 }, &s->text);
		s->value = str_sl(&s->text);
	}
	if (s->reader && tab) {
		str_clear(&s->read);
		/* what came as no text meanwhile is a difference until it is looked at again */
		if (recode_text(s->reader, s->value, &s->read))
			s->value = str_sl(&s->read);
	}
}

static void start(struct side *s, struct pg *pg, const struct str *select)
{
	AUTO_STR sql = { 0 };

	*s = (struct side){ .pg = pg };
	if (pg_encoding(pg))
		s->reader = encoding_reader(pg_encoding(pg));
	str_addf(&sql, "COPY (%s) TO STDOUT", str_z(select));
	pg_copy_out(pg, str_z(&sql));
	next(s);
}

static void finish(struct side *s)
{
	while (s->there)
		next(s);
	str_free(&s->text);
	str_free(&s->read);
	recode_free(s->reader);
}

static struct sl keep(struct cell_list *l, struct sl text)
{
	return text.p ? arena_dup(&l->arena, text) : text;
}

/* At most `max` of them are kept. */
static void report(struct cell_list *l, const struct celldiff_cell *found)
{
	struct celldiff_cell *c;

	if (l->n >= l->max)
		return;
	mem_grow(&l->cell, &l->cap, l->n + 1, sizeof *l->cell);
	c = &l->cell[l->n];
	*c = (struct celldiff_cell){ .what = found->what };
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

const char *celldiff_text(enum celldiff_what what)
{
	static const char *const text[] = {
		[CELL_MISSING] = N_("missing"),
		[CELL_EXTRA] = N_("not in the source"),
		[CELL_DIFFERS] = N_("differs"),
		[ROW_MISSING] = N_("no row for this instant"),
		[ROW_EXTRA] = N_("a row for no instant of the source"),
		[ROW_ORPHAN] = N_("in a further table, but not in the first"),
	};

	return text[what];
}

bool celldiff_same(struct sl narrow, struct sl wide, enum column_type type, bool *fits)
{
	char text[32];
	int64_t i;
	double v;

	*fits = true;
	if (sl_eq(narrow, wide))
		return true;
	if (type == COLUMN_BIGINT) {
		*fits = num_i64(narrow, &i);
		return *fits && sl_eq(wide, (struct sl){ text, num_put_i64(text, i) });
	}
	if (type == COLUMN_DOUBLE) {
		*fits = num_double(narrow, &v);
		return *fits && sl_eq(wide, (struct sl){ text, num_put_double(text, v) });
	}
	if (type == COLUMN_BOOLEAN) {
		bool yes = sl_eq_str(narrow, "t") || sl_eq_str(narrow, "true");

		*fits = yes || sl_eq_str(narrow, "f") || sl_eq_str(narrow, "false");
		return *fits && sl_eq_str(wide, yes ? "true" : "false");
	}
	return false;
}

/* Goes through both sides in the order of instants. An empty channel: rows are compared. */
static void merge(struct cell_list *l, struct sl channel, enum column_type type,
	struct side *narrow, struct side *wide)
{
	struct pg *pg = registry_pg(l->target->r);
	bool rows = channel.n == 0, fits;

	while ((narrow->there || wide->there) && l->n < l->max) {
		int c = !narrow->there ? 1
			: !wide->there ? -1
				       : sl_cmp(narrow->instant, wide->instant);
		struct celldiff_cell cell = { .channel = channel };

		cell.instant = c <= 0 ? narrow->instant : wide->instant;
		cell.narrow = c <= 0 && !rows ? narrow->value : (struct sl){ NULL, 0 };
		cell.wide = c >= 0 && !rows ? wide->value : (struct sl){ NULL, 0 };
		if (c < 0) {
			cell.what = rows ? ROW_MISSING : CELL_MISSING;
			(void)celldiff_same(narrow->value, SL(""), type, &fits);
			if (fits && pg_can_store(pg, channel) && pg_can_store(pg, narrow->value))
				report(l, &cell);
			else
				l->left_out++; /* by the loader */
		} else if (c > 0) {
			cell.what = rows ? ROW_EXTRA : CELL_EXTRA;
			report(l, &cell);
		} else if (!rows && !celldiff_same(narrow->value, wide->value, type, &fits)) {
			cell.what = CELL_DIFFERS;
			report(l, &cell);
		}
		if (c <= 0)
			next(narrow);
		if (c >= 0)
			next(wide);
	}
	finish(narrow);
	finish(wide);
}

/* `number` NAMES_NONE: the ship has no such channel in the target. */
static void compare_channel(struct cell_list *l, struct ship *ship, struct sl channel,
	size_t number, int64_t from, int64_t to)
{
	AUTO_STR sql = { 0 };
	struct side narrow, wide = { .pg = NULL };
	enum column_type type = COLUMN_TEXT;

	cellsum_add_narrow_cells(l->source, &sql, from, to, ship->id, channel);
	start(&narrow, l->source->pg, &sql);
	if (number != NAMES_NONE && ship->channel[number].made) {
		type = ship->channel[number].type;
		str_clear(&sql);
		cellsum_add_wide_cells(l->target, &sql, from, to, ship, number);
		start(&wide, registry_pg(l->target->r), &sql);
	}
	merge(l, channel, type, &narrow, &wide);
}

static void compare_channels(struct cell_list *l, struct ship *ship, int64_t from, int64_t to)
{
	AUTO_ARENA arena = { 0 };
	struct cellsum_of *narrow;
	struct cellsum *wide = cellsum_wide_channels(l->target, ship, from, to, &arena);
	size_t n = cellsum_narrow_channels(l->source, from, to, ship->id, &arena, &narrow);

	for (size_t i = 0; i < n && l->n < l->max; i++) {
		size_t k = names_find(&ship->channels, narrow[i].name);

		if (k == NAMES_NONE || wide[k].cells != narrow[i].sum.cells ||
			wide[k].cell_sum != narrow[i].sum.cell_sum)
			compare_channel(l, ship, narrow[i].name, k, from, to);
		if (k != NAMES_NONE)
			wide[k].cells = 0; /* seen */
	}
	for (size_t k = 0; k < ship->channels.n && l->n < l->max; k++)
		if (wide[k].cells > 0)
			compare_channel(l, ship, ship->channels.name[k], k, from, to);
}

static void compare_instants(struct cell_list *l, struct ship *ship, int64_t from, int64_t to)
{
	AUTO_STR sql = { 0 };
	struct side narrow, wide = { .pg = NULL };
	bool made = ship->n_groups > 0 && ship->group[0].made;

	/* a ship none of whose channels has a name there has no table, nor rows in it */
	if (!made && l->n == 0 && l->left_out > 0)
		return;
	cellsum_add_narrow_instants(l->source, &sql, from, to, ship->id);
	start(&narrow, l->source->pg, &sql);
	if (made) {
		str_clear(&sql);
		cellsum_add_wide_instants(l->target, &sql, from, to, ship);
		start(&wide, registry_pg(l->target->r), &sql);
	}
	merge(l, SL(""), COLUMN_TEXT, &narrow, &wide);
}

/* Rows of further tables that the view does not show, because the first has none of their instant.
 */
static void list_orphans(struct cell_list *l, struct ship *ship, int64_t from, int64_t to)
{
	AUTO_STR sql = { 0 };

	for (size_t g = 1; g < ship->n_groups && l->n < l->max; g++) {
		struct side wide;

		if (!ship->group[g].made)
			continue;
		str_clear(&sql);
		cellsum_add_wide_orphans(l->target, &sql, from, to, ship, g);
		for (start(&wide, registry_pg(l->target->r), &sql); wide.there; next(&wide))
			report(l, &(struct celldiff_cell){ .instant = wide.instant,
					  .what = ROW_ORPHAN });
		finish(&wide);
	}
}

void cell_list_find(struct cell_list *l, struct cellsum_source *source,
	struct cellsum_target *target, struct ship *ship, int64_t from, int64_t to, size_t max,
	bool values)
{
	l->source = source;
	l->target = target;
	l->n = l->left_out = 0;
	l->max = max;
	l->values = values;
	arena_reset(&l->arena);
	if (source->n->encoding)
		(void)cellsum_source_learn(source, from, to, &ship->id, 1);
	compare_channels(l, ship, from, to);
	if (l->n < l->max)
		compare_instants(l, ship, from, to);
	if (l->n < l->max)
		list_orphans(l, ship, from, to);
	l->more = l->n >= max;
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
