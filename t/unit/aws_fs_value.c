/* Values, event times and names as the Feature Store takes them. */
#include "core/clock.h"
#include "core/num.h"
#include "fs/fs_value.h"

#include "tap.h"

static void check(bool good, const char *why, const char *text)
{
	if (good)
		tap(why == NULL, "takes \"%s\"", text);
	else
		tap(why != NULL, "refuses \"%s\"", text);
}

static void test_values(void)
{
	static const char *const whole[] = { "0", "-1", "007", "9223372036854775807",
		"-9223372036854775808" };
	static const char *const not_whole[] = { "", "1.0", "1e3", "9223372036854775808", "true",
		" 1" };
	static const char *const number[] = { "0", "-1.5", "1e308", "1.7617169464774606E9",
		"5e-324" };
	static const char *const not_number[] = { "", "NaN", "Infinity", "-Infinity", "1e400",
		"1,5" };

	for (size_t i = 0; i < ARRAY_LEN(whole); i++)
		check(true, fs_value_check(FS_INTEGRAL, sl_of(whole[i])), whole[i]);
	for (size_t i = 0; i < ARRAY_LEN(not_whole); i++)
		check(false, fs_value_check(FS_INTEGRAL, sl_of(not_whole[i])), not_whole[i]);
	for (size_t i = 0; i < ARRAY_LEN(number); i++)
		check(true, fs_value_check(FS_FRACTIONAL, sl_of(number[i])), number[i]);
	for (size_t i = 0; i < ARRAY_LEN(not_number); i++)
		check(false, fs_value_check(FS_FRACTIONAL, sl_of(not_number[i])), not_number[i]);
	check(true, fs_value_check(FS_STRING, SL("")), "");
}

static void test_times(void)
{
	static const char *const good[] = { "2024-01-01T00:00:00Z", "2024-02-29T23:59:59.1Z",
		"0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z" };
	static const char *const bad[] = { "", "2024-01-01", "2024-01-01 00:00:00Z",
		"2024-01-01T00:00:00", "2024-01-01T00:00:00+00:00", "2023-02-29T00:00:00Z",
		"2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:00:60Z",
		"2024-01-01T00:00:00.Z", "2024-01-01T00:00:00.1234567890Z", "2024-01-01T00:00:00z",
		"2024-01-01T00:00:00ZZ", "1900-02-29T00:00:00Z" };
	struct str s = { 0 };
	int64_t t, u;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		check(true, fs_event_time_check(FS_STRING, sl_of(good[i])), good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check(false, fs_event_time_check(FS_STRING, sl_of(bad[i])), bad[i]);
	check(false, fs_event_time_check(FS_FRACTIONAL, SL("2024-01-01T00:00:00Z")), "text");
	tap(fs_event_time_parse(FS_STRING, SL("2024-01-01T00:00:15.25Z"), &t), "a text is read");
	fs_event_time_put(&s, FS_STRING, t);
	tap_same(str_sl(&s), SL("2024-01-01T00:00:15.250Z"), "and written");
	str_clear(&s);
	fs_event_time_put(&s, FS_FRACTIONAL, t);
	tap_same(str_sl(&s), SL("1704067215.250"), "as seconds, too");
	tap(fs_event_time_parse(FS_FRACTIONAL, str_sl(&s), &u) && u == t,
		"which are the same time");
	tap(fs_event_time_parse(FS_STRING, SL("2024-01-01T00:00:15.250000001Z"), &u) && u == t + 1,
		"what lies behind the microsecond counts up");
	str_clear(&s);
	fs_event_time_put(&s, FS_FRACTIONAL, CLOCK_UNIX_EPOCH - 1500);
	tap_same(str_sl(&s), SL("-0.002"), "before 1970");
	str_free(&s);
}

static void test_next(void)
{
	static const struct {
		enum fs_type type;
		const char *text, *next;
	} rows[] = { { FS_STRING, "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000000001Z" },
		{ FS_STRING, "2024-01-01T00:00:00.25Z", "2024-01-01T00:00:00.250000001Z" },
		{ FS_STRING, "2024-01-01T00:00:00.000000009Z", "2024-01-01T00:00:00.000000010Z" },
		{ FS_STRING, "2024-02-29T23:59:59.999999999Z", "2024-03-01T00:00:00.000000000Z" },
		{ FS_STRING, "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000001Z" },
		{ FS_FRACTIONAL, "1704067200", "1704067200.000001" },
		{ FS_FRACTIONAL, "1.7617169464774606E9", "1761716946.477462" },
		{ FS_FRACTIONAL, "1704067200.1234565", "1704067200.123457" },
		{ FS_FRACTIONAL, "-1.5", "-1.499999" },
		{ FS_FRACTIONAL, "200000000000", "200000000000.000031" } };
	struct str s = { 0 };
	double a, b;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		str_clear(&s);
		tap(fs_event_time_next(&s, rows[i].type, sl_of(rows[i].text)) == NULL,
			"%s has a next", rows[i].text);
		tap_same(str_sl(&s), sl_of(rows[i].next), rows[i].text);
		if (rows[i].type == FS_FRACTIONAL)
			tap(num_double(sl_of(rows[i].text), &a) && num_double(str_sl(&s), &b) &&
					b > a,
				"which is later as a double, too");
	}
	str_clear(&s);
	tap(fs_event_time_next(&s, FS_STRING, SL("9999-12-31T23:59:59.999999999Z")) != NULL,
		"the last text has none");
	tap(fs_event_time_next(&s, FS_FRACTIONAL, SL("253402300799")) != NULL,
		"nor has the last number");
	tap(fs_event_time_next(&s, FS_STRING, SL("2024-01-01")) != NULL, "a date is refused");
	tap(s.n == 0, "and nothing is written");
	str_free(&s);
}

