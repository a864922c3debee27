#include "fs/fs_value.h"

#include "core/clock.h"
#include "core/decimal.h"

#include <math.h>

static const char *const types[] = { "String", "Integral", "Fractional" };
static const char *const collections[] = { NULL, "List", "Set", "Vector" };
static const char *const store_columns[] = { "write_time", "api_invocation_time", "is_deleted" };

bool fs_type_parse(struct sl text, enum fs_type *type)
{
	int i = sl_index(text, types, ARRAY_LEN(types));

	if (i >= 0)
		*type = (enum fs_type)i;
	return i >= 0;
}

bool fs_collection_parse(struct sl text, enum fs_collection *collection)
{
	int i = sl_index(text, collections, ARRAY_LEN(collections));

	if (i >= 0)
		*collection = (enum fs_collection)i;
	return i >= 0;
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

/* yyyy-MM-ddTHH:mm:ss[.S{1,9}]Z: the letters are constants, there is no other zone. */
static bool is_iso(struct sl s)
{
	static const char shape[] = "0000-00-00T00:00:00";
	char text[sizeof shape];
	size_t i = sizeof shape - 1;
	int64_t t;

	if (s.n < sizeof shape)
		return false;
	for (size_t k = 0; k < i; k++)
		if (shape[k] == '0' ? s.p[k] < '0' || s.p[k] > '9' : s.p[k] != shape[k])
			return false;
	memcpy(text, s.p, i);
	if (memcmp(text, "0000", 4) == 0)
		text[0] = '2'; /* which our clock knows: the calendar repeats itself */
	if (!clock_parse((struct sl){ text, i }, &t))
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

void fs_plain_decimal(struct str *s, struct sl t)
{
	struct decimal d;
	bool has_exponent = memchr(t.p, 'E', t.n) || memchr(t.p, 'e', t.n);

	if (has_exponent && num_is_json(t) && decimal_parse(t, &d) && d.point <= 400 &&
		d.point >= -400)
		decimal_put(s, &d);
	else
		str_add(s, t);
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
	return sl_index(name, store_columns, ARRAY_LEN(store_columns)) >= 0;
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
