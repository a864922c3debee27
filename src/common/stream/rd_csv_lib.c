/*
 * rd_csv_lib.c - records that libcsv reads.
 *
 * It is fed line by line until the record is complete, because a quoted field may hold line ends.
 * libcsv needs taming (t/unit/csv.c has a test for each): blanks are trimmed unless the "space"
 * function says nothing is one; an unterminated quote and bytes behind a closing quote pass unless
 * CSV_STRICT and CSV_STRICT_FINI are set; its field memory is reused for the next field; a short
 * return value of csv_parse() is the only error sign.
 */
#include "stream/rd_impl.h"

#include <csv.h>

struct csv_lib {
	struct csv_parser p;
	struct rd *rd;
	size_t n;	   /* fields so far */
	bool complete;	   /* the row callback came */
	bool after_row;	   /* a field came behind it: a lone CR split the line */
};

static int no_space(unsigned char c UNUSED)
{
	return 0;
}

static void lib_init(struct csv_lib *lib)
{
	const unsigned char how =
		CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL | CSV_APPEND_NULL;

	if (csv_init(&lib->p, how))
		die(EX_TEMP, "cannot start libcsv");
	csv_set_delim(&lib->p, (unsigned char)lib->rd->sep);
	csv_set_space_func(&lib->p, no_space);
}

static void on_field(void *text, size_t n, void *ctx)
{
	struct csv_lib *lib = ctx;
	struct rd *rd = lib->rd;

	if (lib->complete) {
		lib->after_row = true;
		return;
	}
	rd_need_fields(rd, lib->n + 1);
	if (!text) {
		rd->fields[lib->n++] = FIELD_NULL;
	} else {
		rd->fields[lib->n++] =
			field_str(arena_dup(&rd->arena, (struct sl){ (const char *)text, n }));
	}
}

static void on_row(int c UNUSED, void *ctx)
{
	struct csv_lib *lib = ctx;

	lib->complete = true;
}

void rd_csv_release(struct rd *rd)
{
	if (rd->lib)
		csv_free(&rd->lib->p);
	mem_free(rd->lib);
}

/* A record with quotes: feeds libcsv line by line until the record is complete. */
void rd_csv_lib_read(struct rd *rd, struct rd_found *r, struct sl line, bool cut)
{
	struct csv_lib *lib = rd->lib;
	size_t fed = 0;

	if (!lib) {
		lib = rd->lib = mem_zalloc(sizeof *lib);
		lib->rd = rd;
		lib_init(lib);
	}
	lib->n = 0;
	lib->complete = lib->after_row = false;
	for (;;) {
		size_t len = line.n - fed + !cut;
		size_t done = csv_parse(&lib->p, line.p + fed, len, on_field, on_row, lib);

		r->len = line.n;
		r->lines++;
		if (done != len) {
			r->why = "a quote inside an unquoted field or text behind a closing quote";
			r->at = fed + done;
			break;
		}
		if (cut && csv_fini(&lib->p, on_field, on_row, lib) != 0) {
			r->why = "unterminated quote";
			r->at = line.n;
			break;
		}
		if (lib->after_row) {
			r->why = rd_lone_cr;
			break;
		}
		r->cut = cut;
		r->n = lib->n;
		if (lib->complete || cut)
			return;
		/* the record goes on in the next line; the window may move, offsets stay */
		fed = line.n + 1;
		cut = !rd_line_from(rd, fed, &line, &cut);
	}
	csv_free(&lib->p);
	lib_init(lib);
	r->cut = cut;
}
