/* dual.c - rows of a chunk into the narrow table and the wide ones. */
#include "dual/dual.h"

#include "core/kp.h"
#include "core/utf8.h"
#include "dual/narrow_feed.h"
#include "dual/sync.h"
#include "ledger/ledger.h"
#include "pg/table.h"
#include "stream/pivot.h"
#include "stream/sort.h"
#include "wide/wide.h"
#include "wide/widen.h"

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
	struct spool sent;     /* those that the narrow table was given */
	struct names refused;  /* the records of which it was not, by number */
	bool refusing;         /* `bad` is called, with the columns of the narrow table */
	dual_bad_fn *bad;
	void *ctx;
	struct pivot pivot;
	uint64_t rows;          /* in it */
	struct names wide_cols; /* ship, key, channels: as the loader of wide rows wants them */
	struct field *line;     /* a row of the narrow table, or a wide one */
	size_t line_cap;
	struct str payload, raw;
	struct names met; /* ships */
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
	str_add(&d->payload, rec->raw);
	str_add(&d->payload, (struct sl){(const char *)&rec->raw.n, sizeof rec->raw.n});
	sorter_add(d->sorter, row->time_text, str_sl(&d->payload));
	(void)names_add(&d->met, narrow_feed_ship(&d->feed, rec), NULL);
	d->rows++;
}

/* The fields of a gathered row; its record, line and raw text. */
static struct rec unpack(const struct dual *d, struct sl payload, struct field *line)
{
	struct rec rec = {.f = line, .n = d->feed.columns.n, .raw = payload};
	const char *p = payload.p + 1;
	size_t n;

	memcpy(&rec.record, p, sizeof rec.record);
	p += sizeof rec.record;
	memcpy(&rec.line, p, sizeof rec.line);
	p += sizeof rec.line;
	memcpy(&n, p, sizeof n);
	p += sizeof n;
	for (size_t i = 0; i < rec.n; i++) /* may be more than when it was gathered */
		if (i < n)
			p = rec_unpack(p, &line[i]);
		else
			line[i] = (struct field){.p = "", .kind = F_ABSENT};
	return rec;
}

