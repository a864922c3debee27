/* wide_send.c - buffers to the server: COPY, and the merge where rows are there already. */
#include "wide/wide_internal.h"

#include "core/clock.h"
#include "core/kp.h"
#include "wide/widen.h"

/* A buffer on its way, and within it the rows that have the first n columns of the rack. */
struct sending {
	struct wide *w;
	struct lane *l;
	struct rack *k;
	size_t group; /* index of the ship's group */
	size_t n;
	bool read_again; /* the ship was read again because its table had another name */
};

static struct sl column_name(const struct sending *s, size_t i)
{
	return s->l->ship->channel[s->k->column[i].channel].column;
}

/* Rows straight into the table have their savepoint with them: one round trip instead of three. */
static bool copy_rows(struct sending *s, bool staged, size_t lo, size_t hi, uint64_t *taken)
{
	AUTO_STR sql = { 0 };

	if (staged)
		str_addf(&sql, "COPY " STAGE_NAME, s->k->stage.number);
	else
		str_addf(&sql, "SAVEPOINT ferry_rows; COPY %s",
			registry_table(s->w->r, s->l->ship, s->group));
	str_addf(&sql, " (%s", registry_key_ident(s->w->r));
	for (size_t i = 0; i < s->n; i++)
		str_addf(&sql, ", %s", pg_ident(s->w->pg, column_name(s, i)));
	str_addz(&sql, ") FROM STDIN");
	if (!staged)
		str_addz(&sql, "; RELEASE SAVEPOINT ferry_rows");
	return copybuf_send(&s->k->buf, s->w->pg, str_z(&sql), lo, hi, taken);
}

static void refuse_dropped(const struct sending *s, uint64_t dropped, size_t rows)
{
	if (dropped > 0)
		die_hint(EX_REFUSED, "a trigger of it drops them",
			"ship %s: %llu of %zu rows did not get into table %s",
			msg_q(s->l->ship->id), (unsigned long long)dropped, rows,
			msg_q(s->l->ship->group[s->group].table));
}

static bool merge_rows(struct sending *s, const char *target, size_t rows)
{
	struct wide_counts *sum = &s->w->pending;
	struct merged merged = { 0 };
	AUTO_FREE struct sl *cols = mem_alloc(mem_mul(s->n, sizeof *cols));
	struct stage_target to = { .name = target,
		.key = registry_key(s->w->r),
		.cols = cols,
		.how = s->w->conf.how };
	bool ok;

	for (size_t i = 0; i < s->n; i++)
		if (s->k->column[i].used)
			cols[to.n++] = column_name(s, i);
	s->w->merged = true;
	ok = stage_merge(s->w->pg, &s->k->stage, &to, rows, &merged);
	if (ok) {
		sum->inserted += merged.inserted;
		sum->updated += merged.updated;
		sum->superseded += merged.superseded;
		/* without values they only had to be there, maybe for what comes later of them */
		if (to.n > 0)
			sum->equal += rows - merged.inserted - merged.updated - merged.superseded;
		refuse_dropped(s, merged.dropped, rows);
	}
	return ok;
}

static void roll_back(struct sending *s)
{
	pg_exec(s->w->pg, "ROLLBACK TO SAVEPOINT ferry_rows; RELEASE SAVEPOINT ferry_rows");
}

static bool copy_directly(struct sending *s, size_t lo, size_t hi)
{
	uint64_t taken;
	bool ok = copy_rows(s, false, lo, hi, &taken);

	if (!ok)
		roll_back(s);
	if (ok) {
		refuse_dropped(s, hi - lo - taken, hi - lo);
		s->w->pending.inserted += taken;
	}
	return ok;
}

/*
 * Columns only become more: so their number tells whether the staging table still has them all.
 * Channels that are registered, but have none yet, do not count.
 */
static size_t count_columns(const struct sending *s)
{
	const struct ship *ship = s->l->ship;
	size_t n = 0;

	for (size_t i = 0; i < ship->channels.n; i++)
		n += ship->channel[i].made && ship->channel[i].group == s->group + 1;
	return n;
}

static bool copy_and_merge(struct sending *s, size_t lo, size_t hi)
{
	AUTO_STR target = { 0 };
	bool ok;

	str_addz(&target, registry_table(s->w->r, s->l->ship, s->group));
	if (!stage_prepare(s->w->pg, &s->k->stage, str_z(&target), count_columns(s)))
		return false;
	pg_exec(s->w->pg, "SAVEPOINT ferry_rows");
	ok = copy_rows(s, true, lo, hi, NULL);
	if (ok && s->w->conf.dry_run)
		wide_count_staged(s->w, s->l, s->k, str_z(&target), s->n);
	else if (ok)
		ok = merge_rows(s, str_z(&target), hi - lo);
	if (ok)
		pg_exec(s->w->pg, "RELEASE SAVEPOINT ferry_rows");
	else
		roll_back(s);
	return ok;
}

