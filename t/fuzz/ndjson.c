/*
 * NDJSON and JSON arrays: the same records however the bytes arrive; each line is a record just
 * when it is an object to the parser of whole texts; and records come back, kinds and all.
 */
#include "records.h"
#include "stream/json.h"

/* "R" or "B" for each line, as the log has it. */
static void judge_lines(struct sl in, struct str *judged)
{
	const char *end = in.p + in.n, *nl;

	for (const char *p = in.p; p < end; p = nl + 1) {
		struct arena arena = { 0 };
		struct json *j;
		const char *why;
		size_t at;

		nl = memchr(p, '\n', (size_t)(end - p));
		if (!nl)
			nl = end;
		j = json_parse(&arena, (struct sl){ p, (size_t)(nl - p) }, &why, &at);
		if (sl_trim((struct sl){ p, (size_t)(nl - p) }, " \t\r").n)
			str_addc(judged, j && j->kind == J_OBJ && nl < end ? 'R' : 'B');
		arena_free(&arena);
	}
}

/* The first letters of the log's lines, without columns and the end; texts have no bare \n. */
static void letters(const struct str *log, struct str *out)
{
	for (const char *p = str_z(log), *nl; (nl = strchr(p, '\n')); p = nl + 1)
		if (*p == 'R' || *p == 'B')
			str_addc(out, *p);
}

static void check_lines(const struct reading *r)
{
	struct str want = { 0 }, got = { 0 };

	if (r->in.n >= 3 && memcmp(r->in.p, "\xef\xbb\xbf", 3) == 0)
		return;
	judge_lines(r->in, &want);
	letters(&r->log, &got);
	CHECK_SAME(str_sl(&got), str_sl(&want));
	str_free(&want);
	str_free(&got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sl in = fuzz_sl(data, n);
	unsigned on = fuzz_switches(&in);
	struct reading r = { .in = in };

	r.conf = (struct rd_conf){
		.format = on & 1 ? FMT_JSON : FMT_NDJSON,
		.allow_no_newline = on & 2,
		.at = on & 4 ? "a.b" : NULL,
		.max_record = on & 16 && !(on & 5) ? 40 : 0,
		.skip_lines = on & 8 ? 1 : 0,
	};
	check_pieces(&r);
	/* a line end in a value is a line of the log of its own: told by what JSON escapes */
	if (on == 0 && r.code == 0 && !r.sealed && is_plain(in) &&
		!memmem(in.p, in.n, "\\n", 2) && !memmem(in.p, in.n, "\\u000", 5))
		check_lines(&r);
	if (r.code == 0 && !r.bad && r.cols) {
		check_there_and_back(&r, FMT_NDJSON, on & 32, !r.sealed && !(on & 33));
		if (!r.nameless)
			check_there_and_back(&r, FMT_CSV, true, false);
	}
	reading_free(&r);
	return 0;
}
