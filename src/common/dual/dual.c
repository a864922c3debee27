#include "dual/dual.h"

#include "compare/celldiff.h"
#include "core/kp.h"
#include "core/utf8.h"
#include "dual/narrow_feed.h"
#include "ledger/ledger.h"
#include "pg/copybuf.h"
#include "pg/table.h"
#include "stream/pivot.h"
#include "stream/sort.h"
#include "wide/wide.h"
#include "wide/widen.h"

/* ---- both read back -------------------------------------------------------------------------- */

/*
 * The proof that the narrow and the wide table say the same of what was just written: the server
 * reads both back, in the transaction that wrote them.
 */

#define CELLS "pg_temp.ferry_sync"
#define DIFFERENCES_MAX 1000 /* looked at by us: texts that differ, though types say the same */

struct sync {
	struct registry *r;
	struct pg *pg;
	const struct narrow *n;
	struct cellsum_source source; /* for the narrow table's value in SQL */
	struct copybuf buf;
	uint64_t limit;
	struct names ships;
	struct noted {
		const struct ship *ship;
		bool group[REGISTRY_MAX_COLUMNS]; /* has values of this one */
	} * noted;
	size_t noted_cap;
	bool made;
};

/* Compares at most `limit` values of a chunk, the first ones. */
static struct sync *sync_open(struct registry *r, const struct narrow *n, uint64_t limit)
{
	struct sync *s = mem_zalloc(sizeof *s);

	s->r = r;
	s->pg = registry_pg(r);
	s->n = n;
	s->limit = limit;
	cellsum_source_open(&s->source, s->pg, n, CELLSUM_FAST);
	return s;
}

static void sync_close(struct sync *s)
{
	cellsum_source_close(&s->source);
	copybuf_free(&s->buf);
	names_free(&s->ships);
	mem_free(s->noted);
	mem_free(s);
}

/* Is there an index by which the narrow table can be read back? Only the wide one is otherwise. */
static bool sync_reads_narrow(const struct sync *s)
{
	return s->n->by_time || s->n->by_channel;
}

static void put_text(struct str *s, struct sl text)
{
	char *p = str_room(s, 2 * text.n + 1);

	p = copybuf_escape(p, text);
	*p++ = '\t';
	s->n = (size_t)(p - s->p);
}

/* A value that was sent, in the text that the server is to give back. */
static void sync_note(
	struct sync *s, const struct ship *ship, size_t channel, struct sl time, struct sl value)
{
	uint32_t group = ship->channel[channel].group;
	bool added;
	size_t i;

	if (s->buf.n >= s->limit)
		return;
	i = names_add(&s->ships, ship->id, &added);
	mem_grow(&s->noted, &s->noted_cap, i + 1, sizeof *s->noted);
	if (added)
		s->noted[i] = (struct noted){.ship = ship};
	s->noted[i].group[group - 1] = true;
	copybuf_begin_row(&s->buf, 0, 0);
	put_text(&s->buf.text, ship->id);
	put_text(&s->buf.text, ship->channels.name[channel]);
	put_text(&s->buf.text, time);
	put_text(&s->buf.text, value);
	str_addf(&s->buf.text, "%u\t%zu", group, channel);
	copybuf_end_row(&s->buf);
}

static void send_cells(struct sync *s)
{
	if (!s->made)
		pg_execf(s->pg,
			/* another collation than the narrow table's could not use its index */
			"CREATE TEMP TABLE ferry_sync (ship text, channel text, at %s,"
			" value text COLLATE \"C\", grp int, col int) ON COMMIT DELETE ROWS",
			s->n->zone ? "timestamptz" : "timestamp");
	s->made = true;
	if (!copybuf_send(&s->buf, s->pg, "COPY " CELLS " FROM STDIN", 0, s->buf.n, NULL))
		pg_die(s->pg, "cannot check what was written");
}

static NORETURN void differs(const char *table, const struct pg_result *r, size_t row)
{
	die_hint(EX_REFUSED, "does a trigger or rule change what is written?",
		"the %s table does not say what was written: ship %s, %s, channel %s: %s instead "
		"of "
		"%s; nothing of this chunk is kept",
		table, msg_q(pg_value(r, row, 0)), pg_valuez(r, row, 1), msg_q(pg_value(r, row, 2)),
		pg_is_null(r, row, 4) ? "nothing" : msg_q(pg_value(r, row, 4)),
		msg_q(pg_value(r, row, 3)));
}

