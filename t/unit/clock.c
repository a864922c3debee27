/* Instants and durations: round trips, and every bad form refused. */
#include "core/clock.h"

#include "tap.h"

static void test_good_times(void)
{
	static const struct {
		const char *text;
		int64_t us;
		const char *again; /* NULL: the same text */
	} good[] = {
		{ "2000-01-01 00:00:00", 0, NULL },
		{ "1970-01-01 00:00:00", CLOCK_UNIX_EPOCH, NULL },
		{ "1999-12-31 23:59:59.999999", -1, NULL },
		{ "2000-01-01 00:00:00.000001", 1, NULL },
		{ "2000-01-01 00:00:15.25", 15250000, NULL },
		{ "2000-01-01T00:00:15.250000", 15250000, "2000-01-01 00:00:15.25" },
		{ "2000-01-01", 0, "2000-01-01 00:00:00" },
		{ "2000-01-01 00:01", 60000000, "2000-01-01 00:01:00" },
		{ "2000-01-01t00:00:01z", 1000000, "2000-01-01 00:00:01" },
		{ "2000-01-01 00:00:00+00", 0, "2000-01-01 00:00:00" },
		{ "2000-01-01 09:00:00+09", 0, "2000-01-01 00:00:00" },
		{ "2000-01-01 05:30:00+05:30", 0, "2000-01-01 00:00:00" },
		{ "1999-12-31 16:00:00-0800", 0, "2000-01-01 00:00:00" },
		{ "2000-01-01 00:00:00.1234560000", 123456, "2000-01-01 00:00:00.123456" },
		{ "2024-02-29 12:00:00", INT64_C(762523200000000), NULL },
		{ "0001-01-01 00:00:00", INT64_C(-63082281600000000), NULL },
		{ "9999-12-31 23:59:59.999999", INT64_C(252455615999999999), NULL },
	};
	char text[CLOCK_TEXT_MAX];
	int64_t us;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		tap(clock_parse(sl_of(good[i].text), &us) && us == good[i].us, "takes %s",
			good[i].text);
		tap_same((struct sl){ text, clock_put(text, good[i].us, false) },
			sl_of(good[i].again ? good[i].again : good[i].text), "and writes it");
	}
	tap_same((struct sl){ text, clock_put(text, 1500000, true) },
		 SL("2000-01-01 00:00:01.5+00"), "writes a zone");
	tap_same((struct sl){ text, clock_put_basic(text, 1500000) }, SL("20000101T000001.5Z"),
		"writes the basic form");
}

static void test_bad_times(void)
{
	static const char *const bad[] = {
		"", "2000", "2000-01", "2000-1-1", "00-01-01", "2000/01/01", "20000101",
		"2000-00-01", "2000-13-01", "2000-01-00", "2000-01-32", "2000-02-30", "2001-02-29",
		"1900-02-29", "0000-01-01", "10000-01-01", "-2000-01-01", " 2000-01-01",
		"2000-01-01 ",
		"2000-01-01 1:00", "2000-01-01 24:00", "2000-01-01 00:60", "2000-01-01 00:00:60",
		"2000-01-01 00", "2000-01-01 00:", "2000-01-01 00:00:", "2000-01-01 00:00:00.",
		"2000-01-01 00:00:00,5", "2000-01-01 00:00:00.1234567", "2000-01-01 00:00:00 UTC",
		"2000-01-01 00:00:00+", "2000-01-01 00:00:00+1", "2000-01-01 00:00:00+16",
		"2000-01-01 00:00:00+01:60", "2000-01-01 00:00:00+01:", "2000-01-01 00:00:00Zx",
		"2000-01-01 00:00:00ZZ", "2000-01-01_00:00:00", "2000-01-01 00:00:00 +01",
		"infinity", "-infinity", "now", "2000-01-01 00:00:00 BC", "2000-01-01\n",
		"0001-01-01 00:00:00+01", "9999-12-31 23:59:59-01",
	};
	int64_t us;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		tap(!clock_parse(sl_of(bad[i]), &us), "refuses %s", msg_q(sl_of(bad[i])));
	tap(!clock_parse((struct sl){ "2000-01-01\0", 11 }, &us), "refuses a NUL behind a date");
}