/*
 * A ship that outgrew its table since the registry was read has a view of that name: COPY says
 * 42809 then, INSERT 55000; 42P01 where there is nothing of that name.
 */
static bool has_moved(struct sending *s)
{
	if (s->read_again || !pg_state_is(pg_sqlstate(s->w->pg), "42809 55000 42P01"))
		return false;
	s->read_again = true;
	registry_read(s->w->r, s->l->ship);
	return s->group < s->l->ship->n_groups && s->l->ship->group[s->group].made;
}

static bool try_load(struct sending *s, size_t lo, size_t hi)
{
	s->k->staged |= s->w->conf.dry_run;
	if (!s->k->staged) {
		if (copy_directly(s, lo, hi) || (has_moved(s) && copy_directly(s, lo, hi)))
			return true;
		s->k->staged = strcmp(pg_sqlstate(s->w->pg), "23505") == 0;
	}
	return s->k->staged &&
	       (copy_and_merge(s, lo, hi) || (has_moved(s) && copy_and_merge(s, lo, hi)));
}

bool wide_is_locked(struct wide *w, struct lane *l)
{
	AUTO_STR holders = { 0 };

	str_clear(&l->locked_by);
	(void)widen_holders(w->r, l->ship, NULL, &holders, &l->locked_by);
	l->broken = w->conf.broken &&
		    w->conf.broken(w->conf.ctx, l->ship->id, str_z(&holders), true);
	if (!l->broken)
		str_clear(&l->locked_by);
	return l->broken;
}

bool wide_still_locked(struct wide *w, struct lane *l)
{
	AUTO_STR holders = { 0 };

	if (l->locked_by.n > 0 &&
		widen_holders(w->r, l->ship, str_z(&l->locked_by), &holders, NULL) &&
		w->conf.broken(w->conf.ctx, l->ship->id, str_z(&holders), true))
		return true;
	str_clear(&l->locked_by);
	return false;
}

bool wide_is_broken(struct wide *w, struct lane *l)
{
	const char *state = pg_sqlstate(w->pg);

	if (pg_state_is(state, "55P03"))
		return wide_is_locked(w, l);
	/* 0A000: with row level security there is no COPY */
	l->broken = pg_state_is(state, "42 55000 0A000 23502") && w->conf.broken &&
		    w->conf.broken(w->conf.ctx, l->ship->id, pg_error(w->pg), false);
	return l->broken;
}

#define DEADLOCKS_MAX 5

/*
 * Of past and live rows in another order one loader is chosen to end a deadlock. It holds nothing
 * of these rows any more, so the other goes on, and then we do.
 */
static bool load(void *ctx, size_t lo, size_t hi)
{
	struct sending *s = ctx;
	struct str what = { 0 };

	for (unsigned n = 0; n < DEADLOCKS_MAX; n++)
		if (s->l->broken || try_load(s, lo, hi))
			return true;
		else if (strcmp(pg_sqlstate(s->w->pg), "40P01") != 0)
			break;
	if (wide_is_broken(s->w, s->l) || copybuf_is_row_fault(pg_sqlstate(s->w->pg)))
		return s->l->broken;
	str_addf(&what, "cannot load ship %s", msg_q(s->l->ship->id));
	pg_die(s->w->pg, str_z(&what));
}

/* The column of the rack that the server's message names, or NAMES_NONE. */
static size_t named_column(const struct sending *s)
{
	AUTO_STR name = { 0 };
	uint64_t line;
	size_t found = NAMES_NONE;

	if (copybuf_stopped_at(pg_context(s->w->pg), &line, &name))
		for (size_t i = 0; i < s->n; i++)
			if (sl_eq(column_name(s, i), str_sl(&name)))
				found = i;
	return found;
}

/*
 * A row the server refuses: without the value it names. Where it names none all of them are left
 * out, with the row; but not the row without which those of other groups would not be seen, nor one
 * too big for its table.
 */
