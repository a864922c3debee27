#include "core/clock.h"

#include <errno.h>
#include <time.h>

/* 0001-01-01 00:00:00 and 9999-12-31 23:59:59.999999, both UTC */
#define FIRST_INSTANT INT64_C(-63082281600000000)
#define LAST_INSTANT INT64_C(252455615999999999)

/* Days since 2000-01-01 of a date of the proleptic Gregorian calendar. */
static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
	y -= m <= 2;

	int64_t era = (y >= 0 ? y : y - 399) / 400;
	unsigned yoe = (unsigned)(y - era * 400);
	unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + (int64_t)doe - 719468 - 10957;
}

static void civil_from_days(int64_t z, int64_t *y, unsigned *m, unsigned *d)
{
	z += 719468 + 10957;

	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = (int64_t)yoe + era * 400 + (*m <= 2);
}

static unsigned days_in_month(unsigned y, unsigned m)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return m == 2 && leap ? 29 : days[m - 1];
}

/* Takes exactly `n` digits from the front of *s. */
static bool take_digits(struct sl *s, size_t n, unsigned *out)
{
	unsigned v = 0;

	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(s->p[i] - '0');
	}
	sl_skip(s, n);
	*out = v;
	return true;
}

static bool take_char(struct sl *s, char c)
{
	if (s->n == 0 || *s->p != c)
		return false;
	sl_skip(s, 1);
	return true;
}

static bool take_fraction(struct sl *s, unsigned *us)
{
	unsigned scale = 100000;

	*us = 0;
	if (!take_char(s, '.'))
		return true;
	if (s->n == 0 || *s->p < '0' || *s->p > '9')
		return false;
	while (s->n && *s->p >= '0' && *s->p <= '9') {
		if (scale == 0 && *s->p != '0')
			return false;
		*us += (unsigned)(*s->p - '0') * scale;
		scale /= 10;
		sl_skip(s, 1);
	}
	return true;
}

/* Z, +HH, +HHMM or +HH:MM; nothing is UTC. */
static bool take_zone(struct sl *s, int64_t *offset_us)
{
	unsigned h, m = 0;
	bool neg;

	*offset_us = 0;
	if (s->n == 0 || take_char(s, 'Z') || take_char(s, 'z'))
		return true;
	neg = *s->p == '-';
	if (!take_char(s, '-') && !take_char(s, '+'))
		return false;
	if (!take_digits(s, 2, &h) || h > 15)
		return false;
	if (s->n) {
		(void)take_char(s, ':');
		if (!take_digits(s, 2, &m) || m > 59)
			return false;
	}
	*offset_us = (int64_t)(h * 3600 + m * 60) * CLOCK_US_PER_SEC * (neg ? -1 : 1);
	return true;
}

bool clock_parse(struct sl s, int64_t *instant)
{
	unsigned y, mo, d, h = 0, mi = 0, se = 0, us = 0;
	int64_t offset = 0;

	if (!take_digits(&s, 4, &y) || !take_char(&s, '-') || !take_digits(&s, 2, &mo) ||
	    !take_char(&s, '-') || !take_digits(&s, 2, &d))
		return false;
	if (y < 1 || mo < 1 || mo > 12 || d < 1 || d > days_in_month(y, mo))
		return false;
	if (take_char(&s, ' ') || take_char(&s, 'T') || take_char(&s, 't')) {
		if (!take_digits(&s, 2, &h) || !take_char(&s, ':') || !take_digits(&s, 2, &mi))
			return false;
		if (take_char(&s, ':') && (!take_digits(&s, 2, &se) || !take_fraction(&s, &us)))
			return false;
		if (h > 23 || mi > 59 || se > 59)
			return false;
	}
	if (!take_zone(&s, &offset) || s.n != 0)
		return false;
	*instant = days_from_civil(y, mo, d) * CLOCK_US_PER_DAY +
		   (int64_t)(h * 3600 + mi * 60 + se) * CLOCK_US_PER_SEC + us - offset;
	return *instant >= FIRST_INSTANT && *instant <= LAST_INSTANT; /* the zone may lead out */
}

