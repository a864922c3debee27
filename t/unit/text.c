/* UTF-8, text buffers, and what a terminal gets to see of data. */
#include "core/mem.h"
#include "core/str.h"
#include "core/utf8.h"
#include "tap.h"

static void test_valid_utf8(void)
{
	static const struct {
		struct sl s;
		size_t valid;
	} cases[] = {
		{ SL_INIT(""), 0 },
		{ SL_INIT("plain ASCII, longer than one word"), 33 },
		{ SL_INIT("\xc2\x80"), 2 },		/* U+0080, the first of two bytes */
		{ SL_INIT("\xdf\xbf\xe0\xa0\x80"), 5 },	/* U+07FF U+0800 */
		{ SL_INIT("\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), 11 }, /* to U+10FFFF */
		{ SL_INIT("\xed\x9f\xbf\xee\x80\x80"), 6 }, /* either side of the surrogates */
		{ SL_INIT("\xec\x98\xa8\xeb\x8f\x84"), 6 },
		{ SL_INIT("abc\x80"), 3 },		/* a continuation byte alone */
		{ SL_INIT("abc\xc2"), 3 },		/* cut */
		{ SL_INIT("abc\xe2\x82"), 3 },
		{ SL_INIT("abc\xf0\x9f\x98"), 3 },
		{ SL_INIT("\xc0\x80"), 0 },		/* overlong NUL */
		{ SL_INIT("\xc1\xbf"), 0 },
		{ SL_INIT("\xe0\x9f\xbf"), 0 },		/* overlong */
		{ SL_INIT("\xf0\x8f\xbf\xbf"), 0 },
		{ SL_INIT("\xed\xa0\x80"), 0 },		/* U+D800 */
		{ SL_INIT("\xed\xbf\xbf"), 0 },		/* U+DFFF */
		{ SL_INIT("\xf4\x90\x80\x80"), 0 },	/* U+110000 */
		{ SL_INIT("\xf5\x80\x80\x80"), 0 },
		{ SL_INIT("\xff"), 0 },
		{ SL_INIT("12345678\xfe"), 8 },		/* behind a whole word */
		{ SL_INIT("1234567\xc3\xa9tail\xff"), 13 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		tap(utf8_valid_to(cases[i].s.p, cases[i].s.n) == cases[i].valid,
			"%s is valid up to byte %zu", msg_q(cases[i].s), cases[i].valid);
}

static void test_all_characters(void)
{
	int wrong = 0;
	char text[4];

	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		if (cp >= 0xd800 && cp <= 0xdfff)
			continue;
		size_t n = utf8_put(text, cp);

		wrong += utf8_char(text, n) != n || (n > 1 && utf8_char(text, n - 1) != 0);
	}
	tap(wrong == 0, "each character is written validly, and invalid when cut");
	tap(utf8_cut(SL("a\xc3\xa9z"), 2) == 1, "no character is split by a cut");
	tap(utf8_cut(SL("a\xc3\xa9z"), 3) == 3, "a cut between characters stays there");
	tap(utf8_cut(SL("abc"), 9) == 3, "what fits is not cut");
}

static void test_quoting(void)
{
	static const struct {
		struct sl s;
		const char *quoted;
	} cases[] = {
		{ SL_INIT(""), "\"\"" },
		{ SL_INIT("plain"), "\"plain\"" },
		{ SL_INIT("a\"b\\c"), "\"a\\\"b\\\\c\"" },
		{ SL_INIT("a\n\r\tb"), "\"a\\n\\r\\tb\"" },
		{ SL_INIT("\0\x1b[31m\x7f"), "\"\\x00\\x1b[31m\\x7f\"" },
		{ SL_INIT("\xff" "abc"), "\"\\xffabc\"" },
		{ SL_INIT("\xc2\x9b" "A"), "\"\\xc2\\x9bA\"" },	     /* C1: acts on terminals */
		{ SL_INIT("\xe2\x80\xae"), "\"\\xe2\\x80\\xae\"" },   /* writes right to left */
		{ SL_INIT("\xed\x95\x9c"), "\"\xed\x95\x9c\"" },
	};
	char longer[300], text[112], tiny[8];
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		tap_same(sl_of(msg_quote(text, sizeof text, cases[i].s)), sl_of(cases[i].quoted),
			"data is quoted for people");
	for (int fill = 0; fill < 256; fill++) {
		memset(longer, fill, sizeof longer);
		(void)msg_quote(text, sizeof text, (struct sl){ longer, sizeof longer });
		wrong += strlen(text) >= sizeof text || !strstr(text, "\xe2\x80\xa6");
	}
	tap(wrong == 0, "long texts of any byte are cut");
	tap_same(sl_of(msg_plain(text, sizeof text, SL("a \"b\" \\ \xed\x95\x9c"))),
		 SL("a \"b\" \\ \xed\x95\x9c"), "a message of another program stays as it is");
	tap_same(sl_of(msg_plain(text, sizeof text, SL("\x1b[2J\n\xff\xc2\x9b" "A\xe2\x80\xae"))),
		 SL("?[2J???A?"), "less what acts on terminals");
	tap_same(sl_of(msg_plain(text, sizeof text,
				 SL("a\xe2\x80\x8b\xef\xbb\xbf"
				    "b\xe2\x81\xa6\xd8\x9c\xf3\xa0\x81\x81"))),
		 SL("a??b???"), "and what shows nothing");
	(void)msg_plain(tiny, sizeof tiny, SL("abcdefghijklmnop"));
	tap(strlen(tiny) < sizeof tiny, "and is cut");
	(void)msg_quote(tiny, sizeof tiny, SL("too long for it"));
	tap(strlen(tiny) < sizeof tiny, "a small buffer does not overflow");
}

static void test_buffers(void)
{
	struct str s = { 0 };

	tap(str_z(&s)[0] == '\0' && str_sl(&s).n == 0, "an empty buffer is an empty text");
	str_addz(&s, "a");
	str_addc(&s, 'b');
	str_add(&s, SL("c\0d"));
	str_addf(&s, "%d-%s", 7, "x");
	str_addu(&s, UINT64_MAX);
	str_addf(&s, "%lld", (long long)INT64_MIN);
	tap_same(str_sl(&s), SL("abc\0d7-x18446744073709551615-9223372036854775808"),
		 "pieces add up");
	str_clear(&s);
	str_add_json(&s, SL("a\"\\/\b\f\n\r\t\x01\x7f\xc3\xa9"));
	tap_same(str_sl(&s), SL("\"a\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0001\x7f\xc3\xa9\""),
		"a JSON string");
	str_clear(&s);
	str_addz(&s, "[{");
	str_add_member(&s, "a", SL("1\""));
	str_add_member(&s, "b", SL(""));
	str_addz(&s, "},{");
	str_add_member(&s, "c", SL("{"));
	tap_same(str_sl(&s), SL("[{\"a\":\"1\\\"\",\"b\":\"\"},{\"c\":\"{\""),
		"members of JSON objects have commas between them");
	str_clear(&s);
	for (uint64_t v = 1, i = 0; i < 8; i++, v = v * 10 + i) {
		str_add_grouped(&s, v);
		str_addc(&s, ' ');
	}
	str_add_grouped(&s, UINT64_MAX);
	tap_same(str_sl(&s),
		SL("1 11 112 1,123 11,234 112,345 1,123,456 11,234,567 "
		   "18,446,744,073,709,551,615"),
		"digits in groups of three");
	str_clear(&s);
	str_add_csv(&s, SL("plain text"));
	str_addc(&s, '|');
	str_add_csv(&s, SL(""));
	str_addc(&s, '|');
	str_add_csv(&s, SL("a,b"));
	str_addc(&s, '|');
	str_add_csv(&s, SL("say \"x\"\r\n"));
	tap_same(str_sl(&s), SL("plain text|\"\"|\"a,b\"|\"say \"\"x\"\"\r\n\""), "CSV fields");
	str_free(&s);
	tap(s.p == NULL && s.n == 0, "a freed buffer is empty again");
}

static void test_sizes(void)
{
	struct arena a = { 0 };
	struct sl kept[200];
	char text[600];
	int wrong = 0;

	tap(mem_add(SIZE_MAX, 1) == SIZE_MAX && mem_add(2, 3) == 5, "sums saturate");
	tap(mem_mul(SIZE_MAX / 2, 3) == SIZE_MAX && mem_mul(0, 5) == 0, "products saturate");
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
			memset(text, (int)i, sizeof text);
			kept[i] = arena_dup(&a, (struct sl){ text, i * 3 });
			wrong += (uintptr_t)kept[i].p % 16 != 0;
		}
		memset(arena_alloc(&a, 1000000), 0xff, 1000000);
		for (size_t i = 0; i < ARRAY_LEN(kept); i++)
			for (size_t j = 0; j < kept[i].n; j++)
				wrong += (unsigned char)kept[i].p[j] != i;
		arena_reset(&a);
	}
	tap(wrong == 0, "pieces of an arena stay in place, aligned and apart");
	arena_free(&a);
	tap(a.head == NULL, "a freed arena is empty");
}

int main(void)
{
	test_valid_utf8();
	test_all_characters();
	test_quoting();
	test_buffers();
	test_sizes();
	return tap_done();
}
