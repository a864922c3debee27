/* fs_csv.c - the CSV object of a query, as Athena writes it. */
#include "fs/fs_rows.h"

#define MAX_ROW ((size_t)64 << 20)

enum parsed { PARSED, CUT, BAD };

/* `""` inside of a value becomes one quote, in place (the text is ours, in .rest). */
static void unquote(struct fs_csv *c, struct field *f)
{
	char *from = c->rest.p + (f->p - c->rest.p), *to = from, *end = from + f->n;

	for (char *p = from; p < end; p++) {
		*to++ = *p;
		p += *p == '"';
	}
	f->n = (uint32_t)(to - from);
	f->plain = 0;
}

/* One field at *at; moves *at behind the comma or line end, which *last tells. */
static enum parsed parse_field(struct fs_csv *c, char **at, char *end, bool *last)
{
	struct field f = FIELD_NULL;
	char *p = *at, *close;
	bool doubled = false;

	if (p < end && *p == '"') {
		for (close = p + 1;; close += 2, doubled = true) {
			close = memchr(close, '"', (size_t)(end - close));
			if (!close || close + 1 == end)
				return CUT;
			if (close[1] != '"')
				break;
		}
		f = field_str((struct sl){ p + 1, (size_t)(close - p - 1) });
		f.plain = doubled; /* until the row is whole */
		p = close + 1;
	}
	if (p == end)
		return CUT;
	if (*p != ',' && *p != '\n')
		return BAD;
	*last = *p == '\n';
	*at = p + 1;
	mem_grow(&c->f, &c->cap, c->n + 1, sizeof *c->f);
	c->f[c->n++] = f;
	return PARSED;
}

static enum parsed parse_row(struct fs_csv *c, char **at, char *end)
{
	bool last = false;

	c->n = 0;
	while (!last) {
		enum parsed r = parse_field(c, at, end, &last);

		if (r != PARSED)
			return r;
	}
	for (size_t i = 0; i < c->n; i++)
		if (c->f[i].plain)
			unquote(c, &c->f[i]);
	if (c->width == 0)
		c->width = c->n;
	else
		c->rows++;
	return c->n == c->width ? PARSED : BAD;
}

static bool parse_rows(struct fs_csv *c, char **at, char *end)
{
	while (*at < end) {
		char *row = *at;
		enum parsed r = parse_row(c, at, end);

		if (r == BAD)
			c->why = "the result is not as Athena writes it";
		if (r != PARSED) {
			*at = row;
			return r == CUT;
		}
		c->row(c->ctx, c->f, c->n);
	}
	return true;
}

bool fs_csv_take(struct fs_csv *c, struct sl piece)
{
	char *at, *end;
	size_t left;

	str_add(&c->rest, piece);
	at = c->rest.p;
	end = c->rest.p + c->rest.n;
	if (!c->rest.n || !parse_rows(c, &at, end))
		return c->why == NULL;
	left = (size_t)(end - at);
	if (left > MAX_ROW) {
		c->why = "a row is larger than 64 MiB";
		return false;
	}
	memmove(c->rest.p, at, left);
	c->rest.n = left;
	return true;
}

bool fs_csv_end(struct fs_csv *c)
{
	if (c->rest.n)
		c->why = "the result ends in the middle of a row";
	else if (c->width == 0)
		c->why = "the result is empty, without even a header";
	return c->why == NULL;
}

void fs_csv_free(struct fs_csv *c)
{
	str_free(&c->rest);
	mem_free(c->f);
	*c = (struct fs_csv){ 0 };
}
