/* wide.c - records into the buffers of the groups' tables. */
#include "wide/wide_internal.h"

#include "core/clock.h"
#include "core/num.h"
#include "stream/namelist.h"

#define BUFFERS_MAX 12 /* in full buffers: what all of them may hold together */

struct wide *wide_open(struct registry *r, const struct wide_conf *conf)
{
	struct wide *w = mem_zalloc(sizeof *w);

	w->r = r;
	w->pg = registry_pg(r);
	w->conf = *conf;
	w->before = conf->how;
	w->stores_all = !pg_stores(w->pg);
	return w;
}

static void rack_free(struct rack *k)
{
	copybuf_free(&k->buf);
	str_free(&k->clears);
	mem_free(k->column);
	mem_free(k->seg);
}

void wide_close(struct wide *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->ships.n; i++) {
		struct lane *l = &w->lane[i];

		for (size_t k = 0; k < l->n_racks; k++)
			rack_free(&l->rack[k]);
		mem_free(l->rack);
		mem_free(l->loose);
		str_free(&l->locked_by);
		names_free(&l->instants);
	}
	mem_free(w->lane);
	mem_free(w->name_hash);
	mem_free(w->odd);
	names_free(&w->ships);
	spool_free(&w->aside);
	str_free(&w->scratch);
	mem_free(w);
}

void wide_proven(struct wide *w)
{
	w->proven = true;
}

void wide_beside(struct wide *w)
{
	w->beside = true;
}

/* ---- columns -------------------------------------------------------------------------------- */

static size_t need_column(const struct names *cols, struct sl name, const char *option)
{
	size_t i = names_find(cols, name);
	struct str hint = { 0 };

	if (i != NAMES_NONE)
		return i;
	str_addf(&hint, "%s names it", option);
	die_hint(EX_DATA, str_z(&hint), "the wide stream has no column %s", msg_q(name));
}

static struct sl channel_of(const struct wide *w, struct sl column)
{
	const struct sl lead[] = { w->conf.by, w->conf.key };

	return colname_of(column, lead, ARRAY_LEN(lead));
}

struct sl wide_column_name(const struct wide *w, struct sl channel, struct str *s)
{
	const struct sl lead[] = { w->conf.by, w->conf.key };

	str_clear(s);
	if (colname_is_taken(channel, lead, ARRAY_LEN(lead)))
		str_addc(s, '@');
	str_add(s, channel);
	return str_sl(s);
}

struct sl wide_channel(const struct wide *w, size_t col)
{
	return channel_of(w, w->cols->name[col]);
}

void wide_cols(struct wide *w, const struct names *cols, bool nulls)
{
	w->nulls = nulls;
	if (w->n_cols == 0) {
		w->in_by = need_column(cols, w->conf.by, "--by");
		w->in_key = need_column(cols, w->conf.key, "--key");
	}
	mem_grow(&w->name_hash, &w->name_hash_cap, cols->n, sizeof *w->name_hash);
	mem_grow(&w->odd, &w->odd_cap, cols->n, sizeof *w->odd);
	for (size_t i = w->n_cols; i < cols->n; i++) {
		w->name_hash[i] = digest_name(channel_of(w, cols->name[i]));
		w->odd[i] = !w->stores_all && !pg_can_store(w->pg, cols->name[i]);
		w->any_odd |= w->odd[i];
	}
	w->cols = cols;
	w->n_cols = cols->n;
}

static struct rack *need_rack(struct wide *w, struct lane *l, uint32_t group)
{
	mem_grow(&l->rack, &l->racks_cap, group, sizeof *l->rack);
	while (l->n_racks < group)
		l->rack[l->n_racks++] = (struct rack){ .stage = { .number = ++w->n_stages } };
	return &l->rack[group - 1];
}

/* A column of the stream is from now on written to a column of the ship's tables. */
static void add_column(struct wide *w, struct lane *l, uint32_t col, size_t channel)
{
	const struct channel *c = &l->ship->channel[channel];
	struct rack *k = need_rack(w, l, c->group);

	mem_grow(&k->column, &k->cap, k->n + 1, sizeof *k->column);
	k->column[k->n++] = (struct rack_column){
		.col = col, .channel = (uint32_t)channel, .type = (uint8_t)c->type
	};
}

static bool is_column(const struct lane *l, size_t channel)
{
	return channel != NAMES_NONE && l->ship->channel[channel].made;
}

/* Sorts the stream's columns that have come since the last record of this ship. */
static void sort_columns(struct wide *w, struct lane *l)
{
	for (; l->seen < w->n_cols; l->seen++) {
		size_t channel = registry_find(l->ship, wide_channel(w, l->seen));

		if (l->seen == w->in_by || l->seen == w->in_key || w->odd[l->seen])
			continue;
		if (is_column(l, channel)) {
			add_column(w, l, (uint32_t)l->seen, channel);
			continue;
		}
		mem_grow(&l->loose, &l->loose_cap, l->n_loose + 1, sizeof *l->loose);
		l->loose[l->n_loose++] = (struct loose){ .col = (uint32_t)l->seen };
	}
}

