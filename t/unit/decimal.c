/* Decimals of any length: compared as numbers, rewritten without losing a digit. */
#include "core/decimal.h"
#include "core/num.h"
#include "tap.h"

static struct decimal parsed(const char *text)
{
	struct decimal d = { 0 };

	if (!decimal_parse(sl_of(text), &d))
		tap(false, "%s is a number", text);
	return d;
}

static void test_forms(void)
{
	static const char *const bad[] = { "", "-", ".", "+.", "1e", "1e+", "e5", "1.2.3", " 1",
		"1 ", "0x10", "NaN", "Infinity", "1,5", "1_000", "--1", "1e5.5" };
	struct decimal d;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		tap(!decimal_parse(sl_of(bad[i]), &d), "no number: \"%s\"", bad[i]);
}

static void test_put(void)
{
	static const char *const pairs[][2] = { { "1", "1" }, { "-007.50", "-7.5" },
		{ ".5", "0.5" }, { "5.", "5" }, { "+1e3", "1000" }, { "1.5E-3", "0.0015" },
		{ "-0.0", "0" }, { "0e99", "0" }, { "12.345e2", "1234.5" }, { "100e-2", "1" },
		{ "9007199254740993.25", "9007199254740993.25" } };

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct decimal d = parsed(pairs[i][0]);
		struct str s = { 0 };

		decimal_put(&s, &d);
		tap_same(str_sl(&s), sl_of(pairs[i][1]), pairs[i][0]);
		str_free(&s);
	}
}

static void test_divide(void)
{
	struct decimal least = parsed("-1e-1001");
	AUTO_STR s = { 0 };
	struct decimal d;

	decimal_divide(&s, &least, UINT64_MAX);
	tap(decimal_parse(str_sl(&s), &d) && d.negative && d.point == -1020 &&
			d.end - d.first == 20,
		"the least sum, divided by the largest count");
}

static void test_order(void)
{
	/* each is less than the next; those in one row are equal */
	static const char *const order[][3] = { { "-1e400", "-10e399", NULL },
		{ "-9007199254740993", "-9007199254740993.0", NULL }, { "-9007199254740992" },
		{ "-1", "-1.00", "-10e-1" }, { "-1e-400" }, { "0", "-0", "0.000e7" }, { "1e-400" },
		{ "0.1", ".1", "1e-1" }, { "0.11" }, { "9", "9.0", "0009" }, { "10", "1e1", "10." },
		{ "120", "1.2e2", "1200e-1" }, { "120.0000000000000000001" },
		{ "1e999999999999999" } };
	unsigned wrong = 0, tried = 0;

	for (size_t i = 0; i < ARRAY_LEN(order) * 3; i++)
		for (size_t k = 0; k < ARRAY_LEN(order) * 3; k++) {
			const char *s = order[i / 3][i % 3], *t = order[k / 3][k % 3];
			int want = (i / 3 > k / 3) - (i / 3 < k / 3);

			if (!s || !t)
				continue;
			struct decimal a = parsed(s), b = parsed(t);

			tried++;
			if (decimal_cmp(&a, &b) != want) {
				printf("# %s against %s\n", s, t);
				wrong++;
			}
		}
	tap(wrong == 0 && tried > 500, "%u comparisons", tried);
}

/* Against doubles, where these are exact: integers, and halves of them. */
static void test_against_doubles(void)
{
	unsigned wrong = 0;

	for (int i = 0; i < 100000; i++) {
		int64_t a = (int64_t)(tap_random() % 2001) - 1000,
			b = a + (int64_t)(tap_random() % 5) - 2;
		char s[40], t[40];
		struct decimal x, y;
		double u, v = 0;

		(void)snprintf(s, sizeof s, "%.1f", (double)a / 2);
		(void)snprintf(t, sizeof t, "%ge%d", (double)b / 2 * 100, -2);
		x = parsed(s);
		y = parsed(t);
		if (!num_double(sl_of(s), &u) || !num_double(sl_of(t), &v))
			wrong++;
		wrong += decimal_cmp(&x, &y) != (u > v) - (u < v);
		wrong += decimal_is_whole(&x) != (a % 2 == 0);
	}
	tap(wrong == 0, "as doubles have it");
}

static void test_scaled(void)
{
	static const struct {
		const char *text;
		unsigned scale;
		int64_t want;
	} cases[] = { { "1.5", 6, 1500000 }, { "-1.0000005", 6, -1000001 }, { "0.0000004", 6, 0 },
		{ "0.0000005", 6, 1 }, { "1e3", 0, 1000 }, { "-0", 3, 0 }, { "1e-30", 6, 0 },
		{ "9223372036854775807.4", 0, INT64_MAX } };
	struct decimal d;
	int64_t v;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		d = parsed(cases[i].text);
		tap(decimal_scaled(&d, cases[i].scale, &v) && v == cases[i].want,
			"%s, scaled by %u", cases[i].text, cases[i].scale);
	}
	d = parsed("9223372036854775807.5");
	tap(!decimal_scaled(&d, 0, &v), "too large to be scaled");
}

int main(void)
{
	test_forms();
	test_put();
	test_divide();
	test_order();
	test_against_doubles();
	test_scaled();
	return tap_done();
}
