#include "stream/infer.h"

#include "core/clock.h"
#include "core/decimal.h"

enum { MAY_BIGINT = 1, MAY_NUMERIC = 2, MAY_BOOLEAN = 4, MAY_DATE = 8, MAY_TIMESTAMP = 16,
	MAY_TIMESTAMPTZ = 32, MAY_JSON = 64, MAY_ALL = 127, MET = 128 };

#define EXPONENT_MAX 1000 /* well within what numeric holds */
#define DIGITS_MAX 10000

/*
 * 0 has no sign in SQL, nor has a number leading zeros. An exponent is one in JSON; in a text it
 * may be an article's number, 1E5, which numeric would print as 100000.
 */
static unsigned number(struct sl s, bool exponent)
{
	struct decimal d;
	int64_t e, i;

	if (!num_is_json(s) || !decimal_parse(s, &d) || d.whole.n > DIGITS_MAX ||
		d.frac.n > DIGITS_MAX || (d.negative && d.first == d.end))
		return 0;
	e = d.point - (int64_t)d.whole.n + (int64_t)d.first;
	if ((memchr(s.p, 'e', s.n) || memchr(s.p, 'E', s.n)) &&
		(!exponent || e < -EXPONENT_MAX || e > EXPONENT_MAX))
		return 0;
	return MAY_NUMERIC | (num_i64(s, &i) ? MAY_BIGINT : 0);
}

static unsigned date_or_time(struct sl s)
{
	const char *dot = s.n ? memchr(s.p, '.', s.n) : NULL;
	size_t end = 10; /* where a zone begins */
	int64_t t;

	if (!clock_parse(s, &t))
		return 0;
	if (s.n == 10)
		return MAY_DATE;
	while (end < s.n && !strchr("Zz+-", s.p[end]))
		end++;
	/* a date has no zone; and a seventh decimal, a zero, would be gone */
	if ((s.p[10] != ' ' && s.p[10] != 'T') || (dot && s.p + end - dot > 7))
		return 0;
	return end < s.n ? MAY_TIMESTAMPTZ : MAY_TIMESTAMP;
}

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
	static const char *const one_text[] = { "bigint", "date", "boolean" };
	const char *type = infer_type(in, column);

	return sl_index(sl_of(type), one_text, ARRAY_LEN(one_text)) >= 0 ? type : "text";
}

void infer_free(struct infer *in)
{
	mem_free(in->may);
	*in = (struct infer){ 0 };
}