void wide_sort_loose(struct wide *w, struct lane *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n_loose; i++) {
		struct loose o = l->loose[i];
		size_t channel = registry_find(l->ship, wide_channel(w, o.col));

		/* what is set aside comes behind the rows, and what follows it behind it */
		if (!o.aside && (is_column(l, channel) ||
			(l->own && channel != NAMES_NONE && l->ship->channel[channel].group)))
			add_column(w, l, o.col, channel);
		else
			l->loose[kept++] = o;
	}
	l->n_loose = kept;
}

/* ---- one row -------------------------------------------------------------------------------- */

bool wide_fits(struct sl s, enum column_type type)
{
	int64_t i;
	double d;

	switch (type) {
	case COLUMN_BIGINT:
		return num_i64(s, &i);
	case COLUMN_DOUBLE:
		/* no number of so few digits is out of range, unless it has an exponent */
		if (s.n < 300 && !memchr(s.p, 'e', s.n) && !memchr(s.p, 'E', s.n) && num_is_json(s))
			return true;
		return num_double(s, &d);
	case COLUMN_BOOLEAN:
		return sl_eq(s, SL("true")) || sl_eq(s, SL("false")) || sl_eq(s, SL("t")) ||
		       sl_eq(s, SL("f"));
	case COLUMN_TEXT:
	case COLUMN_OTHER:
		return true;
	}
	return true;
}

static void bad_cell(struct wide *w, const struct rec *rec, uint32_t col, enum column_type type)
{
	static const char *const why[] = { PG_NOT_STORED, "not a double precision number",
		"not a bigint", "neither true nor false", PG_NOT_STORED };

	w->conf.bad(w->conf.ctx, &(struct wide_fault){ .ship = field_sl(&rec->f[w->in_by]),
					 .key = field_sl(&rec->f[w->in_key]),
					 .channel = wide_channel(w, col),
					 .value = field_sl(&rec->f[col]),
					 .record = rec->record,
					 .line = rec->line,
					 .cells = 1,
					 .why = why[type] });
}

/* What the bytes of a record allow: whether values may be copied as they are, and how fast. */
struct source {
	const char *from, *to; /* where 16 bytes may be read at once */
	bool special;          /* some value may need escapes */
};

static inline char *put_value(char *p, const struct field *f, const struct source *src)
{
	if (UNLIKELY(src->special))
		return copybuf_escape(p, field_sl(f));
	/* most values are short: one move of 16 bytes, of which some are junk to be overwritten */
	if (LIKELY(f->n <= 16 && f->p >= src->from && f->p + 16 <= src->to))
		memcpy(p, f->p, 16);
	else
		memcpy(p, f->p, f->n);
	return p + f->n;
}

/* The cells of a group's row behind its key; how many had a value. */
static size_t put_cells(struct wide *w, struct rack *k, const struct rec *rec,
	const struct source *src)
{
	char *p = str_room(&k->buf.text, 2 * rec->raw.n + 3 * k->n + 32);
	struct rack_column *c = k->column, *end = c + k->n;
	const struct field *f = rec->f;
	size_t n = rec->n, values = 0;

	for (; c < end; c++) {
		*p++ = '\t';
		if (c->col >= n || field_is_null(&f[c->col])) {
			*p++ = '\\';
			*p++ = 'N';
			continue;
		}
		if ((UNLIKELY(c->type != COLUMN_TEXT) &&
			    !wide_fits(field_sl(&f[c->col]), (enum column_type)c->type)) ||
			UNLIKELY(!w->stores_all && !pg_can_store(w->pg, field_sl(&f[c->col])))) {
			bad_cell(w, rec, c->col, (enum column_type)c->type);
			*p++ = '\\';
			*p++ = 'N';
			continue;
		}
		c->used = 1;
		values++;
		p = put_value(p, &f[c->col], src);
	}
	k->buf.text.n = (size_t)(p - k->buf.text.p);
	return values;
}

static void note_segment(struct rack *k)
{
	struct segment *last = k->n_segs ? &k->seg[k->n_segs - 1] : NULL;

	if (last && last->n == k->n)
		return;
	if (last && last->row == k->buf.n) {
		last->n = k->n;
		return;
	}
	mem_grow(&k->seg, &k->segs_cap, k->n_segs + 1, sizeof *k->seg);
	k->seg[k->n_segs++] = (struct segment){ .row = k->buf.n, .n = k->n };
}

