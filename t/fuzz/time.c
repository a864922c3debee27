/*
 * Times and durations: against a plain second reading by patterns and timegm(3); what is written is
 * the same instant; and casts give the same value when they are done twice.
 */
#include "core/clock.h"
#include "fuzz.h"
#include "stream/cast.h"

#include <time.h>

#define FIRST INT64_C(-62135596800) /* 0001-01-01 in Unix seconds */
#define LAST INT64_C(253402300799)

/* Passes over what looks like the pattern, whose 0 stands for any digit. */
static bool match(const char **p, const char *pattern)
{
	const char *at = *p;

	for (; *pattern; pattern++, at++)
		if (*pattern == '0' ? *at < '0' || *at > '9' : *at != *pattern)
			return false;
	*p = at;
	return true;
}

/* Up to six decimals as microseconds; more of them must be zeros. */
static bool plain_fraction(const char **p, long *us)
{
	char six[] = "000000";
	size_t n;

	*us = 0;
	if (**p != '.')
		return true;
	++*p;
	n = strspn(*p, "0123456789");
	memcpy(six, *p, n < 6 ? n : 6);
	*us = strtol(six, NULL, 10);
	if (n == 0 || (n > 6 && strspn(*p + 6, "0") < n - 6))
		return false;
	*p += n;
	return true;
}

static bool plain_zone(const char *p, long *seconds)
{
	const char *sign = p++;
	long h, m = 0;

	*seconds = 0;
	if (*sign == '\0' || ((*sign | 0x20) == 'z' && *p == '\0'))
		return true;
	if ((*sign != '+' && *sign != '-') || !match(&p, "00"))
		return false;
	h = strtol((char[]){ p[-2], p[-1], '\0' }, NULL, 10);
	if (*p) {
		p += *p == ':';
		if (!match(&p, "00"))
			return false;
		m = strtol((char[]){ p[-2], p[-1], '\0' }, NULL, 10);
	}
	*seconds = (h * 3600 + m * 60) * (*sign == '-' ? -1 : 1);
	return h < 16 && m < 60 && *p == '\0';
}

static bool plain_time(const char *s, int64_t *instant)
{
	const char *p = s;
	struct tm tm = { 0 }, same;
	long us = 0, zone;
	int64_t unix_time;

	if (!match(&p, "0000-00-00"))
		return false;
	(void)sscanf(s, "%4d-%2d-%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	if (strchr(" Tt", *p) && *p) {
		const char *clock = ++p;

		if (!match(&p, "00:00"))
			return false;
		(void)sscanf(clock, "%2d:%2d", &tm.tm_hour, &tm.tm_min);
		if (*p == ':') {
			if (!match(&p, ":00"))
				return false;
			(void)sscanf(p - 2, "%2d", &tm.tm_sec);
			if (!plain_fraction(&p, &us))
				return false;
		}
	}
	tm.tm_year -= 1900;
	tm.tm_mon--;
	same = tm;
	unix_time = timegm(&same);
	/* timegm() makes a valid time of any other */
	if (tm.tm_year < -1899 || tm.tm_sec > 59 || same.tm_mon != tm.tm_mon ||
		same.tm_mday != tm.tm_mday || same.tm_hour != tm.tm_hour ||
		same.tm_min != tm.tm_min || !plain_zone(p, &zone))
		return false;
	unix_time -= zone;
	*instant = unix_time * CLOCK_US_PER_SEC + us + CLOCK_UNIX_EPOCH;
	return unix_time >= FIRST && unix_time <= LAST;
}

static void check_instant(const char *z, struct sl s)
{
	int64_t got = 0, want = 0, again, ns;
	bool good = plain_time(z, &want);
	char text[CLOCK_TEXT_MAX];

	CHECK(clock_parse(s, &got) == good && (!good || got == want), "%s: %lld, %lld", z,
		(long long)got, (long long)want);
	if (!good)
		return;
	for (int zone = 0; zone < 2; zone++)
		CHECK(clock_parse((struct sl){ text, clock_put(text, got, zone) }, &again) &&
				again == got,
			"%s: %.40s", z, text);
	CHECK(clock_parse_when(s, &again) && again == got, "%s", z);
	if (s.n >= 64) /* of zeros */
		return;
	CHECK(cast_time_ns(s, &ns), "%s", z);
	CHECK(got < INT64_MIN / 1000 || got > INT64_MAX / 1000 || ns == got * 1000, "%s", z);
}

/* @-1.5 is a second and a half before 1970. */
static void check_epoch(const char *z, struct sl s)
{
	const char *p = z + 1 + (z[1] == '-'), *whole = p;
	__int128 v = 0;
	int64_t got = 0;
	long us;
	bool good;

	for (; *p >= '0' && *p <= '9'; p++)
		v = v < (__int128)1 << 64 ? v * 10 + (*p - '0') : v;
	good = p > whole && plain_fraction(&p, &us) && *p == '\0';
	if (good)
		v = (v * 1000000 + us) * (z[1] == '-' ? -1 : 1);
	good = good && v >= (__int128)FIRST * 1000000 && v < ((__int128)LAST + 1) * 1000000;
	CHECK(clock_parse_when(s, &got) == good && (!good || got - CLOCK_UNIX_EPOCH == (int64_t)v),
		"%s: %lld", z, (long long)(got - CLOCK_UNIX_EPOCH));
}

static void check_duration(const char *z, struct sl s)
{
	static const struct {
		const char *name;
		int64_t us;
	} units[] = { { "", 1000 }, { "us", 1 }, { "ms", 1000 }, { "s", 1000000 },
		{ "m", 60000000 }, { "h", 3600000000 }, { "d", 86400000000 },
		{ "w", 604800000000 } };
	size_t n = strspn(z, "0123456789");
	__int128 want = 0, unit = 0;
	int64_t got, again;
	char text[CLOCK_TEXT_MAX];
	bool good;

	for (size_t i = 0; i < n && want < (__int128)1 << 64; i++)
		want = want * 10 + (z[i] - '0');
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strcmp(z + n, units[i].name) == 0)
			unit = units[i].us;
	want = want <= INT64_MAX ? want * unit : 0;
	good = n > 0 && want > 0 && want <= INT64_MAX;
	CHECK(clock_duration(s, 1000, &got) == good && (!good || got == (int64_t)want), "%s", z);
	if (good)
		CHECK(clock_duration((struct sl){ text, clock_put_duration(text, got) }, 0,
			      &again) && again == got,
			"%s: %.40s", z, text);
}

static void check_casts(struct sl s, enum field_kind kind)
{
	struct arena arena = { 0 };

	for (int c = CAST_STRING; c <= CAST_UNIX; c++) {
		struct field once = field_str(s), twice;
		const char *why, *check;

		once.kind = (uint8_t)kind;
		check = cast_check((enum cast)c, &once);
		why = cast_field((enum cast)c, &once, &arena);
		CHECK(!check == !why, "cast %d: %s", c, why ? why : check);
		if (why)
			continue;
		twice = once;
		CHECK(!cast_field((enum cast)c, &twice, &arena), "cast %d", c);
		CHECK_SAME(field_sl(&twice), field_sl(&once));
		CHECK(twice.kind == once.kind, "cast %d", c);
	}
	arena_free(&arena);
}

const unsigned fuzz_times = 10;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *z = mem_sldup(fuzz_sl(data, n));
	struct sl s = { z, n };

	if (strlen(z) == n) {
		check_instant(z, s);
		check_duration(z, s);
		if (*z == '@')
			check_epoch(z, s);
	}
	check_casts(s, F_STR);
	mem_free(z);
	return 0;
}
