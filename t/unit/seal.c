/* Sealed streams: what was written is read, and nothing else is. */
#include "render.h"
#include "stream.h"

static const enum format formats[] = { FMT_CSV, FMT_NDJSON };
static const char *const format_name[] = { "auto", "CSV", "NDJSON" };

static struct str stream_of(enum format format)
{
	const struct wr_conf conf = { .format = format, .sealed = true };

	return written_by(three_chunks, &conf);
}

static void test_round_trip(void)
{
	const struct rd_conf conf = { 0 };
	struct str csv = stream_of(FMT_CSV), json = stream_of(FMT_NDJSON);

	check_render("sealed CSV", str_sl(&csv), &conf,
		"cols \"k\" \"a\" \"b,c\"\nrow 1:2 \"1\" \"x\" NULL\n"
		"row 2:3 \"2\" \"\" \"say \\\"y\\\",\\nthen z\"\nseal \"one\" rows 2\n"
		"seal \"two\" rows 0\ncols \"k\" \"a\" \"b,c\" \"new\"\n"
		"row 3:8 \"3\" NULL \"\xc3\xa9\" NULL\nseal \"three \\\"3\\\"\" rows 1 final\nend "
		"sealed\n");
	check_render("sealed NDJSON", str_sl(&json), &conf,
		"cols \"k\" \"a\" \"b,c\"\nrow 1:2 \"1\" \"x\" NULL\n"
		"row 2:3 \"2\" \"\" \"say \\\"y\\\",\\nthen z\"\nseal \"one\" rows 2\n"
		"seal \"two\" rows 0\nrow 3:6 \"3\" NULL \"\xc3\xa9\"\n"
		"seal \"three \\\"3\\\"\" rows 1 final\nend sealed\n");
	str_free(&csv);
	str_free(&json);
}

static void nothing(struct wr *w)
{
	wr_seal(w, &(struct seal){ .chunk = SL("c"), .src = SL(""), .final = true });
	wr_close(w);
}

static void test_empty(void)
{
	const struct rd_conf conf = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		const struct wr_conf wc = { .format = formats[i], .sealed = true };
		struct str s = written_by(nothing, &wc);

		check_render(format_name[formats[i]], str_sl(&s), &conf,
			"seal \"c\" rows 0 final\nend sealed\n");
		str_free(&s);
	}
}

/* Does reading it end with this code, without ever having said that it ended well? */
static void must_fail(const char *what, enum format format, struct sl text, int code)
{
	const struct rd_conf conf = { 0 };
	struct str got = { 0 };
	char want[20];

	(void)snprintf(want, sizeof want, "exit %d\n", code);
	render(&got, text, 60000, &conf);
	if (!tap(strstr(str_z(&got), want) && !strstr(str_z(&got), "\nend"), "%s: %s is refused",
		    format_name[format], what))
		printf("--- got\n%s---\n", str_z(&got));
	str_free(&got);
}

/* Start of line n (from 0) of a text. */
static size_t line_at(const struct str *s, size_t n)
{
	size_t at = 0;

	while (n-- > 0)
		at = (size_t)(strchr(s->p + at, '\n') - s->p) + 1;
	return at;
}

/* A copy with lines [from, to) taken out and put in again before line `to2` (SIZE_MAX: not). */
static struct str moved(const struct str *s, size_t from, size_t to, size_t to2, bool keep)
{
	size_t a = line_at(s, from), b = line_at(s, to);
	struct str r = { 0 };

	for (size_t i = 0, line = 0; i <= s->n; line++) {
		size_t next = i < s->n ? line_at(s, line + 1) : s->n + 1;

		if (line == to2)
			str_add(&r, (struct sl){ s->p + a, b - a });
		if (i < s->n && (keep || line < from || line >= to))
			str_add(&r, (struct sl){ s->p + i, next - i });
		i = next;
	}
	return r;
}