static void test_relative_times(void)
{
	static const struct {
		const char *text;
		int64_t ago;
	} good[] = {
		{ "now", 0 }, { "2 days ago", 2 * CLOCK_US_PER_DAY },
		{ "1 hour ago", 3600 * CLOCK_US_PER_SEC }, { "90m ago", 5400 * CLOCK_US_PER_SEC },
		{ "3 weeks ago", 21 * CLOCK_US_PER_DAY }, { "10 sec ago", 10 * CLOCK_US_PER_SEC },
		{ "250ms ago", 250000 },
	};
	static const char *const bad[] = { "", "ago", " ago", "2 ago", "days ago", "2 moons ago",
		"-2 days ago", "2 days", "4000000 days ago", "@", "@x", "@1.",
		"@99999999999999", "@1700000000 ", "Yesterday?", "2 s ago" };
	int64_t us, now, day = CLOCK_US_PER_DAY;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		int64_t before = clock_now();

		tap(clock_parse_when(sl_of(good[i].text), &us) && us >= before - good[i].ago &&
			    us <= clock_now() - good[i].ago, "takes %s", good[i].text);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		tap(!clock_parse_when(sl_of(bad[i]), &us), "refuses %s", msg_q(sl_of(bad[i])));
	now = clock_now();
	tap(clock_parse_when(SL("yesterday"), &us) && us % day == 0 && now - us >= day &&
		    now - us <= 2 * day + CLOCK_US_PER_SEC, "yesterday begins at midnight");
	tap(clock_parse_when(SL("@1700000000.5"), &us) && us == INT64_C(753315200500000),
	    "seconds since 1970");
	tap(clock_parse_when(SL("@-1.5"), &us) && us == CLOCK_UNIX_EPOCH - 1500000,
	    "and before, the fraction too");
	tap(clock_parse_when(SL("2000-01-01 00:00:01"), &us) && us == CLOCK_US_PER_SEC,
	    "and what clock_parse() takes");
}

static void test_round_trips(void)
{
	const int64_t first = INT64_C(-63082281600000000), last = INT64_C(252455615999999999);
	char text[CLOCK_TEXT_MAX];
	int wrong = 0, days = 0;
	int64_t us;

	for (int i = 0; i < 200000; i++) {
		int64_t t = first + (int64_t)(tap_random() % (uint64_t)(last - first + 1));
		size_t n = clock_put(text, t, i % 2);

		wrong += n > sizeof text || !clock_parse((struct sl){ text, n }, &us) || us != t;
	}
	tap(wrong == 0, "200000 instants of the years 1 to 9999 read back");
	for (int64_t t = first; t <= last; t += CLOCK_US_PER_DAY) {
		size_t n = clock_put(text, t, false);

		wrong += !clock_parse((struct sl){ text, n }, &us) || us != t;
		days++;
	}
	tap(wrong == 0 && days == 3652059, "and so do all the days in them");
}

static void test_durations(void)
{
	static const struct {
		const char *text;
		int64_t us;
		const char *again;
	} good[] = {
		{ "1us", 1, "1us" },	     { "250ms", 250000, "250ms" },
		{ "15s", 15000000, "15s" },  { "5m", 300000000, "5m" },
		{ "24h", 86400000000, "1d" }, { "36h", 129600000000, "36h" },
		{ "7d", 604800000000, "7d" }, { "1w", 604800000000, "7d" },
		{ "90s", 90000000, "90s" },  { "60s", 60000000, "1m" },
		{ "1500ms", 1500000, "1500ms" },
	};
	static const char *const bad[] = { "", "s", "0s", "-1s", "1.5s", "1 s", "1x", "1hm",
					   "1h30m", "5",
					   "9223372036854775807w", "99999999999999999999s" };
	char text[CLOCK_TEXT_MAX];
	int64_t us;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		tap(clock_duration(sl_of(good[i].text), 0, &us) && us == good[i].us, "takes %s",
			good[i].text);
		tap_same((struct sl){ text, clock_put_duration(text, good[i].us) },
			sl_of(good[i].again), "and writes it");
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		tap(!clock_duration(sl_of(bad[i]), 0, &us), "refuses %s", msg_q(sl_of(bad[i])));
	tap(clock_duration(SL("5"), 60 * CLOCK_US_PER_SEC, &us) && us == 300 * CLOCK_US_PER_SEC,
		"a bare number has the unit the option gives it");
}

static void test_floor_and_backoff(void)
{
	bool low = false, high = false, outside = false;

	tap(clock_floor(7, 5) == 5 && clock_floor(5, 5) == 5 && clock_floor(0, 5) == 0,
		"floor of positive instants");
	tap(clock_floor(-1, 5) == -5 && clock_floor(-5, 5) == -5 && clock_floor(-6, 5) == -10,
		"floor of negative instants");
	for (int i = 0; i < 10000; i++) {
		int64_t us = clock_backoff(3, 100, 10000);

		outside |= us < 0 || us > 800;
		low |= us < 80;
		high |= us > 720;
	}
	tap(!outside && low && high, "waits are spread over the whole range");
	for (unsigned n = 0; n < 200; n++)
		outside |= clock_backoff(n, 1000, 20000) > 20000;
	tap(!outside, "waits stay below the cap, however many");
	tap(clock_now() > INT64_C(700000000) * CLOCK_US_PER_SEC, "the clock counts from 2000");
}

int main(void)
{
	test_good_times();
	test_bad_times();
	test_relative_times();
	test_round_trips();
	test_durations();
	test_floor_and_backoff();
	return tap_done();
}