static size_t put_padded(char *dst, unsigned v, size_t width)
{
	for (size_t i = width; i-- > 0; v /= 10)
		dst[i] = (char)('0' + v % 10);
	return width;
}

int64_t clock_floor(int64_t t, int64_t step)
{
	int64_t r = t % step;

	return t - (r < 0 ? r + step : r);
}

size_t clock_put(char *dst, int64_t instant, bool zone)
{
	int64_t day = clock_floor(instant, CLOCK_US_PER_DAY);
	int64_t us = instant - day, y;
	unsigned m, d, sec = (unsigned)(us / CLOCK_US_PER_SEC);
	unsigned frac = (unsigned)(us % CLOCK_US_PER_SEC);
	size_t o = 0;

	civil_from_days(day / CLOCK_US_PER_DAY, &y, &m, &d);
	o += put_padded(dst + o, (unsigned)y, y > 9999 ? 6 : 4);
	dst[o++] = '-';
	o += put_padded(dst + o, m, 2);
	dst[o++] = '-';
	o += put_padded(dst + o, d, 2);
	dst[o++] = ' ';
	o += put_padded(dst + o, sec / 3600, 2);
	dst[o++] = ':';
	o += put_padded(dst + o, sec / 60 % 60, 2);
	dst[o++] = ':';
	o += put_padded(dst + o, sec % 60, 2);
	if (frac) {
		dst[o++] = '.';
		o += put_padded(dst + o, frac, 6);
		while (dst[o - 1] == '0')
			o--;
	}
	if (zone) {
		memcpy(dst + o, "+00", 3);
		o += 3;
	}
	return o;
}

size_t clock_put_basic(char *dst, int64_t instant)
{
	char text[CLOCK_TEXT_MAX];
	size_t n = clock_put(text, instant, false), o = 0;

	for (size_t i = 0; i < n; i++)
		if (text[i] != '-' && text[i] != ':')
			dst[o++] = text[i] == ' ' ? 'T' : text[i];
	dst[o++] = 'Z';
	return o;
}

static const struct {
	struct sl name;
	int64_t us;
} units[] = {
	{ SL_INIT("w"), 7 * CLOCK_US_PER_DAY },	  { SL_INIT("d"), CLOCK_US_PER_DAY },
	{ SL_INIT("h"), 3600 * CLOCK_US_PER_SEC }, { SL_INIT("m"), 60 * CLOCK_US_PER_SEC },
	{ SL_INIT("s"), CLOCK_US_PER_SEC },	  { SL_INIT("ms"), 1000 },
	{ SL_INIT("us"), 1 },
};

bool clock_duration(struct sl s, int64_t unit_us, int64_t *us)
{
	size_t n = 0;
	int64_t v;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	if (!num_i64((struct sl){ s.p, n }, &v) || v == 0)
		return false;
	struct sl unit = { s.p + n, s.n - n };

	if (unit.n == 0)
		return unit_us > 0 && !__builtin_mul_overflow(v, unit_us, us);
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (sl_eq(unit, units[i].name))
			return !__builtin_mul_overflow(v, units[i].us, us);
	return false;
}

size_t clock_put_duration(char *dst, int64_t us)
{
	size_t i = 1; /* weeks are read, but days are what people expect to see */

	while (i < ARRAY_LEN(units) - 1 && (us == 0 || us % units[i].us != 0))
		i++;
	size_t o = num_put_i64(dst, us / units[i].us);

	memcpy(dst + o, units[i].name.p, units[i].name.n);
	return o + units[i].name.n;
}

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts); /* cannot fail for these two clocks */
	return (int64_t)ts.tv_sec * CLOCK_US_PER_SEC + ts.tv_nsec / 1000;
}