/* Two chunks that say at their beginning which they are, before the columns and behind a seal. */
static void two_named(struct wr *w)
{
	static const struct sl cols[] = { SL_INIT("k"), SL_INIT("a"), SL_INIT("b") };
	struct seal seal = { .chunk = SL("one"), .src = SL("") };

	wr_begin(w, SL("{\"job\":7,\"x\":\",\"}"));
	wr_cols(w, cols, 3);
	put_row(w, "1", "x", NULL);
	wr_seal(w, &seal);
	wr_begin(w, SL("{\"job\":8}"));
	put_row(w, "2", "y", NULL);
	seal.final = true;
	wr_seal(w, &seal);
	wr_close(w);
}

static void test_begin(enum format format)
{
	static const char cols[] = "cols \"k\" \"a\" \"b\"\n",
			  begin[] = "begin {\"job\":7,\"x\":\",\"}\n",
			  rest[] = "row 1:3 \"1\" \"x\" NULL\nseal \"one\" rows 1\n"
				   "begin {\"job\":8}\nrow 2:6 \"2\" \"y\" NULL\n"
				   "seal \"one\" rows 1 final\nend sealed\n";
	const struct wr_conf sealed = { .format = format, .sealed = true };
	const struct wr_conf bare = { .format = format };
	const struct rd_conf conf = { 0 };
	struct str s = written_by(two_named, &sealed), r, plain = written_by(two_named, &bare);
	struct str want = { 0 };

	str_addf(&want, "%s%s%s", format == FMT_CSV ? cols : begin,
		format == FMT_CSV ? begin : cols, rest);
	check_render(format_name[format], str_sl(&s), &conf, str_z(&want));
	r = moved(&s, 1, 2, 2, true);
	must_fail("a chunk that begins twice", format, str_sl(&r), 76);
	str_free(&r);
	r = moved(&s, 1, 2, 3, false);
	must_fail("a beginning behind a row", format, str_sl(&r), 76);
	str_free(&r);
	tap(!strstr(str_z(&plain), "job"), "%s: no beginning without a seal", format_name[format]);
	str_free(&plain);
	str_free(&want);
	str_free(&s);
}

static void test_lines(enum format format)
{
	struct str s = stream_of(format), r;
	size_t seal1 = format == FMT_CSV ? 4 : 3; /* a quoted line end makes one line more */

	r = moved(&s, seal1, seal1 + 1, SIZE_MAX, false);
	must_fail("a removed seal", format, str_sl(&r), 76);
	str_free(&r);
	r = moved(&s, seal1, seal1 + 1, seal1 + 1, true);
	must_fail("a seal that stands twice", format, str_sl(&r), 76);
	str_free(&r);
	r = moved(&s, seal1, seal1 + 1, 2, false);
	must_fail("a seal moved up", format, str_sl(&r), 76);
	str_free(&r);
	r = moved(&s, seal1, seal1 + 1, seal1 + 2, false);
	must_fail("two seals in each other's place", format, str_sl(&r), 76);
	str_free(&r);
	r = moved(&s, 1, 2, SIZE_MAX, false);
	must_fail("a removed row", format, str_sl(&r), 76);
	str_free(&r);
	r = moved(&s, 1, 2, 1, true);
	must_fail("a row that stands twice", format, str_sl(&r), 76);
	str_free(&r);
	r = moved(&s, 1, 2, format == FMT_CSV ? 4 : 3, false);
	must_fail("rows in another order", format, str_sl(&r), 76);
	str_free(&r);
	r = moved(&s, 0, 1, SIZE_MAX, false);
	must_fail("a removed first line", format, str_sl(&r), format == FMT_CSV ? 65 : 76);
	str_free(&r);
	str_free(&s);
}

/* Replaces the first `old` behind offset `from`. */
static struct str edited(const struct str *s, size_t from, const char *old, const char *new)
{
	const char *at = strstr(s->p + from, old);
	struct str r = { 0 };

	str_add(&r, (struct sl){ s->p, (size_t)(at - s->p) });
	str_addz(&r, new);
	str_addz(&r, at + strlen(old));
	return r;
}

