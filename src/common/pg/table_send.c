/*
 * table_send.c - buffers to the server, and rows it refuses. Some are refused for want of others:
 * what they refer to may come later, or may be refused only because something else of a buffer was.
 */
#include "pg/table_internal.h"

#include "pg/table_send.sql.h"

#define LATE_MAX ((size_t)64 << 20) /* bytes of rows that wait */
#define ROUNDS_MAX 1000		     /* of rows that refer to rows that are hopeless */

/* Appends the values of the row's key, for comparison. */
static void row_key(const struct table *t, const struct shape *s, const struct copybuf *b,
	size_t row, struct str *key)
{
	AUTO_STR value = { 0 };

	for (size_t i = 0; i < s->n; i++) {
		uint32_t n;

		if (!table_is_key(t, s->col[i].to))
			continue;
		str_clear(&value);
		n = copybuf_field(b, row, i, &value) ? (uint32_t)value.n : UINT32_MAX;
		str_add(key, (struct sl){ (const char *)&n, sizeof n });
		str_add(key, str_sl(&value));
	}
}

static struct sl raw_of(const struct table *t, const struct batch *b, size_t row)
{
	const struct raw *raw = t->conf.keep_raw ? &b->raw_of[row] : NULL;

	return raw ? (struct sl){ b->raw.p + raw->at, raw->n } : SL("");
}

/*
 * Another chance, if it may have one: a row it refers to may come. Where constraints that could
 * have waited for the end are checked at once, a value that is taken may be free again then.
 */
static bool set_aside(struct table *t, struct shape *s, size_t row, const char *state)
{
	const struct copybuf_row *r = &s->rows.buf.row[row];
	struct sl text = copybuf_rows(&s->rows.buf, row, row + 1), raw = raw_of(t, &s->rows, row);

	if (t->last_chance || !(strcmp(state, "23503") == 0 ||
				      (t->immediate && pg_state_is(state, "23505 23P01"))))
		return false;
	s->late_is_full |= s->late.buf.text.n + text.n > LATE_MAX;
	if (s->late_is_full)
		return false;
	copybuf_begin_row(&s->late.buf, r->record, r->line);
	str_add(&s->late.buf.text, text);
	mem_grow(&s->late.raw_of, &s->late.raw_cap, s->late.buf.n, sizeof *s->late.raw_of);
	s->late.raw_of[s->late.buf.n - 1] = (struct raw){ .at = s->late.raw.n,
		.n = raw.n,
		.refers = strcmp(state, "23503") == 0 };
	str_add(&s->late.raw, raw);
	return true;
}

static void take_out(struct batch *b, const bool *out)
{
	size_t kept = 0;

	/* there is one for each row, or, without --rejects, not */
	for (size_t i = 0; b->raw_cap >= b->buf.n && i < b->buf.n; i++)
		if (!out[i])
			b->raw_of[kept++] = b->raw_of[i];
	copybuf_take_out(&b->buf, out);
}

/* ---- rows that were replaced meanwhile ------------------------------------------------------ */

static size_t count_late(const struct table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->shapes.n; i++)
		n += t->shape[i].late.buf.n;
	return n;
}

/* By number of a key: its last row that got in. */
static size_t *rows_of(struct table *t, const struct shape *s, struct names *keys)
{
	size_t *row = mem_alloc((s->rows.buf.n + 1) * sizeof *row);
	AUTO_STR key = { 0 };

	for (size_t i = 0; i < s->rows.buf.n; i++) {
		if (s->rows.buf.row[i].record == NOT_IN)
			continue;
		str_clear(&key);
		row_key(t, s, &s->rows.buf, i, &key);
		row[names_add(keys, str_sl(&key), NULL)] = i;
	}
	return row;
}

/* Has the record of this row a member for column i of the shape? */
static bool has_member(const struct shape *s, const struct copybuf *b, size_t row, size_t i)
{
	struct sl text = copybuf_rows(b, row, row + 1);

	return !s->marked || text.p[text.n - strlen("\n") - s->n + i] == '1';
}

/* Has the later row all members of the one that waits? */
static bool covers(const struct shape *s, size_t row, const struct shape *of, size_t late)
{
	for (size_t i = 0; i < of->n; i++) {
		size_t c = 0;

		if (!has_member(of, &of->late.buf, late, i))
			continue;
		while (c < s->n && s->col[c].to != of->col[i].to)
			c++;
		if (c == s->n || !has_member(s, &s->rows.buf, row, c))
			return false;
	}
	return true;
}

