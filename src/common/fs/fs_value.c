#include "fs/fs_value.h"

#include "core/clock.h"
#include "core/num.h"

#include <math.h>

static const char *const types[] = { "String", "Integral", "Fractional" };
static const char *const collections[] = { NULL, "List", "Set", "Vector" };
static const char *const store_columns[] = { "write_time", "api_invocation_time", "is_deleted" };

bool fs_type_parse(struct sl text, enum fs_type *type)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (sl_eq_str(text, types[i])) {
			*type = (enum fs_type)i;
			return true;
		}
	return false;
}

bool fs_collection_parse(struct sl text, enum fs_collection *collection)
{
	for (size_t i = 1; i < ARRAY_LEN(collections); i++)
		if (sl_eq_str(text, collections[i])) {
			*collection = (enum fs_collection)i;
			return true;
		}
	return false;
}

const char *fs_type_name(enum fs_type type)
{
	return types[type];
}

const char *fs_collection_name(enum fs_collection collection)
{
	return collections[collection];
}

const char *fs_value_check(enum fs_type type, struct sl text)
{
	int64_t whole;
	double number;

	if (text.n > FS_MAX_TEXT)
		return "is longer than 358400 characters";
	if (type == FS_INTEGRAL && !num_i64(text, &whole))
		return "is not a 64-bit integer (the feature is Integral)";
	if (type == FS_FRACTIONAL && (!num_double(text, &number) || !isfinite(number)))
		return "is not a finite number (the feature is Fractional)";
	return NULL;
}

static bool digits(struct sl s, size_t at, size_t n, unsigned *value)
{
	*value = 0;
	if (at + n > s.n)
		return false;
	for (size_t i = at; i < at + n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*value = *value * 10 + (unsigned)(s.p[i] - '0');
	}
	return true;
}

/* yyyy-MM-ddTHH:mm:ss[.S{1,9}]Z: the letters are constants, there is no other zone. */
static bool is_iso(struct sl s)
{
	static const unsigned char month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	unsigned year, month, day, hour, minute, second;
	size_t i = 19;

	if (!digits(s, 0, 4, &year) || !digits(s, 5, 2, &month) || !digits(s, 8, 2, &day) ||
		!digits(s, 11, 2, &hour) || !digits(s, 14, 2, &minute) ||
		!digits(s, 17, 2, &second) || s.n < 20 || s.p[4] != '-' || s.p[7] != '-' ||
		s.p[10] != 'T' || s.p[13] != ':' || s.p[16] != ':')
		return false;
	if (month < 1 || month > 12 || day < 1 || day > month_days[month - 1] || hour > 23 ||
		minute > 59 || second > 59)
		return false;
	if (month == 2 && day == 29 && (year % 4 || (year % 100 == 0 && year % 400)))
		return false;
	if (s.p[i] == '.')
		for (i++; i < s.n && i < 29 && s.p[i] >= '0' && s.p[i] <= '9';)
			i++;
	return i != 20 && i + 1 == s.n && s.p[i] == 'Z';
}

const char *fs_event_time_check(enum fs_type type, struct sl text)
{
	if (text.n == 0)
		return "empty; every record needs an event time";
	if (type == FS_STRING && !is_iso(text))
		return "is no event time: must be like 2024-01-01T00:00:00Z, in UTC, with T and Z";
	return fs_value_check(type, text);
}

void fs_event_time_put(struct str *s, enum fs_type type, int64_t instant)
{
	int64_t ms = clock_floor(instant, 1000) / 1000;
	int64_t unix_ms = (clock_floor(instant, 1000) - CLOCK_UNIX_EPOCH) / 1000;
	char text[CLOCK_TEXT_MAX];

	if (type != FS_STRING) {
		str_addf(s, "%s%lld.%03lld", unix_ms < 0 ? "-" : "", llabs(unix_ms) / 1000,
			llabs(unix_ms) % 1000);
		return;
	}
	(void)clock_put(text, clock_floor(instant, CLOCK_US_PER_SEC), false);
	text[10] = 'T';
	str_addf(s, "%.19s.%03lldZ", text, (long long)((ms % 1000 + 1000) % 1000));
}

bool fs_event_time_parse(enum fs_type type, struct sl text, int64_t *instant)
{
	double seconds;
	char cut[32];

	if (fs_event_time_check(type, text))
		return false;
	if (type != FS_STRING) {
		if (!num_double(text, &seconds) || fabs(seconds) > 2.5e11)
			return false;
		*instant = CLOCK_UNIX_EPOCH + (int64_t)ceil(seconds * 1e6);
		return true;
	}
	if (text.n <= 27) /* at most six decimals */
		return clock_parse(text, instant);
	memcpy(cut, text.p, 26);
	cut[26] = 'Z';
	if (!clock_parse((struct sl){ cut, 27 }, instant))
		return false;
	++*instant;
	return true;
}

struct sl fs_event_time_bare(struct sl t)
{
	if (t.n && t.p[t.n - 1] == 'Z')
		t.n--;
	if (memchr(t.p, '.', t.n))
		while (t.n && (t.p[t.n - 1] == '0' || t.p[t.n - 1] == '.'))
			if (t.p[--t.n] == '.')
				break;
	return t;
}

