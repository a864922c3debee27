/* Numbers as text: strict parsing, and doubles printed as PostgreSQL's float8out prints them. */
#include "core/num.h"

#include "tap.h"

#include <inttypes.h>
#include <math.h>

static void test_integers(void)
{
	static const char *const bad[] = { "", "-", "+1", " 1", "1 ", "0x10", "1e5", "1.0", "--1",
					   "9223372036854775808", "-9223372036854775809", "1_000" };
	static const struct {
		const char *text;
		int64_t v;
	} good[] = {
		{ "0", 0 },	{ "-0", 0 },
		{ "007", 7 },	{ "9223372036854775807", INT64_MAX },
		{ "-1", -1 },	{ "-9223372036854775808", INT64_MIN },
		{ "9007199254740993", INT64_C(9007199254740993) },
	};
	char text[24];
	int64_t v;
	uint64_t u;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		tap(!num_i64(sl_of(bad[i]), &v), "i64 refuses %s", msg_q(sl_of(bad[i])));
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		tap(num_i64(sl_of(good[i].text), &v) && v == good[i].v, "i64 takes %s",
			good[i].text);
	tap(num_u64(SL("18446744073709551615"), &u) && u == UINT64_MAX, "u64 takes its largest");
	tap(!num_u64(SL("18446744073709551616"), &u), "u64 refuses one more");
	tap(!num_u64(SL("-1"), &u), "u64 refuses a sign");
	tap_same((struct sl){ text, num_put_i64(text, INT64_MIN) }, SL("-9223372036854775808"),
		"the smallest integer is written");
	tap_same((struct sl){ text, num_put_u64(text, UINT64_MAX) }, SL("18446744073709551615"),
		"the largest integer is written");
}

static void test_sizes(void)
{
	static const char *const bad[] = { "", "K", "1X", "1KK", "-1K",
					   "1.5M", "17179869184T", "1 K" };
	static const struct {
		const char *text;
		uint64_t v;
	} good[] = {
		{ "0", 0 }, { "64", 64 }, { "64B", 64 }, { "1K", 1024 }, { "1k", 1024 },
		{ "1KiB", 1024 }, { "1KB", 1024 }, { "64M", 64 << 20 }, { "2G", UINT64_C(2) << 30 },
		{ "1T", UINT64_C(1) << 40 },
	};
	uint64_t v;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		tap(!num_size(sl_of(bad[i]), &v), "size refuses %s", msg_q(sl_of(bad[i])));
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		tap(num_size(sl_of(good[i].text), &v) && v == good[i].v, "size takes %s",
			good[i].text);
}

/* A control byte with the bit of small letters is a digit: it was taken for one. */
static void test_hex(void)
{
	static const char *const bad[] = { "", "g", "1\x10", "\x19" "f", "0x1", " 1",
					   "12345678901234567" };
	uint64_t v = 0;

	tap(num_hex(SL("0aF9"), true, &v) && v == 0xaf9, "0aF9 in any case");
	tap(!num_hex(SL("0aF9"), false, &v), "0aF9 in small letters");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		tap(!num_hex(sl_of(bad[i]), true, &v), "%s is no hex", msg_q(sl_of(bad[i])));
}

