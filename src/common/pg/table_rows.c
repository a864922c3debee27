/* table_rows.c - records into buffers. */
#include "pg/table_internal.h"

#define ROWS_MAX ((size_t)100000)
#define SHAPES_MAX 32

static void shape_free(struct shape *s)
{
	mem_free(s->col);
	for (struct batch *b = &s->rows; b; b = b == &s->rows ? &s->late : NULL) {
		copybuf_free(&b->buf);
		str_free(&b->raw);
		mem_free(b->raw_of);
	}
}

static void forget_shapes(struct table *t)
{
	for (size_t i = 0; i < t->shapes.n; i++)
		shape_free(&t->shape[i]);
	names_clear(&t->shapes);
}

/* Sends the buffers and empties them. */
static void send_all(struct table *t)
{
	for (size_t i = 0; i < t->shapes.n; i++)
		table_send(t, &t->shape[i]);
}

/* ---- shapes ---------------------------------------------------------------------------------- */

/* '0': not written, '1': it is, 'J': as JSON, to be taken apart by the server. */
static char how_written(const struct table *t, const struct rec *rec, size_t i)
{
	if (t->to[i] == NOWHERE || rec->f[i].kind == F_ABSENT)
		return '0';
	return rec->f[i].kind == F_JSON && t->column[t->to[i]].nested ? 'J' : '1';
}

static struct shape *add_shape(struct table *t, struct sl bits)
{
	bool added;
	size_t i = names_add(&t->shapes, bits, &added);
	struct shape *s;

	if (!added)
		return &t->shape[i];
	mem_grow(&t->shape, &t->shapes_cap, i + 1, sizeof *t->shape);
	s = &t->shape[i];
	*s = (struct shape){ .col = mem_alloc(mem_mul(bits.n, sizeof *s->col)),
		.marked = bits.p[0] == 'm' };
	for (uint32_t c = 0; c + 1 < bits.n; c++)
		if (bits.p[c + 1] != '0')
			s->col[s->n++] = (struct written){ .from = c,
				.to = t->to[c],
				.as_json = bits.p[c + 1] == 'J' };
	return s;
}

/*
 * The buffer for a record; NULL when it has no field of the table. That is the open one, which has
 * the columns of all records so far, as long as it can hold the record: then rows stay in their
 * order. `bits` of a shape: 'm' when rows are marked, and then how each column is written.
 */
static struct shape *find_shape(struct table *t, const struct rec *rec)
{
	struct sl open = t->open < t->shapes.n ? t->shapes.name[t->open] : SL("-");
	bool fits = t->open < t->shapes.n, none = true;
	size_t n = rec->n + 1;
	char *bits;