/* A nanosecond later, which is the finest that the service reads. */
static const char *next_text(struct str *s, struct sl text)
{
	char second[32], iso[CLOCK_TEXT_MAX];
	unsigned long nanos = 0;
	int64_t instant;

	for (size_t i = 20; i < 29; i++)
		nanos = nanos * 10 + (i + 1 < text.n ? (unsigned long)(text.p[i] - '0') : 0);
	nanos++;
	(void)snprintf(second, sizeof second, "%.19sZ", text.p);
	if (!clock_parse(sl_of(second), &instant))
		return "is no event time";
	if (nanos == 1000000000) {
		nanos = 0;
		instant += CLOCK_US_PER_SEC;
		if (memcmp(text.p, "9999-12-31T23:59:59", 19) == 0)
			return "is the last event time there is";
	}
	(void)clock_put(iso, instant, false);
	iso[10] = 'T';
	str_addf(s, "%.19s.%09luZ", iso, nanos);
	return NULL;
}

/* A microsecond later, or where doubles are further apart than that the next double. */
static const char *next_number(struct str *s, struct sl text)
{
	double seconds, next;

	if (!num_double(text, &seconds) || seconds >= 253402300799.0)
		return "is the last event time there is";
	next = nextafter(seconds, INFINITY);
	if (next < seconds + 1e-6)
		next = seconds + 1e-6;
	str_addf(s, "%.6f", next);
	return NULL;
}

const char *fs_event_time_next(struct str *s, enum fs_type type, struct sl text)
{
	const char *why = fs_event_time_check(type, text);

	if (why)
		return why;
	return type == FS_STRING ? next_text(s, text) : next_number(s, text);
}

static void add_zeros(struct str *s, int64_t n)
{
	for (; n > 0; n--)
		str_addc(s, '0');
}

/* The digits with the decimal point behind the first `point` of them (which may be outside). */
static void add_decimal(struct str *s, struct sl digits, int64_t point)
{
	size_t start = s->n;

	if (point <= 0) {
		str_addz(s, "0.");
		add_zeros(s, -point);
		str_add(s, digits);
		return;
	}
	for (int64_t i = 0; i < point; i++) {
		char c = (size_t)i < digits.n ? digits.p[i] : '0';

		if (c != '0' || s->n > start || i + 1 == point)
			str_addc(s, c);
	}
	if ((size_t)point < digits.n) {
		str_addc(s, '.');
		str_add(s, (struct sl){ digits.p + point, digits.n - (size_t)point });
	}
}

void fs_plain_decimal(struct str *s, struct sl t)
{
	const char *e = memchr(t.p, 'E', t.n), *dot;
	char digits[64];
	size_t n = 0, whole;
	int64_t exponent;

	if (!e)
		e = memchr(t.p, 'e', t.n);
	if (!e || !num_is_json(t) || (size_t)(e - t.p) > sizeof digits) {
		str_add(s, t);
		return;
	}
	dot = memchr(t.p, '.', (size_t)(e - t.p));
	whole = (size_t)((dot ? dot : e) - t.p) - (t.p[0] == '-');
	for (const char *c = t.p; c < e; c++)
		if (*c >= '0' && *c <= '9')
			digits[n++] = *c;
	if (n == whole + 1 && digits[whole] == '0')
		n = whole; /* 1.0E9 is 1000000000 */
	e += e[1] == '+';
	if (!num_i64((struct sl){ e + 1, (size_t)(t.p + t.n - e - 1) }, &exponent) ||
		exponent < -400 || exponent > 400) {
		str_add(s, t);
		return;
	}
	if (t.p[0] == '-')
		str_addc(s, '-');
	add_decimal(s, (struct sl){ digits, n }, (int64_t)whole + exponent);
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

const char *fs_name_check(struct sl name)
{
	if (name.n == 0 || name.n > FS_MAX_NAME)
		return "a name has 1 to 64 characters";
	for (size_t i = 0; i < name.n; i++)
		if (!is_alnum(name.p[i]) && name.p[i] != '-' && name.p[i] != '_')
			return "a name has letters, digits, hyphens and underscores only";
	if (!is_alnum(name.p[0]) || !is_alnum(name.p[name.n - 1]))
		return "a name begins and ends with a letter or digit";
	return NULL;
}

bool fs_is_store_column(struct sl name)
{
	for (size_t i = 0; i < ARRAY_LEN(store_columns); i++)
		if (sl_eq_str(name, store_columns[i]))
			return true;
	return false;
}

const char *fs_feature_name_check(struct sl name)
{
	if (fs_is_store_column(name))
		return "the store itself has a column of this name";
	return fs_name_check(name);
}

uint64_t fs_ttl_seconds(struct sl unit, uint64_t value)
{
	static const struct {
		struct sl unit;
		uint64_t seconds;
	} units[] = { { SL_INIT("Seconds"), 1 }, { SL_INIT("Minutes"), 60 },
		{ SL_INIT("Hours"), 3600 }, { SL_INIT("Days"), 86400 },
		{ SL_INIT("Weeks"), 604800 } };

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (sl_eq(units[i].unit, unit))
			return value * units[i].seconds;
	return 0;
}