/* One with other members cannot follow now: it would put back what the later one has brought. */
static void refuse_late(struct table *t, const struct shape *of, size_t row)
{
	const struct raw *raw = &of->late.raw_of[row];

	table_refuse(t,
		&(struct rec){ .record = of->late.buf.row[row].record,
			.line = of->late.buf.row[row].line,
			.raw = { of->late.raw.p + raw->at, raw->n } },
		SL(""), "what it refers to came behind a later record of its key");
}

static void forget_of(struct table *t, struct shape *of, const struct shape *s,
	const struct names *keys, const size_t *row)
{
	AUTO_FREE bool *out = mem_zalloc((of->late.buf.n + 1) * sizeof *out);
	AUTO_STR key = { 0 };

	for (size_t i = 0; i < of->late.buf.n; i++) {
		size_t at;

		str_clear(&key);
		row_key(t, of, &of->late.buf, i, &key);
		at = names_find(keys, str_sl(&key));
		out[i] = at != NAMES_NONE &&
			of->late.buf.row[i].record < s->rows.buf.row[row[at]].record;
		if (out[i] && covers(s, row[at], of, i))
			t->counts.superseded++;
		else if (out[i])
			refuse_late(t, of, i);
	}
	take_out(&of->late, out);
}

static void forget_replaced(struct table *t, const struct shape *s)
{
	AUTO_NAMES keys = { 0 };
	AUTO_FREE size_t *row = NULL;

	if (t->keys.n == 0 || t->conf.on_conflict == TABLE_ERROR || count_late(t) == 0)
		return;
	row = rows_of(t, s, &keys);
	for (size_t i = 0; i < t->shapes.n; i++)
		/* where the first record counts, one that comes late is left out by itself */
		if (&t->shape[i] == s || t->conf.on_conflict != TABLE_IGNORE)
			forget_of(t, &t->shape[i], s, &keys, row);
}

static const char fixed_why[] = "the row is there, with another value in a column that is "
				"GENERATED ALWAYS AS IDENTITY";

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

