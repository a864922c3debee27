/* Results of Athena, in pieces of every size, cut at every byte, and with every byte changed. */
#include "fs/fs_rows.h"
#include "stream/z.h"

#include "tap.h"

static const char csv[] = "\"id\",\"Text\"\n"
			  "\"1\",\"plain\"\n"
			  "\"2\",\n"
			  "\"3\",\"\"\n"
			  ",\"a,\"\"b\"\"\nc \xc3\xa9\"\n"
			  ",\n";
static const char csv_rows[] = "id|Text/1|plain/2|~/3|/~|a,\"b\"\nc \xc3\xa9/~|~/";

static const char json[] = "{\"id\":1,\"text\":\"plain\"}\n"
			   "{\"id\":-1.5E9,\"text\":null}\n"
			   "{\"id\":null,\"text\":\"\"}\n"
			   "{\"id\":3,\"text\":\"a\\\"b\\n\\u00e9\"}\n"
			   "{ \"text\" : \"x\", \"id\" : 4 }\n"
			   "{\"id\":true,\"text\":[1,2]}\n";
static const char json_rows[] = "1|plain/-1.5E9|~/~|/3|a\"b\n\xc3\xa9/4|x/true|[1,2]/";

static void add_row(void *ctx, const struct field *f, size_t n)
{
	struct str *s = ctx;

	for (size_t i = 0; i < n; i++) {
		str_addz(s, i ? "|" : "");
		if (field_is_null(&f[i]))
			str_addc(s, '~');
		else
			str_add(s, field_sl(&f[i]));
	}
	str_addc(s, '/');
}

/* The rows of a CSV result that comes in pieces; empty when it was refused. */
static bool read_csv(struct sl text, size_t piece, struct str *rows)
{
	struct fs_csv c = { .row = add_row, .ctx = rows };
	bool good = true;

	str_clear(rows);
	for (size_t at = 0; at < text.n && good; at += piece) {
		/* each piece in memory of its own, so that a read beyond it is found */
		struct sl s = { text.p + at, text.n - at < piece ? text.n - at : piece };
		char *copy = mem_sldup(s);

		good = fs_csv_take(&c, (struct sl){ copy, s.n });
		mem_free(copy);
	}
	good = good && fs_csv_end(&c);
	fs_csv_free(&c);
	return good;
}

static const struct fs_json_column columns[] = { { SL_INIT("\"id\":"), SL_INIT("id") },
	{ SL_INIT("\"text\":"), SL_INIT("text") } };

static bool read_json(struct sl zipped, size_t piece, struct str *rows)
{
	struct fs_json j;
	bool good = true;

	str_clear(rows);
	fs_json_init(&j, columns, ARRAY_LEN(columns), add_row, rows);
	for (size_t at = 0; at < zipped.n && good; at += piece)
		good = fs_json_take(&j, (struct sl){ zipped.p + at,
						zipped.n - at < piece ? zipped.n - at : piece });
	good = good && fs_json_end(&j);
	fs_json_free(&j);
	return good;
}

static void zip(struct sl text, struct str *out)
{
	struct z_deflate *z = z_deflate_new(Z_GZIP, 6);
	char buf[4096];
	size_t n;

	while ((n = z_deflate_some(z, &text, buf, sizeof buf, Z_END)) > 0)
		str_add(out, (struct sl){ buf, n });
	z_deflate_free(z);
}

static void test_csv(void)
{
	struct str rows = { 0 };
	struct sl text = { csv, sizeof csv - 1 };
	size_t wrong = 0;

	for (size_t piece = 1; piece <= text.n; piece++)
		wrong += !read_csv(text, piece, &rows) || !sl_eq(str_sl(&rows), sl_of(csv_rows));
	tap(wrong == 0, "a CSV result in pieces of every size");
	for (size_t n = wrong = 0; n < text.n; n++) {
		size_t quotes = 0;

		for (size_t i = 0; i < n; i++)
			quotes += text.p[i] == '"';
		/* behind a row only the number of rows, which Athena tells, says that it was cut */
		if (read_csv((struct sl){ text.p, n }, 7, &rows))
			wrong += n == 0 || text.p[n - 1] != '\n' || quotes % 2;
	}
	tap(wrong == 0, "a CSV result that is cut inside of a row is refused");
	tap(!read_csv(SL("\"a\"\nplain\n"), 99, &rows), "a value without quotes is refused");
	tap(!read_csv(SL("\"a\"\n\"1\",\"2\"\n"), 99, &rows), "a row that is too wide is refused");
	tap(!read_csv(SL(""), 99, &rows), "an empty result is refused");
	tap(read_csv(SL("\"a\"\n\n\"\"\n"), 1, &rows) && sl_eq(str_sl(&rows), SL("a/~//")),
		"NULL and the empty string of a single column");
	str_free(&rows);
}

static void test_json(void)
{
	struct str rows = { 0 }, zipped = { 0 };
	struct sl text = { json, sizeof json - 1 };
	size_t wrong = 0;

	zip(text, &zipped);
	for (size_t piece = 1; piece <= zipped.n; piece++)
		wrong += !read_json(str_sl(&zipped), piece, &rows) ||
			 !sl_eq(str_sl(&rows), sl_of(json_rows));
	tap(wrong == 0, "a part in pieces of every size");
	for (size_t n = wrong = 0; n < zipped.n; n++)
		wrong += read_json((struct sl){ zipped.p, n }, 13, &rows);
	tap(wrong == 0, "a part that is cut anywhere is refused");
	for (size_t bit = wrong = 0; bit < zipped.n * 8; bit++) {
		zipped.p[bit / 8] = (char)(zipped.p[bit / 8] ^ 1 << bit % 8);
		/* flags and time in gzip's head may change without harm to the data */
		wrong += read_json(str_sl(&zipped), 64, &rows) &&
			 !sl_eq(str_sl(&rows), sl_of(json_rows));
		zipped.p[bit / 8] = (char)(zipped.p[bit / 8] ^ 1 << bit % 8);
	}
	tap(wrong == 0, "no flipped bit gives other rows");
	str_free(&rows);
	str_free(&zipped);
}

static void test_bad_json(void)
{
	static const char *const bad[] = { "{\"id\":1,\"text\":\"x\"", "{\"id\":1,\"text\":x}\n",
		"{\"id\":1,\"text\":\"x\",\"more\":1}\n", "[1]\n", "{\"id\":1,\"text\":\"x\"}}\n",
		"{\"id\":01,\"text\":\"x\"}\n", "\n" };
	struct str rows = { 0 }, zipped = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		str_clear(&zipped);
		zip(sl_of(bad[i]), &zipped);
		tap(!read_json(str_sl(&zipped), 99, &rows), "refuses %s", msg_q(sl_of(bad[i])));
	}
	str_clear(&zipped);
	zip(SL("{\"id\":1}\n"), &zipped);
	tap(read_json(str_sl(&zipped), 99, &rows) && sl_eq(str_sl(&rows), SL("1|~/")),
		"a member that is not there is NULL");
	str_free(&rows);
	str_free(&zipped);
}

int main(void)
{
	test_csv();
	test_json();
	test_bad_json();
	return tap_done();
}
