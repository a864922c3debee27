/* NDJSON and JSON arrays in: one test per trap. */
#include "render.h"

static const struct render_case lines[] = {
	{ "kinds and texts of values",
		SL_INIT("{\"s\":\"x\",\"n\":1.50,\"t\":true,\"f\":false,\"z\":null,\"e\":\"\"}\n"),
		"cols \"s\" \"n\" \"t\" \"f\" \"z\" \"e\"\nrow 1:1 \"x\" #1.50 !true !false NULL "
		"\"\"\nend\n" },
	{ "numbers no double can hold",
		SL_INIT("{\"a\":9007199254740993,\"b\":-9223372036854775808,\"c\":1e-400,\"d\":-0}"
			"\n"),
		"cols \"a\" \"b\" \"c\" \"d\"\n"
		"row 1:1 #9007199254740993 #-9223372036854775808 #1e-400 #-0\nend\n" },
	{ "columns grow, absent is not NULL",
		SL_INIT("{\"a\":1}\n{\"b\":2}\n{\"b\":null,\"a\":3}\n{}\n"),
		"cols \"a\"\nrow 1:1 #1\ncols \"a\" \"b\"\nrow 2:2 - #2\nrow 3:3 #3 NULL\nrow 4:4 "
		"- -\nend\n" },
	{ "an empty object first", SL_INIT("{}\n{\"a\":1}\n"),
		"cols\nrow 1:1\ncols \"a\"\nrow 2:2 #1\nend\n" },
	{ "nested values keep their text", SL_INIT("{\"a\": [1, {\"b\": \"\\u00e9\"}],\"c\":{}}\n"),
		"cols \"a\" \"c\"\nrow 1:1 ~[1, {\"b\": \"\\u00e9\"}] ~{}\nend\n" },
	{ "escapes are decoded", SL_INIT("{\"a\":\"\\n\\\"\\u00e9\\ud83d\\udc41\"}\n"),
		"cols \"a\"\nrow 1:1 \"\\n\\\"\xc3\xa9\xf0\x9f\x91\x81\"\nend\n" },
	{ "blank lines, CR LF and a byte order mark",
		SL_INIT("\xef\xbb\xbf\r\n{\"a\":1}\r\n\n \t\n{\"a\":2}\r\n"),
		"cols \"a\"\nrow 1:2 #1\nrow 2:5 #2\nend\n" },
	{ "nothing but blank lines", SL_INIT("\n\n"), "end\n" },
	{ "what is no object", SL_INIT("{\"a\":1}\n[1]\n1\n\"x\"\nnull\n{\"a\":2}\n"),
		"cols \"a\"\nrow 1:1 #1\nbad 2:2:1 not a JSON object\nbad 3:3:1 not a JSON object\n"
		"bad 4:4:1 not a JSON object\nbad 5:5:1 not a JSON object\nrow 6:6 #2\nend\n" },
	{ "malformed lines", SL_INIT("{\"a\":1}\n{\"a\":}\n{\"a\":1} x\n{\"a\":2}\n"),
		"cols \"a\"\nrow 1:1 #1\nbad 2:2:7 unallowed token at this point in JSON text\n"
		"bad 3:3:10 trailing garbage\nrow 4:4 #2\nend\n" },
	{ "a repeated key", SL_INIT("{\"a\":1,\"a\":2}\n"), "bad 1:1:1 a key is repeated\nend\n" },
	{ "lone surrogates and U+0000",
		SL_INIT("{\"a\":\"\\ud83d x\"}\n{\"a\":\"\\u0000\"}\n{\"a\":\"\\udc00\"}\n"),
		"bad 1:1:7 high surrogate without a low one behind it\nbad 2:2:7 U+0000 in a "
		"string\n"
		"bad 3:3:7 low surrogate without a high one before it\nend\n" },
	{ "NUL and what is not UTF-8", SL_INIT("{\"a\":\"\0\"}\n{\"a\":\"x\xff\"}\n"),
		"bad 1:1:7 NUL byte\nbad 2:2:8 not valid UTF-8\nend\n" },
	{ "a last line without its end", SL_INIT("{\"a\":1}\n{\"a\":2}"),
		"cols \"a\"\nrow 1:1 #1\nbad 2:2:8 the last record has no line end (was the file "
		"cut? "
		"--allow-no-newline takes it)\nend\n" },
	{ "a member named like a seal", SL_INIT("{\"a\":1,\"@seal\":2}\n"),
		"bad 1:1:1 a member named @seal, which marks control records\nend\n" },
	{ "a seal in a stream without a beginning",
		SL_INIT("{\"a\":1}\n{\"@seal\":{\"v\":1,\"open\":1}}\n"),
		"cols \"a\"\nrow 1:1 #1\nferry: error: x: the sealed stream is damaged after "
		"record 1: "
		"a seal in a stream that was not opened as a sealed one\nexit 76\n" },
	{ "columns announced before a record has them",
		SL_INIT("{\"@seal\":{\"v\":1,\"open\":1}}\n"
			"{\"@seal\":{\"v\":1,\"cols\":[\"a\",\"b\"]}}\n{\"b\":1}\n"),
		"cols \"a\" \"b\"\nrow 1:3 - #1\n"
		"ferry: error: x: the stream ended without its seal, after record 1\nexit 76\n" },
};