static void test_plain(void)
{
	static const char *const rows[][2] = { { "1.7617169464774606E9", "1761716946.4774606" },
		{ "1.0E10", "10000000000" }, { "-1.5E3", "-1500" }, { "1.25E-3", "0.00125" },
		{ "0.0E0", "0" }, { "0.5E1", "5" }, { "1e5", "100000" }, { "1.5", "1.5" },
		{ "12", "12" }, { "1.234E1", "12.34" }, { "1.234E+2", "123.4" },
		{ "-9.0E-10", "-0.0000000009" }, { "NaN", "NaN" }, { "1E", "1E" },
		{ "1.7976931348623157E308",
			"17976931348623157000000000000000000000000000000000000000000000000000000000"
			"0000000"
			"00000000000000000000000000000000000000000000000000000000000000000000000000"
			"0000000"
			"00000000000000000000000000000000000000000000000000000000000000000000000000"
			"0000000"
			"000000000000000000000000000000000000000000000000000000000000000000" } };
	struct str s = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		str_clear(&s);
		fs_plain_decimal(&s, sl_of(rows[i][0]));
		tap_same(str_sl(&s), sl_of(rows[i][1]), rows[i][0]);
	}
	str_free(&s);
}

static void test_names(void)
{
	static const char *const good[] = { "a", "a-b_c", "0x", "Customer-Features-v1" };
	static const char *const bad[] = { "", "-a", "a-", "_a", "a b", "a.b", "\xc3\xa9",
		"a2345678901234567890123456789012345678901234567890123456789012345" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		check(true, fs_name_check(sl_of(good[i])), good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check(false, fs_name_check(sl_of(bad[i])), bad[i]);
	check(false, fs_feature_name_check(SL("write_time")), "write_time");
	check(true, fs_name_check(SL("write_time")), "write_time");
	tap(fs_ttl_seconds(SL("Weeks"), 2) == 1209600 && fs_ttl_seconds(SL("Years"), 1) == 0,
		"times to live");
}

int main(void)
{
	test_values();
	test_times();
	test_next();
	test_plain();
	test_names();
	return tap_done();
}
