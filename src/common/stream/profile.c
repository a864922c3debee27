#include "stream/profile.h"

#include "core/clock.h"
#include "core/decimal.h"
#include "core/keyset.h"

enum type { T_INTEGER, T_NUMBER, T_BOOLEAN, T_TIME, T_TEXT, T_JSON, N_TYPES };

static const char *const type_names[N_TYPES] = { "integer", "number", "boolean", "time", "text",
						 "json" };

struct column {
	uint64_t seen[N_TYPES];
	uint64_t values, nulls, empty; /* missing: records less these three */
	struct keyset distinct;
	bool more;		    /* than `distinct` holds */
	struct str least, greatest; /* as texts */
	struct str low, high;	    /* of those that are numbers, by value */
	size_t longest; /* bytes */
};

struct profile {
	struct column *column;
	size_t n, cap;
	uint64_t records;
	struct sip_key key;
};

struct profile *profile_new(void)
{
	struct profile *p = mem_zalloc(sizeof *p);

	p->key = sip_random_key();
	return p;
}

static enum type type_of(const struct field *f, struct decimal *d)
{
	struct sl s = field_sl(f);
	int64_t t;

	if (f->kind == F_JSON)
		return T_JSON;
	if (f->kind == F_BOOL || sl_eq(s, SL("true")) || sl_eq(s, SL("false")))
		return T_BOOLEAN;
	/* 007 is a text that somebody wants to keep */
	if (num_is_json(s) && decimal_parse(s, d))
		return memchr(s.p, '.', s.n) || memchr(s.p, 'e', s.n) || memchr(s.p, 'E', s.n)
			       ? T_NUMBER : T_INTEGER;
	return clock_parse(s, &t) ? T_TIME : T_TEXT;
}

static void compare_numbers(struct column *c, struct sl s, const struct decimal *d)
{
	struct decimal low, high;

	if (!c->low.n || (decimal_parse(str_sl(&c->low), &low) && decimal_cmp(d, &low) < 0))
		str_set(&c->low, s);
	if (!c->high.n || (decimal_parse(str_sl(&c->high), &high) && decimal_cmp(d, &high) > 0))
		str_set(&c->high, s);
}

static void compare_texts(struct column *c, struct sl s)
{
	if (!c->least.n || sl_cmp(s, str_sl(&c->least)) < 0)
		str_set(&c->least, s);
	if (!c->greatest.n || sl_cmp(s, str_sl(&c->greatest)) > 0)
		str_set(&c->greatest, s);
}

static void add(struct profile *p, struct column *c, const struct field *f)
{
	struct sl s = field_sl(f);
	struct decimal d;
	enum type type;

	c->nulls += f->kind == F_NULL;
	c->empty += f->kind == F_STR && s.n == 0;
	if (field_is_null(f) || s.n == 0)
		return;
	type = type_of(f, &d);
	c->seen[type]++;
	compare_texts(c, s);
	if (type == T_INTEGER || type == T_NUMBER)
		compare_numbers(c, s, &d);
	c->values++;
	c->longest = s.n > c->longest ? s.n : c->longest;
	if (!c->more && keyset_add(&c->distinct, sip_hash(&p->key, s)))
		c->more = c->distinct.n > PROFILE_DISTINCT;
	if (c->more)
		keyset_clear(&c->distinct);
}

void profile_add(struct profile *p, const struct rec *rec)
{
	while (p->n < rec->n) {
		mem_grow(&p->column, &p->cap, p->n + 1, sizeof *p->column);
		p->column[p->n] = (struct column){ 0 };
		keyset_init(&p->column[p->n++].distinct, false);
	}
	p->records++;
	for (size_t i = 0; i < rec->n; i++)
		add(p, &p->column[i], &rec->f[i]);
}

static void put_types(struct report *r, const struct column *c)
{
	AUTO_STR s = { 0 };

	for (size_t t = 0; t < N_TYPES; t++)
		if (c->seen[t])
			str_addf(&s, "%s%s %llu", s.n ? ", " : "", type_names[t],
				 (unsigned long long)c->seen[t]);
	report_text(r, str_sl(&s));
}

static void put_column(struct report *r, const struct profile *p, const struct column *c,
		       struct sl name)
{
	bool numbers = c->values == c->seen[T_INTEGER] + c->seen[T_NUMBER];
	struct sl none = { NULL, 0 };

	report_text(r, name);
	put_types(r, c);
	report_count(r, c->values);
	report_count(r, c->nulls);
	report_count(r, p->records - c->values - c->nulls - c->empty);
	report_count(r, c->empty);
	if (c->more)
		report_textz(r, NULL);
	else
		report_count(r, c->distinct.n);
	report_text(r, c->values ? str_sl(numbers ? &c->low : &c->least) : none);
	report_text(r, c->values ? str_sl(numbers ? &c->high : &c->greatest) : none);
	report_count(r, c->longest);
}

void profile_put(const struct profile *p, const struct names *cols, enum report_format format,
		 struct str *out)
{
	static const struct report_column columns[] = {
		{ N_("column"), false }, { N_("types"), false }, { N_("values"), true },
		{ N_("null"), true }, { N_("missing"), true }, { N_("empty"), true },
		{ N_("distinct"), true }, { N_("least"), false }, { N_("greatest"), false },
		{ N_("longest"), true },
	};
	static const struct column none;
	AUTO_REPORT r = { .columns = columns, .n_columns = ARRAY_LEN(columns) };

	for (size_t i = 0; i < cols->n; i++)
		put_column(&r, p, i < p->n ? &p->column[i] : &none, cols->name[i]);
	report_put(&r, format, out);
	if (format == REPORT_JSON)
		str_addc(out, '\n');
}

void profile_free(struct profile *p)
{
	for (size_t i = 0; p && i < p->n; i++) {
		keyset_clear(&p->column[i].distinct);
		str_free(&p->column[i].least);
		str_free(&p->column[i].greatest);
		str_free(&p->column[i].low);
		str_free(&p->column[i].high);
	}
	if (p)
		mem_free(p->column);
	mem_free(p);
}
