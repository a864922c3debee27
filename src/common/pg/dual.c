/* dual.c - rows of a chunk into the narrow table and the wide ones. */
#include "pg/dual.h"

#include "core/kp.h"
#include "core/mem.h"
#include "core/msg.h"
#include "pg/ledger.h"
#include "pg/narrow_feed.h"
#include "pg/sync.h"
#include "pg/table.h"
#include "pg/wide.h"
#include "pg/widen.h"
#include "stream/pivot.h"
#include "stream/sort.h"

#define KEY "created_time" /* of the wide tables */
#define BUFFER ((size_t)1 << 20)
#define SORT_MEMORY ((size_t)32 << 20)

struct dual {
	struct pg *pg;
	const struct narrow *narrow;
	struct narrow_feed feed;
	struct registry *registry;
	struct table *table;
	struct wide *wide;
	struct sync *sync;
	struct sorter *sorter; /* rows of the chunk, by time */
	struct pivot pivot;
	uint64_t rows;          /* in it */
	struct names wide_cols; /* ship, key, channels: as the loader of wide rows wants them */
	struct field *line;     /* a row of the narrow table, or a wide one */
	size_t line_cap;
	struct str payload, raw;
	/* channels of the chunk that have no column yet, by number of the ship */
	struct names fresh_ships;
	struct fresh {
		struct ship *ship;
		struct names channels;
		struct str formats; /* one behind the other, each ended by NUL */
	} * fresh;
	size_t fresh_cap;
};

/* ---- one record ----------------------------------------------------------------------------- */

static void note_fresh(struct dual *d, struct ship *ship, struct sl channel, struct sl format)
{
	size_t i = names_add(&d->fresh_ships, ship->id, NULL);
	size_t had = i < d->fresh_cap ? d->fresh_cap : 0;
	struct fresh *f;
	bool added;

	mem_grow(&d->fresh, &d->fresh_cap, i + 1, sizeof *d->fresh);
	if (i >= had)
		memset(d->fresh + had, 0, (d->fresh_cap - had) * sizeof *d->fresh);
	f = &d->fresh[i];
	f->ship = ship;
	(void)names_add(&f->channels, channel, &added);
	if (!added)
		return;
	str_add(&f->formats, format);
	str_addc(&f->formats, '\0');
}

/* Why a value cannot be in the column that its channel has, or NULL. */
static const char *check_type(
	const struct ship *ship, size_t channel, const struct narrow_feed_row *row)
{
	if (channel == NAMES_NONE || row->role == NARROW_ROLES ||
		wide_fits(field_sl(&row->value), ship->channel[channel].type))
		return NULL;
	return "does not fit the type of its wide column";
}

/* Keeps a row until its chunk ends. */
static void gather(struct dual *d, const struct rec *rec, const struct narrow_feed_row *row)
{
	size_t n = d->feed.columns.n;
	char role = (char)row->role;

	mem_grow(&d->line, &d->line_cap, n, sizeof *d->line);
	narrow_feed_put(&d->feed, rec, row, d->line);
	str_clear(&d->payload);
	str_addc(&d->payload, role);
	str_add(&d->payload, (struct sl){(const char *)&rec->record, sizeof rec->record});
	str_add(&d->payload, (struct sl){(const char *)&rec->line, sizeof rec->line});
	str_add(&d->payload, (struct sl){(const char *)&n, sizeof n});
	for (size_t i = 0; i < n; i++)
		rec_pack(&d->payload, &d->line[i]);
	sorter_add(d->sorter, row->time_text, str_sl(&d->payload));
	d->rows++;
}

const char *dual_take(struct dual *d, const struct rec *rec, size_t *bad)
{
	struct sl ship_id = narrow_feed_ship(&d->feed, rec);
	struct sl id = narrow_feed_channel(&d->feed, rec);
	struct narrow_feed_row row;
	struct ship *ship;
	struct sl format;
	size_t channel;
	const char *why;

	if (ship_id.n == 0) {
		*bad = d->feed.in[NARROW_SHIP];
		return "is empty";
	}
	ship = registry_ship(d->registry, ship_id);
	channel = registry_find(ship, id);
	format = channel == NAMES_NONE ? SL("") : ship->channel[channel].format;
	why = narrow_feed_row(&d->feed, rec, format, &row, bad);
	if (why)
		return why;
	why = check_type(ship, channel, &row);
	if (why) {
		*bad = d->feed.in_value;
		return why;
	}
	if (row.role != NARROW_ROLES && (channel == NAMES_NONE || !ship->channel[channel].made))
		note_fresh(d, ship, id, row.format);
	gather(d, rec, &row);
	return NULL;
}

