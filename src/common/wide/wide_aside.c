/* wide_aside.c - values of new channels of a ship: set aside until the seal has proven them. */
#include "wide/wide_internal.h"

#include "core/clock.h"
#include "wide/widen.h"

#define READ_AGAIN_AFTER CLOCK_US_PER_SEC

static bool has_value(const struct rec *rec, uint32_t col)
{
	return col < rec->n && !field_is_null(&rec->f[col]);
}

/* Is it to be set aside? A null, where it may undo what a record before has set aside. */
static bool is_waiting(const struct wide *w, const struct loose *o, const struct rec *rec)
{
	return has_value(rec, o->col) || (w->nulls && o->aside && o->col < rec->n &&
						 rec->f[o->col].kind == F_NULL);
}

/*
 * Nobody else can see tables that this transaction makes, so they can be made and widened while
 * rows flow: if no other loader is about to, which the ship's lock tells.
 */
static void try_to_own(struct wide *w, struct lane *l)
{
	wide_begin(w);
	if (!registry_try_lock(w->r, l->ship))
		return;
	registry_read(w->r, l->ship);
	l->own = !lane_is_ready(l);
}

/* Another loader may have made the columns since this one read the registry. */
static void look_again(struct wide *w, struct lane *l)
{
	if (!lane_is_ready(l))
		try_to_own(w, l);
	else if (!l->own && clock_monotonic() - l->ship->read_at > READ_AGAIN_AFTER)
		registry_read(w->r, l->ship);
	else if (!l->own)
		return;
	wide_sort_loose(w, l);
}

static void assign_values(struct wide *w, struct lane *l, const struct rec *rec)
{
	for (size_t i = 0; i < l->n_loose; i++)
		if (has_value(rec, l->loose[i].col))
			(void)registry_assign(w->r, l->ship, wide_channel(w, l->loose[i].col),
				SL(""));
	wide_sort_loose(w, l);
}

static NORETURN void refuse_unknown(struct wide *w, const struct lane *l)
{
	struct str list = { 0 };

	for (size_t i = 0; i < l->n_loose && i < 5; i++)
		str_addf(&list, "%s%s", i ? ", " : "", msg_q(wide_channel(w, l->loose[i].col)));
	die_hint(EX_DATA, "--on-unknown add makes columns for them, ignore leaves them out",
		"ship %s has no channel %s%s", msg_q(l->ship->id), str_z(&list),
		l->n_loose > 5 ? ", …" : "");
}

void wide_judge_unknown(struct wide *w, struct lane *l)
{
	if (!lane_is_ready(l))
		die_hint(EX_CONFIGURATION,
			"--on-unknown add makes them (correct: with --new-ship)",
			"ship %s has no wide tables", msg_q(l->ship->id));
	if (w->conf.unknown == WIDE_ERROR && l->n_loose > 0)
		refuse_unknown(w, l);
}

bool wide_meet_unknown(struct wide *w, struct lane *l, const struct rec *rec)
{
	bool news = false, aside;
	uint64_t values = 0;

	for (size_t i = 0; i < l->n_loose; i++)
		if (has_value(rec, l->loose[i].col)) {
			news |= !l->loose[i].aside;
			values++;
		}
	if (w->conf.unknown == WIDE_IGNORE || (w->conf.dry_run && lane_is_ready(l))) {
		l->unknown += values;
		return false;
	}
	if (news)
		look_again(w, l);
	if (news && l->own)
		assign_values(w, l, rec);
	aside = false;
	for (size_t i = 0; i < l->n_loose; i++) {
		l->loose[i].aside |= has_value(rec, l->loose[i].col);
		aside |= is_waiting(w, &l->loose[i], rec);
	}
	return aside;
}

/* ---- the spool ------------------------------------------------------------------------------ */

/* A record in the spool: this, the key, then cells: column, length and bytes of each. */
struct head {
	uint64_t record, line;
	uint32_t lane, key_len;
};

#define NULL_CELL UINT32_MAX /* as its length: an explicit null */

static void add_cell(struct str *s, uint32_t col, const struct field *f)
{
	bool null = field_is_null(f);
	uint32_t head[2] = { col, null ? NULL_CELL : f->n };

	str_add(s, (struct sl){ (const char *)head, sizeof head });
	if (!null)
		str_add(s, field_sl(f));
}

void wide_set_aside(struct wide *w, const struct lane *l, const struct rec *rec, bool put)
{
	struct sl key = field_sl(&rec->f[w->in_key]);
	struct head head = { .record = rec->record,
		.line = rec->line,
		.lane = (uint32_t)(l - w->lane),
		.key_len = (uint32_t)key.n };

	str_set(&w->scratch, (struct sl){ (const char *)&head, sizeof head });
	str_add(&w->scratch, key);
	if (put) {
		for (size_t i = 0; i < l->n_loose; i++)
			if (is_waiting(w, &l->loose[i], rec))
				add_cell(&w->scratch, l->loose[i].col, &rec->f[l->loose[i].col]);
	} else {
		for (uint32_t i = 0; i < rec->n; i++)
			if (i != w->in_by && i != w->in_key && !w->odd[i] &&
				(has_value(rec, i) || (w->nulls && rec->f[i].kind == F_NULL)))
				add_cell(&w->scratch, i, &rec->f[i]);
	}
	spool_put(&w->aside, str_sl(&w->scratch));
}

