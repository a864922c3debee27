#include "compare/repair.h"

#include "core/kp.h"
#include "ledger/ledger_ranges.h"
#include "narrow/narrow_row.h"
#include "wide/wide.h"

#define REPAIR_AT_ONCE 500 /* rows locked by one transaction */

/* ---- statements ------------------------------------------------------------------------------ */

/* Appends the condition that what was in row `t` may go when the source has it no more. */
static void add_license(struct repair *r, struct str *sql, const struct ship *ship)
{
	if (!r->remove)
		str_addf(sql,
			" AND t.%s IN (SELECT unnest(instants)%s FROM ferry.doubt"
			" WHERE job_id = %llu AND ship = %s)",
			registry_key_ident(r->target->r), ship->zoned ? " AT TIME ZONE 'UTC'" : "",
			(unsigned long long)r->job,
			pg_literal(registry_pg(r->target->r), ship->id));
}

/* The instants as the text of an array, for a parameter of the key's type. */
static const char *instants_of(
	struct str *s, const struct ship *ship, const struct celldiff_cell *list, size_t n)
{
	str_clear(s);
	str_addc(s, '{');
	for (size_t i = 0; i < n; i++)
		str_addf(s, "%s\"%.*s%s\"", i ? "," : "", (int)list[i].instant.n,
			list[i].instant.p, ship->zoned ? "+00" : "");
	str_addc(s, '}');
	return str_z(s);
}

/* Begins a transaction that does not wait long for locks. */
static void begin(struct repair *r)
{
	pg_exec(registry_pg(r->target->r), "BEGIN; SET LOCAL lock_timeout = '500ms'");
}

/*
 * After a statement failed: rolls it back when it was for a lock that another holds on some of
 * these rows; other errors end the program.
 */
static void give_way(struct repair *r, size_t rows)
{
	struct pg *pg = registry_pg(r->target->r);
	const char *state = pg_sqlstate(pg);

	if (pg_state_is(state, "42 55000")) {
		if (!r->broken)
			msg_warn("cannot repair, for the table is not as it was made: %s",
				pg_error(pg));
		r->broken = true;
	} else if (!pg_state_is(state, "55P03 40P01")) {
		pg_die(pg, "cannot repair");
	} else {
		r->locked = true;
	}
	pg_exec(pg, "ROLLBACK");
	r->busy += rows;
}

/* ---- values that are missing ----------------------------------------------------------------- */

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

