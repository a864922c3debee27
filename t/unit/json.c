/* JSON: what RFC 8259 allows, nothing that yajl alone would let pass, texts as they are. */
#include "stream/json.h"

#include "core/str.h"
#include "tap.h"

static struct arena arena;

static struct json *parse(struct sl text, const char **why, size_t *at)
{
	arena_reset(&arena);
	return json_parse(&arena, text, why, at);
}

static void test_accepted(void)
{
	static const struct sl good[] = {
		SL_INIT("null"), SL_INIT("true"), SL_INIT("false"), SL_INIT("0"), SL_INIT("-0"),
		SL_INIT("\"\""), SL_INIT("[]"), SL_INIT("{}"), SL_INIT(" \t\r\n[ \n]\r\n "),
		SL_INIT("[1,-2.5,1e5,1E+5,1.0e-400,123456789012345678901234567890]"),
		SL_INIT("{\"a\":{\"b\":[{\"c\":null}]}}"), SL_INIT("{\"\":1}"),
		SL_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), SL_INIT("\"\\u00e9\\uAC00\""),
		SL_INIT("\"\\ud83d\\udc41\""), SL_INIT("\"\\\\u0000\""), SL_INIT("\"\\\\ud800\""),
		SL_INIT("\"\x7f\""), SL_INIT("\"\xc3\xa9\xf0\x9f\x91\x81\""),
		SL_INIT("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"), SL_INIT("{\"a\":1,\"A\":1}"),
	};
	const char *why;
	size_t at;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		tap(parse(good[i], &why, &at) != NULL, "takes %s", msg_q(good[i]));
}

static void test_refused(void)
{
	static const struct sl bad[] = {
		SL_INIT(""), SL_INIT(" "), SL_INIT("nul"), SL_INIT("NULL"), SL_INIT("True"),
		SL_INIT("NaN"), SL_INIT("[NaN]"), SL_INIT("Infinity"), SL_INIT("-Infinity"),
		SL_INIT("01"), SL_INIT("-"), SL_INIT("+1"), SL_INIT(".5"), SL_INIT("1."),
		SL_INIT("1e"), SL_INIT("0x1"), SL_INIT("1 2"), SL_INIT("{} {}"), SL_INIT("[1,]"),
		SL_INIT("[,1]"), SL_INIT("[1 2]"), SL_INIT("[1"), SL_INIT("]"), SL_INIT("[1]]"),
		SL_INIT("[1}"), SL_INIT("{\"a\":1]"), SL_INIT("{"), SL_INIT("{\"a\"}"),
		SL_INIT("{\"a\":}"), SL_INIT("{\"a\":1,}"), SL_INIT("{,}"), SL_INIT("{a:1}"),
		SL_INIT("{'a':1}"), SL_INIT("{1:1}"), SL_INIT("{\"a\":1 \"b\":2}"), SL_INIT("\"a"),
		SL_INIT("\"a\nb\""), SL_INIT("\"\t\""), SL_INIT("\"\x1f\""), SL_INIT("\"\\x\""),
		SL_INIT("\"\\u12\""), SL_INIT("\"\\u12g4\""), SL_INIT("\"\\u\""), SL_INIT("\"\\\""),
		SL_INIT("// c\n1"), SL_INIT("/* c */1"), SL_INIT("\xef\xbb\xbf{}"),
		SL_INIT("\"\\u0000\""), SL_INIT("\"a\0b\""), SL_INIT("{}\0"),
		SL_INIT("\"\\ud800\""), SL_INIT("\"\\ud83d x\""), SL_INIT("\"\\udc00\""),
		SL_INIT("\"\\ud83d\\u0041\""), SL_INIT("\"\\ud83d\\ud83d\""),
		SL_INIT("\"\\ud83d"), SL_INIT("\"\xff\""), SL_INIT("\"\xed\xa0\x80\""),
		SL_INIT("\"\xc3\""), SL_INIT("\"\xc0\x80\""), SL_INIT("{\"a\":1,\"a\":1}"),
		SL_INIT("{\"a\":1,\"\\u0061\":2}"), SL_INIT("[{\"x\":{\"b\":1,\"c\":2,\"b\":3}}]"),
		SL_INIT("\\u0041"), SL_INIT("{\"a\":tru}"), SL_INIT("[\"\",\f]"),
		SL_INIT("[\xc2\xa0]"), SL_INIT("{} \"x"), SL_INIT("1 tru"), SL_INIT("\"a\"\"b"),
		SL_INIT("[] -"),
	};
	const char *why;
	size_t at;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct json *j = parse(bad[i], &why, &at);

		tap(!j && why && *why && at <= bad[i].n, "refuses %s: %s", msg_q(bad[i]),
			j ? "" : why);
	}
}