void dual_cols(struct dual *d, const struct names *cols)
{
	narrow_feed_cols(&d->feed, cols);
}

uint64_t dual_rows(const struct dual *d)
{
	return d->rows;
}

/* ---- a chunk -------------------------------------------------------------------------------- */

static void make_columns(struct dual *d)
{
	for (size_t i = 0; i < d->fresh_ships.n; i++) {
		struct fresh *f = &d->fresh[i];
		struct widen_channel *c = mem_alloc(mem_mul(f->channels.n, sizeof *c));
		const char *format = str_z(&f->formats);

		for (size_t k = 0; k < f->channels.n; k++) {
			c[k] = (struct widen_channel){f->channels.name[k], sl_of(format)};
			format += strlen(format) + 1;
		}
		widen_ship(d->registry, f->ship, c, f->channels.n, true);
		mem_free(c);
		names_clear(&f->channels);
		str_clear(&f->formats);
	}
	if (d->fresh_ships.n > 0)
		wide_columns_made(d->wide);
	names_clear(&d->fresh_ships);
}

/* A wide row, from the pivot. Its texts are gathered in one place, as wide_row() wants them. */
static void put_wide(void *ctx, const struct field *by, struct sl key, const struct field *cells)
{
	struct dual *d = ctx;
	size_t n = d->pivot.columns.n;
	struct ship *ship = registry_ship(d->registry, field_sl(by));
	struct rec rec = {.n = n + 2};
	size_t at = 0;

	for (size_t i = d->wide_cols.n; i < n + 2; i++)
		(void)names_add(&d->wide_cols, d->pivot.columns.name[i - 2], NULL);
	if (d->wide_cols.n != n + 2)
		die(EX_DATA, "a channel is named like the column of the ship or the time");
	wide_cols(d->wide, &d->wide_cols, false);
	str_clear(&d->raw);
	str_add(&d->raw, field_sl(by));
	str_add(&d->raw, key);
	for (size_t i = 0; i < n; i++) {
		if (field_is_null(&cells[i]))
			continue;
		str_add(&d->raw, field_sl(&cells[i]));
		sync_note(d->sync, ship, registry_find(ship, d->pivot.columns.name[i]), key,
			field_sl(&cells[i]));
	}
	mem_grow(&d->line, &d->line_cap, n + 2, sizeof *d->line);
	rec.f = d->line;
	rec.raw = str_sl(&d->raw);
	for (size_t i = 0; i < n + 2; i++) {
		rec.f[i] = i == 0 ? *by : i == 1 ? field_str(key) : cells[i - 2];
		rec.f[i].p = rec.raw.p + at;
		at += field_is_null(&rec.f[i]) ? 0 : rec.f[i].n;
	}
	wide_row(d->wide, &rec);
}

/* A row that was gathered: to the narrow table, and into the pivot. */
static void put_row(struct dual *d, struct sl key, struct sl payload)
{
	const char *p = payload.p;
	struct rec rec = {.raw = {payload.p, payload.n + key.n}};
	enum narrow_role role = (enum narrow_role) * p++;
	struct field value = FIELD_NULL;
	size_t n;

	memcpy(&rec.record, p, sizeof rec.record);
	p += sizeof rec.record;
	memcpy(&rec.line, p, sizeof rec.line);
	p += sizeof rec.line;
	memcpy(&n, p, sizeof n);
	p += sizeof n;
	rec.n = d->feed.columns.n; /* may be more than when it was gathered */
	mem_grow(&d->line, &d->line_cap, rec.n, sizeof *d->line);
	rec.f = d->line;
	for (size_t i = 0; i < rec.n; i++)
		if (i < n)
			p = rec_unpack(p, &rec.f[i]);
		else
			rec.f[i] = (struct field){.p = "", .kind = F_ABSENT};
	table_row(d->table, &rec);
	if (role != NARROW_ROLES)
		value = rec.f[d->feed.column[role]];
	/* the pivot hands out rows, which need d->line: what it is given here is copied first */
	struct field ship = rec.f[d->feed.column[NARROW_SHIP]];
	struct field channel = rec.f[d->feed.column[NARROW_CHANNEL]];

	if (pivot_add(&d->pivot, &ship, key, field_sl(&channel), &value) != PIVOT_OK)
		bug("sorted rows are out of order");
}

