/* table_send.c - buffers to the server, and rows it refuses. */
#include "pg/table_internal.h"

#include "core/num.h"

/* ---- all rows of a buffer -------------------------------------------------------------------- */

/* Rows without their marks, for a table that has no column for them. */
static void strip_marks(const struct shape *s, size_t lo, size_t hi, struct copybuf *plain)
{
	for (size_t i = lo; i < hi; i++) {
		struct sl row = copybuf_rows(&s->rows.buf, i, i + 1);

		copybuf_begin_row(plain, 0, 0);
		str_add(&plain->text, (struct sl){ row.p, row.n - s->n - strlen("\t\n") });
		copybuf_end_row(plain);
	}
}

static bool copy_rows(struct table *t, bool staged, const struct shape *s, size_t lo, size_t hi,
	uint64_t *taken)
{
	AUTO_STR sql = { 0 };
	struct copybuf plain = { 0 };
	bool ok;

	str_addf(&sql, "COPY %s", staged ? "pg_temp.ferry_stage_0" : str_z(&t->into));
	table_add_columns(t, &sql, s, staged);
	str_addz(&sql, " FROM STDIN");
	if (staged || !s->marked)
		return copybuf_send(&t->sending->rows.buf, t->pg, str_z(&sql), lo, hi, taken);
	strip_marks(s, lo, hi, &plain);
	ok = copybuf_send(&plain, t->pg, str_z(&sql), 0, hi - lo, taken);
	copybuf_free(&plain);
	return ok;
}

/* The staging table as this shape needs it: an empty one. Outside savepoints. */
static void prepare_stage(struct table *t, const struct shape *s)
{
	AUTO_STR as = { 0 }, sql = { 0 };

	for (size_t i = 0; i < s->n; i++)
		if (s->col[i].as_json)
			str_addf(&as, "%u,", s->col[i].to);
	str_addf(&as, "/%zu", t->columns.n);
	if (t->stage_made && sl_eq(str_sl(&as), str_sl(&t->staged_as))) {
		str_addz(&sql, "TRUNCATE pg_temp.ferry_stage_0 RESTART IDENTITY");
	} else {
		/* the session may have one of an earlier chunk, also behind table_restart() */
		str_addz(&sql, "DROP TABLE IF EXISTS pg_temp.ferry_stage_0; ");
		table_add_stage(t, &sql, s);
		str_set(&t->staged_as, str_sl(&as));
	}
	pg_exec(t->pg, str_z(&sql));
	t->stage_made = true;
}

bool table_stage(struct table *t, size_t lo, size_t hi)
{
	prepare_stage(t, t->sending);
	pg_exec(t->pg, "SAVEPOINT ferry_stage");
	if (copy_rows(t, true, t->sending, lo, hi, NULL)) {
		pg_exec(t->pg, "RELEASE SAVEPOINT ferry_stage");
		return true;
	}
	pg_exec(t->pg, "ROLLBACK TO SAVEPOINT ferry_stage; RELEASE SAVEPOINT ferry_stage");
	return false;
}

/* One step of the merge; false when the server refuses. */
static bool run_step(struct table *t, enum merge_step step, uint64_t got[3])
{
	AUTO_STR sql = { 0 };
	AUTO_RESULT *r = NULL;

	got[0] = got[1] = got[2] = 0;
	if (!table_add_merge(t, &sql, t->sending, SOURCE_STAGE, step))
		return true;
	r = pg_try_query(t->pg, str_z(&sql), 0, NULL);
	if (!r)
		return false;
	if (step == MERGE_LOCK)
		for (int i = 0; i < 3; i++)
			(void)!num_u64(pg_value(r, 0, i), &got[i]);
	else
		got[0] = pg_affected(r);
	return true;
}

/* Of those that were to be written; rules and triggers may write more, too. */
static void count_dropped(struct table *t, uint64_t wanted, uint64_t written)
{
	t->counts.dropped += wanted > written ? wanted - written : 0;
}

static void look_at_marks(struct table *t)
{
	AUTO_STR sql = { 0 };
	AUTO_RESULT *r = NULL;

	t->combines = t->mixed = false;
	if (!table_add_marks(t, &sql, t->sending))
		return;
	r = pg_query(t->pg, str_z(&sql), 0, NULL);
	t->combines = pg_valuez(r, 0, 0)[0] == 't';
	t->mixed = pg_valuez(r, 0, 1)[0] == 't';
}

