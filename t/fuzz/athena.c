/*
 * Results of Athena: the same rows whatever the pieces. A CSV result that is taken is, written
 * again as Athena writes, the same bytes; and JSON lines are what the parser of whole texts sees
 * (of texts without controls and in UTF-8: Athena writes no others).
 */
#include "core/utf8.h"
#include "fs/fs_rows.h"
#include "fuzz.h"
#include "stream/json.h"
#include "stream/z.h"

static void put_csv(void *ctx, const struct field *f, size_t n)
{
	struct str *s = ctx;

	for (size_t i = 0; i < n; i++) {
		str_addz(s, i ? "," : "");
		if (field_is_null(&f[i]))
			continue;
		str_addc(s, '"');
		for (size_t k = 0; k < f[i].n; k++) {
			str_addc(s, f[i].p[k]);
			if (f[i].p[k] == '"')
				str_addc(s, '"');
		}
		str_addc(s, '"');
	}
	str_addc(s, '\n');
}

static void put_json(void *ctx, const struct field *f, size_t n)
{
	struct str *s = ctx;

	for (size_t i = 0; i < n; i++) {
		str_addf(s, "%d", field_is_null(&f[i]) ? F_NULL : f[i].kind);
		str_add(s, field_sl(&f[i]));
		str_addc(s, '\x1f');
	}
	str_addc(s, '\n');
}

static struct sl piece_at(struct sl s, size_t at, size_t step)
{
	return (struct sl){ s.p + at, s.n - at < step ? s.n - at : step };
}

static bool read_csv(struct sl in, size_t step, struct str *rows)
{
	struct fs_csv c = { .row = put_csv, .ctx = rows };
	bool good = true;

	for (size_t at = 0; at < in.n && good; at += step)
		good = fs_csv_take(&c, piece_at(in, at, step));
	good = good && fs_csv_end(&c);
	CHECK(good == !c.why, "%s", c.why ? c.why : "no reason");
	fs_csv_free(&c);
	return good;
}

static void zip(struct sl text, struct str *out)
{
	struct z_deflate *z = z_deflate_new(Z_GZIP, 1);
	size_t n;

	while ((n = z_deflate_some(z, &text, str_room(out, 4096), 4096, Z_END)) > 0)
		out->n += n;
	z_deflate_free(z);
}

static bool read_json(struct sl in, size_t step, struct str *rows)
{
	struct arena arena = { 0 };
	const struct fs_json_column cols[] = { fs_json_column(&arena, SL("id")),
		fs_json_column(&arena, SL("Text")) };
	struct fs_json j;
	bool good = true;

	fs_json_init(&j, cols, ARRAY_LEN(cols), put_json, rows);
	for (size_t at = 0; at < in.n && good; at += step)
		good = fs_json_take(&j, piece_at(in, at, step));
	good = good && fs_json_end(&j);
	CHECK(good == !j.why, "%s", j.why ? j.why : "no reason");
	fs_json_free(&j);
	arena_free(&arena);
	return good;
}

static void put_member(struct str *out, const struct json *o, const char *name)
{
	static const enum field_kind kinds[] = { F_NULL, F_BOOL, F_BOOL, F_NUM, F_STR, F_JSON,
		F_JSON };
	const struct json *m = json_get(o, name);

	str_addf(out, "%d", m ? kinds[m->kind] : F_NULL);
	if (m && (m->kind == J_TRUE || m->kind == J_FALSE))
		str_addz(out, m->kind == J_TRUE ? "true" : "false");
	else if (m && m->kind > J_FALSE)
		str_add(out, m->kind == J_NUM || m->kind == J_STR ? m->text : m->raw);
	str_addc(out, '\x1f');
}

/* Line by line, by the parser of whole texts; false as soon as one is not as asked for. */
static bool plain_json(struct sl in, struct str *rows)
{
	const char *nl = NULL, *end = in.p + in.n;

	for (const char *p = in.p; p < end; p = nl + 1) {
		struct arena arena = { 0 };
		struct json *o;
		const char *why;
		size_t at;
		bool good;

		nl = memchr(p, '\n', (size_t)(end - p));
		if (!nl)
			return false;
		o = json_parse(&arena, (struct sl){ p, (size_t)(nl - p) }, &why, &at);
		good = o && o->kind == J_OBJ &&
		       o->n == (size_t)!!json_get(o, "id") + !!json_get(o, "text");
		if (good) {
			put_member(rows, o, "id");
			put_member(rows, o, "text");
			str_addc(rows, '\n');
		}
		arena_free(&arena);
		if (!good)
			return false;
	}
	return true;
}

static bool is_text(struct sl s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' && s.p[i] != '\n')
			return false;
	return utf8_valid_to(s.p, s.n) == s.n;
}

const unsigned fuzz_times = 10;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const size_t steps[] = { 65536, 17, 1 };
	struct sl in = fuzz_sl(data, n);
	bool json = fuzz_switches(&in) & 1, good;
	struct str want = { 0 }, zipped = { 0 };

	if (json) {
		zip(in, &zipped);
		good = is_text(in) ? plain_json(in, &want)
				   : read_json(str_sl(&zipped), 1000, &want);
	} else {
		good = read_csv(in, 65536, &want);
		if (good)
			CHECK_SAME(str_sl(&want), in);
	}
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct str rows = { 0 };

		CHECK(good == (json ? read_json(str_sl(&zipped), steps[i], &rows)
				    : read_csv(in, steps[i], &rows)),
			"in pieces of %d: %d", (int)steps[i], !good);
		if (good)
			CHECK_SAME(str_sl(&rows), str_sl(&want));
		str_free(&rows);
	}
	str_free(&want);
	str_free(&zipped);
	return 0;
}