uint64_t dual_write(struct dual *d)
{
	struct sl key, payload;

	make_columns(d);
	KP("columns_made");
	wide_begin(d->wide);
	table_cols(d->table, &d->feed.columns);
	while (sorter_next(d->sorter, &key, &payload))
		put_row(d, key, payload);
	pivot_end_chunk(&d->pivot);
	table_flush(d->table);
	KP("between_tables");
	wide_flush(d->wide);
	if (wide_has_aside(d->wide))
		die(EX_TEMP, "tables of a ship were taken away at this moment");
	return sync_check(d->sync);
}

void dual_commit(struct dual *d)
{
	wide_commit(d->wide);
	wide_next_chunk(d->wide);
	d->rows = 0;
}

/* ---- opening and closing --------------------------------------------------------------------- */

static void bad_wide(void *ctx, const struct wide_fault *f)
{
	(void)ctx;
	die(EX_DATA, "ship %s, %s, channel %s: %s: %s; nothing of this chunk is kept",
		msg_q(f->ship), msg_q(f->key), msg_q(f->channel), f->why, msg_q(f->value));
}

static void bad_narrow(void *ctx, const struct fault *f, struct sl raw)
{
	(void)ctx;
	(void)raw;
	die(EX_DATA, "record %llu: the narrow table refuses it: %s; nothing of this chunk is kept",
		(unsigned long long)f->record, f->why);
}

static void open_narrow(struct dual *d)
{
	struct str keys = {0};
	struct table_conf c = {.name = d->narrow->table, .buffer = BUFFER, .bad = bad_narrow};

	if (d->narrow->unique)
		str_addf(&keys, "%s,%s,%s", d->narrow->col[NARROW_SHIP].name.p,
			d->narrow->col[NARROW_CHANNEL].name.p, d->narrow->col[NARROW_TIME].name.p);
	else
		msg_warn("%s has no key of ship, channel and time: "
			 "rows that are sent again are there twice",
			d->narrow->table);
	c.keys = keys.n > 0 ? str_z(&keys) : NULL;
	d->table = table_open(d->pg, &c);
	str_free(&keys);
	narrow_feed_open(&d->feed, d->narrow);
}

static void open_wide(struct dual *d, struct target_opts *target, uint64_t check)
{
	struct wide_conf c = {.by = SL("ship_id"),
		.key = SL(KEY),
		.how = MERGE_OVERLAY,
		.buffer = BUFFER,
		.bad = bad_wide};

	target_defaults(target);
	ledger_init(d->pg);
	d->registry = registry_open(d->pg, target, KEY);
	registry_zoned(d->registry, d->narrow->zone);
	d->wide = wide_open(d->registry, &c);
	(void)names_add(&d->wide_cols, c.by, NULL);
	(void)names_add(&d->wide_cols, c.key, NULL);
	d->pivot.n_by = 1;
	d->pivot.row = put_wide;
	d->pivot.ctx = d;
	d->sorter = sorter_new(SORT_MEMORY, sl_cmp);
	d->sync = sync_open(d->registry, d->narrow, check);
	if (check > 0 && !sync_reads_narrow(d->sync))
		msg_warn("%s has no index by which rows could be read back: "
			 "only wide tables are checked",
			d->narrow->table);
}

struct dual *dual_open(
	struct pg *pg, const struct narrow *n, struct target_opts *target, uint64_t check)
{
	struct dual *d = mem_zalloc(sizeof *d);

	d->pg = pg;
	d->narrow = n;
	open_narrow(d);
	open_wide(d, target, check);
	return d;
}

void dual_close(struct dual *d)
{
	sync_close(d->sync);
	sorter_free(d->sorter);
	pivot_free(&d->pivot);
	wide_close(d->wide);
	registry_close(d->registry);
	table_close(d->table);
	narrow_feed_close(&d->feed);
	for (size_t i = 0; i < d->fresh_cap; i++) {
		names_free(&d->fresh[i].channels);
		str_free(&d->fresh[i].formats);
	}
	mem_free(d->fresh);
	names_free(&d->fresh_ships);
	names_free(&d->wide_cols);
	mem_free(d->line);
	str_free(&d->payload);
	str_free(&d->raw);
	mem_free(d);
}