void wide_defer(struct wide *w, struct lane *l, const struct rec *rec)
{
	for (size_t i = 0; i < l->n_loose; i++) {
		if (!has_value(rec, l->loose[i].col))
			continue;
		if (w->conf.unknown == WIDE_IGNORE)
			l->unknown++;
		else
			l->loose[i].aside = true;
	}
	l->has_aside = true;
	wide_set_aside(w, l, rec, false);
}

static struct field cell_field(const char *p, uint32_t len)
{
	return len == NULL_CELL ? FIELD_NULL : field_str((struct sl){ p, len });
}

static size_t cell_len(uint32_t len)
{
	return len == NULL_CELL ? 0 : len;
}

/* Also its row of the first group, which may have been removed as an empty one since. */
static void replay_put(struct wide *w, struct lane *l, const struct rec *rec, int64_t instant)
{
	bool nulls = w->nulls && wide_look_for_nulls(w, l, rec);

	wide_part_instants(w, l, instant);
	wide_put(w, l, rec, instant, !nulls || wide_has_values(w, rec));
	if (nulls)
		wide_note_nulls(w, l, rec, instant);
	wide_flush_full(w, l);
}

/* Sends one record of the spool; `f` are fields of which all are absent, before and after. */
static void replay_record(struct wide *w, struct sl raw, struct field *f)
{
	const char *p = raw.p, *end = raw.p + raw.n;
	struct rec rec = { .f = f, .n = w->n_cols, .raw = raw };
	struct head head;
	struct lane *l;
	int64_t instant;
	bool any = false;

	memcpy(&head, p, sizeof head);
	p += sizeof head;
	l = &w->lane[head.lane];
	rec.record = head.record;
	rec.line = head.line;
	f[w->in_by] = field_str(l->ship->id);
	f[w->in_key] = field_str((struct sl){ p, head.key_len });
	p += head.key_len;
	for (uint32_t cell[2]; p < end; p += cell_len(cell[1])) {
		memcpy(cell, p, sizeof cell);
		p += sizeof cell;
		f[cell[0]] = cell_field(p, cell[1]);
		any |= cell[1] != NULL_CELL;
	}
	if (!clock_parse(field_sl(&f[w->in_key]), &instant))
		bug("an instant set aside cannot be read");
	if (lane_is_ready(l))
		replay_put(w, l, &rec, instant);
	else if (any && !l->broken)
		bug("no table for what was set aside");
	p = raw.p + sizeof head + head.key_len;
	for (uint32_t cell[2]; p < end; p += sizeof cell + cell_len(cell[1])) {
		memcpy(cell, p, sizeof cell);
		f[cell[0]] = (struct field){ .kind = F_ABSENT };
	}
}

void wide_columns_made(struct wide *w)
{
	for (size_t i = 0; i < w->ships.n; i++)
		wide_sort_loose(w, &w->lane[i]);
}

bool wide_has_aside(const struct wide *w)
{
	return w->aside.n > 0;
}

/* The tables of new ships are made, still empty: their rows are to come with all the others. */
static void make_own(struct wide *w)
{
	for (size_t i = 0; i < w->ships.n; i++) {
		struct lane *l = &w->lane[i];

		if (l->own && l->ship->unmade > 0 && !widen_make(w->r, &l->ship, 1))
			pg_die(w->pg, "cannot make tables");
	}
}

struct waiting {
	struct wide *w;
	struct lane *l;
};

static bool give_up(void *ctx)
{
	struct waiting *it = ctx;

	return wide_is_locked(it->w, it->l);
}

size_t wide_widen(struct wide *w)
{
	AUTO_FREE struct widen_channel *c = mem_alloc(mem_mul(w->n_cols, sizeof *c));
	size_t made = 0;

	make_own(w);
	wide_commit(w);
	for (size_t i = 0; i < w->ships.n; i++) {
		struct lane *l = &w->lane[i];
		struct widen of = { .ship = l->ship, .channel = c };
		size_t n = 0;

		if (!l->has_aside || l->broken)
			continue;
		for (size_t k = 0; k < l->n_loose; k++) {
			if (l->loose[k].aside)
				c[n++] = (struct widen_channel){
					.id = wide_channel(w, l->loose[k].col), .format = SL("")
				};
			l->loose[k].aside = false;
		}
		if (n > 0 && l->ship->others && w->conf.broken)
			l->broken = w->conf.broken(w->conf.ctx, l->ship->id,
				tr("columns can only be added by the owner of its tables"), false);
		of.n = n;
		if (l->broken || (n > 0 && !widen_ship_unless(w->r, &of, true, give_up,
						   &(struct waiting){ w, l })))
			continue;
		made += n;
		wide_sort_loose(w, l);
	}
	return made;
}

/* The rows are there by now: no need to find that out by a conflict. */
static void expect_rows(struct wide *w)
{
	for (size_t i = 0; i < w->ships.n; i++) {
		struct lane *l = &w->lane[i];

		for (size_t k = 0; l->has_aside && l->sent && k < l->n_racks; k++)
			l->rack[k].staged = true;
	}
}

void wide_replay(struct wide *w)
{
	AUTO_FREE struct field *f = mem_alloc(mem_mul(w->n_cols, sizeof *f));
	struct sl raw;

	expect_rows(w);
	for (size_t i = 0; i < w->n_cols; i++)
		f[i] = (struct field){ .kind = F_ABSENT };
	spool_rewind(&w->aside);
	while (spool_next(&w->aside, &raw))
		replay_record(w, raw, f);
	wide_flush(w);
}