void wide_put(struct wide *w, struct lane *l, const struct rec *rec, int64_t instant, bool spine)
{
	struct source src = { .from = rec->raw.p,
		.to = rec->raw.p + rec->raw.n,
		.special = copybuf_is_special(rec->raw) };
	char key[CLOCK_TEXT_MAX];
	struct sl when = { key, clock_put(key, instant, l->ship->zoned) };

	(void)need_rack(w, l, 1); /* for the spine, although the stream may have no column of it */
	for (size_t i = 0; i < l->n_racks; i++) {
		struct rack *k = &l->rack[i];
		size_t before = k->buf.text.n;

		if (k->n == 0 && i > 0)
			continue;
		note_segment(k);
		copybuf_begin_row(&k->buf, rec->record, rec->line);
		str_add(&k->buf.text, when);
		if (put_cells(w, k, rec, &src) == 0 && !(spine && i == 0)) {
			copybuf_drop_row(&k->buf);
			continue;
		}
		copybuf_end_row(&k->buf);
		w->buffered += k->buf.text.n - before;
	}
}

/* ---- a record ------------------------------------------------------------------------------- */

/* The first record of a ship in this chunk: is there room in the transaction for its tables? */
static void meet(struct wide *w, struct lane *l)
{
	AUTO_STR why = { 0 };

	l->met = true;
	l->broken = wide_still_locked(w, l) ||
		    (!registry_fits(w->r, l->ship, &why) && w->conf.broken &&
			    w->conf.broken(w->conf.ctx, l->ship->id, str_z(&why), false));
	if (!l->broken)
		registry_want_fit(w->r, l->ship);
	if (w->conf.tables > 0 && w->n_met > 0 && w->n_met + lane_tables(l) > w->conf.tables)
		l->deferred = true;
	else
		w->n_met += lane_tables(l);
}

static void count(struct wide *w, struct lane *l, const struct rec *rec)
{
	uint64_t row = digest_row(field_sl(&rec->f[w->in_by]), field_sl(&rec->f[w->in_key]));
	uint64_t sum = 0, cells = 0, bytes = 0;

	for (size_t i = 0; i < rec->n; i++) {
		const struct field *f = &rec->f[i];

		if (field_is_null(f) || i == w->in_by || i == w->in_key)
			continue;
		sum += digest_cell(row, w->name_hash[i], field_sl(f));
		cells++;
		bytes += f->n;
	}
	l->total.rows++;
	l->total.cells += cells;
	l->total.sum += sum;
	l->total.bytes += bytes;
}

static struct lane *find_lane(struct wide *w, struct sl ship)
{
	bool added;
	size_t i;

	if (w->ships.n > 0 && sl_eq(w->ships.name[w->last_lane], ship))
		return &w->lane[w->last_lane];
	i = names_add(&w->ships, ship, &added);
	if (added) {
		mem_grow(&w->lane, &w->lanes_cap, i + 1, sizeof *w->lane);
		w->lane[i] = (struct lane){ .ship = registry_ship(w->r, ship) };
	}
	w->last_lane = i;
	return &w->lane[i];
}

static bool has_zone(struct sl time)
{
	return time.n > 11 &&
	       (memchr(time.p + 11, '+', time.n - 11) || memchr(time.p + 11, '-', time.n - 11) ||
		       memchr(time.p + 11, 'Z', time.n - 11));
}

static uint64_t count_cells(const struct wide *w, const struct rec *rec)
{
	uint64_t n = 0;

	for (size_t i = 0; i < rec->n; i++)
		n += !field_is_null(&rec->f[i]) && i != w->in_by && i != w->in_key;
	return n;
}

static void bad_record(struct wide *w, const struct rec *rec, size_t col, const char *why)
{
	w->conf.bad(w->conf.ctx, &(struct wide_fault){ .ship = field_sl(&rec->f[w->in_by]),
					 .key = field_sl(&rec->f[w->in_key]),
					 .raw = rec->raw,
					 .column = w->cols->name[col],
					 .value = field_sl(&rec->f[col]),
					 .record = rec->record,
					 .line = rec->line,
					 /* without a ship they were not counted */
					 .cells = col == w->in_key ? count_cells(w, rec) : 0,
					 .why = why });
}

static void part(struct wide *w, struct lane *l, int64_t instant)
{
	struct sl key = { (const char *)&instant, sizeof instant };
	bool added = true;

	if (!l->unordered && (!l->any || instant > l->last)) {
		l->any = true;
		l->last = instant;
		return;
	}
	if (l->unordered)
		(void)names_add(&l->instants, key, &added);
	if (!l->unordered || !added) {
		wide_flush_lane(w, l);
		l->unordered = true;
		(void)names_add(&l->instants, key, NULL);
	}
}

void wide_part_instants(struct wide *w, struct lane *l, int64_t instant)
{
	part(w, l, instant);
	if (!l->filled || instant < l->from)
		l->from = instant;
	if (!l->filled || instant > l->to)
		l->to = instant;
	l->filled = true;
}

