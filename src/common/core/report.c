#include "core/report.h"

#include "core/utf8.h"

void report_init(struct report *r, const struct report_column *columns, size_t n)
{
	*r = (struct report){ .columns = columns, .n_columns = n };
}

void report_text(struct report *r, struct sl text)
{
	mem_grow(&r->end, &r->cap_end, r->n + 1, sizeof *r->end);
	mem_grow(&r->null, &r->cap_null, r->n + 1, sizeof *r->null);
	if (text.p)
		str_add(&r->text, text);
	r->end[r->n] = r->text.n;
	r->null[r->n] = !text.p;
	r->n++;
}

void report_textz(struct report *r, const char *text)
{
	report_text(r, text ? sl_of(text) : (struct sl){ NULL, 0 });
}

void report_count(struct report *r, uint64_t n)
{
	char text[20];

	report_text(r, (struct sl){ text, num_put_u64(text, n) });
}

void report_real(struct report *r, double v, int decimals)
{
	AUTO_STR text = { 0 };

	str_addf(&text, "%.*f", decimals, v);
	report_text(r, str_sl(&text));
}

void report_free(struct report *r)
{
	str_free(&r->text);
	mem_free(r->end);
	mem_free(r->null);
	*r = (struct report){ .n = 0 };
}

static struct sl cell(const struct report *r, size_t i)
{
	size_t from = i ? r->end[i - 1] : 0;

	return (struct sl){ str_z(&r->text) + from, r->end[i] - from };
}

/* ---- for programs ---------------------------------------------------------------------------- */

static void put_objects(const struct report *r, const char *between, struct str *out)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct report_column *c = &r->columns[i % r->n_columns];

		if (i && i % r->n_columns == 0)
			str_addz(out, between);
		str_addc(out, i % r->n_columns ? ',' : '{');
		str_add_json(out, sl_of(r->keys ? r->keys[i % r->n_columns] : c->name));
		str_addc(out, ':');
		if (r->null[i])
			str_addz(out, "null");
		else if (c->kind == REPORT_NUMBER)
			str_add(out, cell(r, i));
		else
			str_add_json(out, cell(r, i));
		if ((i + 1) % r->n_columns == 0)
			str_addc(out, '}');
	}
}

static void put_json(const struct report *r, struct str *out)
{
	str_addz(out, r->n ? "[\n" : "[");
	put_objects(r, ",\n", out);
	str_addz(out, r->n ? "\n]" : "]");
}

static void put_csv(const struct report *r, struct str *out)
{
	for (size_t i = 0; i < r->n_columns + r->n; i++) {
		size_t c = i % r->n_columns;

		if (c == 0 && i)
			str_addc(out, '\n');
		if (!r->columns[c].name)
			continue;
		if (c)
			str_addc(out, ',');
		if (i < r->n_columns)
			str_add_csv(out, sl_of(r->columns[c].name));
		else if (!r->null[i - r->n_columns])
			str_add_csv(out, cell(r, i - r->n_columns));
	}
	str_addc(out, '\n');
}

/* ---- for people ------------------------------------------------------------------------------ */

/* Those that are not only in JSON, which come first. */
static size_t named_columns(const struct report *r)
{
	size_t n = 0;

	while (n < r->n_columns && r->columns[n].name)
		n++;
	return n;
}

void report_add_bytes(struct str *out, double bytes)
{
	static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB" };
	size_t i = 0;

	for (; bytes >= 1024 && i + 1 < ARRAY_LEN(units); i++)
		bytes /= 1024;
	str_addf(out, "%.*f %s", i > 0 && bytes < 100, bytes, units[i]);
}

void report_add_span(struct str *out, int64_t us)
{
	long long s = (us + 999999) / 1000000;

	if (s >= 86400)
		str_addf(out, tr("%lld d %02lld h"), s / 86400, s / 3600 % 24);
	else if (s >= 3600)
		str_addf(out, tr("%lld h %02lld min"), s / 3600, s / 60 % 60);
	else if (s >= 60)
		str_addf(out, tr("%lld min %02lld s"), s / 60, s % 60);
	else
		str_addf(out, tr("%lld s"), s);
}