int64_t clock_now(void)
{
	return read_clock(CLOCK_REALTIME) + CLOCK_UNIX_EPOCH;
}

int64_t clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

void clock_sleep(int64_t us)
{
	struct timespec ts = { us / CLOCK_US_PER_SEC, us % CLOCK_US_PER_SEC * 1000 };

	if (us > 0)
		(void)nanosleep(&ts, NULL);
}

int64_t clock_backoff(unsigned n, int64_t base_us, int64_t cap_us)
{
	static _Thread_local uint64_t seed;
	int64_t limit = n < 30 && base_us < cap_us >> n ? base_us << n : cap_us;

	if (seed == 0)
		seed = (uint64_t)clock_monotonic() | 1;
	/* xorshift64: only has to spread clients apart */
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int64_t)(seed % (uint64_t)(limit + 1));
}

/* @1700000000, with a fraction or without. */
static bool parse_epoch(struct sl s, int64_t *instant)
{
	const char *dot = s.n ? memchr(s.p, '.', s.n) : NULL;
	struct sl whole = { s.p, dot ? (size_t)(dot - s.p) : s.n };
	struct sl rest = { s.p + whole.n, s.n - whole.n };
	int64_t seconds;
	unsigned us;

	if (!num_i64(whole, &seconds) || !take_fraction(&rest, &us) || rest.n ||
	    seconds > (LAST_INSTANT - CLOCK_UNIX_EPOCH) / CLOCK_US_PER_SEC ||
	    seconds < (FIRST_INSTANT - CLOCK_UNIX_EPOCH) / CLOCK_US_PER_SEC)
		return false;
	if (*whole.p == '-') /* -1.5 is before -1 */
		*instant = seconds * CLOCK_US_PER_SEC + CLOCK_UNIX_EPOCH - us;
	else
		*instant = seconds * CLOCK_US_PER_SEC + CLOCK_UNIX_EPOCH + us;
	return *instant >= FIRST_INSTANT && *instant <= LAST_INSTANT;
}

/* "2 days", "1 hour", "90m", "5 min". */
static bool parse_ago(struct sl s, int64_t *us)
{
	static const char *const words[] = { "week", "day", "hour", "minute", "second" };
	const char *blank = memchr(s.p, ' ', s.n);
	struct sl n = { s.p, blank ? (size_t)(blank - s.p) : 0 }, unit;

	if (!blank)
		return clock_duration(s, 0, us);
	unit = sl_trim((struct sl){ blank, s.n - n.n }, " ");
	if (unit.n > 1 && unit.p[unit.n - 1] == 's')
		unit.n--;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (sl_eq_str(unit, words[i]) || (unit.n == 3 && memcmp(unit.p, words[i], 3) == 0))
			return clock_duration(n, units[i].us, us);
	return false;
}

bool clock_parse_when(struct sl s, int64_t *instant)
{
	static const char *const days[] = { "yesterday", "today", "tomorrow" };
	static const struct sl ago = SL_INIT(" ago");
	int64_t now = clock_now(), us;

	if (clock_parse(s, instant))
		return true;
	for (int64_t i = 0; i < (int64_t)ARRAY_LEN(days); i++) {
		*instant = clock_floor(now, CLOCK_US_PER_DAY) + (i - 1) * CLOCK_US_PER_DAY;
		if (sl_eq_str(s, days[i]))
			return true;
	}
	*instant = now;
	if (sl_eq(s, SL("now")))
		return true;
	if (s.n && *s.p == '@')
		return parse_epoch((struct sl){ s.p + 1, s.n - 1 }, instant);
	if (s.n <= ago.n || memcmp(s.p + s.n - ago.n, ago.p, ago.n) != 0 ||
	    !parse_ago((struct sl){ s.p, s.n - ago.n }, &us) || us > now - FIRST_INSTANT)
		return false;
	*instant = now - us;
	return true;
}
