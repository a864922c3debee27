#include "stream/wr_table.h"

#include "core/mem.h"
#include "core/num.h"
#include "core/report.h"

struct wr_table {
	bool markdown;
	struct str rows; /* of each, how many fields, and these (rec_pack()) */
	size_t n;
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
	for (size_t i = 0; i < n; i++)
		rec_pack(&t->rows, &f[i]);
	t->n++;
}

/* Calls fn for each cell; rows that have fewer fields than columns are filled with NULL. */
static void each_cell(const struct wr_table *t, size_t n_cols,
		      void (*fn)(void *ctx, size_t col, const struct field *f), void *ctx)
{
	const char *p = str_z(&t->rows);

	for (size_t row = 0; row < t->n; row++) {
		size_t n;

		memcpy(&n, p, sizeof n);
		p += sizeof n;
		for (size_t i = 0; i < n_cols; i++) {
			struct field f = FIELD_NULL;

			if (i < n)
				p = rec_unpack(p, &f);
			fn(ctx, i, &f);
		}
	}
}

static void see_number(void *ctx, size_t col, const struct field *f)
{
	struct report_column *columns = ctx;

	if (!field_is_null(f) && !num_is_json(field_sl(f)))
		columns[col].kind = REPORT_DATA;
}

static void add_cell(void *ctx, size_t col, const struct field *f)
{
	(void)col;
	report_text(ctx, field_is_null(f) ? (struct sl){ NULL, 0 } : field_sl(f));
}

void wr_table_close(struct wr_table *t, const struct names *cols, struct out *out)
{
	AUTO_FREE struct report_column *columns = mem_alloc(mem_mul(cols->n, sizeof *columns));
	AUTO_REPORT report = { .columns = columns, .n_columns = cols->n };
	AUTO_ARENA arena = { 0 };
	AUTO_STR text = { 0 };

	for (size_t i = 0; i < cols->n; i++)
		columns[i] = (struct report_column){ arena_dup(&arena, cols->name[i]).p,
			REPORT_DATA_NUMBER };
	each_cell(t, cols->n, see_number, columns);
	if (cols->n) {
		each_cell(t, cols->n, add_cell, &report);
		report_put(&report, t->markdown ? REPORT_MARKDOWN : REPORT_TABLE, &text);
		out_put(out, str_sl(&text));
	}
	str_free(&t->rows);
	mem_free(t);
}
