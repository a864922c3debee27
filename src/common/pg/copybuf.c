#include "pg/copybuf.h"

#include "core/kp.h"

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

void copybuf_take_out(struct copybuf *b, const bool *out)
{
	size_t at = 0, n = 0;

	for (size_t i = 0; i < b->n; i++) {
		struct sl row = copybuf_rows(b, i, i + 1);

		if (out[i])
			continue;
		memmove(b->text.p + at, row.p, row.n);
		b->row[n] = b->row[i];
		b->row[n++].at = at;
		at += row.n;
	}
	b->n = n;
	b->text.n = at;
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

/* Is one of these eight bytes a control character up to CR, or a backslash? */
static bool has_special(uint64_t w)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t backslash = w ^ (ones * '\\');

	return (((w - ones * ('\r' + 1)) & ~w) | ((backslash - ones) & ~backslash)) & high;
}

char *copybuf_escape(char *dst, struct sl s)
{
	const char *p = s.p, *end = s.p + s.n;

	while (p < end) {
		const char *stop = end - p > 8 ? p + 8 : end;
		uint64_t w;

		if (end - p >= 8) {
			memcpy(&w, p, 8);
			if (LIKELY(!has_special(w))) {
				memcpy(dst, &w, 8);
				dst += 8;
				p += 8;
				continue;
			}
		}
		for (; p < stop; p++) {
			char c = *p;

			if (UNLIKELY(c == '\\' || c == '\t' || c == '\n' || c == '\r')) {
				*dst++ = '\\';
				c = c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : c;
			}
			*dst++ = c;
		}
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

bool copybuf_send(
	struct copybuf *b, struct pg *pg, const char *sql, size_t lo, size_t hi, uint64_t *taken)
{
	if (!pg_copy_in(pg, sql))
		return false;
	pg_copy_put(pg, copybuf_rows(b, lo, hi));
	KP("in_copy");
	return pg_copy_end(pg, taken);
}

/*
 * A name in a context line ends where `: "value"` begins, and may hold anything. What was called
 * for the row, a function of a trigger or the reader of JSON, has said its own before.
 */
bool copybuf_stopped_at(const char *context, uint64_t *line, struct str *column)
{
	static const char word[] = ", line ", next[] = ", column ";
	const char *before = strstr(context, "; COPY ");
	const char *p = strncmp(context, "COPY ", 5) == 0 ? context + 5
			: before				  ? before + 7
								  : NULL;
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
	AUTO_STR column = { 0 };
	uint64_t line;
	bool known = copybuf_stopped_at(pg_context(pg), &line, &column) && line <= hi - lo;

	if (!known)
		return lo + (hi - lo) / 2;
	return line == 1 ? lo + 1 : lo + line - 1;
}

bool copybuf_is_row_fault(const char *sqlstate)
{
	/* values that do not fit, constraints, rows too big, two rows of one key in a merge */
	static const char of_rows[] = "22 23 54 21000 44";
	/* all others that a server has of its own; P0 is what RAISE gives unless told otherwise */
	static const char of_server[] = "00 01 02 03 08 0A 0B 0F 0L 0P 0Z 20 21 24 25 26 28 2B 2D "
					"34 3B 3D 3F 40 42 53 55 57 58 72 F0 HV XX";

	return strlen(sqlstate) == 5 &&
	       (pg_state_is(sqlstate, of_rows) || !pg_state_is(sqlstate, of_server));
}

#define REFUSED_MAX 16 /* so often rows are cut in two to find a bad one */

void copybuf_load(struct pg *pg, size_t lo, size_t hi, copybuf_load_fn *load,
	copybuf_bad_fn *bad, copybuf_sift_fn *sift, void *ctx)
{
	size_t end = hi;
	unsigned n_refused = 0;

	/* rows from hi on wait: so those behind a bad row are sent once more, not many times */
	while (lo < end) {
		bool loaded = load(ctx, lo, hi);

		n_refused += !loaded;
		if (!loaded && hi - lo > 1 && sift && n_refused > REFUSED_MAX) {
			size_t left = sift(ctx, lo, end);

			if (left == end)
				sift = NULL;
			end = hi = left;
			continue;
		}
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