static bool copy_rows(struct table *t, bool staged, size_t lo, size_t hi, uint64_t *taken)
{
	const struct shape *s = t->sending;
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
static void prepare_stage(struct table *t)
{
	const struct shape *s = t->sending;
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

static bool stage_rows(struct table *t, size_t lo, size_t hi)
{
	prepare_stage(t);
	pg_exec(t->pg, "SAVEPOINT ferry_stage");
	if (copy_rows(t, true, lo, hi, NULL)) {
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

/* What was to be written and is not; rules and triggers may write more, too. */
static uint64_t less(uint64_t wanted, uint64_t written)
{
	return wanted > written ? wanted - written : 0;
}

static void look_at_marks(struct table *t)
{
	AUTO_STR sql = { 0 };
	AUTO_RESULT *r = NULL;

	t->combines = t->mixed = false;
	if (!table_add_marks(t, &sql, t->sending))
		return;
	r = pg_query(t->pg, str_z(&sql), 0, NULL);
	t->combines = pg_true(r, 0, 0);
	t->mixed = pg_true(r, 0, 1);
}

static bool merge_rows(struct table *t, size_t n)
{
	uint64_t rows[3], fixed[3], updated[3], inserted[3], left;

	look_at_marks(t);
	if (!run_step(t, MERGE_LOCK, rows) || !run_step(t, MERGE_FIXED, fixed))
		return false;
	if (fixed[0] > 0) {
		t->why = fixed_why;
		return false;
	}
	if (!run_step(t, MERGE_UPDATE, updated) || !run_step(t, MERGE_INSERT, inserted))
		return false;
	t->counts.inserted += inserted[0];
	t->counts.updated += updated[0];
	if (t->keys.n == 0 || t->conf.on_conflict == TABLE_ERROR) {
		t->counts.dropped += less(n, inserted[0]);
		return true;
	}
	t->counts.superseded += n - rows[0];
	left = rows[0] - rows[1];
	if (t->conf.on_conflict == TABLE_UPDATE_ONLY)
		t->counts.skipped += left;
	else if (t->drops)
		t->counts.dropped += less(left, inserted[0]);
	else /* another session's row came in between */
		rows[1] += left - inserted[0];
	if (t->conf.on_conflict == TABLE_IGNORE) {
		t->counts.skipped += rows[1];
		return true;
	}
	t->counts.equal += rows[1] - rows[2];
	t->counts.dropped += less(rows[2], updated[0]);
	return true;
}

/* One try, within a savepoint. */
static bool try_rows(struct table *t, bool staged, size_t lo, size_t hi)
{
	uint64_t taken;
	bool ok;

	t->why = NULL;
	if (staged)
		prepare_stage(t);
	pg_exec(t->pg, "SAVEPOINT ferry_rows");
	ok = copy_rows(t, staged, lo, hi, &taken);
	if (ok && staged) {
		ok = merge_rows(t, hi - lo);
	} else if (ok) {
		t->counts.inserted += taken;
		t->counts.dropped += less(hi - lo, taken);
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

static bool load_rows(void *ctx, size_t lo, size_t hi)
{
	struct table *t = ctx;
	bool staged = t->staged || needs_stage(t, t->sending);
	struct str what = { 0 };

	if (!staged) {
		if (try_rows(t, false, lo, hi))
			return true;
		/* may be right for a row that is there, but no value of another type is */
		staged = t->keys.n > 0 && t->conf.on_conflict != TABLE_ERROR &&
			 strncmp(pg_sqlstate(t->pg), "22", 2) != 0 &&
			 copybuf_is_row_fault(pg_sqlstate(t->pg));
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
	struct copybuf_row *r = &s->rows.buf.row[row];
	struct fault f = { .record = r->record, .line = r->line };
	AUTO_STR value = { 0 }, quoted = { 0 }, tail = { 0 }, why = { 0 };

	if (!set_aside(t, s, row, state)) {
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
		t->conf.bad(t->conf.ctx, &f, raw_of(t, &s->rows, row));
	}
	r->record = NOT_IN;
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
			? fixed_why : str_z(&why));
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
		take_out(&s->rows, out);
	return hi - found;
}

void table_send(struct table *t, struct shape *s)
{
	t->sending = s;
	copybuf_load(t->pg, 0, s->rows.buf.n, load_rows, refuse_row,
		t->stages ? sift : NULL, t);
	forget_replaced(t, s);
	copybuf_clear(&s->rows.buf);
	str_clear(&s->rows.raw);
}

/* ---- rows that need each other --------------------------------------------------------------- */

/* Appends ` AND NOT EXISTS`: no row of `parent` is what the key refers to. */
static void add_absent(
	struct str *sql, const struct pg_result *r, size_t i, size_t end, const char *parent)
{
	str_addf(sql, " AND NOT EXISTS (SELECT FROM %s AS p WHERE true", parent);
	for (; i < end; i++)
		str_addf(sql, " AND p.%s %s s.%s", pg_valuez(r, i, 3), pg_valuez(r, i, 4),
			pg_valuez(r, i, 2));
	str_addc(sql, ')');
}

/* For each foreign key the statement that takes those out that refer to no row anywhere. */
static void read_references(struct table *t)
{
	AUTO_RESULT *r = pg_ask(t->pg, keys_sql, str_z(&t->ident));
	size_t end;

	t->referring = true;
	t->hopeless = mem_zalloc((pg_rows(r) + 1) * sizeof *t->hopeless);
	for (size_t i = 0; i < pg_rows(r); i = end) {
		struct str *sql = &t->hopeless[t->n_hopeless++];

		end = table_end_of_key(r, i);
		str_addz(sql, "DELETE FROM pg_temp.ferry_stage_0 AS s WHERE true");
		for (size_t c = i; c < end; c++)
			str_addf(sql, " AND s.%s IS NOT NULL", pg_valuez(r, c, 2));
		add_absent(sql, r, i, end, pg_valuez(r, i, 5));
		if (pg_valuez(r, i, 1)[0] == 't')
			add_absent(sql, r, i, end, "pg_temp.ferry_stage_0");
	}
}

/* Takes out of the staging table who refers to no row, and who refers to these, and so on. */
static bool drop_hopeless(struct table *t)
{
	uint64_t n = 1;

	for (int round = 0; n > 0 && round < ROUNDS_MAX; round++) {
		n = 0;
		for (size_t i = 0; i < t->n_hopeless; i++) {
			AUTO_RESULT *r = pg_try_query(t->pg, str_z(&t->hopeless[i]), 0, NULL);

			if (!r)
				return false;
			n += pg_affected(r);
		}
	}
	return n == 0;
}

/* Moves the rows that refer to others into the buffer; `from` says which they were. */
static void pick_referring(struct shape *s, size_t *from)
{
	for (size_t i = 0; i < s->late.buf.n; i++) {
		if (!s->late.raw_of[i].refers)
			continue;
		from[s->rows.buf.n] = i;
		copybuf_begin_row(&s->rows.buf, s->late.buf.row[i].record, s->late.buf.row[i].line);
		str_add(&s->rows.buf.text, copybuf_rows(&s->late.buf, i, i + 1));
	}
}

/* Keeps in the buffer what is left in the staging table. */
static void keep_staged(struct table *t, struct shape *s, size_t *from)
{
	AUTO_FREE bool *out = mem_alloc((s->rows.buf.n + 1) * sizeof *out);
	AUTO_STR sql = { 0 };
	AUTO_RESULT *r = NULL;
	size_t kept = 0;
	uint64_t n;

	memset(out, true, s->rows.buf.n);
	str_addf(&sql, "SELECT %s FROM pg_temp.ferry_stage_0 ORDER BY 1", str_z(&t->row));
	r = pg_query(t->pg, str_z(&sql), 0, NULL);
	for (size_t i = 0; i < pg_rows(r); i++)
		if (num_u64(pg_value(r, i, 0), &n) && n > 0 && n <= s->rows.buf.n) {
			out[n - 1] = false;
			from[kept++] = from[n - 1];
		}
	copybuf_take_out(&s->rows.buf, out);
}

static void leave_out(void *ctx, size_t row)
{
	((struct table *)ctx)->left_out[row] = true;
}

/* Loads the buffer, by halves where something else is wrong; those that get in wait no more. */
static void load_picked(struct table *t, struct shape *s, const size_t *from)
{
	AUTO_FREE bool *out = mem_zalloc((s->late.buf.n + 1) * sizeof *out);

	t->left_out = mem_zalloc((s->rows.buf.n + 1) * sizeof *t->left_out);
	copybuf_load(t->pg, 0, s->rows.buf.n, load_rows, leave_out, NULL, t);
	for (size_t i = 0; i < s->rows.buf.n; i++) {
		out[from[i]] = !t->left_out[i];
		if (t->left_out[i])
			s->rows.buf.row[i].record = NOT_IN;
	}
	take_out(&s->late, out);
	forget_replaced(t, s);
	mem_free(t->left_out);
}

/*
 * Rows may refer to each other, so that none gets in before the others. Of those that wait the
 * largest set is sought in which each refers to a row that is there, or in the set; it gets in
 * together.
 */
static void load_together(struct table *t, struct shape *s)
{
	AUTO_FREE size_t *from = mem_alloc((s->late.buf.n + 1) * sizeof *from);

	if (!t->referring)
		read_references(t);
	t->sending = s;
	pick_referring(s, from);
	if (s->rows.buf.n > 0 && stage_rows(t, 0, s->rows.buf.n)) {
		bool dropped;

		pg_exec(t->pg, "SAVEPOINT ferry_hope");
		dropped = drop_hopeless(t);
		if (dropped)
			keep_staged(t, s, from);
		else
			pg_exec(t->pg, "ROLLBACK TO SAVEPOINT ferry_hope");
		pg_exec(t->pg, "RELEASE SAVEPOINT ferry_hope");
		if (dropped)
			load_picked(t, s, from);
	}
	copybuf_clear(&s->rows.buf);
}

/* ---- another chance -------------------------------------------------------------------------- */

static void send_late(struct table *t)
{
	for (size_t i = 0; i < t->shapes.n; i++) {
		struct shape *s = &t->shape[i];
		struct batch was = s->rows;

		if (s->late.buf.n == 0)
			continue;
		s->late_is_full = false;
		s->rows = s->late;
		s->late = was;
		table_send(t, s);
	}
}

/* What waits is tried as long as that lets some in; what is left then is refused. */
void table_retry(struct table *t)
{
	size_t before;

	while ((before = count_late(t)) > 0) {
		for (size_t i = 0; t->stages && i < t->shapes.n && !t->last_chance; i++)
			if (t->shape[i].late.buf.n > 0)
				load_together(t, &t->shape[i]);
		if (count_late(t) < before)
			continue;
		send_late(t);
		t->last_chance = count_late(t) == before;
	}
	t->last_chance = false;
}
