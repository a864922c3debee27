/* repair_fill.c - values that are missing: a part of the narrow table, pivoted in the memory of a
 * row. */
#include "compare/repair_internal.h"

#include "narrow/narrow_row.h"
#include "wide/wide.h"

#define FILL_BUFFER ((size_t)4 << 20) /* bytes of rows sent at once */

struct fill {
	struct repair *repair;
	struct ship *ship;
	struct wide *wide;
	struct names cols;
	struct str name; /* of a column */
	struct str text; /* the open row: its ship, its time, and values as they come */
	struct cell {
		size_t at, n; /* in text */
		bool there;
	} * cell;            /* by column */
	struct field *field; /* the same, as the loader takes it */
	size_t cell_cap, field_cap;
	bool open;
	int64_t time;
};

static void keep(struct fill *f, size_t col, struct sl value)
{
	f->cell[col] = (struct cell){ .at = f->text.n, .n = value.n, .there = true };
	str_add(&f->text, value);
}

static void send_row(struct fill *f)
{
	struct rec rec = { .f = f->field, .n = f->cols.n, .raw = str_sl(&f->text) };

	for (size_t i = 0; i < f->cols.n; i++) {
		const struct cell *c = &f->cell[i];

		f->field[i] =
			c->there ? field_str((struct sl){ f->text.p + c->at, c->n }) : FIELD_NULL;
		if (!c->there)
			f->field[i].kind = F_ABSENT;
	}
	if (f->open)
		wide_row(f->wide, &rec);
	f->open = false;
}

static void begin_row(struct fill *f, int64_t time)
{
	char text[CLOCK_TEXT_MAX];

	str_clear(&f->text);
	for (size_t i = 0; i < f->cols.n; i++)
		f->cell[i].there = false;
	keep(f, 0, f->ship->id);
	keep(f, 1, (struct sl){ text, clock_put(text, time, f->repair->source->n->zone) });
	f->time = time;
	f->open = true;
}

static size_t column_of(struct fill *f, struct sl channel)
{
	bool added;
	size_t col = names_add(&f->cols, channel, &added);

	mem_grow(&f->cell, &f->cell_cap, f->cols.n, sizeof *f->cell);
	mem_grow(&f->field, &f->field_cap, f->cols.n, sizeof *f->field);
	if (added) {
		f->cell[col] = (struct cell){ .there = false };
		wide_cols(f->wide, &f->cols, false);
	}
	return col;
}

/* Of a repeated instant and channel the last one counts; NULL erases nothing. */
static void take(struct fill *f, const struct narrow_row *row)
{
	size_t col;

	if (row->why)
		return; /* a reject, as on the first way */
	if (f->open && row->time != f->time)
		send_row(f);
	if (!f->open)
		begin_row(f, row->time);
	if (field_is_null(&row->value))
		return;
	col = column_of(f, wide_column_name(f->wide, row->channel, &f->name));
	keep(f, col, field_sl(&row->value));
}

static void read_part(struct fill *f, int64_t from, int64_t to)
{
	struct cellsum_source *source = f->repair->source;
	struct narrow_part part = { .from = from, .to = to, .ships = &f->ship->id, .n_ships = 1 };
	struct narrow_reader reader;
	struct narrow_row row;

	narrow_begin(source->n, source->pg);
	narrow_reader_copy(&reader, source->n, source->pg, &part);
	while (narrow_reader_next(&reader, source->pg, &row))
		take(f, &row);
	pg_exec(source->pg, "COMMIT");
	send_row(f);
}

/* A value that its column cannot hold stays out, as it did on the first way. */
static void leave_out(void *ctx UNUSED, const struct wide_fault *fault UNUSED)
{
}

/* So does a ship whose tables cannot take it: it differs still. */
static bool leave_ship(void *ctx, struct sl ship, const char *why, bool locked)
{
	struct repair *r = ctx;

	r->broken = true;
	r->locked |= locked;
	if (locked)
		msg_warn("cannot load ship %s: its tables are locked by server process %s",
			msg_q(ship), why);
	else
		msg_warn("cannot load ship %s: %s", msg_q(ship), why);
	return true;
}

static void send_all(struct wide *w)
{
	wide_begin(w);
	wide_flush(w);
	if (wide_has_aside(w)) {
		wide_commit(w);
		(void)wide_widen(w);
		wide_begin(w);
		wide_replay(w);
	}
	wide_commit(w);
}

/* One for all ranges: it keeps staging tables on the connection. */
static struct fill *open_fill(struct repair *r)
{
	struct fill *f = mem_zalloc(sizeof *f);
	struct wide_conf conf = { .by = SL("ship_id"),
		.key = registry_key(r->target->r),
		.how = MERGE_FILL,
		.buffer = FILL_BUFFER,
		.bad = leave_out,
		.broken = leave_ship,
		.ctx = r };

	f->repair = r;
	f->wide = wide_open(r->target->r, &conf);
	(void)names_add(&f->cols, conf.by, NULL);
	(void)column_of(f, conf.key);
	return f;
}

void repair_fill(struct repair *r, struct ship *ship, int64_t from, int64_t to)
{
	struct cellsum before, after;

	if (!r->fill)
		r->fill = open_fill(r);
	r->fill->ship = ship;
	cellsum_wide(r->target, ship, from, to, &before);
	read_part(r->fill, from, to);
	send_all(r->fill->wide);
	wide_next_chunk(r->fill->wide);
	registry_read(r->target->r, ship);
	cellsum_wide(r->target, ship, from, to, &after);
	r->filled += after.cells + after.rows - before.cells - before.rows;
}

void repair_free(struct repair *r)
{
	struct fill *f = r->fill;

	if (!f)
		return;
	wide_close(f->wide);
	names_free(&f->cols);
	str_free(&f->name);
	str_free(&f->text);
	mem_free(f->cell);
	mem_free(f->field);
	mem_free(f);
	r->fill = NULL;
}