static bool merge_rows(struct table *t, size_t n)
{
	uint64_t rows[3], fixed[3], updated[3], inserted[3], left;

	look_at_marks(t);
	if (!run_step(t, MERGE_LOCK, rows) || !run_step(t, MERGE_FIXED, fixed))
		return false;
	if (fixed[0] > 0) {
		t->why = "the row is there, with another value in a column that is "
			 "GENERATED ALWAYS AS IDENTITY";
		return false;
	}
	if (!run_step(t, MERGE_UPDATE, updated) || !run_step(t, MERGE_INSERT, inserted))
		return false;
	t->counts.inserted += inserted[0];
	t->counts.updated += updated[0];
	if (t->keys.n == 0 || t->conf.on_conflict == TABLE_ERROR) {
		count_dropped(t, n, inserted[0]);
		return true;
	}
	t->counts.superseded += n - rows[0];
	left = rows[0] - rows[1];
	if (t->conf.on_conflict == TABLE_UPDATE_ONLY)
		t->counts.skipped += left;
	else if (t->drops)
		count_dropped(t, left, inserted[0]);
	else /* another session's row came in between */
		rows[1] += left - inserted[0];
	if (t->conf.on_conflict == TABLE_IGNORE) {
		t->counts.skipped += rows[1];
		return true;
	}
	t->counts.equal += rows[1] - rows[2];
	count_dropped(t, rows[2], updated[0]);
	return true;
}

/* One try, within a savepoint. */
static bool try_rows(struct table *t, bool staged, size_t lo, size_t hi)
{
	uint64_t taken;
	bool ok;

	t->why = NULL;
	if (staged)
		prepare_stage(t, t->sending);
	pg_exec(t->pg, "SAVEPOINT ferry_rows");
	ok = copy_rows(t, staged, t->sending, lo, hi, &taken);
	if (ok && staged) {
		ok = merge_rows(t, hi - lo);
	} else if (ok) {
		t->counts.inserted += taken;
		count_dropped(t, hi - lo, taken);
	}
	pg_exec(t->pg, ok ? "RELEASE SAVEPOINT ferry_rows"
			  : "ROLLBACK TO SAVEPOINT ferry_rows; RELEASE SAVEPOINT ferry_rows");
	return ok;
}

static bool is_row_fault(const struct table *t, const char *state)
{
	return t->why || copybuf_is_row_fault(state) ||
	       (t->secured && strcmp(state, "42501") == 0);
}

/*
 * COPY cannot do it: a field needs conversion, or its default in some rows, or only a merge finds
 * the row that is there.
 */
static bool needs_stage(const struct table *t, const struct shape *s)
{
	bool needed = t->by_insert ||
		(t->keys.n > 0 && t->conf.on_conflict == TABLE_UPDATE_ONLY);

	for (size_t i = 0; i < s->n; i++)
		needed |= s->col[i].as_json ||
			(s->col[i].optional && t->column[s->col[i].to].absent[0]);
	return needed;
}

/* What is wrong with a new row may be right for one that is there; no value of another type is. */
static bool meets_row(const struct table *t)
{
	const char *state = pg_sqlstate(t->pg);

	return t->keys.n > 0 && t->conf.on_conflict != TABLE_ERROR &&
	       strncmp(state, "22", 2) != 0 && copybuf_is_row_fault(state);
}

bool table_load(void *ctx, size_t lo, size_t hi)
{
	struct table *t = ctx;
	bool staged = t->staged || needs_stage(t, t->sending);
	struct str what = { 0 };

	if (!staged) {
		if (try_rows(t, false, lo, hi))
			return true;
		staged = meets_row(t);
		t->staged |= staged && strcmp(pg_sqlstate(t->pg), "23505") == 0;
	}
	if (staged && try_rows(t, true, lo, hi))
		return true;
	if (is_row_fault(t, pg_sqlstate(t->pg)))
		return false;
	str_addf(&what, "cannot load %s", str_z(&t->ident));
	pg_die(t->pg, str_z(&what));
}

/* ---- rows that are refused ------------------------------------------------------------------- */

/* The server's text about the table that --truncate loads, under the name of the user's. */
static void add_reason(const struct table *t, struct str *why, const char *text)
{
	static const char ours[] = TABLE_LOADED;
	const char *at;

	for (; t->renewed && (at = strstr(text, ours)); text = at + sizeof ours - 1) {
		str_add(why, (struct sl){ text, (size_t)(at - text) });
		str_add(why, t->name);
	}
	str_addz(why, text);
}

/* The server's reason, without the value at its end, which is reported by itself. */
static void refuse(struct table *t, size_t row, size_t field, const char *state, const char *text)
{
	struct shape *s = t->sending;
	struct fault f = { .record = s->rows.buf.row[row].record, .line = s->rows.buf.row[row].line };
	AUTO_STR value = { 0 }, quoted = { 0 }, tail = { 0 }, why = { 0 };

	if (!table_set_aside(t, s, row, state)) {
		if (field < s->n) {
			f.field = t->cols->name[s->col[field].from];
			(void)copybuf_field(&s->rows.buf, row, field, &value);
		}
		str_addf(&quoted, ": \"%s\"", str_z(&value));
		pg_add_clean(&tail, str_z(&quoted)); /* as it is in the reason */
		add_reason(t, &why, text);
		if (why.n > tail.n && strcmp(str_z(&why) + why.n - tail.n, tail.p) == 0)
			why.p[why.n - tail.n] = '\0';
		f.field = f.field.p ? f.field : SL("");
		f.value = str_sl(&value);
		f.why = str_z(&why);
		t->conf.bad(t->conf.ctx, &f, table_raw(t, &s->rows, row));
	}
	s->rows.buf.row[row].record = NOT_IN;
}

