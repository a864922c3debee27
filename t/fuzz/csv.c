/*
 * CSV: the same records however the bytes arrive and by the fast ways; what is read is what a
 * plain second parser reads; and it comes back from a sealed CSV and from NDJSON.
 */
#include "records.h"

#include "core/utf8.h"

/* A field at *p of the record that ends before `end`; false where RFC 4180 has no such field. */
static bool plain_field(const char **p, const char *end, struct str *text, bool *quoted)
{
	str_clear(text);
	*quoted = *p < end && **p == '"';
	if (!*quoted) {
		for (; *p < end && **p != ',' && **p != '\n'; ++*p) {
			if (**p == '"')
				return false;
			if (**p == '\r')
				return end - *p > 1 && (*p)[1] == '\n';
			str_addc(text, **p);
		}
		return true;
	}
	for (++*p; *p < end; ++*p) {
		if (**p == '"') {
			++*p;
			if (*p == end || **p != '"')
				return true;
		}
		str_addc(text, **p);
	}
	return false;
}

/* Passes over the end of a line. */
static bool plain_end(const char **p, const char *end)
{
	if (*p < end && **p == '\r')
		++*p;
	if (*p == end || **p != '\n')
		return false;
	++*p;
	return true;
}

/*
 * Rows of a CSV as put_values() has them; false when anything is wrong with it. Blank lines are
 * NULLs in one column, and nothing where there are more.
 */
static bool plain_rows(struct sl in, struct str *values, uint64_t *rows)
{
	const char *p = in.p, *end = in.p + in.n;
	struct str text = { 0 };
	struct field *f = NULL;
	struct arena arena = { 0 };
	size_t cap = 0, width = 0, n;
	bool good = utf8_valid_to(in.p, in.n) == in.n && !memchr(in.p, 0, in.n), quoted;

	if (in.n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	while (good && p < end) {
		if (width != 1 && plain_end(&p, end))
			continue;
		for (n = 0; good; p++) {
			good = plain_field(&p, end, &text, &quoted);
			mem_grow(&f, &cap, n + 1, sizeof *f);
			f[n++] = text.n || quoted ? field_str(arena_dup(&arena, str_sl(&text)))
						  : FIELD_NULL;
			if (p == end || *p != ',')
				break;
		}
		good = good && plain_end(&p, end) && (width == 0 || n == width);
		if (good && width) {
			put_values(values, f, n);
			++*rows;
		}
		width = n;
	}
	str_free(&text);
	mem_free(f);
	arena_free(&arena);
	return good;
}

static void check_second_opinion(const struct reading *r)
{
	struct str values = { 0 };
	uint64_t rows = 0;
	bool good = plain_rows(r->in, &values, &rows);

	/* names that are missing or used twice are not its business, nor are seals and magics */
	CHECK(r->code || good == !r->bad, "the second parser %s", good ? "takes it" : "refuses it");
	if (!r->code && good) {
		CHECK_SAME(str_sl(&r->values), str_sl(&values));
		CHECK(rows == r->rows, "%d rows, %d", (int)r->rows, (int)rows);
	}
	str_free(&values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sl in = fuzz_sl(data, n);
	unsigned on = fuzz_switches(&in), more = fuzz_switches(&in);
	struct reading r = { .in = in };

	r.conf = (struct rd_conf){
		.format = on & 32 ? FMT_AUTO : FMT_CSV,
		.allow_no_newline = on & 1,
		.no_header = on & 2,
		.ragged = on & 4,
		.rename_columns = on & 8,
		.max_record = on & 16 ? 40 : 0,
		.delimiter = ",;\t|"[more & 3],
		.skip_lines = (more & 4) / 4,
		.comment = more & 8 ? "#" : NULL,
		.encoding = more & 16 ? "LATIN1" : NULL,
	};
	check_pieces(&r);
	if ((on & 31) == 0 && more == 0 && !r.sealed && is_plain(in))
		check_second_opinion(&r);
	if (r.code == 0 && !r.bad && r.cols) {
		check_there_and_back(&r, FMT_CSV, true, false);
		check_there_and_back(&r, FMT_NDJSON, true, false);
	}
	reading_free(&r);
	return 0;
}