static void test_texts(void)
{
	const char *why;
	size_t at;
	const struct json *o = parse(SL("{\"min\":-9223372036854775808,\"tiny\":1e-400,"
					"\"big\":9007199254740993,\"s\":\"\\ud83d\\udc41\\n\","
					"\"o\":{\"k\": [1, 2]},\"n\":null,\"f\":1.50}"),
		&why, &at);
	int64_t i;
	uint64_t u;
	struct sl s;

	tap(json_get_i64(o, "min", &i) && i == INT64_MIN, "the smallest integer survives");
	tap_same(json_get(o, "tiny")->text, SL("1e-400"), "a number no double can hold stays text");
	tap_same(json_get(o, "big")->text, SL("9007199254740993"), "2^53 + 1 stays what it is");
	tap_same(json_get(o, "f")->text, SL("1.50"), "trailing zeros stay");
	tap(json_get_str(o, "s", &s), "a string is one");
	tap_same(s, SL("\xf0\x9f\x91\x81\n"), "a surrogate pair is one character");
	tap_same(json_get(o, "o")->raw, SL("{\"k\": [1, 2]}"), "a nested value keeps its text");
	tap(json_get(o, "o")->child->n == 2, "an array knows its length");
	tap(!json_get_u64(o, "min", &u) && !json_get_i64(o, "f", &i) && !json_get_str(o, "n", &s) &&
			!json_get(o, "x") && !json_get(json_get(o, "n"), "x"),
		"what is of another kind is not taken");
}

static void test_depth_and_size(void)
{
	struct str s = { 0 };
	const char *why;
	size_t at;

	for (size_t depth = 512; depth <= 513; depth++) {
		str_clear(&s);
		for (size_t i = 0; i < depth; i++)
			str_addc(&s, '[');
		for (size_t i = 0; i < depth; i++)
			str_addc(&s, ']');
		tap((parse(str_sl(&s), &why, &at) != NULL) == (depth == 512), "nested %zu deep",
		    depth);
	}
	for (int repeat = 0; repeat < 2; repeat++) {
		str_clear(&s);
		str_addc(&s, '{');
		for (int i = 0; i < 2000; i++)
			str_addf(&s, "\"k%d\":%d,", i, i);
		str_addf(&s, "\"k%d\":0}", repeat ? 1234 : 2000);
		tap((parse(str_sl(&s), &why, &at) == NULL) == repeat, "2001 members, %s",
			repeat ? "one of them twice" : "all different");
	}
	str_free(&s);
}

static void test_writing(void)
{
	static const char *const none[] = { NULL };
	static const char *const some[] = { "cells", "digest", NULL };
	struct sl text = SL("{\"a\":[1,2.50,{\"cells\":1,\"x\":null}],\"digest\":\"d\",\"t\":true,"
			    "\"f\":false,\"s\":\"\\n\\\"\",\"e\":{},\"cells\":[9]}");
	const char *why;
	struct str s = { 0 };
	size_t at;
	const struct json *j = parse(text, &why, &at);

	json_put_without(&s, j, none);
	tap_same(str_sl(&s), text, "a value is written as it was read");
	str_clear(&s);
	json_put_without(&s, j, some);
	tap_same(str_sl(&s), SL("{\"a\":[1,2.50,{\"x\":null}],\"t\":true,\"f\":false,"
				"\"s\":\"\\n\\\"\",\"e\":{}}"),
		"members are left out at any depth");
	str_free(&s);
}

int main(void)
{
	test_accepted();
	test_refused();
	test_texts();
	test_depth_and_size();
	test_writing();
	arena_free(&arena);
	return tap_done();
}