static bool is_full(const struct wide *w, const struct lane *l)
{
	for (size_t i = 0; i < l->n_racks; i++)
		if (l->rack[i].buf.text.n >= w->conf.buffer)
			return true;
	return false;
}

void wide_flush_full(struct wide *w, struct lane *l)
{
	if (is_full(w, l))
		wide_flush_lane(w, l);
	else if (w->buffered / BUFFERS_MAX >= w->conf.buffer)
		wide_flush(w);
}

static void note_erased(struct wide *w, const struct rec *rec, struct sl ship, int64_t instant)
{
	AUTO_STR line = { 0 };
	char *to = str_room(&line, 2 * ship.n + CLOCK_TEXT_MAX + 2), *end;
	size_t i = 0;

	while (i < rec->n && rec->f[i].kind != F_NULL)
		i++;
	if (i == rec->n)
		return;
	end = copybuf_escape(to, ship);
	*end++ = '\t';
	end += clock_put(end, instant, false);
	*end++ = '\n';
	spool_put(w->conf.erased, (struct sl){ to, (size_t)(end - to) });
}

void wide_row(struct wide *w, const struct rec *rec)
{
	struct sl ship, key;
	int64_t instant;
	struct lane *l;
	bool put, aside, nulls;

	if (rec->n <= w->in_by || rec->n <= w->in_key || field_is_null(&rec->f[w->in_by]) ||
		rec->f[w->in_by].n == 0) {
		bad_record(w, rec, w->in_by, "no ship");
		return;
	}
	ship = field_sl(&rec->f[w->in_by]);
	key = field_sl(&rec->f[w->in_key]);
	if (!w->zone_known) {
		registry_zoned(w->r, has_zone(key));
		w->zone_known = true;
	}
	l = find_lane(w, ship);
	sort_columns(w, l);
	if (w->conf.unknown != WIDE_ADD)
		wide_judge_unknown(w, l);
	count(w, l, rec);
	if (!l->met)
		meet(w, l);
	if (field_is_null(&rec->f[w->in_key]) || !clock_parse(key, &instant)) {
		bad_record(w, rec, w->in_key, "not an instant (YYYY-MM-DD HH:MM:SS.ffffff)");
		return;
	}
	for (uint32_t i = 0; w->any_odd && i < rec->n; i++)
		if (w->odd[i] && !field_is_null(&rec->f[i]))
			bad_cell(w, rec, i, COLUMN_TEXT);
	if (w->nulls && w->conf.erased)
		note_erased(w, rec, ship, instant); /* of a broken ship, for its repair */
	if (l->broken)
		return;
	if (l->deferred) {
		wide_defer(w, l, rec);
		return;
	}
	wide_part_instants(w, l, instant);
	nulls = w->nulls && wide_look_for_nulls(w, l, rec);
	aside = l->n_loose > 0 && wide_meet_unknown(w, l, rec);
	put = lane_is_ready(l);
	if (put)
		wide_put(w, l, rec, instant, !nulls || wide_has_values(w, rec));
	if (put && nulls)
		wide_note_nulls(w, l, rec, instant);
	if (aside || !put) {
		l->has_aside = true;
		l->deferred |= !put;
		wide_set_aside(w, l, rec, put);
	}
	wide_flush_full(w, l);
}

/* ---- totals --------------------------------------------------------------------------------- */

struct digest wide_total(const struct wide *w)
{
	struct digest d = { 0 };

	for (size_t i = 0; i < w->ships.n; i++) {
		d.rows += w->lane[i].total.rows;
		d.cells += w->lane[i].total.cells;
		d.sum += w->lane[i].total.sum;
	}
	return d;
}

const struct wide_counts *wide_counts(const struct wide *w)
{
	return &w->counts;
}

uint64_t wide_removed(const struct wide *w)
{
	return w->counts.removed + w->pending.removed;
}

struct digest wide_of_ship(const struct wide *w, struct sl ship)
{
	size_t i = names_find(&w->ships, ship);
	struct digest none = { 0 };

	return i == NAMES_NONE ? none : w->lane[i].total;
}

void wide_next_chunk(struct wide *w)
{
	for (size_t i = 0; i < w->ships.n; i++) {
		struct lane *l = &w->lane[i];

		for (size_t k = 0; k < l->n_racks; k++)
			l->rack[k].staged = false;
		for (size_t k = 0; k < l->n_loose; k++)
			l->loose[k].aside = false;
		l->own = l->sent = l->has_aside = l->looked = l->any = l->unordered = false;
		l->met = l->deferred = l->broken = false;
		names_clear(&l->instants);
		l->total = (struct digest){ 0 };
	}
	spool_clear(&w->aside);
	w->conf.how = w->before;
	w->merged = w->proven = false;
	w->n_met = 0;
}