static void test_edits(enum format format)
{
	static const char *const csv[][3] = {
		{ "an unknown version", "\"\"v\"\":1", "\"\"v\"\":2" },
		{ "another chunk name", "\"\"one\"\"", "\"\"two\"\"" },
		{ "another count of rows", "\"\"rows\"\":2", "\"\"rows\"\":3" },
		{ "another fact of the source", "\"\"digest\"\":\"\"00", "\"\"digest\"\":\"\"01" },
		{ "a removed fact", "\"\"src\"\":{\"\"rows\"\":2,\"\"digest\"\":\"\"00\"\"},", "" },
		{ "a seal made final", "}\"\n,,,\"", ",\"\"final\"\":1}\"\n,,,\"" },
		{ "a final seal made another", ",\"\"final\"\":1", "" },
		{ "a removed checksum", ",\"\"crc\"\":", ",\"\"xrc\"\":" },
		{ "a blank in a seal", "\"\"rows\"\":2", "\"\"rows\"\": 2" },
		{ "an unknown control record", "\"\"seal\"\":\"\"one", "\"\"leas\"\":\"\"one" },
		{ "a changed value", "1,x", "1,y" },
		{ "NULL made empty", "1,x,,", "1,x,\"\"," },
		{ "a changed line end", "1,x,,\n", "1,x,,\r\n" },
		{ "other columns", "\"\"new\"\"", "\"\"old\"\"" },
		{ "fewer columns", "[\"\"k\"\",\"\"a\"\",", "[\"\"k\"\"," },
	};
	static const char *const json[][3] = {
		{ "an unknown version", "{\"v\":1,\"seal\"", "{\"v\":2,\"seal\"" },
		{ "an unknown version at the beginning", "{\"v\":1", "{\"v\":7" },
		{ "another chunk name", "\"one\"", "\"two\"" },
		{ "another count of rows", "\"rows\":2", "\"rows\":3" },
		{ "another fact of the source", "\"digest\":\"00", "\"digest\":\"01" },
		{ "a final seal made another", ",\"final\":1", "" },
		{ "a removed checksum", ",\"crc\":", ",\"xrc\":" },
		{ "a changed value", "\"x\"", "\"y\"" },
		{ "a number for a text", "\"1\"", "1" },
		{ "a blank between members", "\"k\":\"1\",", "\"k\":\"1\", " },
	};
	size_t n = format == FMT_CSV ? ARRAY_LEN(csv) : ARRAY_LEN(json);
	struct str s = stream_of(format);

	for (size_t i = 0; i < n; i++) {
		const char *const *e = format == FMT_CSV ? csv[i] : json[i];
		struct str r = edited(&s, 0, e[1], e[2]);

		must_fail(e[0], format, str_sl(&r), 76);
		str_free(&r);
	}
	str_free(&s);
}

static void test_glued(enum format format)
{
	struct str s = stream_of(format), r = { 0 };

	str_add(&r, str_sl(&s));
	str_add(&r, str_sl(&s));
	must_fail("one stream behind another", format, str_sl(&r), 76);
	str_clear(&r);
	str_add(&r, (struct sl){ s.p, line_at(&s, format == FMT_CSV ? 5 : 4) });
	str_add(&r, str_sl(&s));
	must_fail("a stream behind a part of another", format, str_sl(&r), 76);
	str_clear(&r);
	str_add(&r, str_sl(&s));
	str_addc(&r, '\n');
	must_fail("a blank line behind the final seal", format, str_sl(&r), 76);
	str_free(&r);
	str_free(&s);
}

static void aborted(struct wr *w)
{
	static const struct sl cols[] = { SL_INIT("k"), SL_INIT("a"), SL_INIT("b") };

	wr_cols(w, cols, 3);
	put_row(w, "1", "x", NULL);
	(void)fflush(stdout);
	if (fork() == 0) {
		msg_init("pg-narrow-dump");
		(void)dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		die(EX_TEMP, "server closed the connection: \"%s\"", "reset");
	}
	(void)wait(NULL);
}

static void test_abort(enum format format)
{
	const struct wr_conf wc = { .format = format, .sealed = true };
	const struct rd_conf conf = { 0 };
	struct str s = written_by(aborted, &wc);

	check_render("the reason why a program upstream died", str_sl(&s), &conf,
		format == FMT_CSV ? "cols \"k\" \"a\" \"b\"\nrow 1:2 \"1\" \"x\" NULL\nferry: "
				    "error: upstream "
				    "failed: pg-narrow-dump: server closed the connection: "
				    "\"reset\"\nexit 75\n"
				  : "cols \"k\" \"a\" \"b\"\nrow 1:2 \"1\" \"x\" NULL\nferry: "
				    "error: upstream "
				    "failed: pg-narrow-dump: server closed the connection: "
				    "\"reset\"\nexit 75\n");
	str_free(&s);
}

