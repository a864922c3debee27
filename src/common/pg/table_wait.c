/*
 * table_wait.c - rows that are refused for want of others: what they refer to may come later, or
 * may be refused only because something else of a buffer was.
 */
#include "pg/table_internal.h"

#include "core/num.h"
#include "pg/table_wait.sql.h"

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

struct sl table_raw(const struct table *t, const struct batch *b, size_t row)
{
	if (!t->conf.keep_raw)
		return SL("");
	return (struct sl){ b->raw.p + b->raw_of[row].at, b->raw_of[row].n };
}

/*
 * A row it refers to may come. Where constraints that could have waited for the end are checked at
 * once, a value that is taken may be free again then.
 */
static bool may_wait(const struct table *t, const char *state)
{
	return strcmp(state, "23503") == 0 ||
	       (t->immediate && pg_state_is(state, "23505 23P01"));
}

bool table_set_aside(struct table *t, struct shape *s, size_t row, const char *state)
{
	const struct copybuf_row *r = &s->rows.buf.row[row];
	struct sl text = copybuf_rows(&s->rows.buf, row, row + 1), raw = table_raw(t, &s->rows, row);

	if (t->last_chance || !may_wait(t, state))
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

void table_take_out(struct batch *b, const bool *out)
{
	size_t kept = 0;

	for (size_t i = 0; b->raw_of && i < b->buf.n; i++)
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
		out[i] = at != NAMES_NONE && of->late.buf.row[i].record < s->rows.buf.row[row[at]].record;
		if (out[i] && covers(s, row[at], of, i))
			t->counts.superseded++;
		else if (out[i])
			refuse_late(t, of, i);
	}
	table_take_out(&of->late, out);
}

void table_forget_replaced(struct table *t, const struct shape *s)
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
	struct table *t = ctx;

	t->left_out[row] = true;
}

/* Loads the buffer, by halves where something else is wrong; those that get in wait no more. */
static void load_picked(struct table *t, struct shape *s, const size_t *from)
{
	AUTO_FREE bool *out = mem_zalloc((s->late.buf.n + 1) * sizeof *out);

	t->left_out = mem_zalloc((s->rows.buf.n + 1) * sizeof *t->left_out);
	copybuf_load(t->pg, 0, s->rows.buf.n, table_load, leave_out, NULL, t);
	for (size_t i = 0; i < s->rows.buf.n; i++) {
		out[from[i]] = !t->left_out[i];
		if (t->left_out[i])
			s->rows.buf.row[i].record = NOT_IN;
	}
	table_take_out(&s->late, out);
	table_forget_replaced(t, s);
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
	if (s->rows.buf.n > 0 && table_stage(t, 0, s->rows.buf.n)) {
		pg_exec(t->pg, "SAVEPOINT ferry_hope");
		if (drop_hopeless(t)) {
			keep_staged(t, s, from);
			pg_exec(t->pg, "RELEASE SAVEPOINT ferry_hope");
			load_picked(t, s, from);
		} else {
			pg_exec(t->pg, "ROLLBACK TO SAVEPOINT ferry_hope; "
				       "RELEASE SAVEPOINT ferry_hope");
		}
	}
	copybuf_clear(&s->rows.buf);
}

/* ---- another chance -------------------------------------------------------------------------- */

static void swap_late(struct shape *s)
{
	struct batch was = s->rows;

	s->late_is_full = false;
	s->rows = s->late;
	s->late = was;
}

static void send_late(struct table *t)
{
	for (size_t i = 0; i < t->shapes.n; i++)
		if (t->shape[i].late.buf.n > 0) {
			swap_late(&t->shape[i]);
			table_send(t, &t->shape[i]);
		}
}

/* What waits is tried as long as that lets some in; what is left then is refused. */
void table_retry(struct table *t)
{
	size_t before;

	while ((before = count_late(t)) > 0) {
		for (size_t i = 0; i < t->shapes.n && !t->last_chance; i++)
			if (t->shape[i].late.buf.n > 0)
				load_together(t, &t->shape[i]);
		if (count_late(t) < before)
			continue;
		send_late(t);
		t->last_chance = count_late(t) == before;
	}
	t->last_chance = false;
}