static void mend_row(void *ctx, size_t row)
{
	struct sending *s = ctx;
	AUTO_STR key = { 0 }, value = { 0 };
	size_t named, end;

	(void)copybuf_field(&s->k->buf, row, 0, &key);
	do {
		bool too_big = pg_row_too_big(s->w->pg), any = false;
		struct wide_fault fault = { .ship = s->l->ship->id,
			.key = str_sl(&key),
			.record = s->k->buf.row[row].record,
			.line = s->k->buf.row[row].line,
			.cells = 1,
			.why = pg_error(s->w->pg) };

		named = named_column(s);
		end = named != NAMES_NONE ? named + 1 : s->n;
		if (named == NAMES_NONE && (too_big || (s->group == 0 && s->l->n_racks > 1)))
			end = 0;
		fault.rows = named == NAMES_NONE && s->l->n_racks == 1;
		for (size_t i = named != NAMES_NONE ? named : 0; i < end; i++) {
			str_clear(&value);
			if (!copybuf_field(&s->k->buf, row, i + 1, &value))
				continue;
			fault.channel = s->l->ship->channels.name[s->k->column[i].channel];
			fault.value = str_sl(&value);
			s->w->conf.bad(s->w->conf.ctx, &fault);
			copybuf_blank(&s->k->buf, row, i + 1);
			fault.rows = 0;
			any = true;
		}
		if (!any)
			die_hint(EX_DATA,
				too_big ? "--group-columns N makes narrower tables" : NULL,
				"cannot load ship %s, %s: %s", msg_q(fault.ship), str_z(&key),
				fault.why);
	} while (named != NAMES_NONE && !load(s, row, row + 1));
}

/*
 * Where each row brings another channel, each would be a segment, and a statement that names all
 * columns. So the last ones become one, with NULL where columns came later, within a buffer's size.
 */
static void join_segments(struct wide *w, struct rack *k)
{
	size_t i = k->n_segs - 1, n = k->seg[i].n, room = w->conf.buffer / 3, first;
	AUTO_STR text = { 0 };

	for (size_t more; i > 0; i--, room -= more) {
		more = (k->seg[i].row - k->seg[i - 1].row) * (n - k->seg[i - 1].n);
		if (more > room)
			break;
	}
	first = i;
	str_add(&text, copybuf_rows(&k->buf, 0, k->seg[i].row));
	for (size_t r = k->seg[i].row; r < k->buf.n; r++) {
		struct sl row = copybuf_rows(&k->buf, r, r + 1);

		i += i + 1 < k->n_segs && r == k->seg[i + 1].row;
		k->buf.row[r].at = text.n;
		str_add(&text, (struct sl){ row.p, row.n - 1 });
		for (size_t c = k->seg[i].n; c < n; c++)
			str_addz(&text, "\t\\N");
		str_addc(&text, '\n');
	}
	k->seg[first].n = n;
	k->n_segs = first + 1;
	w->buffered += text.n - k->buf.text.n;
	str_free(&k->buf.text);
	k->buf.text = text;
	text = (struct str){ 0 };
}

static void send_rack(struct wide *w, struct lane *l, size_t group)
{
	struct rack *k = &l->rack[group];
	struct sending s = { .w = w, .l = l, .k = k, .group = group };

	if (k->n_segs > 1)
		join_segments(w, k);
	for (size_t i = 0; i < k->n_segs; i++) {
		size_t end = i + 1 < k->n_segs ? k->seg[i + 1].row : k->buf.n;

		s.n = k->seg[i].n;
		copybuf_load(w->pg, k->seg[i].row, end, load, mend_row, NULL, &s);
	}
	w->buffered -= k->buf.text.n;
	copybuf_clear(&k->buf);
	k->n_segs = 0;
	for (size_t i = 0; i < k->n; i++)
		k->column[i].used = 0;
}

/* Another ship in this transaction: or in the next, when it has enough of them. */
static void touch(struct wide *w, struct lane *l)
{
	bool any = false;

	for (size_t i = 0; i < l->n_racks; i++)
		any |= l->rack[i].buf.n > 0 || l->rack[i].clears.n > 0;
	if (l->touched || !any)
		return;
	if (w->proven && w->n_touched > 0 && w->conf.tables > 0 &&
		w->n_touched + lane_tables(l) > w->conf.tables)
		w->conf.turn(w->conf.ctx);
	l->touched = true;
	w->n_touched += lane_tables(l);
}

/*
 * Of the past: has any of the instants come live? One that comes while COPY is under way is still
 * found out by an ERROR, and merged then.
 */
static bool has_come(struct wide *w, struct lane *l)
{
	char text[2][CLOCK_TEXT_MAX];
	AUTO_STR sql = { 0 };
	AUTO_RESULT *r = NULL;

	if (l->own || !lane_is_ready(l))
		return false;
	wide_begin(w);
	pg_exec(w->pg, "SAVEPOINT ferry_rows");
	str_addf(&sql, "SELECT FROM %s WHERE %s BETWEEN '%.*s' AND '%.*s' LIMIT 1",
		registry_table(w->r, l->ship, 0), registry_key_ident(w->r),
		(int)clock_put(text[0], l->from, l->ship->zoned), text[0],
		(int)clock_put(text[1], l->to, l->ship->zoned), text[1]);
	r = pg_try_query(w->pg, str_z(&sql), 0, NULL);
	pg_exec(w->pg, "ROLLBACK TO SAVEPOINT ferry_rows; RELEASE SAVEPOINT ferry_rows");
	return r && pg_rows(r) > 0;
}

