/* CSV in: one test per trap of the format, and of libcsv. */
#include "render.h"

static const struct render_case cases[] = {
	{ "an empty input", SL_INIT(""), "end\n" },
	{ "a header alone", SL_INIT("a,b\n"), "cols \"a\" \"b\"\nend\n" },
	{ "values pass as they are",
		SL_INIT("a,b\n007,1e5\n9007199254740993,-9223372036854775808\n"),
		"cols \"a\" \"b\"\nrow 1:2 \"007\" \"1e5\"\n"
		"row 2:3 \"9007199254740993\" \"-9223372036854775808\"\nend\n" },
	{ "blanks are data", SL_INIT("a,b\n x , \t\n\" y \",  \"z\"\n"),
		"cols \"a\" \"b\"\nrow 1:2 \" x \" \" \\t\"\n"
		"bad 2:3:9 a quote inside an unquoted field or text behind a closing "
		"quote\nend\n" },
	{ "blanks around names are names", SL_INIT(" a ,b\n1,2\n"),
		"cols \" a \" \"b\"\nrow 1:2 \"1\" \"2\"\nend\n" },
	{ "NULL is not the empty string", SL_INIT("a,b,c\n,\"\",x\n\"\",,\n"),
		"cols \"a\" \"b\" \"c\"\nrow 1:2 NULL \"\" \"x\"\nrow 2:3 \"\" NULL NULL\nend\n" },
	{ "a blank line is a NULL in one column", SL_INIT("a\n\nx\n\n\"\"\n"),
		"cols \"a\"\nrow 1:2 NULL\nrow 2:3 \"x\"\nrow 3:4 NULL\nrow 4:5 \"\"\nend\n" },
	{ "a blank line is no record of two columns", SL_INIT("a,b\n\n1,2\n"),
		"cols \"a\" \"b\"\nrow 1:3 \"1\" \"2\"\nend\n" },
	{ "CR LF ends lines", SL_INIT("a,b\r\n1,\r\n\"2\",\"3\"\r\n,\"\"\r\n"),
		"cols \"a\" \"b\"\nrow 1:2 \"1\" NULL\nrow 2:3 \"2\" \"3\"\nrow 3:4 NULL "
		"\"\"\nend\n" },
	{ "a blank line of CR LF is one NULL", SL_INIT("a\r\n\r\n\"\"\r\n"),
		"cols \"a\"\nrow 1:2 NULL\nrow 2:3 \"\"\nend\n" },
	{ "a CR alone ends no line", SL_INIT("a,b\n1,2\r3,4\n5,6\n"),
		"cols \"a\" \"b\"\nbad 1:2:4 carriage return inside a record\nrow 2:3 \"5\" "
		"\"6\"\nend\n" },
	{ "nor behind a quote", SL_INIT("a,b\n1,\"2\"\r3,4\n5,6\n"),
		"cols \"a\" \"b\"\nbad 1:2:1 carriage return inside a record\nrow 2:3 \"5\" "
		"\"6\"\nend\n" },
	{ "a quoted CR is data", SL_INIT("a,b\n\"1\r2\",\"\r\n\"\n"),
		"cols \"a\" \"b\"\nrow 1:2 \"1\\r2\" \"\\r\\n\"\nend\n" },
	{ "a byte order mark is dropped",
		SL_INIT("\xef\xbb\xbf"
			"a,b\n1,2\n"),
		"cols \"a\" \"b\"\nrow 1:2 \"1\" \"2\"\nend\n" },
	{ "a byte order mark alone is empty", SL_INIT("\xef\xbb\xbf"), "end\n" },
	{ "quotes, commas and line ends in quotes",
		SL_INIT("a,b\n\"say \"\"x\"\"\",\"1,2\n3\"\n4,5\n\"\n\n\",\"\"\"\"\n6,7\n"),
		"cols \"a\" \"b\"\nrow 1:2 \"say \\\"x\\\"\" \"1,2\\n3\"\nrow 2:4 \"4\" \"5\"\n"
		"row 3:5 \"\\n\\n\" \"\\\"\"\nrow 4:8 \"6\" \"7\"\nend\n" },
	{ "quoted names", SL_INIT("\"a,b\",\"c\"\"d\",\"e\nf\"\n1,2,3\n"),
		"cols \"a,b\" \"c\\\"d\" \"e\\nf\"\nrow 1:3 \"1\" \"2\" \"3\"\nend\n" },
	{ "an unterminated quote is no end of file", SL_INIT("a,b\n1,2\n3,\"4\n5,6\n"),
		"cols \"a\" \"b\"\nrow 1:2 \"1\" \"2\"\nbad 2:3:10 unterminated quote\nend\n" },
	{ "a quote inside an unquoted field", SL_INIT("a,b\nx\"y,2\n3,4\n"),
		"cols \"a\" \"b\"\n"
		"bad 1:2:2 a quote inside an unquoted field or text behind a closing quote\n"
		"row 2:3 \"3\" \"4\"\nend\n" },
	{ "text behind a closing quote", SL_INIT("a,b\n\"x\"y,2\n3,4\n"),
		"cols \"a\" \"b\"\n"
		"bad 1:2:4 a quote inside an unquoted field or text behind a closing quote\n"
		"row 2:3 \"3\" \"4\"\nend\n" },
	{ "a last line without its end", SL_INIT("a,b\n1,2\n3,4"),
		"cols \"a\" \"b\"\nrow 1:2 \"1\" \"2\"\nbad 2:3:4 the last record has no line end "
		"(was the file cut? --allow-no-newline takes it)\nend\n" },
	{ "a quoted last line without its end", SL_INIT("a,b\n1,\"2\""),
		"cols \"a\" \"b\"\nbad 1:2:6 the last record has no line end "
		"(was the file cut? --allow-no-newline takes it)\nend\n" },
	{ "a header without its end", SL_INIT("a,b"),
		"ferry: error: x: header: the last line has no line end\nexit 65\n" },
	{ "wrong counts of fields", SL_INIT("a,b\n1\n1,2,3\n1,2,\n\"1\"\n\"1\",2,3\n1,2\n"),
		"cols \"a\" \"b\"\nbad 1:2:0 1 field where the header has 2\n"
		"bad 2:3:0 3 fields where the header has 2\nbad 3:4:0 3 fields where the header "
		"has 2\n"
		"bad 4:5:0 1 field where the header has 2\nbad 5:6:0 3 fields where the header has "
		"2\n"
		"row 6:7 \"1\" \"2\"\nend\n" },
	{ "a NUL byte", SL_INIT("a,b\n1,x\0y\n\"z\0\",2\n3,4\n"),
		"cols \"a\" \"b\"\nbad 1:2:4 NUL byte\nbad 2:3:3 NUL byte\nrow 3:4 \"3\" "
		"\"4\"\nend\n" },
	{ "what is not UTF-8, with its position",
		SL_INIT("a,b\n1,\xc3\xa9\n1,x\xff\n\"\xed\xa0\x80\",2\n\xc3,\n3,4\n"),
		"cols \"a\" \"b\"\nrow 1:2 \"1\" \"\xc3\xa9\"\nbad 2:3:4 not valid UTF-8\n"
		"bad 3:4:2 not valid UTF-8\nbad 4:5:1 not valid UTF-8\nrow 5:6 \"3\" "
		"\"4\"\nend\n" },
	{ "a name that is not UTF-8", SL_INIT("a,\xff\n"),
		"ferry: error: x: header: not valid UTF-8\nexit 65\n" },
	{ "a column without a name", SL_INIT("a,,c\n"),
		"ferry: error: x: header, column 2: a column has no name\nexit 65\n" },
	{ "a blank line before the header", SL_INIT("\na\n"), "cols \"a\"\nend\n" },
	{ "a name used twice", SL_INIT("a,b,a\n"),
		"ferry: error: x: header, column 3: a name is used twice\nexit 65\n" },
	{ "a seal's column that is not the last", SL_INIT("a,@seal,b\n1,2,3\n"),
		"ferry: error: x: header, column 2: only the last column can be named @seal\nexit "
		"65\n" },
	{ "a bad header", SL_INIT("a,\"b\n1,2\n"),
		"ferry: error: x: header: unterminated quote\nexit 65\n" },
	{ "the end mark of COPY is data", SL_INIT("a\nx\n\\.\ny\n"),
		"cols \"a\"\nrow 1:2 \"x\"\nrow 2:3 \"\\\\.\"\nrow 3:4 \"y\"\nend\n" },
	{ "a JSON array is not taken for a header", SL_INIT("[{\"a\":1}]\n"),
		"ferry: error: x: this looks like a JSON array\nexit 65\n" },
	{ "a seal in the rows of an unsealed stream",
		SL_INIT("a,b\n1,2\n,\"{\"\"v\"\":1,\"\"seal\"\":\"\"1\"\",\"\"rows\"\":1,"
			"\"\"bytes\"\":1,"
			"\"\"final\"\":1,\"\"crc\"\":\"\"00000000\"\"}\"\n"),
		"cols \"a\" \"b\"\nrow 1:2 \"1\" \"2\"\nferry: error: x: the sealed stream is "
		"damaged "
		"after record 1: a seal in a stream that does not begin as a sealed one\nexit "
		"76\n" },
	{ "JSON that only looks like a seal", SL_INIT("a\n\"{\"\"v\"\":1}\"\n"),
		"cols \"a\"\nrow 1:2 \"{\\\"v\\\":1}\"\nend\n" },
};