/* Can the server hold all texts of the record? */
static bool is_storable(struct dual *d, const struct rec *rec, size_t *bad)
{
	for (*bad = 0; *bad < rec->n; (*bad)++)
		if (!field_is_null(&rec->f[*bad]) &&
			!pg_can_store(d->pg, field_sl(&rec->f[*bad])))
			return false;
	return true;
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
	*bad = ship_id.n > NARROW_NAME_MAX ? d->feed.in[NARROW_SHIP] : d->feed.in[NARROW_CHANNEL];
	if (ship_id.n > NARROW_NAME_MAX || id.n > NARROW_NAME_MAX)
		return "a name of more than 1000 bytes";
	if (!is_storable(d, rec, bad))
		return PG_NOT_STORED;
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

struct sl dual_place(const struct dual *d, const struct rec *rec, int64_t *time)
{
	const struct narrow_feed *f = &d->feed;
	size_t i = d->refusing ? f->column[NARROW_TIME] : f->in[NARROW_TIME];
	struct sl ship = d->refusing ? field_sl(&rec->f[f->column[NARROW_SHIP]])
				     : narrow_feed_ship(f, rec);

	if (i >= rec->n || field_is_null(&rec->f[i]) || !clock_parse(field_sl(&rec->f[i]), time))
		*time = 0;
	return ship.n <= NARROW_NAME_MAX && utf8_valid_to(ship.p, ship.n) == ship.n ? ship
										    : SL("");
}

void dual_cols(struct dual *d, const struct names *cols)
{
	narrow_feed_cols(&d->feed, cols);
}

const struct names *dual_ships(const struct dual *d)
{
	return &d->met;
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
		AUTO_FREE struct widen_channel *c = mem_alloc(mem_mul(f->channels.n, sizeof *c));
		const char *format = str_z(&f->formats);

		for (size_t k = 0; k < f->channels.n; k++) {
			c[k] = (struct widen_channel){ .id = f->channels.name[k],
				.format = sl_of(format) };
			format += strlen(format) + 1;
		}
		widen_ships(d->registry, &(struct widen){ f->ship, c, f->channels.n }, 1, true);
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
		(void)names_add(&d->wide_cols,
			wide_column_name(d->wide, d->pivot.columns.name[i - 2], &d->raw), NULL);
	wide_cols(d->wide, &d->wide_cols, false);
	str_set(&d->raw, field_sl(by));
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

static struct sl number_of(const uint64_t *record)
{
	return (struct sl){(const char *)record, sizeof *record};
}

/* A row that was gathered, once the narrow table has it: into the pivot. */
static void pivot_row(struct dual *d, struct sl payload)
{
	enum narrow_role role = (enum narrow_role)*payload.p;
	struct field value = FIELD_NULL, ship, channel, time;
	struct rec rec = unpack(d, payload, d->line);

	if (names_find(&d->refused, number_of(&rec.record)) != NAMES_NONE)
		return;
	if (role != NARROW_ROLES)
		value = rec.f[d->feed.column[role]];
	/* the pivot hands out rows, which need d->line: what it is given here is copied first */
	ship = rec.f[d->feed.column[NARROW_SHIP]];
	channel = rec.f[d->feed.column[NARROW_CHANNEL]];
	time = rec.f[d->feed.column[NARROW_TIME]];
	if (pivot_add(&d->pivot, &ship, field_sl(&time), field_sl(&channel), &value) != PIVOT_OK)
		bug("sorted rows are out of order");
}

/* All that the narrow table refuses is known before the wide ones get anything. */
static void write_narrow(struct dual *d)
{
	struct sl key, payload;

	table_cols(d->table, &d->feed.columns, false);
	mem_grow(&d->line, &d->line_cap, d->feed.columns.n, sizeof *d->line);
	while (sorter_next(d->sorter, &key, &payload)) {
		struct rec rec = unpack(d, payload, d->line);

		table_row(d->table, &rec);
		spool_put(&d->sent, payload);
	}
	table_finish(d->table, false);
}

uint64_t dual_write(struct dual *d)
{
	struct sl payload;

	make_columns(d);
	KP("columns_made");
	wide_begin(d->wide);
	write_narrow(d);
	KP("between_tables");
	spool_rewind(&d->sent);
	while (spool_next(&d->sent, &payload))
		pivot_row(d, payload);
	pivot_end_chunk(&d->pivot);
	spool_clear(&d->sent);
	d->rows -= d->refused.n;
	names_clear(&d->refused);
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

static void bad_wide(void *ctx UNUSED, const struct wide_fault *f)
{
	die(EX_DATA, "ship %s, %s, channel %s: %s: %s; nothing of this chunk is kept",
		msg_q(f->ship), msg_q(f->key), msg_q(f->channel), f->why, msg_q(f->value));
}

static void bad_narrow(void *ctx, const struct fault *f, struct sl row)
{
	struct dual *d = ctx;
	AUTO_FREE struct field *line = mem_alloc(mem_mul(d->feed.columns.n, sizeof *line));
	struct rec rec = unpack(d, row, line);
	const char *end = row.p + row.n - sizeof rec.raw.n;
	struct fault fault = *f;
	AUTO_STR why = {0};

	memcpy(&rec.raw.n, end, sizeof rec.raw.n);
	rec.raw.p = end - rec.raw.n;
	str_addf(&why, "the narrow table refuses it: %s", f->why);
	fault.why = str_z(&why);
	(void)names_add(&d->refused, number_of(&rec.record), NULL);
	d->refusing = true;
	d->bad(d->ctx, &rec, &fault);
	d->refusing = false;
}

static void open_narrow(struct dual *d)
{
	static const enum narrow_role key[] = {NARROW_SHIP, NARROW_CHANNEL, NARROW_TIME};
	AUTO_STR keys = {0};
	struct table_conf c = {.name = d->narrow->table,
		.buffer = BUFFER,
		.keep_raw = true,
		.bad = bad_narrow,
		.ctx = d};

	if (d->narrow->unique)
		for (size_t i = 0; i < ARRAY_LEN(key); i++)
			str_addf(&keys, "%s%s", i ? "," : "",
				pg_ident(d->pg, d->narrow->col[key[i]].name));
	else
		msg_warn("%s has no key of ship, channel and time: "
			 "rows that are sent again are there twice",
			d->narrow->table);
	c.keys = keys.n > 0 ? str_z(&keys) : NULL;
	d->table = table_open(d->pg, &c);
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
	struct pg *pg, const struct narrow *n, struct target_opts *target, uint64_t check,
	dual_bad_fn *bad, void *ctx)
{
	struct dual *d = mem_zalloc(sizeof *d);

	d->pg = pg;
	d->narrow = n;
	d->bad = bad;
	d->ctx = ctx;
	open_narrow(d);
	open_wide(d, target, check);
	return d;
}

void dual_close(struct dual *d)
{
	sync_close(d->sync);
	sorter_free(d->sorter);
	spool_free(&d->sent);
	names_free(&d->refused);
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
	names_free(&d->met);
	names_free(&d->wide_cols);
	mem_free(d->line);
	str_free(&d->payload);
	str_free(&d->raw);
	mem_free(d);
}
