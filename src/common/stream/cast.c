#include "stream/cast.h"

#include "core/clock.h"
#include "core/decimal.h"

#include <math.h>

static const struct {
	struct sl name;
	enum cast cast;
} names[] = {
	{ SL_INIT("string"), CAST_STRING },
	{ SL_INIT("text"), CAST_STRING },
	{ SL_INIT("integer"), CAST_INTEGER },
	{ SL_INIT("int"), CAST_INTEGER },
	{ SL_INIT("integral"), CAST_INTEGER },
	{ SL_INIT("bigint"), CAST_INTEGER },
	{ SL_INIT("fractional"), CAST_FRACTIONAL },
	{ SL_INIT("float"), CAST_FRACTIONAL },
	{ SL_INIT("double"), CAST_FRACTIONAL },
	{ SL_INIT("number"), CAST_FRACTIONAL },
	{ SL_INIT("boolean"), CAST_BOOLEAN },
	{ SL_INIT("bool"), CAST_BOOLEAN },
	{ SL_INIT("timestamp"), CAST_TIMESTAMP },
	{ SL_INIT("iso"), CAST_TIMESTAMP },
	{ SL_INIT("unix"), CAST_UNIX },
};

bool cast_parse(struct sl name, enum cast *cast)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (sl_alike(name, names[i].name)) {
			*cast = names[i].cast;
			return true;
		}
	return false;
}

/* Of what a number can be made: no arrays, objects, true and false. */
static bool may_be_number(const struct field *f)
{
	return f->kind == F_STR || f->kind == F_NUM;
}

static void set_text(struct field *f, struct sl text, enum field_kind kind)
{
	*f = (struct field){ .p = text.p,
		.n = (uint32_t)text.n,
		.kind = (uint8_t)kind,
		.plain = kind == F_NUM || kind == F_BOOL };
}

static void set_decimal(struct field *f, const struct decimal *d, struct arena *arena)
{
	AUTO_STR s = { 0 };

	decimal_put(&s, d);
	set_text(f, arena_dup(arena, str_sl(&s)), F_NUM);
}

static const char *to_integer(struct field *f, struct arena *arena)
{
	struct sl s = field_sl(f);
	struct decimal d;
	int64_t v;

	if (!may_be_number(f) || !decimal_parse(s, &d))
		return "not an integer";
	if (!decimal_is_whole(&d))
		return "not an integer: it has decimals";
	if (d.point > 19)
		return "not an integer of 64 bits";
	if (num_i64(s, &v) && num_is_json(s)) {
		set_text(f, s, F_NUM);
		return NULL;
	}
	struct field written;

	set_decimal(&written, &d, arena);
	if (!num_i64(field_sl(&written), &v))
		return "not an integer of 64 bits";
	*f = written;
	return NULL;
}

static const char *to_fractional(struct field *f, struct arena *arena)
{
	struct sl s = field_sl(f);
	struct decimal d;
	double v;

	if (!may_be_number(f) || !decimal_parse(s, &d))
		return "not a number";
	if (!num_double(s, &v) || !isfinite(v))
		return "not a number a double can hold";
	if (num_is_json(s) && !memchr(s.p, 'e', s.n) && !memchr(s.p, 'E', s.n))
		set_text(f, s, F_NUM);
	else
		set_decimal(f, &d, arena);
	return NULL;
}

static const char *to_boolean(struct field *f)
{
	static const char *const words[2][6] = { { "false", "f", "no", "n", "off", "0" },
		{ "true", "t", "yes", "y", "on", "1" } };

	if (f->kind == F_JSON)
		return "neither true nor false";
	for (size_t v = 0; v < 2; v++)
		for (size_t i = 0; i < ARRAY_LEN(words[v]); i++)
			if (sl_alike(field_sl(f), sl_of(words[v][i]))) {
				set_text(f, v ? SL("true") : SL("false"), F_BOOL);
				return NULL;
			}
	return "neither true nor false";
}

/* Unix seconds of the years 1 to 9999; decimals behind the sixth are rounded: doubles have them. */
static bool parse_unix(struct sl s, int64_t *instant)
{
	struct decimal d;
	int64_t us;

	if (!decimal_parse(s, &d) || !decimal_scaled(&d, 6, &us) ||
		us < INT64_C(-62135596800) * CLOCK_US_PER_SEC ||
		us >= INT64_C(253402300800) * CLOCK_US_PER_SEC)
		return false;
	*instant = CLOCK_UNIX_EPOCH + us;
	return true;
}

/* 2024, a year, or 44927, a day of Excel: as Unix seconds a moment before 1973, or after 1966. */
static bool is_small(struct sl s)
{
	int64_t v;

	return num_i64(s, &v) && v < 100000000 && v > -100000000;
}

/* 20240101, or 202401011230: a date to people, as Unix seconds a moment in 1970, or in 8383. */
static bool is_compact(struct sl s, int64_t *instant)
{
	char text[17];

	if ((s.n != 8 && s.n != 12) || (memcmp(s.p, "19", 2) != 0 && memcmp(s.p, "20", 2) != 0))
		return false;
	(void)snprintf(text, sizeof text, "%.4s-%.2s-%.2s %.2s:%.2s", s.p, s.p + 4, s.p + 6,
		s.n == 12 ? s.p + 8 : "00", s.n == 12 ? s.p + 10 : "00");
	return clock_parse(sl_of(text), instant);
}

