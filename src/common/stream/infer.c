#include "stream/infer.h"

#include "core/mem.h"
#include "core/num.h"

#include <string.h>

enum { MAY_BIGINT = 1, MAY_NUMERIC = 2, MAY_BOOLEAN = 4, MAY_DATE = 8, MAY_TIMESTAMP = 16,
	MAY_TIMESTAMPTZ = 32, MAY_JSON = 64, MAY_ALL = 127, MET = 128 };

#define EXPONENT_MAX 1000 /* well within what numeric holds */
#define DIGITS_MAX 10000

/* ---- numbers --------------------------------------------------------------------------------- */

static size_t digits(struct sl s, size_t at)
{
	size_t n = 0;

	while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9')
		n++;
	return n;
}

/* The exponent from `at` on, if that is all there is. */
static bool is_exponent(struct sl s, size_t at)
{
	int64_t e;

	if (at == s.n)
		return true;
	if (s.p[at] != 'e' && s.p[at] != 'E')
		return false;
	at++;
	at += at < s.n && s.p[at] == '+';
	return num_i64((struct sl){ s.p + at, s.n - at }, &e) && e >= -EXPONENT_MAX &&
	       e <= EXPONENT_MAX;
}

/*
 * 0 has no sign in SQL, nor has a number leading zeros. An exponent is one in JSON; in a text it
 * may be an article's number, 1E5, which numeric would print as 100000.
 */
static unsigned number(struct sl s, bool exponent)
{
	size_t at = s.n > 0 && s.p[0] == '-', n = digits(s, at), decimals = 0;
	bool zero = strspn(s.p, "-0.") >= s.n;
	int64_t i;

	if (n == 0 || n > DIGITS_MAX || (n > 1 && s.p[at] == '0') || (at && zero))
		return 0;
	at += n;
	if (at == s.n)
		return MAY_NUMERIC | (num_i64(s, &i) ? MAY_BIGINT : 0);
	if (s.p[at] == '.') {
		decimals = digits(s, at + 1);
		if (decimals == 0 || decimals > DIGITS_MAX)
			return 0;
		at += 1 + decimals;
	}
	return at == s.n || (exponent && is_exponent(s, at)) ? MAY_NUMERIC : 0;
}

/* ---- times ----------------------------------------------------------------------------------- */

/* Two digits at `at`, or 99. */
static unsigned two(struct sl s, size_t at)
{
	return at + 2 <= s.n && digits(s, at) >= 2
		       ? (unsigned)(s.p[at] - '0') * 10 + (unsigned)(s.p[at + 1] - '0')
		       : 99;
}

static bool is_date(struct sl s)
{
	static const unsigned days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned year, month, day;
	bool leap;

	if (s.n < 10 || digits(s, 0) != 4 || s.p[4] != '-' || digits(s, 5) != 2 || s.p[7] != '-' ||
		two(s, 8) == 99)
		return false;
	year = two(s, 0) * 100 + two(s, 2);
	month = two(s, 5);
	day = two(s, 8);
	leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return year > 0 && month > 0 && month <= 12 && day > 0 &&
	       day <= days[month - 1] + (month == 2 && leap);
}

/* Z, +09, +0900 or +09:00. */
static bool is_zone(struct sl s)
{
	if (s.n == 1)
		return s.p[0] == 'Z' || s.p[0] == 'z';
	if (s.n < 3 || (s.p[0] != '+' && s.p[0] != '-') || two(s, 1) > 15)
		return false;
	if (s.n == 6 && s.p[3] == ':')
		return two(s, 4) <= 59;
	return s.n == 3 || (s.n == 5 && two(s, 3) <= 59);
}

static unsigned date_or_time(struct sl s)
{
	size_t at = 16;

	if (!is_date(s))
		return 0;
	if (s.n == 10)
		return MAY_DATE;
	if (s.n < 16 || (s.p[10] != ' ' && s.p[10] != 'T') || two(s, 11) > 23 || s.p[13] != ':' ||
		two(s, 14) > 59)
		return 0;
	if (at < s.n && s.p[at] == ':') {
		if (two(s, at + 1) > 59)
			return 0;
		at += 3;
		if (at < s.n && s.p[at] == '.') {
			size_t n = digits(s, at + 1);

			if (n == 0 || n > 6)
				return 0;
			at += 1 + n;
		}
	}
	if (at == s.n)
		return MAY_TIMESTAMP;
	return is_zone((struct sl){ s.p + at, s.n - at }) ? MAY_TIMESTAMPTZ : 0;
}

/* ---- columns --------------------------------------------------------------------------------- */

static unsigned types_of(const struct field *f, bool json)
{
	struct sl s = field_sl(f);

	if (f->kind == F_JSON)
		return MAY_JSON;
	if (f->kind == F_NUM)
		return number(s, true);
	if (f->kind == F_BOOL)
		return MAY_BOOLEAN;
	if (json)
		return date_or_time(s);
	if (sl_eq(s, SL("true")) || sl_eq(s, SL("false")))
		return MAY_BOOLEAN;
	return number(s, false) | date_or_time(s);
}

void infer_add(struct infer *in, const struct rec *rec, bool json)
{
	mem_grow(&in->may, &in->cap, rec->n, sizeof *in->may);
	while (in->n < rec->n)
		in->may[in->n++] = MAY_ALL;
	for (size_t i = 0; i < rec->n; i++)
		if (!field_is_null(&rec->f[i]) && (in->may[i] & MAY_ALL || !(in->may[i] & MET)))
			in->may[i] = (uint8_t)((in->may[i] & types_of(&rec->f[i], json)) | MET);
}

const char *infer_type(const struct infer *in, size_t column)
{
	static const char *const names[] = { "bigint", "numeric", "boolean", "date", "timestamp",
		"timestamptz", "json" };

	if (column < in->n && in->may[column] & MET)
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			if (in->may[column] >> i & 1)
				return names[i];
	return "text";
}

const char *infer_key_type(const struct infer *in, size_t column)
{
	const char *type = infer_type(in, column);
	bool one_text = strcmp(type, "bigint") == 0 || strcmp(type, "date") == 0 ||
			strcmp(type, "boolean") == 0;

	return one_text ? type : "text";
}

void infer_free(struct infer *in)
{
	mem_free(in->may);
	*in = (struct infer){ 0 };
}