static void test_allow_no_newline(void)
{
	const struct rd_conf conf = { .allow_no_newline = true };

	check_render("--allow-no-newline", SL("a,b\n1,2"), &conf,
		"cols \"a\" \"b\"\nrow 1:2 \"1\" \"2\"\nend\n");
	check_render("--allow-no-newline and quotes", SL("a,b\n1,\"2\n\""), &conf,
		"cols \"a\" \"b\"\nrow 1:2 \"1\" \"2\\n\"\nend\n");
	check_render("--allow-no-newline and NULL", SL("a,b\n1,"), &conf,
		"cols \"a\" \"b\"\nrow 1:2 \"1\" NULL\nend\n");
	check_render("--allow-no-newline takes no open quote", SL("a,b\n1,\"2"), &conf,
		"cols \"a\" \"b\"\nbad 1:2:5 unterminated quote\nend\n");
	check_render(
		"--allow-no-newline and a header", SL("a,b"), &conf, "cols \"a\" \"b\"\nend\n");
}

static void test_forced_format(void)
{
	const struct rd_conf conf = { .format = FMT_CSV };

	check_render("a header that begins like JSON", SL("{a},[b]\n1,2\n"), &conf,
		"cols \"{a}\" \"[b]\"\nrow 1:2 \"1\" \"2\"\nend\n");
}