static const struct render_case arrays[] = {
	{ "an empty input", SL_INIT(""), "end\n" },
	{ "an empty array", SL_INIT("[]"), "end\n" },
	{ "and with blanks", SL_INIT("\xef\xbb\xbf \n[ \r\n ] \n"), "end\n" },
	{ "elements on one line", SL_INIT("[{\"a\":1},{\"a\":2}]"),
		"cols \"a\"\nrow 1:1 #1\nrow 2:1 #2\nend\n" },
	{ "and on many, with values nested in them",
		SL_INIT("[\n {\n  \"a\": [1,\n 2], \"s\": \"]},[\\\"\\\\\"\n }\n,\n "
			"{\"a\":{\"x\":[]}}\n]\n"),
		"cols \"a\" \"s\"\nrow 1:2 ~[1,  2] \"]},[\\\"\\\\\"\nrow 2:7 ~{\"x\":[]} "
		"-\nend\n" },
	{ "what is no object", SL_INIT("[1,{\"a\":1},[2]]"),
		"bad 1:1:0 not a JSON object\ncols \"a\"\nrow 2:1 #1\nbad 3:1:0 not a JSON "
		"object\nend\n" },
	{ "a malformed element", SL_INIT("[{\"a\":x},{\"a\":1}]"),
		"bad 1:1:0 invalid char in json text.\ncols \"a\"\nrow 2:1 #1\nend\n" },
	{ "a missing comma", SL_INIT("[{\"a\":1} {\"a\":2}]"),
		"bad 1:1:0 trailing garbage\nend\n" },
	{ "a missing element", SL_INIT("[{\"a\":1},\n,{\"a\":2}]"),
		"cols \"a\"\nrow 1:1 #1\nferry: error: x:2: an element is missing in the JSON "
		"array\nexit 65\n" },
	{ "a comma at the end", SL_INIT("[{\"a\":1},]"),
		"cols \"a\"\nrow 1:1 #1\nferry: error: x:1: an element is missing in the JSON "
		"array\nexit 65\n" },
	{ "a comma at the beginning", SL_INIT("[,{\"a\":1}]"),
		"ferry: error: x:1: an element is missing in the JSON array\nexit 65\n" },
	{ "a cut array", SL_INIT("[{\"a\":1},{\"a\":"),
		"cols \"a\"\nrow 1:1 #1\nferry: error: x:1: the JSON array has no end (was the "
		"file cut?)\n"
		"exit 65\n" },
	{ "an array cut between elements", SL_INIT("[{\"a\":1}"),
		"ferry: error: x:1: the JSON array has no end (was the file cut?)\nexit 65\n" },
	{ "an array cut behind a comma", SL_INIT("[{\"a\":1},\n"),
		"cols \"a\"\nrow 1:1 #1\nferry: error: x:2: the JSON array has no end (was the "
		"file cut?)\n"
		"exit 65\n" },
	{ "something behind the array", SL_INIT("[{\"a\":1}]\n[{\"a\":2}]\n"),
		"cols \"a\"\nrow 1:1 #1\nferry: error: x:2: something follows the JSON array\nexit "
		"65\n" },
	{ "an object instead of an array", SL_INIT("{\"a\":1}\n"),
		"cols \"a\"\nrow 1:1 #1\nend\n" },
	{ "blanks alone", SL_INIT(" \n"), "ferry: error: x:2: no JSON array\nexit 65\n" },
	{ "a seal is no element", SL_INIT("[{\"@seal\":{\"v\":1,\"open\":1}}]"),
		"ferry: error: x: the sealed stream is damaged after record 0: a seal in a stream "
		"that was "
		"not opened as a sealed one\nexit 76\n" },
};

/* A thousand columns that come one by one, and in another order afterwards. */
static void test_many_columns(void)
{
	const struct rd_conf conf = { 0 };
	struct str s = { 0 }, got = { 0 };

	for (int i = 0; i < 1000; i++)
		str_addf(&s, "{\"c%d\":%d}\n", i, i);
	str_addc(&s, '{');
	for (int i = 999; i >= 0; i--)
		str_addf(&s, "%s\"c%d\":%d", i < 999 ? "," : "", i, i);
	str_addz(&s, "}\n");
	render(&got, str_sl(&s), 60000, &conf);
	tap(strstr(str_z(&got), "row 1000:1000 - ") &&
			strstr(str_z(&got), "row 1001:1001 #0 #1 #2 ") &&
			strstr(str_z(&got), " #998 #999\nend\n"),
		"a thousand columns, in any order");
	str_free(&s);
	str_free(&got);
}

int main(void)
{
	const struct rd_conf any = { 0 }, array = { .format = FMT_JSON };

	check_cases(lines, ARRAY_LEN(lines), &any);
	check_cases(arrays, ARRAY_LEN(arrays), &array);
	test_many_columns();
	return tap_done();
}
