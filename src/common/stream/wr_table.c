#include "stream/wr_table.h"

#include "core/mem.h"
#include "core/num.h"
#include "core/report.h"

struct wr_table {
	bool markdown;
	struct str rows; /* of each, how many fields, and these (rec_pack()) */
	size_t n;
	struct str texts; /* by column: has it a value that is no number? */
};

struct wr_table *wr_table_new(bool markdown)
{
	struct wr_table *t = mem_zalloc(sizeof *t);

	t->markdown = markdown;
	return t;
}

void wr_table_row(struct wr_table *t, const struct field *f, size_t n)
{
	str_add(&t->rows, (struct sl){ (const char *)&n, sizeof n });
	for (size_t i = 0; i < n; i++) {
		rec_pack(&t->rows, &f[i]);
		if (i == t->texts.n)
			str_addc(&t->texts, false);
		t->texts.p[i] |= !field_is_null(&f[i]) && !num_is_json(field_sl(&f[i]));
	}
	t->n++;
}

/* A row's cells; one that has fewer fields than there are columns is filled with NULL. */
static const char *add_cells(struct report *report, const char *p)
{
	size_t n;

	memcpy(&n, p, sizeof n);
	p += sizeof n;
	for (size_t i = 0; i < report->n_columns; i++) {
		struct field f = FIELD_NULL;

		if (i < n)
			p = rec_unpack(p, &f);
		report_text(report, rec_text(&(struct rec){ .f = &f, .n = 1 }, 0));
	}
	return p;
}

void wr_table_close(struct wr_table *t, const struct names *cols, struct out *out)
{
	AUTO_FREE struct report_column *columns = mem_alloc(mem_mul(cols->n, sizeof *columns));
	AUTO_REPORT report = { .columns = columns, .n_columns = cols->n };
	AUTO_ARENA arena = { 0 };
	AUTO_STR text = { 0 };
	const char *p = str_z(&t->rows);

	for (size_t i = 0; i < cols->n; i++)
		columns[i] = (struct report_column){ arena_dup(&arena, cols->name[i]).p,
			i < t->texts.n && t->texts.p[i] ? REPORT_DATA : REPORT_DATA_NUMBER };
	if (cols->n) {
		for (size_t row = 0; row < t->n; row++)
			p = add_cells(&report, p);
		report_put(&report, t->markdown ? REPORT_MARKDOWN : REPORT_TABLE, &text);
		out_put(out, str_sl(&text));
	}
	str_free(&t->rows);
	str_free(&t->texts);
	mem_free(t);
}