	str_clear(&t->scratch);
	bits = str_room(&t->scratch, n);
	bits[0] = open.p[0];
	for (size_t i = 0; i < rec->n; i++) {
		char is = how_written(t, rec, i), was = i + 1 < open.n ? open.p[i + 1] : '0';
		bool keep = is == '0' && (was == '0' || t->column[t->to[i]].absent);

		none &= is == '0';
		bits[i + 1] = keep ? was : is;
		fits &= bits[i + 1] == was && (is != '0' || was == '0' || open.p[0] == 'm');
		bits[0] = is == '0' && bits[i + 1] != '0' ? 'm' : bits[0];
	}
	if (none || fits)
		return none ? NULL : &t->shape[t->open];
	while (bits[n - 1] == '0')
		n--; /* columns met later are absent here */
	send_all(t);
	t->open = (size_t)(add_shape(t, (struct sl){ bits, n }) - t->shape);
	return &t->shape[t->open];
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* The number in the stream of a key's column. */
static size_t find_key(const struct table *t, size_t k)
{
	for (size_t i = 0; i < t->n_cols; i++)
		if (t->to[i] != NOWHERE && sl_eq(t->columns.name[t->to[i]], t->keys.name[k]))
			return i;
	table_must_have(t, t->keys.name[k]);
	die(EX_DATA, "the key %s is computed by the table", msg_q(t->keys.name[k]));
}

void table_refuse(struct table *t, const struct rec *rec, struct sl field, const char *why)
{
	t->conf.bad(t->conf.ctx,
		&(struct fault){ .record = rec->record,
			.line = rec->line,
			.field = field,
			.value = SL(""),
			.why = why },
		rec->raw);
}

/* Refuses a record that could never be found again by its key. */
static bool has_key(struct table *t, const struct rec *rec)
{
	for (size_t k = 0; k < t->keys.n; k++) {
		size_t i = find_key(t, k);
		bool absent = i >= rec->n || rec->f[i].kind == F_ABSENT;

		if (!absent && (rec->f[i].kind != F_NULL || t->nulls_equal))
			continue;
		table_refuse(t, rec, t->keys.name[k],
			absent ? "it is a key, and missing"
			       : "it is a key, and NULL is equal to nothing");
		return false;
	}
	return true;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void note_number(struct column *c, struct sl value)
{
	int64_t n;

	if (!num_i64(value, &n))
		return;
	c->greatest = c->any && c->greatest > n ? c->greatest : n;
	c->least = c->any && c->least < n ? c->least : n;
	c->any = true;
}

static void put_field(struct table *t, struct str *to, const struct field *f, struct column *c)
{
	struct sl text = field_sl(f);

	if (f->kind == F_NULL) {
		str_add(to, SL("\\N"));
		return;
	}
	if (c->sequence.n > 0)
		note_number(c, text);
	if (t->json && c->json && f->kind == F_STR) {
		/* may be longer than it was in the record: there, \b may have been two bytes */
		str_clear(&t->scratch);
		str_add_json(&t->scratch, text);
		text = str_sl(&t->scratch);
	}
	to->n = (size_t)(copybuf_escape(str_room(to, 2 * text.n), text) - to->p);
}

/* NULL of a record that has no such member; the mark tells them apart. */
static const struct field *member(const struct rec *rec, const struct written *w)
{
	static const struct field null = { .kind = F_NULL };
	bool has = w->from < rec->n && rec->f[w->from].kind != F_ABSENT;

	return has ? &rec->f[w->from] : &null;
}

/* Appends the last field of a marked row. */
static void put_mark(struct str *to, struct shape *s, const struct rec *rec)
{
	str_addc(to, '\t');
	for (size_t i = 0; i < s->n; i++) {
		bool has = s->col[i].from < rec->n && rec->f[s->col[i].from].kind != F_ABSENT;

		s->col[i].optional |= !has;
		str_addc(to, has ? '1' : '0');
	}
}

static void put_row(struct table *t, struct shape *s, const struct rec *rec)
{
	struct batch *b = &s->rows;

	copybuf_begin_row(&b->buf, rec->record, rec->line);
	for (size_t i = 0; i < s->n; i++) {
		if (i > 0)
			str_addc(&b->buf.text, '\t');
		put_field(t, &b->buf.text, member(rec, &s->col[i]), &t->column[s->col[i].to]);
	}
	if (s->marked)
		put_mark(&b->buf.text, s, rec);
	copybuf_end_row(&b->buf);
	if (t->conf.keep_raw) {
		mem_grow(&b->raw_of, &b->raw_cap, b->buf.n, sizeof *b->raw_of);
		b->raw_of[b->buf.n - 1] = (struct raw){ .at = b->raw.n, .n = rec->raw.n };
		str_add(&b->raw, rec->raw);
	}
}

void table_row(struct table *t, const struct rec *rec)
{
	struct shape *s = find_shape(t, rec);

	if (!s) {
		table_refuse(t, rec, SL(""), "no field of the table");
		return;
	}
	if (!has_key(t, rec))
		return;
	put_row(t, s, rec);
	if (s->rows.buf.text.n >= t->conf.buffer || s->rows.buf.n >= ROWS_MAX ||
		t->shapes.n > SHAPES_MAX)
		table_flush(t);
}

void table_flush(struct table *t)
{
	send_all(t);
	if (t->shapes.n <= SHAPES_MAX)
		return;
	table_retry(t);
	forget_shapes(t);
}

void table_restart(struct table *t)
{
	forget_shapes(t);
	t->counts = t->before;
	t->stage_made = false;
	t->immediate = true;
	if (t->renewed && t->refused)
		table_into_itself(t);
	pg_exec(t->pg, "SET CONSTRAINTS ALL IMMEDIATE");
}

void table_close(struct table *t)
{
	if (!t)
		return;
	forget_shapes(t);
	mem_free(t->shape);
	mem_free(t->to);
	mem_free(t->column);
	mem_free(t->type);
	names_free(&t->types);
	names_free(&t->columns);
	names_free(&t->keys);
	names_free(&t->shapes);
	str_free(&t->has);
	arena_free(&t->texts);
	str_free(&t->ident);
	str_free(&t->into);
	str_free(&t->row);
	str_free(&t->staged_as);
	str_free(&t->scratch);
	for (size_t i = 0; i < t->n_hopeless; i++)
		str_free(&t->hopeless[i]);
	mem_free(t->hopeless);
	mem_free(t);
}