/* The number in COPY of a column that the server names, or s->n. */
static size_t field_named(const struct table *t, struct sl name)
{
	const struct shape *s = t->sending;
	size_t i = 0;

	while (i < s->n && !sl_eq(t->columns.name[s->col[i].to], name))
		i++;
	return i;
}

static void refuse_row(void *ctx, size_t row)
{
	struct table *t = ctx;
	AUTO_STR column = { 0 };
	uint64_t line;

	(void)copybuf_stopped_at(pg_context(t->pg), &line, &column);
	refuse(t, row, field_named(t, str_sl(&column)), t->why ? "" : pg_sqlstate(t->pg),
		t->why ? t->why : pg_error(t->pg));
}

/* ---- many of them ---------------------------------------------------------------------------- */

static void make_sieve(struct table *t, const struct shape *s)
{
	AUTO_STR sql = { 0 };

	str_addz(&sql, "SAVEPOINT ferry_sieve; CREATE TEMP TABLE ferry_bad (n bigint, state text, "
		       "why text, detail text, field int); "
		       "CREATE TEMP TABLE ferry_raw (n bigint GENERATED ALWAYS AS IDENTITY");
	for (size_t i = 0; i < s->n; i++)
		str_addf(&sql, ", c%zu text", i);
	str_addf(&sql, "%s)", s->marked ? ", m text" : "");
	pg_exec(t->pg, str_z(&sql));
}

static bool fill_sieve(struct table *t, const struct shape *s, size_t lo, size_t hi)
{
	AUTO_STR sql = { 0 };

	str_addz(&sql, "COPY pg_temp.ferry_raw (");
	for (size_t i = 0; i < s->n; i++)
		str_addf(&sql, "%sc%zu", i ? ", " : "", i);
	str_addf(&sql, "%s) FROM STDIN", s->marked ? ", m" : "");
	return copybuf_send(&t->sending->rows.buf, t->pg, str_z(&sql), lo, hi, NULL);
}

/* Refuses one row that the sieve holds back, unless it is no row's fault after all. */
static bool refuse_found(struct table *t, const struct pg_result *r, size_t i, size_t lo, bool *out)
{
	AUTO_STR why = { 0 };
	uint64_t n, field;

	if (!num_u64(pg_value(r, i, 0), &n) || !num_u64(pg_value(r, i, 4), &field))
		bug("not a row's number");
	if (strcmp(pg_valuez(r, i, 1), "428C9") != 0 && !is_row_fault(t, pg_valuez(r, i, 1)))
		return false;
	pg_add_clean(&why, pg_valuez(r, i, 2));
	if (pg_value(r, i, 3).n > 0) {
		str_addz(&why, ": ");
		pg_add_clean(&why, pg_valuez(r, i, 3));
	}
	refuse(t, lo + n - 1, field > 0 ? field - 1 : SIZE_MAX, pg_valuez(r, i, 1),
		strcmp(pg_valuez(r, i, 1), "428C9") == 0 && strcmp(str_z(&why), "fixed") == 0
			? "the row is there, with another value in a column that is "
			  "GENERATED ALWAYS AS IDENTITY"
			: str_z(&why));
	out[lo + n - 1] = true;
	return true;
}

/*
 * Lets the server go through the rows one by one by itself: that costs microseconds a row, where
 * asking for each bad one costs a dozen statements. First only their values; where these are good,
 * all that loading does. Everything it did is undone; what it finds is all that is kept.
 */
static size_t sift(void *ctx, size_t lo, size_t hi)
{
	struct table *t = ctx;
	struct shape *s = t->sending;
	AUTO_FREE bool *out = mem_zalloc(s->rows.buf.n * sizeof *out);
	size_t found = 0;

	for (int write = 0; write <= 1 && found == 0; write++) {
		AUTO_STR sql = { 0 };
		AUTO_RESULT *r = NULL;

		make_sieve(t, s);
		table_add_loop(t, &sql, s, write);
		if (fill_sieve(t, s, lo, hi) && pg_try_exec(t->pg, str_z(&sql)))
			r = pg_query(t->pg, "SELECT n, state, why, detail, field FROM "
					    "pg_temp.ferry_bad ORDER BY n", 0, NULL);
		pg_exec(t->pg, "ROLLBACK TO SAVEPOINT ferry_sieve; RELEASE SAVEPOINT ferry_sieve");
		for (size_t i = 0; r && i < pg_rows(r); i++)
			found += refuse_found(t, r, i, lo, out);
	}
	if (found > 0)
		table_take_out(&s->rows, out);
	return hi - found;
}

void table_send(struct table *t, struct shape *s)
{
	t->sending = s;
	copybuf_load(t->pg, 0, s->rows.buf.n, table_load, refuse_row, sift, t);
	table_forget_replaced(t, s);
	copybuf_clear(&s->rows.buf);
	str_clear(&s->rows.raw);
}