static void test_json_numbers(void)
{
	static const char *const good[] = { "0", "-0", "10", "1.5", "1e5", "1E+5",
					    "1.0e-400", "-1.25E3",
					    "9007199254740993", "0.000" };
	static const char *const bad[] = { "", "-", "+1", "01", "007", ".5", "1.", "1.e5", "1e",
					   "1e+", "0x1", "NaN", "Infinity", "1 ", " 1", "1,5",
					   "--1", "1e5.0" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		tap(num_is_json(sl_of(good[i])), "%s is a JSON number", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		tap(!num_is_json(sl_of(bad[i])), "%s is no JSON number", msg_q(sl_of(bad[i])));
}

static void test_reading_doubles(void)
{
	static const char *const bad[] = { "", " 1", "1 ", "inf", "nan", "-NaN", "+Infinity",
					   "0x1p3", "1e400",
					   "-1e400", "1e-400", "1e", "e5", ".", "+", "1,5", "1e5e5",
					   "1-2", "infinity" };
	double v;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		tap(!num_double(sl_of(bad[i]), &v), "double refuses %s", msg_q(sl_of(bad[i])));
	tap(num_double(SL("NaN"), &v) && isnan(v), "double takes NaN");
	tap(num_double(SL("-Infinity"), &v) && isinf(v) && v < 0, "double takes -Infinity");
	tap(num_double(SL("-0"), &v) && v == 0.0 && signbit(v), "double keeps the sign of zero");
	tap(num_double(SL("5e-324"), &v) && v == 0x1p-1074, "double takes the smallest denormal");
	tap(num_double(SL("0e-400"), &v) && v == 0.0, "double takes a zero with any exponent");
	tap(num_double(SL("+.5"), &v) && v == 0.5, "double takes +.5");
}

/* Texts given by PostgreSQL 15: select x::float8::text. */
static void test_pinned_doubles(void)
{
	static const struct {
		double v;
		const char *text;
	} pin[] = {
		{ 0.0, "0" },
		{ -0.0, "-0" },
		{ 1.0, "1" },
		{ 0.1, "0.1" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 2.0 / 3, "0.6666666666666666" },
		{ 0.0001, "0.0001" },
		{ 0.00001, "1e-05" },
		{ 0.00012345, "0.00012345" },
		{ 123456789012345.0, "123456789012345" },
		{ 999999999999999.0, "999999999999999" },
		{ 1e15, "1e+15" },
		{ 1234567890123456.0, "1.234567890123456e+15" },
		{ 9007199254740993.0, "9.007199254740992e+15" },
		{ 1e100, "1e+100" },
		{ 1e22, "1e+22" },
		{ 1e23, "9.999999999999999e+22" },
		{ 135791658398168990.0, "1.3579165839816899e+17" },
		{ 63265001446119504.0, "6.3265001446119504e+16" },
		{ 9.5367431640625e-07, "9.5367431640625e-07" },
		{ 0x1p-1074, "5e-324" },
		{ 0x1p-1022, "2.2250738585072014e-308" },
		{ 0x0.fffffffffffffp-1022, "2.225073858507201e-308" },
		{ 0x1.fffffffffffffp+1023, "1.7976931348623157e+308" },
		{ 0x1p+70, "1.1805916207174113e+21" },
		{ 0x1p-44, "5.684341886080802e-14" },
		{ -273.15, "-273.15" },
		{ 4503599627370497.5, "4.503599627370498e+15" },
		{ (double)INFINITY, "Infinity" },
		{ -(double)INFINITY, "-Infinity" },
		{ (double)NAN, "NaN" },
	};
	char text[32];

	for (size_t i = 0; i < ARRAY_LEN(pin); i++)
		tap_same((struct sl){ text, num_put_double(text, pin[i].v) }, sl_of(pin[i].text),
			pin[i].text);
}

/* Digits that "%.*g" needs until the text reads back as v. */
static int digits_needed(double v)
{
	char text[40];

	for (int p = 1; p < 17; p++) {
		(void)snprintf(text, sizeof text, "%.*g", p, v);
		if (strtod(text, NULL) == v)
			return p;
	}
	return 17;
}

static int digits_in(struct sl s)
{
	int n = 0, zeros = 0;

	for (size_t i = 0; i < s.n && s.p[i] != 'e'; i++) {
		if (s.p[i] == '0') {
			zeros++;
		} else if (s.p[i] >= '1' && s.p[i] <= '9') {
			n += n ? zeros + 1 : 1;
			zeros = 0;
		}
	}
	return n;
}

/*
 * The text reads back as v, with strtod() and with num_double(). It may be longer than the shortest
 * one: PostgreSQL excludes the ends of the rounding interval (1e23 is such an end). *longer counts.
 */
static bool round_trips(double v, unsigned long *longer)
{
	char text[40];
	size_t n = num_put_double(text, v);
	double back;

	text[n] = '\0';
	if (n > 24 || strtod(text, NULL) != v || !num_double((struct sl){ text, n }, &back) ||
		memcmp(&back, &v, sizeof v) != 0) {
		printf("# %.17g is written %s\n", v, text);
		return false;
	}
	*longer += digits_in((struct sl){ text, n }) > digits_needed(v);
	return digits_in((struct sl){ text, n }) <= 17;
}

static void test_random_doubles(void)
{
	unsigned long wrong = 0, longer = 0, n = 0;
	double v;

	for (int i = 0; i < 40000; i++) {
		uint64_t bits = tap_random();

		memcpy(&v, &bits, sizeof v);
		if (!isfinite(v))
			continue;
		n++;
		wrong += !round_trips(v, &longer);
	}
	tap(wrong == 0 && longer * 1000 < n,
	    "%lu doubles of any bits read back, %lu not shortest", n, longer);
	for (wrong = longer = n = 0; n < 40000; n++) {
		/* what sensors send: a few digits, and sums of them */
		v = (double)(int64_t)(tap_random() % 400001 - 1000000) / 1000.0;
		if (n % 2)
			v += (double)(tap_random() % 1000) / 7.0;
		wrong += v != 0.0 && !round_trips(v, &longer);
	}
	tap(wrong == 0 && longer == 0, "%lu readings read back, all shortest", n);
	for (wrong = longer = n = 0; n < 2098; n++)
		for (int i = -1; i <= 1; i++) {
			v = ldexp(1.0, (int)n - 1074);
			v = i < 0 ? nextafter(v, 0.0) : i > 0 ? nextafter(v, INFINITY) : v;
			wrong += v != 0.0 && isfinite(v) && !round_trips(v, &longer);
		}
	tap(wrong == 0, "powers of two and their neighbours read back, %lu not shortest", longer);
}

int main(void)
{
	test_integers();
	test_sizes();
	test_hex();
	test_json_numbers();
	test_reading_doubles();
	test_pinned_doubles();
	test_random_doubles();
	return tap_done();
}