/* It fails while it is about to announce columns, of which the reader does not know. */
static void aborted_at_columns(struct wr *w)
{
	static const struct sl cols[] = { SL_INIT("k"), SL_INIT("a"), SL_INIT("b"), SL_INIT("c"),
		SL_INIT("a") };

	wr_cols(w, cols, 3);
	(void)fflush(stdout);
	if (fork() == 0) {
		msg_init("pivot-wide");
		(void)dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		wr_cols(w, cols, 5);
	}
	(void)wait(NULL);
}

static void test_abort_at_columns(void)
{
	const struct wr_conf wc = { .format = FMT_CSV, .sealed = true };
	const struct rd_conf conf = { 0 };
	struct str s = written_by(aborted_at_columns, &wc);

	check_render("an abort is as wide as the header", str_sl(&s), &conf,
		"cols \"k\" \"a\" \"b\"\nferry: error: upstream failed: pivot-wide: two columns of "
		"the output are named \"a\"\nexit 65\n");
	str_free(&s);
}

static void test_control_texts(void)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"1",
		"{\"v\":1}",
		"{\"v\":2,\"open\":1}",
		"{\"v\":\"1\",\"open\":1}",
		"{\"v\":1,\"seal\":1}",
		"{\"v\":1,\"seal\":\"c\",\"rows\":1,\"bytes\":1}",
		"{\"v\":1,\"seal\":\"c\",\"rows\":-1,\"bytes\":1,\"crc\":\"00000000\"}",
		"{\"v\":1,\"seal\":\"c\",\"rows\":1,\"bytes\":1,\"crc\":\"0000000G\"}",
		"{\"v\":1,\"seal\":\"c\",\"rows\":1,\"bytes\":1,\"crc\":\"0000000A\"}",
		"{\"v\":1,\"seal\":\"c\",\"rows\":1,\"bytes\":1,\"crc\":\"000\"}",
		"{\"v\":1,\"seal\":\"c\",\"rows\":1,\"bytes\":1,\"src\":1,\"crc\":\"00000000\"}",
		"{\"v\":1,\"seal\":\"c\",\"rows\":1,\"bytes\":1,\"final\":2,\"crc\":\"00000000\"}",
		"{\"v\":1,\"seal\":\"c\",\"rows\":1,\"bytes\":1,\"drop\":{},\"crc\":\"00000000\"}",
		"{\"v\":1,\"begin\":1}",
		"{\"v\":1,\"cols\":1}",
		"{\"v\":1,\"cols\":[1]}",
		"{\"v\":1,\"cols\":[\"\"]}",
		"{\"v\":1,\"abort\":75}",
		"{\"v\":1,\"open\":1}x",
	};
	struct arena arena = { 0 };
	struct control c;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		tap(control_parse(&arena, sl_of(bad[i]), &c) != NULL, "%s is no control record",
			msg_q(sl_of(bad[i])));
	tap(!control_parse(&arena,
		    SL("{\"v\":1,\"seal\":\"c\",\"rows\":1,\"bytes\":2,\"later\":[],"
		       "\"drop\":{\"cells\":3,\"digest\":\"00000000000000ff\"},"
		       "\"crc\":\"0a1b2c3d\"}"),
		    &c) &&
			c.kind == CONTROL_SEAL && c.seal.bytes == 2 && c.seal.drop_cells == 3 &&
			c.seal.drop_sum == 255 && c.seal.crc == 0x0a1b2c3d && !c.seal.final,
		"a seal is read, members of later versions are ignored");
	arena_free(&arena);
}

int main(void)
{
	test_round_trip();
	test_empty();
	test_abort_at_columns();
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		test_lines(formats[i]);
		test_edits(formats[i]);
		test_glued(formats[i]);
		test_abort(formats[i]);
		test_begin(formats[i]);
	}
	test_control_texts();
	return tap_done();
}
