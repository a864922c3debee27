/* Blanks, cases and normal forms; what Python's str methods give is the measure. */
#include "core/unicode.h"
#include "tap.h"

static void test_trim(void)
{
	static const char *const pairs[][2] = { { "", "" }, { " \t\n\v\f\r\x1c\x1d\x1e\x1f", "" },
		{ " a b ", "a b" }, { "\xc2\xa0x\xc2\x85", "x" },
		{ "\xe2\x80\x8b", "\xe2\x80\x8b" },
		{ "\xe1\x9a\x80\xe2\x80\x80\xe2\x80\x8a\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaf"
		  "\xe2\x81\x9f\xe3\x80\x80y\xe3\x80\x80",
			"y" },
		{ "\xc3\xa0", "\xc3\xa0" }, { "\x1bz\x7f", "\x1bz\x7f" },
		{ "\xe3\x80\x81", "\xe3\x80\x81" }, { "\xe2\x80\x8b ", "\xe2\x80\x8b" } };

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		tap_same(unicode_trim(sl_of(pairs[i][0])), sl_of(pairs[i][1]), "trimmed");
}

static void test_case(struct arena *a)
{
	static const char *const lower[][2] = { { "abc 1", "abc 1" }, { "ABC", "abc" },
		{ "\xce\x9f\xce\x94\xce\x9f\xce\xa3", "\xce\xbf\xce\xb4\xce\xbf\xcf\x82" },
		{ "\xc4\xb0X", "i\xcc\x87x" },
		{ "\xed\x95\x9c\xea\xb8\x80", "\xed\x95\x9c\xea\xb8\x80" } };
	struct sl same = SL("as it is"), s = unicode_case(same, UNICODE_LOWER, a);

	for (size_t i = 0; i < ARRAY_LEN(lower); i++)
		tap_same(unicode_case(sl_of(lower[i][0]), UNICODE_LOWER, a), sl_of(lower[i][1]),
			"in lower case");
	tap_same(unicode_case(SL("Stra\xc3\x9f"
				 "e a"),
			 UNICODE_UPPER, a),
		SL("STRASSE A"), "in upper case");
	tap_same(unicode_case(SL("aZ_1"), UNICODE_UPPER, a), SL("AZ_1"), "in upper case");
	tap(s.p == same.p, "what does not change is not copied");
}

static void test_forms(struct arena *a)
{
	struct sl composed = SL("\xc3\xa9"), decomposed = SL("e\xcc\x81"), s;

	tap_same(unicode_normal(decomposed, UNICODE_NFC, a), composed, "NFC");
	tap_same(unicode_normal(composed, UNICODE_NFD, a), decomposed, "NFD");
	tap_same(unicode_normal(SL("\xef\xac\x81"), UNICODE_NFKC, a), SL("fi"), "NFKC");
	tap_same(unicode_normal(SL("\xef\xac\x81"), UNICODE_NFC, a), SL("\xef\xac\x81"), "NFC");
	tap_same(unicode_normal(decomposed, UNICODE_AS_IS, a), decomposed, "as it is");
	s = unicode_normal(composed, UNICODE_NFC, a);
	tap(s.p == composed.p, "what is in its form is not copied");
}

int main(void)
{
	struct arena a = { 0 };

	test_trim();
	test_case(&a);
	test_forms(&a);
	arena_free(&a);
	return tap_done();
}
