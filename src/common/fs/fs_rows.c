#include "fs/fs_rows.h"

#include "stream/rd.h"
#include "stream/z.h"

/* ---- the CSV object of a query, as Athena writes it ---------------------------------------- */

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
	MEM_PUSH(c->f, c->n, c->cap, f);
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

/* ---- the JSON lines of an UNLOAD part, gzip ------------------------------------------------- */

#define INFLATED ((size_t)256 << 10)
#define MAX_LINE ((size_t)64 << 20)

struct fs_json_column fs_json_column(struct arena *mem, struct sl name)
{
	struct fs_json_column column;
	AUTO_STR key = { 0 };

	str_add_json(&key, name);
	str_addc(&key, ':');
	for (size_t i = 0; i < key.n; i++)
		if (key.p[i] >= 'A' && key.p[i] <= 'Z')
			key.p[i] = (char)(key.p[i] + 'a' - 'A');
	column.key = arena_dup(mem, str_sl(&key));
	column.name = (struct sl){ column.key.p + 1, column.key.n - strlen("\"\":") };
	return column;
}

void fs_json_init(struct fs_json *j, const struct fs_json_column *columns, size_t n, fs_row_fn *row,
	void *ctx)
{
	*j = (struct fs_json){ .row = row, .ctx = ctx, .columns = columns, .n = n };
	j->f = mem_alloc(mem_mul(n, sizeof *j->f));
	j->z = z_inflate_new(Z_GZIP);
	j->buf = mem_alloc(INFLATED);
}

/* A bare word: a number, true, false or null. */
static bool take_word(const char **at, const char *end, struct field *f)
{
	const char *p = *at;
	struct sl word;

	while (p < end && *p != ',' && *p != '}')
		p++;
	word = (struct sl){ *at, (size_t)(p - *at) };
	*at = p;
	return field_word(f, word);
}

/*
 * The line as it nearly always is: the columns in their order, no blanks, no escapes. False for
 * anything else, which may still be right: then the real parser looks at it.
 */
static bool parse_plain(struct fs_json *j, struct sl line)
{
	const char *p = line.p, *end = line.p + line.n, *close;

	for (size_t i = 0; i < j->n; i++) {
		struct sl key = j->columns[i].key;

		if (p == end || *p++ != (i ? ',' : '{') || (size_t)(end - p) <= key.n ||
			memcmp(p, key.p, key.n) != 0)
			return false;
		p += key.n;
		if (*p != '"') {
			if (!take_word(&p, end, &j->f[i]))
				return false;
			continue;
		}
		close = memchr(p + 1, '"', (size_t)(end - p - 1));
		if (!close)
			return false;
		j->f[i] = field_str((struct sl){ p + 1, (size_t)(close - p - 1) });
		if (memchr(j->f[i].p, '\\', j->f[i].n))
			return false;
		p = close + 1;
	}
	return p + 1 == end && *p == '}';
}

static bool parse_any(struct fs_json *j, struct sl line)
{
	const struct json *o, *v;
	size_t found = 0;

	arena_reset(&j->mem);
	o = json_read(&j->mem, line);
	if (!o || o->kind != J_OBJ)
		return false;
	for (size_t i = 0; i < j->n; i++) {
		for (v = o->child; v && !sl_eq(v->key, j->columns[i].name);)
			v = v->next;
		j->f[i] = v ? rd_json_field(v) : FIELD_NULL;
		found += v != NULL;
	}
	return found == o->n; /* a name that was not asked for: not the answer to this query */
}

static bool parse_lines(struct fs_json *j)
{
	const char *p = j->rest.p, *end = p + j->rest.n, *nl;

	for (; (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
		struct sl line = { p, (size_t)(nl - p) };

		if (!parse_plain(j, line) && !parse_any(j, line)) {
			j->why = "a line of the part is not a JSON object of the columns asked for";
			return false;
		}
		j->rows++;
		j->row(j->ctx, j->f, j->n);
	}
	if ((size_t)(end - p) > MAX_LINE) {
		j->why = "a line is larger than 64 MiB";
		return false;
	}
	j->rest.n = (size_t)(end - p);
	memmove(j->rest.p, p, j->rest.n);
	return true;
}

bool fs_json_take(struct fs_json *j, struct sl piece)
{
	size_t n;

	while ((n = z_inflate_some(j->z, &piece, j->buf, INFLATED)) > 0) {
		str_add(&j->rest, (struct sl){ j->buf, n });
		if (!parse_lines(j))
			return false;
	}
	j->why = z_inflate_error(j->z);
	return j->why == NULL;
}

bool fs_json_end(struct fs_json *j)
{
	if (!z_inflate_complete(j->z))
		j->why = "the part is cut";
	else if (j->rest.n)
		j->why = "the part ends in the middle of a line";
	return j->why == NULL;
}

void fs_json_free(struct fs_json *j)
{
	mem_free(j->f);
	mem_free(j->buf);
	if (j->z)
		z_inflate_free(j->z);
	str_free(&j->rest);
	arena_free(&j->mem);
	*j = (struct fs_json){ 0 };
}
