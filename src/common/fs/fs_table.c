#include "fs/fs_table.h"

#include "core/utf8.h"

static void add(struct fs_table *t, struct sl text, bool raw)
{
	mem_grow(&t->cells, &t->cap, t->n + 1, sizeof *t->cells);
	t->cells[t->n++] = (struct fs_cell){ arena_dup(&t->arena, text), raw };
}

void fs_table_text(struct fs_table *t, struct sl text)
{
	add(t, text, false);
}

void fs_table_raw(struct fs_table *t, struct sl json)
{
	add(t, json, true);
}

/* What a person sees: control bytes could move the cursor, so they become question marks. */
static void add_shown(struct str *out, struct sl s, enum fs_table_format format)
{
	for (size_t i = 0; i < s.n; i++) {
		if (format == FS_TABLE_MARKDOWN && s.p[i] == '|')
			str_addc(out, '\\');
		str_addc(out, (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : s.p[i]);
	}
}

static size_t width(struct sl s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; n++) {
		size_t len = utf8_char(s.p + i, s.n - i);

		i += len ? len : 1;
	}
	return n;
}

static struct sl shown(struct sl s)
{
	return s.n ? s : SL("-");
}

static void put_line(const struct fs_table *t, const size_t *widths, size_t row, struct str *out)
{
	for (size_t c = 0; c < t->n_cols; c++) {
		struct sl s = row == SIZE_MAX ? sl_of(t->cols[c].title ? t->cols[c].title : "")
					      : shown(t->cells[row * t->n_cols + c].text);

		if (!t->cols[c].title)
			continue;
		add_shown(out, s, FS_TABLE_TEXT);
		for (size_t i = width(s); i < widths[c] + 2; i++)
			str_addc(out, ' ');
	}
	while (out->n && out->p[out->n - 1] == ' ')
		out->n--;
	str_addc(out, '\n');
}

static void put_text(const struct fs_table *t, struct str *out)
{
	size_t *widths = mem_zalloc(mem_mul(t->n_cols, sizeof *widths));

	for (size_t c = 0; c < t->n_cols; c++)
		widths[c] = t->cols[c].title ? strlen(t->cols[c].title) : 0;
	for (size_t i = 0; i < t->n; i++)
		if (width(shown(t->cells[i].text)) > widths[i % t->n_cols])
			widths[i % t->n_cols] = width(shown(t->cells[i].text));
	put_line(t, widths, SIZE_MAX, out);
	for (size_t row = 0; row < t->n / t->n_cols; row++)
		put_line(t, widths, row, out);
	mem_free(widths);
}

static void put_markdown(const struct fs_table *t, struct str *out)
{
	for (size_t c = 0; c < t->n_cols; c++)
		if (t->cols[c].title)
			str_addf(out, "| %s ", t->cols[c].title);
	str_addz(out, "|\n");
	for (size_t c = 0; c < t->n_cols; c++)
		if (t->cols[c].title)
			str_addz(out, "|---");
	str_addz(out, "|\n");
	for (size_t i = 0; i < t->n; i++) {
		if (t->cols[i % t->n_cols].title) {
			str_addz(out, "| ");
			add_shown(out, shown(t->cells[i].text), FS_TABLE_MARKDOWN);
			str_addc(out, ' ');
		}
		if ((i + 1) % t->n_cols == 0)
			str_addz(out, "|\n");
	}
}

static void put_csv(const struct fs_table *t, struct str *out)
{
	for (size_t i = 0; i < t->n + t->n_cols; i++) {
		size_t c = i % t->n_cols;

		if (t->cols[c].title) {
			if (c > 0)
				str_addc(out, ',');
			str_add_csv(out, i < t->n_cols ? sl_of(t->cols[c].title)
						       : t->cells[i - t->n_cols].text);
		}
		if (c + 1 == t->n_cols)
			str_addc(out, '\n');
	}
}

static void put_object(const struct fs_table *t, size_t row, struct str *out)
{
	char lead = '{';

	for (size_t c = 0; c < t->n_cols; c++) {
		const struct fs_cell *cell = &t->cells[row * t->n_cols + c];

		if (!t->cols[c].key)
			continue;
		str_addf(out, "%c\"%s\":", lead, t->cols[c].key);
		lead = ',';
		if (cell->raw && cell->text.n)
			str_add(out, cell->text);
		else
			str_add_json(out, cell->text);
	}
	str_addc(out, '}');
}

static void put_json(const struct fs_table *t, bool lines, struct str *out)
{
	size_t rows = t->n / t->n_cols;

	str_addz(out, lines ? "" : "[");
	for (size_t row = 0; row < rows; row++) {
		str_addz(out, lines ? "" : row ? ",\n " : "\n ");
		put_object(t, row, out);
		str_addz(out, lines ? "\n" : "");
	}
	str_addz(out, lines ? "" : "\n]\n");
}

void fs_table_put(const struct fs_table *t, enum fs_table_format format, struct str *out)
{
	switch (format) {
	case FS_TABLE_TEXT:
		put_text(t, out);
		break;
	case FS_TABLE_CSV:
		put_csv(t, out);
		break;
	case FS_TABLE_MARKDOWN:
		put_markdown(t, out);
		break;
	case FS_TABLE_JSON:
	case FS_TABLE_NDJSON:
		put_json(t, format == FS_TABLE_NDJSON, out);
		break;
	}
}

void fs_table_free(struct fs_table *t)
{
	arena_free(&t->arena);
	mem_free(t->cells);
	*t = (struct fs_table){ 0 };
}