/* Columns first: without them there is to be no row for their values. */
static void send_all(struct wide *w)
{
	if (wide_has_aside(w))
		(void)wide_widen(w);
	wide_begin(w);
	wide_flush(w);
	wide_replay(w);
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

/*
 * What a follower deletes between our reading and our writing would come back for good: it says
 * what that was where the ship is in doubt, and the next round may take it away.
 */
static void fill_range(struct repair *r, struct ship *ship, int64_t from, int64_t to)
{
	struct pg *pg = registry_pg(r->target->r);
	uint64_t doubt = 0;
	struct cellsum before, after;

	if (r->followed)
		doubt = ledger_doubt_put(pg, r->followed, ship->id,
			from == CELLSUM_ALWAYS ? LEDGER_NO_TIME : from, to);
	if (!r->fill)
		r->fill = open_fill(r);
	r->fill->ship = ship;
	cellsum_wide(r->target, ship, from, to, &before);
	read_part(r->fill, from, to);
	KP("repair_fill_read");
	send_all(r->fill->wide);
	wide_next_chunk(r->fill->wide);
	registry_read(r->target->r, ship);
	cellsum_wide(r->target, ship, from, to, &after);
	r->filled += after.cells + after.rows - before.cells - before.rows;
	if (doubt) {
		ledger_doubt_settle(pg, doubt, NULL);
		r->job = r->followed;
	}
}

/* ---- rows that are too many, and rows that the view does not show ---------------------------- */

#define ARGUMENTS_MAX 100 /* of a function of PostgreSQL */

static void add_orphans(
	struct repair *r, struct ship *ship, const struct celldiff_cell *list, size_t n)
{
	struct pg *pg = registry_pg(r->target->r);
	AUTO_STR sql = { 0 }, instants = { 0 };
	const char *params[] = { instants_of(&instants, ship, list, n) };
	AUTO_RESULT *done = NULL;

	begin(r);
	str_addf(&sql,
		"INSERT INTO %s (%s) SELECT unnest($1::%s[]) ORDER BY 1 ON CONFLICT DO NOTHING",
		registry_table(r->target->r, ship, 0), registry_key_ident(r->target->r),
		registry_key_type(ship));
	done = pg_try_query(pg, str_z(&sql), 1, params);
	if (done) {
		r->set += pg_affected(done);
		pg_exec(pg, "COMMIT");
	} else {
		give_way(r, n);
	}
}

/* ---- rows of no instant --------------------------------------------------------------------- */

/* ` WHERE key = ANY ($1) AND t.a IS NULL AND …`: rows of a group without any value. */
static void add_empty(struct repair *r, struct str *sql, const struct ship *ship, size_t group)
{
	struct pg *pg = registry_pg(r->target->r);
	size_t n = 0;

	str_addf(sql, " WHERE t.%s = ANY ($1::%s[])", registry_key_ident(r->target->r),
		registry_key_type(ship));
	for (size_t i = 0; i < ship->channels.n; i++) {
		if (!ship->channel[i].made || ship->channel[i].group != group + 1)
			continue;
		str_addf(sql, "%st.%s",
			n == 0              ? " AND num_nonnulls("
			: n % ARGUMENTS_MAX ? ", "
					    : ") + num_nonnulls(",
			pg_ident(pg, ship->channel[i].column));
		n++;
	}
	str_addz(sql, n ? ") = 0" : "");
	add_license(r, sql, ship);
}

/* ` AND NOT EXISTS (…)` for every further group: the first row goes last. */
static void add_alone(struct repair *r, struct str *sql, const struct ship *ship)
{
	for (size_t g = 1; g < ship->n_groups; g++) {
		const char *key = registry_key_ident(r->target->r);

		if (ship->group[g].made)
			str_addf(sql, " AND NOT EXISTS (SELECT FROM %s AS g WHERE g.%s = t.%s)",
				registry_table(r->target->r, ship, g), key, key);
	}
}

/* Locks the first rows, which every live writer of these instants needs too. */
static bool lock_rows(struct repair *r, struct ship *ship, const char *instants)
{
	const char *key = registry_key_ident(r->target->r);
	AUTO_STR sql = { 0 };
	AUTO_RESULT *rows = NULL;

	str_addf(&sql, "SELECT FROM %s WHERE %s = ANY ($1::%s[]) ORDER BY %s FOR UPDATE",
		registry_table(r->target->r, ship, 0), key, registry_key_type(ship), key);
	rows = pg_try_query(registry_pg(r->target->r), str_z(&sql), 1, &instants);
	return rows != NULL;
}

/* Those of the instants that the source still has not. */
static size_t absent(struct repair *r, struct ship *ship, const struct celldiff_cell *list,
	size_t n, struct celldiff_cell *out)
{
	AUTO_FREE int64_t *at = mem_alloc(mem_mul(n + 1, sizeof *at));
	AUTO_STR sql = { 0 };
	AUTO_NAMES there = { 0 };
	AUTO_RESULT *rows = NULL;
	size_t known = 0, kept = 0;

	for (size_t i = 0; i < n; i++)
		known += clock_parse(list[i].instant, &at[known]);
	if (known > 0) {
		cellsum_add_narrow_instants_at(r->source, &sql, at, known, ship->id);
		rows = pg_query(r->source->pg, str_z(&sql), 0, NULL);
		for (size_t i = 0; i < pg_rows(rows); i++)
			(void)names_add(&there, pg_value(rows, i, 0), NULL);
	}
	for (size_t i = 0; i < n; i++)
		if (clock_parse(list[i].instant, &at[0]) &&
			names_find(&there, list[i].instant) == NAMES_NONE)
			out[kept++] = list[i];
	return kept;
}

/* Deletes from the further groups, then from the first; false when another holds a row. */
static bool delete_rows(struct repair *r, struct ship *ship, const char *instants)
{
	struct pg *pg = registry_pg(r->target->r);
	AUTO_STR sql = { 0 };
	bool ok = true;

	for (size_t i = ship->n_groups; i > 0 && ok; i--) {
		size_t g = i - 1;
		AUTO_RESULT *done = NULL;

		if (!ship->group[g].made)
			continue;
		str_clear(&sql);
		str_addf(&sql, "DELETE FROM %s AS t", registry_table(r->target->r, ship, g));
		add_empty(r, &sql, ship, g);
		if (g == 0)
			add_alone(r, &sql, ship);
		done = pg_try_query(pg, str_z(&sql), 1, &instants);
		ok = done != NULL;
		if (ok && g == 0)
			r->removed += pg_affected(done);
	}
	return ok;
}

static void remove_rows(
	struct repair *r, struct ship *ship, const struct celldiff_cell *list, size_t n)
{
	AUTO_FREE struct celldiff_cell *gone = mem_alloc(mem_mul(n, sizeof *gone));
	AUTO_STR instants = { 0 };
	size_t n_gone;
	bool ok;

	begin(r);
	ok = lock_rows(r, ship, instants_of(&instants, ship, list, n));
	if (ok) {
		n_gone = absent(r, ship, list, n, gone);
		KP("repair_row_read");
		ok = delete_rows(r, ship, instants_of(&instants, ship, gone, n_gone));
	}
	if (ok)
		pg_exec(registry_pg(r->target->r), "COMMIT");
	else
		give_way(r, n);
}

/* ---- values of one channel, each set under the lock of its row ------------------------------- */

/*
 * The order is what makes it safe: lock, ask the source, set. A live writer's change of the source
 * that this reading does not show is applied later than this transaction, since it needs the row.
 */

/* What is there, and what is to be there. */
struct value {
	int64_t at;
	struct sl seen, wanted; /* .p NULL: NULL */
	bool locked;
};

struct setting {
	struct repair *r;
	struct ship *ship;
	size_t channel;
	bool extra; /* the source had none when it was compared */
	struct value *v; /* in the order of instants */
	size_t n;
	struct arena arena;
};

static const char *ident_of(struct setting *s)
{
	return pg_ident(registry_pg(s->r->target->r), s->ship->channel[s->channel].column);
}

static size_t group_of(const struct setting *s)
{
	return s->ship->channel[s->channel].group - 1;
}

static struct value *find_value(struct setting *s, struct sl instant)
{
	size_t low = 0, high = s->n;
	int64_t at;

	if (!clock_parse(instant, &at))
		return NULL;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->v[mid].at < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->n && s->v[low].at == at ? &s->v[low] : NULL;
}

/* Locks the rows; false when another holds one. */
static bool lock_values(struct setting *s, const char *instants)
{
	struct registry *r = s->r->target->r;
	const char *key = registry_key_ident(r);
	AUTO_STR sql = { 0 };
	AUTO_RESULT *rows = NULL;

	str_addf(&sql,
		"SELECT %s, %s::text FROM %s WHERE %s = ANY ($1::%s[]) ORDER BY 1 FOR UPDATE", key,
		ident_of(s), registry_table(r, s->ship, group_of(s)), key,
		registry_key_type(s->ship));
	rows = pg_try_query(registry_pg(r), str_z(&sql), 1, &instants);
	if (!rows)
		return false;
	for (size_t i = 0; i < pg_rows(rows); i++) {
		struct value *v = find_value(s, pg_value(rows, i, 0));

		if (!v)
			continue;
		v->locked = true;
		if (!pg_is_null(rows, i, 1))
			v->seen = arena_dup(&s->arena, pg_value(rows, i, 1));
	}
	return true;
}

static void ask_source(struct setting *s)
{
	struct cellsum_source *source = s->r->source;
	int64_t *at = arena_alloc(&s->arena, mem_mul(s->n, sizeof *at));
	AUTO_STR sql = { 0 };
	AUTO_RESULT *rows = NULL;

	for (size_t i = 0; i < s->n; i++)
		at[i] = s->v[i].at;
	cellsum_add_narrow_cells_at(
		source, &sql, at, s->n, s->ship->id, s->ship->channels.name[s->channel]);
	rows = pg_query(source->pg, str_z(&sql), 0, NULL);
	for (size_t i = 0; i < pg_rows(rows); i++) {
		struct value *v = find_value(s, pg_value(rows, i, 0));

		if (v && !pg_is_null(rows, i, 1))
			v->wanted = arena_dup(&s->arena, pg_value(rows, i, 1));
	}
}

/* Is the row's value to be changed? A value that the column cannot hold is none. */
static bool is_due(struct setting *s, struct value *v)
{
	enum column_type type = s->ship->channel[s->channel].type;
	bool fits = true;

	if (!v->locked)
		return false;
	if (v->wanted.p && celldiff_same(v->wanted, v->seen.p ? v->seen : SL(""), type, &fits) &&
		v->seen.p)
		return false;
	if (v->wanted.p &&
		(!fits || !pg_can_store(registry_pg(s->r->target->r), v->wanted)))
		v->wanted = (struct sl){ NULL, 0 };
	else if (!v->wanted.p && !s->r->remove && !(s->extra && s->r->job))
		return false;
	return v->wanted.p || v->seen.p;
}

static void put_arrays(struct setting *s, struct str *instants, struct str *values)
{
	char text[CLOCK_TEXT_MAX];

	str_clear(instants);
	str_addc(instants, '{');
	str_addc(values, '{');
	for (size_t i = 0; i < s->n; i++) {
		if (!is_due(s, &s->v[i]))
			continue;
		pg_add_element(instants, (struct sl){ text, clock_put(text, s->v[i].at, true) });
		pg_add_element(values, s->v[i].wanted);
	}
	str_addc(instants, '}');
	str_addc(values, '}');
}

static bool set_values(struct setting *s, struct str *instants)
{
	struct pg *pg = registry_pg(s->r->target->r);
	const char *type = column_type_sql(s->ship->channel[s->channel].type);
	AUTO_STR sql = { 0 }, values = { 0 };
	AUTO_RESULT *r = NULL;

	put_arrays(s, instants, &values);
	str_addf(&sql,
		"UPDATE %s AS t SET %s = f.v::%s FROM unnest($1::%s[], $2::text[]) AS f (at, v)"
		" WHERE t.%s = f.at",
		registry_table(s->r->target->r, s->ship, group_of(s)), ident_of(s), type,
		registry_key_type(s->ship), registry_key_ident(s->r->target->r));
	if (s->extra)
		add_license(s->r, &sql, s->ship);
	r = pg_try_query(pg, str_z(&sql), 2, (const char *[]){ str_z(instants), str_z(&values) });
	s->r->set += r ? pg_affected(r) : 0;
	return r;
}

static void mend_values(
	struct repair *r, struct ship *ship, const struct celldiff_cell *list, size_t n)
{
	struct setting s = { .r = r, .ship = ship, .extra = list->what == CELL_EXTRA };
	AUTO_STR instants = { 0 };
	bool done;

	s.channel = names_find(&ship->channels, list->channel);
	if (s.channel == NAMES_NONE || !ship->channel[s.channel].made ||
		ship->channel[s.channel].type == COLUMN_OTHER)
		return;
	s.v = arena_alloc(&s.arena, mem_mul(n, sizeof *s.v));
	for (size_t i = 0; i < n; i++) {
		s.v[s.n] = (struct value){ .seen = { NULL, 0 } };
		s.n += clock_parse(list[i].instant, &s.v[s.n].at);
	}
	if (s.n > 0) {
		begin(r);
		done = lock_values(&s, instants_of(&instants, ship, list, n));
		if (done) {
			KP("repair_locked");
			ask_source(&s);
			KP("repair_read");
			done = set_values(&s, &instants);
		}
		if (done)
			pg_exec(registry_pg(r->target->r), "COMMIT");
		else
			give_way(r, n);
	}
	arena_free(&s.arena);
}

/* ---- a round --------------------------------------------------------------------------------- */

static bool is_missing(const struct celldiff_cell *c)
{
	return c->what == CELL_MISSING || c->what == ROW_MISSING;
}

/* From the first to the last instant where something is missing; all of it when not all is known.
 */
static bool missing_range(const struct cell_list *list, int64_t *from, int64_t *to)
{
	int64_t first = INT64_MAX, last = INT64_MIN, t;
	bool any = false;

	for (size_t i = 0; i < list->n; i++) {
		if (!is_missing(&list->cell[i]))
			continue;
		any = true;
		if (!clock_parse(list->cell[i].instant, &t)) /* a year that no clock has */
			return true;
		first = t < first ? t : first;
		last = t > last ? t : last;
	}
	if (any && !list->more) {
		*from = first;
		*to = last + 1;
	}
	return any || list->more;
}

/* How many of list[i..n) belong together: one channel, or one kind of row. */
static size_t run_of(const struct cell_list *list, size_t i)
{
	const struct celldiff_cell *c = &list->cell[i];
	size_t n = 1;

	while (i + n < list->n && n < REPAIR_AT_ONCE && sl_eq(c[n].channel, c->channel) &&
		c[n].what == c->what)
		n++;
	return n;
}

bool repair_round(
	struct repair *r, struct ship *ship, int64_t from, int64_t to, const struct cell_list *list)
{
	bool any = missing_range(list, &from, &to);
	size_t n;

	r->broken = false;
	if (any)
		fill_range(r, ship, from, to);
	for (size_t i = 0; i < list->n; i += n) {
		const struct celldiff_cell *c = &list->cell[i];
		bool extra = c->what == CELL_EXTRA || c->what == ROW_EXTRA;

		n = run_of(list, i);
		if (is_missing(c) || (extra && !r->remove && !r->job))
			continue;
		any = true;
		if (c->what == ROW_ORPHAN)
			add_orphans(r, ship, c, n);
		else if (c->what == ROW_EXTRA)
			remove_rows(r, ship, c, n);
		else
			mend_values(r, ship, c, n);
	}
	return any && !r->broken;
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
