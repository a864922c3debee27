#include "compare/celldiff.h"

#include "core/num.h"

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

static void report(struct celldiff *d, const struct celldiff_cell *cell)
{
	if (d->n < d->limit)
		d->found(d->ctx, cell);
	d->n++;
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
static void merge(struct celldiff *d, struct sl ship, struct sl channel, enum column_type type,
	struct side *narrow, struct side *wide)
{
	struct pg *pg = registry_pg(d->target->r);
	bool rows = channel.n == 0, fits;

	while ((narrow->there || wide->there) && d->n < d->limit) {
		int c = !narrow->there ? 1
			: !wide->there ? -1
				       : sl_cmp(narrow->instant, wide->instant);
		struct celldiff_cell cell = { .ship = ship, .channel = channel };

		cell.instant = c <= 0 ? narrow->instant : wide->instant;
		cell.narrow = c <= 0 && !rows ? narrow->value : (struct sl){ NULL, 0 };
		cell.wide = c >= 0 && !rows ? wide->value : (struct sl){ NULL, 0 };
		if (c < 0) {
			cell.what = rows ? ROW_MISSING : CELL_MISSING;
			(void)celldiff_same(narrow->value, SL(""), type, &fits);
			if (fits && pg_can_store(pg, channel) && pg_can_store(pg, narrow->value))
				report(d, &cell);
			else
				d->unfit++;
		} else if (c > 0) {
			cell.what = rows ? ROW_EXTRA : CELL_EXTRA;
			report(d, &cell);
		} else if (!rows && !celldiff_same(narrow->value, wide->value, type, &fits)) {
			cell.what = CELL_DIFFERS;
			report(d, &cell);
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
static void compare_channel(struct celldiff *d, struct ship *ship, struct sl channel, size_t number,
	int64_t from, int64_t to)
{
	AUTO_STR sql = { 0 };
	struct side narrow, wide = { .pg = NULL };
	enum column_type type = COLUMN_TEXT;

	cellsum_add_narrow_cells(d->source, &sql, from, to, ship->id, channel);
	start(&narrow, d->source->pg, &sql);
	if (number != NAMES_NONE && ship->channel[number].made) {
		type = ship->channel[number].type;
		str_clear(&sql);
		cellsum_add_wide_cells(d->target, &sql, from, to, ship, number);
		start(&wide, registry_pg(d->target->r), &sql);
	}
	merge(d, ship->id, channel, type, &narrow, &wide);
}

static void compare_channels(struct celldiff *d, struct ship *ship, int64_t from, int64_t to)
{
	AUTO_ARENA arena = { 0 };
	struct cellsum_of *narrow;
	struct cellsum *wide = cellsum_wide_channels(d->target, ship, from, to, &arena);
	size_t n = cellsum_narrow_channels(d->source, from, to, ship->id, &arena, &narrow);

	for (size_t i = 0; i < n && d->n < d->limit; i++) {
		size_t k = names_find(&ship->channels, narrow[i].name);

		if (k == NAMES_NONE || wide[k].cells != narrow[i].sum.cells ||
			wide[k].cell_sum != narrow[i].sum.cell_sum)
			compare_channel(d, ship, narrow[i].name, k, from, to);
		if (k != NAMES_NONE)
			wide[k].cells = 0; /* seen */
	}
	for (size_t k = 0; k < ship->channels.n && d->n < d->limit; k++)
		if (wide[k].cells > 0)
			compare_channel(d, ship, ship->channels.name[k], k, from, to);
}

static void compare_instants(struct celldiff *d, struct ship *ship, int64_t from, int64_t to)
{
	AUTO_STR sql = { 0 };
	struct side narrow, wide = { .pg = NULL };

	cellsum_add_narrow_instants(d->source, &sql, from, to, ship->id);
	start(&narrow, d->source->pg, &sql);
	if (ship->n_groups > 0 && ship->group[0].made) {
		str_clear(&sql);
		cellsum_add_wide_instants(d->target, &sql, from, to, ship);
		start(&wide, registry_pg(d->target->r), &sql);
	}
	merge(d, ship->id, SL(""), COLUMN_TEXT, &narrow, &wide);
}

/* Rows of further tables that the view does not show, because the first has none of their instant.
 */
static void list_orphans(struct celldiff *d, struct ship *ship, int64_t from, int64_t to)
{
	AUTO_STR sql = { 0 };

	for (size_t g = 1; g < ship->n_groups && d->n < d->limit; g++) {
		struct side wide;

		if (!ship->group[g].made)
			continue;
		str_clear(&sql);
		cellsum_add_wide_orphans(d->target, &sql, from, to, ship, g);
		for (start(&wide, registry_pg(d->target->r), &sql); wide.there; next(&wide))
			report(d, &(struct celldiff_cell){ .ship = ship->id,
					  .instant = wide.instant,
					  .what = ROW_ORPHAN });
		finish(&wide);
	}
}

void celldiff_find(struct celldiff *d, struct ship *ship, int64_t from, int64_t to)
{
	if (d->source->n->encoding)
		(void)cellsum_source_learn(d->source, from, to, &ship->id, 1);
	compare_channels(d, ship, from, to);
	if (d->n < d->limit)
		compare_instants(d, ship, from, to);
	if (d->n < d->limit)
		list_orphans(d, ship, from, to);
}