/* The text of a cell as it is shown; lives until the next call. */
static struct sl shown(const struct report *r, size_t i)
{
	static char quoted[400];
	struct sl text = cell(r, i);
	static struct str grouped;

	if (r->columns[i % r->n_columns].kind == REPORT_NUMBER && text.n > 4 && text.n < 20) {
		str_clear(&grouped);
		str_add_digits(&grouped, text, 5);
		return str_sl(&grouped);
	}
	if (text.n == 0 && r->empty)
		return sl_of(r->empty);
	if (r->columns[i % r->n_columns].kind == REPORT_WORDS && text.n < sizeof quoted)
		return sl_of(tr(msg_plain(quoted, sizeof quoted, text)));
	for (size_t k = 0, n; k < text.n; k += n ? n : 1) {
		n = utf8_char(text.p + k, text.n - k);
		if (msg_acts(text.p + k, n))
			return sl_of(msg_quote(quoted, sizeof quoted, text));
	}
	return text;
}

static struct sl heading(const struct report_column *c)
{
	return sl_of(c->kind >= REPORT_DATA_NUMBER ? c->name : tr(c->name));
}

static void put_padded(struct str *out, struct sl text, size_t to, bool right, bool last)
{
	size_t blanks = to - utf8_width(text);

	for (size_t i = 0; right && i < blanks; i++)
		str_addc(out, ' ');
	str_add(out, text);
	for (size_t i = 0; !right && !last && i < blanks; i++)
		str_addc(out, ' ');
}

/* A column of ours that says nothing in any row is left out. */
static void put_table(const struct report *r, struct str *out)
{
	AUTO_FREE size_t *to = mem_zalloc(mem_mul(r->n_columns + 1, sizeof *to));

	size_t named = named_columns(r), end = 0;

	for (size_t i = 0; i < r->n; i++) {
		size_t w = utf8_width(shown(r, i)), c = i % r->n_columns;

		to[c] = w > to[c] ? w : to[c];
	}
	for (size_t i = 0; i < named; i++) {
		size_t w = utf8_width(heading(&r->columns[i]));

		if (to[i] == 0 && r->n > 0 && r->columns[i].kind < REPORT_DATA_NUMBER)
			continue;
		to[i] = w > to[i] ? w : to[i];
		end = i + 1;
	}
	for (size_t i = 0; i < r->n_columns + r->n; i++) {
		size_t c = i % r->n_columns;
		bool last = c + 1 == end;

		if (c >= end || to[c] == 0)
			continue;
		put_padded(out,
			i < r->n_columns ? heading(&r->columns[c]) : shown(r, i - r->n_columns),
			to[c], r->columns[c].kind % 2, last);
		str_addz(out, last ? "\n" : "  ");
	}
}

static void add_cell(struct str *out, struct sl text)
{
	str_addz(out, "| ");
	for (size_t k = 0; k < text.n; k++) {
		if (text.p[k] == '|' || text.p[k] == '\\')
			str_addc(out, '\\');
		str_addc(out, text.p[k]);
	}
	str_addc(out, ' ');
}

static void put_markdown(const struct report *r, struct str *out)
{
	size_t named = named_columns(r);

	for (size_t i = 0; i < named; i++)
		add_cell(out, heading(&r->columns[i]));
	str_addz(out, "|\n");
	for (size_t i = 0; i < named; i++)
		str_addz(out, r->columns[i].kind % 2 ? "|--:" : "|---");
	str_addz(out, "|\n");
	for (size_t i = 0; i < r->n; i++) {
		if (i % r->n_columns < named)
			add_cell(out, shown(r, i));
		str_addz(out, (i + 1) % r->n_columns == 0 ? "|\n" : "");
	}
}

void report_put(const struct report *r, enum report_format format, struct str *out)
{
	switch (format) {
	case REPORT_TABLE:
		put_table(r, out);
		break;
	case REPORT_JSON:
		put_json(r, out);
		break;
	case REPORT_CSV:
		put_csv(r, out);
		break;
	case REPORT_MARKDOWN:
		put_markdown(r, out);
		break;
	case REPORT_NDJSON:
		put_objects(r, "\n", out);
		str_addz(out, r->n ? "\n" : "");
		break;
	}
}