static const char *to_instant(const struct field *f, int64_t *instant, bool *number)
{
	if (!may_be_number(f))
		return "not a time";
	if (is_compact(field_sl(f), instant))
		return "a date or Unix seconds? 2024-01-01 would be one, 20240101.0 the other";
	*number = parse_unix(field_sl(f), instant);
	if (!*number && !clock_parse(field_sl(f), instant))
		return "not a time (ISO 8601, six decimals at most, or Unix seconds)";
	return NULL;
}

static const char *to_timestamp(struct field *f, struct arena *arena)
{
	char text[CLOCK_TEXT_MAX + 1];
	const char *why;
	int64_t t;
	bool number;
	size_t n;

	why = to_instant(f, &t, &number);
	if (!why && is_small(field_sl(f)))
		why = "a date or Unix seconds? 2024-01-01 would be one, 20240101.0 the other";
	if (why)
		return why;
	n = clock_put(text, t, false);
	text[10] = 'T';
	text[n++] = 'Z';
	if (!sl_eq(field_sl(f), (struct sl){ text, n }))
		set_text(f, arena_dup(arena, (struct sl){ text, n }), F_STR);
	f->kind = F_STR;
	return NULL;
}

/* Unix seconds that are written like a date, from 2.0240101e7 or a day of 1970, get a decimal. */
static void no_date(struct field *f, struct arena *arena)
{
	AUTO_STR s = { 0 };
	int64_t t;

	if (!is_compact(field_sl(f), &t))
		return;
	str_addf(&s, "%.*s.0", (int)f->n, f->p);
	set_text(f, arena_dup(arena, str_sl(&s)), F_NUM);
}

static const char *to_unix(struct field *f, struct arena *arena)
{
	AUTO_STR s = { 0 };
	struct decimal d;
	const char *why;
	uint64_t us;
	int64_t t;
	bool number;

	why = to_instant(f, &t, &number);
	if (!why && number)
		why = to_fractional(f, arena);
	if (why)
		return why;
	if (!number) {
		t -= CLOCK_UNIX_EPOCH;
		us = t < 0 ? 0 - (uint64_t)t : (uint64_t)t;
		str_addf(&s, "%s%llu.%06llu", t < 0 ? "-" : "",
			(unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000));
		if (decimal_parse(str_sl(&s), &d))
			set_decimal(f, &d, arena);
	}
	no_date(f, arena);
	return NULL;
}

const char *cast_field(enum cast cast, struct field *f, struct arena *arena)
{
	if (field_is_null(f))
		return NULL;
	switch (cast) {
	case CAST_NONE:
		return NULL;
	case CAST_STRING:
		f->kind = F_STR;
		return NULL;
	case CAST_INTEGER:
		return to_integer(f, arena);
	case CAST_FRACTIONAL:
		return to_fractional(f, arena);
	case CAST_BOOLEAN:
		return to_boolean(f);
	case CAST_TIMESTAMP:
		return to_timestamp(f, arena);
	case CAST_UNIX:
		return to_unix(f, arena);
	}
	return NULL;
}

const char *cast_check(enum cast cast, const struct field *f)
{
	AUTO_ARENA arena = { 0 };
	struct field copy = *f;

	return cast_field(cast, &copy, &arena);
}

/* Takes the seventh to ninth decimal of a second, and all behind them, out of the text. */
static unsigned take_nanoseconds(char *text, size_t *n)
{
	char *dot = memchr(text, '.', *n), *end = text + *n, *p, *from;
	unsigned ns = 0, scale = 100;

	if (!dot || end - dot <= 7)
		return 0;
	for (from = dot + 1; from < dot + 7; from++)
		if (*from < '0' || *from > '9')
			return 0; /* fewer decimals, and a zone */
	for (p = from; p < end && *p >= '0' && *p <= '9'; p++, scale /= 10)
		ns += (unsigned)(*p - '0') * scale;
	memmove(from, p, (size_t)(end - p));
	*n -= (size_t)(p - from);
	return ns;
}

bool cast_time_ns(struct sl s, int64_t *ns)
{
	int64_t epoch = CLOCK_UNIX_EPOCH * 1000, us;
	struct decimal d;
	char text[64];
	unsigned rest;

	if (!is_compact(s, &us) && decimal_parse(s, &d)) {
		if (is_small(s) || !parse_unix(s, &us))
			return false;
		if (!decimal_scaled(&d, 9, ns) || __builtin_add_overflow(*ns, epoch, ns))
			*ns = d.negative ? INT64_MIN : INT64_MAX;
		return true;
	}
	if (s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	rest = take_nanoseconds(text, &s.n);
	if (!is_compact(s, &us) && !clock_parse((struct sl){ text, s.n }, &us))
		return false;
	if (__builtin_mul_overflow(us, (int64_t)1000, ns) ||
		__builtin_add_overflow(*ns, (int64_t)rest, ns))
		*ns = us < 0 ? INT64_MIN : INT64_MAX;
	return true;
}