/* Cells of a group whose column does not have the text that was sent. */
static void add_wide(struct sync *s, struct str *sql, const struct ship *ship, uint32_t group)
{
	str_addz(sql, "SELECT ship, at::text, channel, value, v, col FROM (SELECT s.*, CASE s.col");
	for (size_t i = 0; i < ship->channels.n; i++) {
		if (ship->channel[i].group != group || !ship->channel[i].made)
			continue;
		str_addf(sql, " WHEN %zu THEN w.%s::text", i,
			pg_ident(s->pg, ship->channel[i].column));
	}
	str_addf(sql,
		" END AS v FROM " CELLS " AS s LEFT JOIN %s AS w ON w.%s = s.at::%s"
		" WHERE s.grp = %u AND s.ship = %s) AS x"
		" WHERE v COLLATE \"C\" IS DISTINCT FROM value LIMIT %d",
		registry_table(s->r, ship, group - 1), registry_key_ident(s->r),
		registry_key_type(ship), group, pg_literal(s->pg, ship->id), DIFFERENCES_MAX);
}

static void check_wide(struct sync *s, const struct ship *ship, uint32_t group)
{
	AUTO_STR sql = {0};
	AUTO_RESULT *r = NULL;

	add_wide(s, &sql, ship, group);
	r = pg_query(s->pg, str_z(&sql), 0, NULL);
	for (size_t i = 0; i < pg_rows(r); i++) {
		size_t channel = registry_find(ship, pg_value(r, i, 2));
		bool fits;

		if (pg_is_null(r, i, 4) || channel == NAMES_NONE ||
			!celldiff_same(pg_value(r, i, 3), pg_value(r, i, 4),
				ship->channel[channel].type, &fits))
			differs("wide", r, i);
	}
}

/*
 * Cells of which the narrow table has no row with that value, found by its index on ship, channel
 * and time, one by one, which is the faster way however large it is; or by that on the time, at all
 * instants at once.
 */
static void add_narrow(const struct sync *s, struct str *sql)
{
	const struct narrow_column *c = s->n->col;

	str_addf(sql,
		"SELECT s.ship, s.at::text, s.channel, s.value, NULL FROM " CELLS
		" AS s LEFT JOIN%s (SELECT %s AS x_ship, %s AS x_channel, %s AS x_at, (%s)"
		" AS x_value FROM %s WHERE ",
		s->n->by_channel ? " LATERAL" : "", c[NARROW_SHIP].ident, c[NARROW_CHANNEL].ident,
		c[NARROW_TIME].ident, s->source.value, s->n->ident);
	if (s->n->by_channel)
		str_addf(sql, "%s = s.ship AND %s = s.channel AND %s = s.at OFFSET 0) AS x",
			c[NARROW_SHIP].ident, c[NARROW_CHANNEL].ident, c[NARROW_TIME].ident);
	else
		str_addf(sql, "%s = ANY (ARRAY(SELECT DISTINCT at FROM " CELLS "))) AS x",
			c[NARROW_TIME].ident);
	str_addz(sql, " ON x_ship = s.ship AND x_channel = s.channel AND x_at = s.at"
		      " AND x_value COLLATE \"C\" = s.value WHERE x_ship IS NULL LIMIT 1");
}

static void check_narrow(struct sync *s)
{
	AUTO_STR sql = {0};
	AUTO_RESULT *r = NULL;

	/* to the end of this transaction, of which this is the end: an index is to be used */
	pg_exec(s->pg, "SET LOCAL enable_seqscan = off; SET LOCAL jit = off");
	add_narrow(s, &sql);
	r = pg_query(s->pg, str_z(&sql), 0, NULL);
	if (pg_rows(r) > 0)
		differs("narrow", r, 0);
}

/*
 * Compares what was noted since the last call, and forgets it; how many values. Dies with 69 at the
 * first that a table says otherwise.
 */
static uint64_t sync_check(struct sync *s)
{
	uint64_t n = s->buf.n;

	if (n == 0)
		return 0;
	send_cells(s);
	for (size_t i = 0; i < s->ships.n; i++)
		for (uint32_t g = 1; g <= s->noted[i].ship->n_groups; g++)
			if (s->noted[i].group[g - 1])
				check_wide(s, s->noted[i].ship, g);
	if (sync_reads_narrow(s))
		check_narrow(s);
	copybuf_clear(&s->buf);
	names_clear(&s->ships);
	return n;
}

/* ---- rows of a chunk into both --------------------------------------------------------------- */

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
	struct field value = FIELD_ABSENT, ship, channel, time; /* NULL would erase the cell */
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

	if (d->narrow->keyed)
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