/* However much arrives at once: what is no record is bounded, too. */
static void test_max_line(void)
{
	const char *want = "ferry: error: x:1: a record is larger than 10 bytes\nexit 65\n";
	const struct rd_conf small = { .max_record = 10 },
			     skip = { .max_record = 10, .skip_lines = 1 },
			     comment = { .max_record = 10, .comment = "#" };

	check_render("a header over the limit", SL("0123456789,b\n1,2\n"), &small, want);
	check_render("a line skipped", SL("0123456789x\na,b\n1,2\n"), &skip, want);
	check_render("a comment", SL("#0123456789\na,b\n1,2\n"), &comment, want);
}

/* A quoted field of 3 MB against a limit of 1 MiB: refused, without reading all of it. */
static void test_max_record(void)
{
	const struct rd_conf small = { .max_record = 1 << 20 }, large = { .max_record = 8 << 20 };
	struct str s = { 0 }, got = { 0 };

	str_addz(&s, "a,b\n1,\"");
	memset(str_room(&s, 3000000), 'x', 3000000);
	s.n += 3000000;
	str_addz(&s, "\"\n");
	render(&got, str_sl(&s), 60000, &small);
	tap(strstr(str_z(&got), "a record is larger than 1048576 bytes") &&
			strstr(str_z(&got), "exit 65"),
		"a record over the limit is refused");
	str_clear(&got);
	render(&got, str_sl(&s), 60000, &large);
	tap(strstr(str_z(&got), "row 1:2 \"1\" \"xxx") && strstr(str_z(&got), "end\n"),
		"and taken below it");
	str_free(&s);
	str_free(&got);
}

/* Random records written plainly, and again with a quote in each, which sends them to libcsv. */
static void test_both_paths(void)
{
	static const char *const texts[] = { "", "x", "007", " y ", "\xc3\xa9", "a;b", "\\.",
		"{}" };
	struct str plain = { 0 }, quoted = { 0 }, one = { 0 }, two = { 0 };
	const struct rd_conf conf = { .format = FMT_CSV };
	char *p;

	str_addz(&plain, "q,a,b,c\n");
	str_addz(&quoted, "q,a,b,c\n");
	for (int i = 0; i < 5000; i++) {
		size_t at = plain.n + 1;

		str_addz(&plain, "q");
		for (int j = 0; j < 3; j++)
			str_addf(&plain, ",%s", texts[tap_random() % ARRAY_LEN(texts)]);
		str_addz(&plain, tap_random() % 4 ? "\n" : "\r\n");
		str_addf(&quoted, "\"q\"%s", plain.p + at);
	}
	render(&one, str_sl(&plain), 4099, &conf);
	render(&two, str_sl(&quoted), 4099, &conf);
	p = strstr(str_z(&one), "row 5000:5001");
	tap(p && sl_eq(str_sl(&one), str_sl(&two)),
		"5000 records are the same with and without quotes");
	str_free(&plain);
	str_free(&quoted);
	str_free(&one);
	str_free(&two);
}

int main(void)
{
	const struct rd_conf conf = { 0 };

	check_cases(cases, ARRAY_LEN(cases), &conf);
	test_allow_no_newline();
	test_forced_format();
	test_max_line();
	test_max_record();
	test_both_paths();
	return tap_done();
}