/*
 * Beside a follower an instant comes in several transactions, every day: COPY would find that out
 * by an ERROR in the server's log. Only what is later than all that was sent is surely new.
 */
static void expect_instants(struct wide *w, struct lane *l)
{
	bool live = w->conf.how == MERGE_OVERLAY, met;

	if (!l->filled || !(live || w->beside))
		return;
	met = live ? !l->follows || l->from <= l->newest : has_come(w, l);
	for (size_t i = 0; i < l->n_racks; i++)
		l->rack[i].staged |= met;
	if (!live)
		return;
	if (!l->follows || l->to > l->newest)
		l->newest = l->to;
	l->follows = true;
}

void wide_flush_lane(struct wide *w, struct lane *l)
{
	expect_instants(w, l);
	l->any = l->filled = false;
	names_clear(&l->instants);
	touch(w, l);
	for (size_t i = 0; i < l->n_racks; i++) {
		if (l->rack[i].buf.n == 0)
			continue;
		wide_begin(w);
		if (l->own && l->ship->unmade > 0 && !widen_make(w->r, &l->ship, 1))
			pg_die(w->pg, "cannot make tables");
		send_rack(w, l, i);
		l->sent = true;
		KP("between_groups");
	}
	wide_clear(w, l);
}

static int by_ship(const void *a, const void *b)
{
	const struct lane *const *x = a, *const *y = b;

	return sl_cmp((*x)->ship->id, (*y)->ship->id);
}

/* In an order that all loaders share: in another, two would wait for each other. */
void wide_flush(struct wide *w)
{
	AUTO_FREE struct lane **lane = mem_alloc(mem_mul(w->ships.n + 1, sizeof *lane));

	for (size_t i = 0; i < w->ships.n; i++)
		lane[i] = &w->lane[i];
	if (w->ships.n > 1)
		qsort(lane, w->ships.n, sizeof *lane, by_ship);
	for (size_t i = 0; i < w->ships.n; i++)
		wide_flush_lane(w, lane[i]);
}

bool wide_how(struct wide *w, enum merge how)
{
	bool ok = !w->merged || w->conf.how == how;

	w->conf.how = how;
	return ok;
}

bool wide_has_sent(const struct wide *w)
{
	for (size_t i = 0; i < w->ships.n; i++)
		if (w->lane[i].sent)
			return true;
	return false;
}

void wide_begin(struct wide *w)
{
	if (!w->in_transaction)
		pg_exec(w->pg, "BEGIN");
	w->in_transaction = true;
}

#define STAGES_MAX 64

/* Every COMMIT empties all staging tables of the session, and locks them for it. */
static void forget_stages(struct wide *w)
{
	AUTO_STR sql = { 0 };
	size_t limit = w->conf.tables;
	size_t most = limit > 0 && limit < STAGES_MAX ? limit : STAGES_MAX;
	size_t n = 0;

	for (size_t i = 0; i < w->ships.n; i++)
		for (size_t k = 0; k < w->lane[i].n_racks; k++)
			n += w->lane[i].rack[k].stage.made;
	for (size_t i = 0; i < w->ships.n && n > most; i++)
		for (size_t k = 0; k < w->lane[i].n_racks; k++) {
			struct stage *stage = &w->lane[i].rack[k].stage;

			if (!stage->made)
				continue;
			str_addf(&sql, "%s" STAGE_NAME, sql.n > 0 ? ", " : "DROP TABLE ",
				stage->number);
			stage->made = false;
		}
	if (sql.n > 0)
		pg_exec(w->pg, str_z(&sql));
}

void wide_commit(struct wide *w)
{
	if (w->in_transaction)
		pg_exec(w->pg, "COMMIT");
	w->in_transaction = false;
	w->counts.inserted += w->pending.inserted;
	w->counts.updated += w->pending.updated;
	w->counts.equal += w->pending.equal;
	w->counts.superseded += w->pending.superseded;
	w->counts.removed += w->pending.removed;
	w->pending = (struct wide_counts){ 0 };
	/* what this transaction made is there for all, and its lock on the ship is gone */
	for (size_t i = 0; i < w->ships.n; i++)
		w->lane[i].own = w->lane[i].touched = false;
	w->n_touched = 0;
	forget_stages(w);
}
