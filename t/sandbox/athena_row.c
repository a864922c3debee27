/* Rows of PostgreSQL's COPY as Athena writes them: CSV, lines of JSON, Parquet. */
#include "athena_row.h"

#include "core/mem.h"
#include "pack.h"

#include <math.h>
#include <stdlib.h>

/* The text Java has for a double, from PostgreSQL's: 1.0, 1.7617169464774606E9, 1.0E-4. */
static void add_double(struct str *out, struct sl text)
{
	char digits[32];
	size_t n = 0;
	int point = -1, exponent = 0;
	double v = strtod(text.p, NULL);

	if (!isfinite(v)) {
		str_add(out, text);
		return;
	}
	if (signbit(v))
		str_addc(out, '-');
	for (size_t i = 0; i < text.n && text.p[i] != 'e'; i++) {
		if (text.p[i] == '.')
			point = (int)n;
		else if (text.p[i] != '-' && (n || text.p[i] != '0' || point >= 0))
			digits[n++] = text.p[i];
	}
	if (memchr(text.p, 'e', text.n))
		exponent = (int)strtol((const char *)memchr(text.p, 'e', text.n) + 1, NULL, 10);
	point = (point < 0 ? (int)n : point) + exponent;
	while (n > 1 && digits[0] == '0') { /* 0.00012: the zeros behind the point are no digits */
		memmove(digits, digits + 1, --n);
		point--;
	}
	while (n > 1 && digits[n - 1] == '0')
		n--;
	if (v == 0) {
		str_addz(out, "0.0");
	} else if (fabs(v) >= 1e-3 && fabs(v) < 1e7) {
		for (int i = point < 0 ? point : 0; i < point || i < (int)n; i++) {
			if (i == point)
				str_addz(out, point <= 0 ? "0." : ".");
			str_addc(out, i >= 0 && i < (int)n ? digits[i] : '0');
		}
		if (point >= (int)n)
			str_addz(out, ".0");
	} else {
		str_addc(out, digits[0]);
		str_addc(out, '.');
		str_add(out, n > 1 ? (struct sl){ digits + 1, n - 1 } : SL("0"));
		str_addf(out, "E%d", point - 1);
	}
}

/* A value of COPY's text form, without its escapes; in place. */
static struct sl unescape(char *p, size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (c == '\\' && i + 1 < n) {
			c = p[++i];
			c = c == 'n'   ? '\n'
			    : c == 't' ? '\t'
			    : c == 'r' ? '\r'
			    : c == 'b' ? '\b'
			    : c == 'f' ? '\f'
			    : c == 'v' ? '\v'
				       : c;
		}
		p[to++] = c;
	}
	return (struct sl){ p, to };
}

static void add_text(struct str *out, enum trino_type type, struct sl v)
{
	if (type == TYPE_BOOLEAN)
		str_addz(out, v.p[0] == 't' ? "true" : "false");
	else if (type == TYPE_DOUBLE)
		add_double(out, v);
	else
		str_add(out, v);
}

void athena_add_csv_value(struct str *out, enum trino_type type, struct sl v)
{
	str_addc(out, '"');
	if (type == TYPE_VARCHAR && memchr(v.p, '"', v.n)) {
		for (size_t i = 0; i < v.n; i++) {
			if (v.p[i] == '"')
				str_addc(out, '"');
			str_addc(out, v.p[i]);
		}
	} else {
		add_text(out, type, v);
	}
	str_addc(out, '"');
}

static void add_json_value(struct str *out, enum trino_type type, struct sl v)
{
	bool bare = type == TYPE_BOOLEAN || type == TYPE_INTEGER || type == TYPE_BIGINT ||
		    type == TYPE_DECIMAL ||
		    (type == TYPE_DOUBLE && v.p[v.n - 1] != 'N' && v.p[v.n - 1] != 'y');

	if (!bare) {
		str_add_json(out, v);
		return;
	}
	add_text(out, type, v);
}

static void add_value(struct str *out, enum athena_form form, struct parquet *parquet,
	enum trino_type type, struct sl v)
{
	if (form == ATHENA_PARQUET)
		parquet_value(parquet, v);
	else if (form == ATHENA_JSON && !v.p)
		str_addz(out, "null");
	else if (form == ATHENA_JSON)
		add_json_value(out, type, v);
	else if (v.p)
		athena_add_csv_value(out, type, v);
}

static void add_before(struct str *out, enum athena_form form, size_t i, struct sl name)
{
	if (form == ATHENA_PARQUET)
		return;
	if (i > 0 || form == ATHENA_JSON)
		str_addc(out, i ? ',' : '{');
	if (form == ATHENA_JSON) {
		str_add_json(out, name);
		str_addc(out, ':');
	}
}

/* What is left of a row, and of the array its last field is. */
struct rest {
	char *at, *end, *element;
};

static struct sl next_field(struct rest *r)
{
	char *from = r->at, *tab = memchr(from, '\t', (size_t)(r->end - from));
	size_t len = (size_t)((tab ? tab : r->end) - from);

	r->at += len + 1;
	if (len == 2 && from[0] == '\\' && from[1] == 'N')
		return (struct sl){ NULL, 0 };
	return unescape(from, len);
}

static struct sl next_value(struct rest *r, size_t i, bool packed)
{
	size_t element = packed ? pack_place(i).element : 0;

	if (element == 0)
		return next_field(r);
	if (element == 1) {
		r->element = r->at + 1;
		(void)next_field(r);
	}
	return pack_take(&r->element);
}

void athena_add_row(struct str *out, enum athena_form form, struct parquet *parquet,
	const struct trino_statement *statement, struct sl row)
{
	char *p = memcpy(mem_alloc(row.n + 1), row.p, row.n);
	struct rest rest = { .at = p };

	if (row.n && p[row.n - 1] == '\n')
		row.n--;
	p[row.n] = '\0';
	rest.end = p + row.n;
	for (size_t i = 0; i < statement->n_columns; i++) {
		const struct trino_column *c = &statement->columns[i];

		add_before(out, form, i, c->name);
		add_value(out, form, parquet, c->type, next_value(&rest, i, statement->packed));
	}
	if (form == ATHENA_PARQUET)
		parquet_row_end(parquet, out);
	else
		str_addz(out, form == ATHENA_JSON ? "}\n" : "\n");
	mem_free(p);
}
