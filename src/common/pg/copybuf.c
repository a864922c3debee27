#include "pg/copybuf.h"

#include "core/kp.h"
#include "core/mem.h"
#include "core/num.h"

void copybuf_clear(struct copybuf *b)
{
	str_clear(&b->text);
	b->n = 0;
}

void copybuf_free(struct copybuf *b)
{
	str_free(&b->text);
	mem_free(b->row);
	*b = (struct copybuf){ 0 };
}

/* ---- rows ----------------------------------------------------------------------------------- */

void copybuf_begin_row(struct copybuf *b, uint64_t record, uint64_t line)
{
	mem_grow(&b->row, &b->cap, b->n + 1, sizeof *b->row);
	b->row[b->n++] = (struct copybuf_row){ .at = b->text.n, .record = record, .line = line };
}

void copybuf_end_row(struct copybuf *b)
{
	*str_room(&b->text, 1) = '\n';
	b->text.n++;
}

void copybuf_drop_row(struct copybuf *b)
{
	b->text.n = b->row[--b->n].at;
}

struct sl copybuf_rows(const struct copybuf *b, size_t lo, size_t hi)
{
	size_t from = lo < b->n ? b->row[lo].at : b->text.n;
	size_t to = hi < b->n ? b->row[hi].at : b->text.n;

	return (struct sl){ b->text.p + from, to - from };
}

/* ---- fields --------------------------------------------------------------------------------- */

bool copybuf_is_special(struct sl s)
{
	return memchr(s.p, '\\', s.n) || memchr(s.p, '\t', s.n) || memchr(s.p, '\n', s.n) ||
	       memchr(s.p, '\r', s.n);
}

char *copybuf_escape(char *dst, struct sl s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (UNLIKELY(c == '\\' || c == '\t' || c == '\n' || c == '\r')) {
			*dst++ = '\\';
			c = c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : c;
		}
		*dst++ = c;
	}
	return dst;
}

/* The bytes of a field as they stand, without what follows it. */
static bool find_field(const struct copybuf *b, size_t row, size_t field, struct sl *out)
{
	struct sl line = copybuf_rows(b, row, row + 1);
	const char *p = line.p, *end = line.p + line.n - 1;

	for (;; field--) {
		const char *tab = memchr(p, '\t', (size_t)(end - p));
		const char *stop = tab ? tab : end;

		if (field == 0) {
			*out = (struct sl){ p, (size_t)(stop - p) };
			return true;
		}
		if (!tab)
			return false;
		p = tab + 1;
	}
}

bool copybuf_field(const struct copybuf *b, size_t row, size_t field, struct str *out)
{
	struct sl s;

	if (!find_field(b, row, field, &s) || sl_eq(s, SL("\\N")))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\\' && ++i < s.n) {
			c = s.p[i];
			c = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
		}
		str_addc(out, c);
	}
	return true;
}

void copybuf_blank(struct copybuf *b, size_t row, size_t field)
{
	struct sl s;
	size_t at, after;
	ptrdiff_t by;

	if (!find_field(b, row, field, &s))
		return;
	at = (size_t)(s.p - b->text.p);
	after = b->text.n - at - s.n;
	by = 2 - (ptrdiff_t)s.n;
	(void)str_room(&b->text, 2);
	memmove(b->text.p + at + 2, b->text.p + at + s.n, after);
	memcpy(b->text.p + at, "\\N", 2);
	b->text.n = at + 2 + after;
	for (size_t i = row + 1; i < b->n; i++)
		b->row[i].at = (size_t)((ptrdiff_t)b->row[i].at + by);
}

/* ---- sending -------------------------------------------------------------------------------- */

bool copybuf_send(struct copybuf *b, struct pg *pg, const char *sql, size_t lo, size_t hi)
{
	struct sl rows = copybuf_rows(b, lo, hi);
	size_t half = rows.n / 2;

	if (!pg_copy_in(pg, sql))
		return false;
	pg_copy_put(pg, (struct sl){ rows.p, half });
	KP("in_copy");
	pg_copy_put(pg, (struct sl){ rows.p + half, rows.n - half });
	return pg_copy_end(pg, NULL);
}

/* A name in a context line ends where `: "value"` begins, and may hold anything. */
bool copybuf_stopped_at(const char *context, uint64_t *line, struct str *column)
{
	static const char word[] = ", line ", next[] = ", column ";
	const char *p = strncmp(context, "COPY ", 5) == 0 ? context + 5 : NULL;
	const char *digits, *colon;
	size_t n;

	if (!p || !(p = strstr(p, word)))
		return false;
	digits = p + sizeof word - 1;
	n = strspn(digits, "0123456789");
	if (!num_u64((struct sl){ digits, n }, line) || *line == 0)
		return false;
	p = digits + n;
	if (strncmp(p, next, sizeof next - 1) == 0) {
		p += sizeof next - 1;
		colon = strstr(p, ": ");
		str_add(column, (struct sl){ p, colon ? (size_t)(colon - p) : strlen(p) });
	}
	return true;
}

/* Where to cut rows refused together: before the row the server names, else in the middle. */
static size_t cut_at(struct pg *pg, size_t lo, size_t hi)
{
	struct str column = { 0 };
	uint64_t line;
	bool known = copybuf_stopped_at(pg_context(pg), &line, &column) && line <= hi - lo;

	str_free(&column);
	if (!known)
		return lo + (hi - lo) / 2;
	return line == 1 ? lo + 1 : lo + line - 1;
}

bool copybuf_is_row_fault(const char *sqlstate)
{
	/* values that do not fit, constraints, rows too big, two rows of one key in a merge */
	static const char *const classes[] = { "22", "23", "54", "21000" };

	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (strncmp(sqlstate, classes[i], strlen(classes[i])) == 0)
			return true;
	return false;
}

void copybuf_load(struct pg *pg, size_t lo, size_t hi, copybuf_load_fn *load, copybuf_bad_fn *bad,
	void *ctx)
{
	size_t end = hi;

	/* rows from hi on wait: so those behind a bad row are sent once more, not many times */
	while (lo < end) {
		bool loaded = load(ctx, lo, hi);

		if (!loaded && hi - lo > 1) {
			hi = cut_at(pg, lo, hi);
			continue;
		}
		if (!loaded)
			bad(ctx, lo);
		lo = hi;
		hi = end;
	}
}
