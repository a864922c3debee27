/* table_rows.c - records into buffers. */
#include "pg/table_internal.h"

#include "core/clock.h"
#include "core/decimal.h"
#include "core/num.h"

#include <ctype.h>

#define ROWS_MAX ((size_t)100000)
#define QUARTER (900 * CLOCK_US_PER_SEC)
#define SHAPES_MAX 32

static void shape_free(struct shape *s)
{
	copybuf_free(&s->buf);
	copybuf_free(&s->late);
	mem_free(s->col);
	str_free(&s->raw);
	str_free(&s->late_raw);
	mem_free(s->raw_of);
	mem_free(s->late_raw_of);
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
	names_clear(&t->seen);
}

/* ---- shapes ---------------------------------------------------------------------------------- */

/* '0': not written, '1': it is, 'J': as JSON, to be taken apart by the server. */
static char how_written(const struct table *t, const struct rec *rec, size_t i)
{
	if (t->to[i] == NOWHERE || rec->f[i].kind == F_ABSENT)
		return '0';
	return rec->f[i].kind == F_JSON && t->column[t->to[i]].nested ? 'J' : '1';
}

/* The buffer for a record: that of records with the same fields. */
static struct shape *find_shape(struct table *t, const struct rec *rec)
{
	struct shape *s;
	bool added;
	size_t i;
	char *bits;

	str_clear(&t->scratch);
	bits = str_room(&t->scratch, rec->n);
	for (i = 0; i < rec->n; i++)
		bits[i] = how_written(t, rec, i);
	i = rec->n;
	while (i > 0 && bits[i - 1] == '0')
		i--; /* columns met later are absent here */
	i = names_add(&t->shapes, (struct sl){ bits, i }, &added);
	if (!added)
		return &t->shape[i];
	mem_grow(&t->shape, &t->shapes_cap, i + 1, sizeof *t->shape);
	s = &t->shape[i];
	*s = (struct shape){ .col = mem_alloc(mem_mul(rec->n, sizeof *s->col)) };
	for (uint32_t c = 0; c < rec->n; c++)
		if (bits[c] != '0')
			s->col[s->n++] = (struct written){ .from = c,
				.to = t->to[c],
				.as_json = bits[c] == 'J' };
	/* until now nobody asked which shape had which key */
	if (i == 1 && t->keys.n > 0)
		send_all(t);
	return s;
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

/*
 * Appends what all spellings of a value have in common, whatever its type: 1 and 1.0, a moment in
 * any zone, a UUID in capitals. That others have it in common, too, only costs time.
 */
static void add_common(struct str *s, struct sl text)
{
	struct decimal d;
	int64_t instant;

	if (decimal_parse(text, &d) && llabs(d.point) <= DECIMAL_MAX_POINT)
		decimal_put(s, &d);
	else if (clock_parse(text, &instant)) /* zones are quarters of an hour apart */
		str_addf(s, "@%lld", (long long)(instant - clock_floor(instant, QUARTER)));
	else
		for (size_t i = 0; i < text.n; i++)
			if (isalnum((unsigned char)text.p[i]) || (text.p[i] & 0x80))
				str_addc(s, (char)tolower((unsigned char)text.p[i]));
	str_addc(s, '\0');
}

/*
 * Rows of one key in different shapes both count, and are merged in their order: what came before
 * goes first.
 */
static void part_from_same_key(struct table *t, const struct rec *rec, uint32_t shape)
{
	bool added;
	size_t at;

	str_clear(&t->scratch);
	for (size_t k = 0; k < t->keys.n; k++)
		add_common(&t->scratch, field_sl(&rec->f[find_key(t, k)]));
	at = names_add(&t->seen, str_sl(&t->scratch), &added);
	if (!added && t->seen_shape[at] != shape) {
		send_all(t);
		at = names_add(&t->seen, str_sl(&t->scratch), &added);
	}
	mem_grow(&t->seen_shape, &t->seen_cap, at + 1, sizeof *t->seen_shape);
	t->seen_shape[at] = shape;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void note_greatest(struct column *c, struct sl value)
{
	int64_t n;

	if (!num_i64(value, &n))
		return;
	c->greatest = c->any && c->greatest > n ? c->greatest : n;
	c->any = true;
}

static char *put_field(struct table *t, char *p, const struct field *f, struct column *c)
{
	struct sl text = field_sl(f);

	if (f->kind == F_NULL) {
		*p++ = '\\';
		*p++ = 'N';
		return p;
	}
	if (c->sequence.n > 0)
		note_greatest(c, text);
	if (t->json && c->json && f->kind == F_STR) {
		/* with its quotes and escapes it is no longer than it was in the record */
		str_clear(&t->scratch);
		str_add_json(&t->scratch, text);
		text = str_sl(&t->scratch);
	}
	return copybuf_escape(p, text);
}

static void put_row(struct table *t, struct shape *s, const struct rec *rec)
{
	char *p;

	copybuf_begin_row(&s->buf, rec->record, rec->line);
	p = str_room(&s->buf.text, 2 * rec->raw.n + 3 * s->n + 1);
	for (size_t i = 0; i < s->n; i++) {
		if (i > 0)
			*p++ = '\t';
		p = put_field(t, p, &rec->f[s->col[i].from], &t->column[s->col[i].to]);
	}
	s->buf.text.n = (size_t)(p - s->buf.text.p);
	copybuf_end_row(&s->buf);
	if (t->conf.keep_raw) {
		mem_grow(&s->raw_of, &s->raw_cap, s->buf.n, sizeof *s->raw_of);
		s->raw_of[s->buf.n - 1] = (struct raw){ .at = s->raw.n, .n = rec->raw.n };
		str_add(&s->raw, rec->raw);
	}
}

void table_row(struct table *t, const struct rec *rec)
{
	struct shape *s = find_shape(t, rec);

	if (s->n == 0) {
		table_refuse(t, rec, SL(""), "no field of the table");
		return;
	}
	if (!has_key(t, rec))
		return;
	if (t->keys.n > 0 && t->shapes.n > 1)
		part_from_same_key(t, rec, (uint32_t)(s - t->shape));
	put_row(t, s, rec);
	if (s->buf.text.n >= t->conf.buffer || s->buf.n >= ROWS_MAX || t->shapes.n > SHAPES_MAX)
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
	names_clear(&t->seen);
	t->counts = t->before;
	t->stage_made = false;
	t->immediate = true;
	pg_exec(t->pg, "SET CONSTRAINTS ALL IMMEDIATE");
}

void table_close(struct table *t)
{
	if (!t)
		return;
	forget_shapes(t);
	mem_free(t->shape);
	mem_free(t->to);
	mem_free(t->seen_shape);
	mem_free(t->column);
	mem_free(t->type);
	names_free(&t->types);
	names_free(&t->columns);
	names_free(&t->keys);
	names_free(&t->shapes);
	names_free(&t->seen);
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
