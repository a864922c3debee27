/* Functions, aggregates and window functions of Athena's SQL that the sandbox knows. */
#include "core/num.h"
#include "trino_parse.h"

#include <strings.h>

#define MAX_ARGS 16

/*
 * Arguments: s varchar, i integer or bigint, d any number, t any time, z timestamp, b boolean, a
 * anything, k a positive integer literal. The SQL has $1, $2 … for them.
 */
struct function {
	const char *name, *args, *sql;
	enum trino_type type; /* TYPE_UNKNOWN: that of the first argument */
};

static const struct function functions[] = {
	{ "lower", "s", "lower($1 COLLATE \"C.utf8\") COLLATE \"C\"", TYPE_VARCHAR },
	{ "upper", "s", "upper($1 COLLATE \"C.utf8\") COLLATE \"C\"", TYPE_VARCHAR },
	{ "length", "s", "length($1)::bigint", TYPE_BIGINT },
	{ "trim", "s", "btrim($1, E' \\t\\n\\r\\f\\v')", TYPE_VARCHAR },
	{ "ltrim", "s", "ltrim($1, E' \\t\\n\\r\\f\\v')", TYPE_VARCHAR },
	{ "rtrim", "s", "rtrim($1, E' \\t\\n\\r\\f\\v')", TYPE_VARCHAR },
	{ "reverse", "s", "reverse($1)", TYPE_VARCHAR },
	{ "replace", "ss", "replace($1, $2, '')", TYPE_VARCHAR },
	{ "replace", "sss", "replace($1, $2, $3)", TYPE_VARCHAR },
	{ "strpos", "ss", "strpos($1, $2)::bigint", TYPE_BIGINT },
	{ "starts_with", "ss", "starts_with($1, $2)", TYPE_BOOLEAN },
	{ "substr", "sk", "substr($1, $2)", TYPE_VARCHAR },
	{ "substr", "skk", "substr($1, $2, $3)", TYPE_VARCHAR },
	{ "substring", "sk", "substr($1, $2)", TYPE_VARCHAR },
	{ "substring", "skk", "substr($1, $2, $3)", TYPE_VARCHAR },
	{ "concat", "ss", "($1 || $2)", TYPE_VARCHAR },
	{ "concat", "sss", "($1 || $2 || $3)", TYPE_VARCHAR },
	{ "concat", "ssss", "($1 || $2 || $3 || $4)", TYPE_VARCHAR },
	{ "abs", "d", "abs($1)", TYPE_UNKNOWN },
	{ "mod", "ii", "mod($1::bigint, $2::bigint)", TYPE_BIGINT },
	{ "floor", "d", "floor($1::float8)", TYPE_DOUBLE },
	{ "ceil", "d", "ceil($1::float8)", TYPE_DOUBLE },
	{ "ceiling", "d", "ceil($1::float8)", TYPE_DOUBLE },
	{ "nullif", "aa", "nullif($1, $2)", TYPE_UNKNOWN },
	{ "from_iso8601_timestamp", "s", "ferry_offline.iso_timestamp($1)", TYPE_TIMESTAMP_TZ },
	{ "from_unixtime", "d", "to_timestamp(round(($1)::numeric, 3)::float8)",
		TYPE_TIMESTAMP_TZ },
	{ "to_unixtime", "t", "extract(epoch FROM $1)::float8", TYPE_DOUBLE },
	{ "date", "t", "($1)::date", TYPE_DATE },
	{ "date", "s", "($1)::date", TYPE_DATE },
	{ "now", "", "current_timestamp(3)", TYPE_TIMESTAMP_TZ },
	{ "year", "t", "extract(year FROM $1)::bigint", TYPE_BIGINT },
	{ "month", "t", "extract(month FROM $1)::bigint", TYPE_BIGINT },
	{ "day", "t", "extract(day FROM $1)::bigint", TYPE_BIGINT },
	{ "hour", "z", "extract(hour FROM $1)::bigint", TYPE_BIGINT },
	{ "minute", "z", "extract(minute FROM $1)::bigint", TYPE_BIGINT },
	{ "second", "z", "floor(extract(second FROM $1))::bigint", TYPE_BIGINT },
};

static const struct function aggregates[] = {
	{ "count", "a", "count($1)", TYPE_BIGINT },
	{ "sum", "i", "sum($1)::bigint", TYPE_BIGINT },
	{ "sum", "d", "sum($1::float8)", TYPE_DOUBLE },
	{ "avg", "d", "avg($1::float8)", TYPE_DOUBLE },
	{ "min", "a", "min($1)", TYPE_UNKNOWN },
	{ "max", "a", "max($1)", TYPE_UNKNOWN },
	{ "bool_and", "b", "bool_and($1)", TYPE_BOOLEAN },
	{ "bool_or", "b", "bool_or($1)", TYPE_BOOLEAN },
	{ "count_if", "b", "count(*) FILTER (WHERE $1)", TYPE_BIGINT },
	{ "max_by", "aa", "(array_agg($1 ORDER BY $2 DESC) FILTER (WHERE ($2) IS NOT NULL))[1]",
		TYPE_UNKNOWN },
	{ "min_by", "aa", "(array_agg($1 ORDER BY $2) FILTER (WHERE ($2) IS NOT NULL))[1]",
		TYPE_UNKNOWN },
};

static const struct function windows[] = {
	{ "row_number", "", "row_number()", TYPE_BIGINT },
	{ "rank", "", "rank()", TYPE_BIGINT },
	{ "dense_rank", "", "dense_rank()", TYPE_BIGINT },
};

static bool fits(const struct expr *e, char kind)
{
	int64_t i;

	if (e->type == TYPE_UNKNOWN)
		return kind != 'k';
	switch (kind) {
	case 's':
		return e->type == TYPE_VARCHAR;
	case 'i':
		return e->type == TYPE_INTEGER || e->type == TYPE_BIGINT;
	case 'd':
		return is_numeric(e->type);
	case 't':
		return is_time(e->type);
	case 'z':
		return is_time(e->type) && e->type != TYPE_DATE;
	case 'b':
		return e->type == TYPE_BOOLEAN;
	case 'k':
		return e->type == TYPE_INTEGER && num_i64(e->literal, &i) && i > 0;
	default:
		return true;
	}
}

static bool same_name(const struct token *t, const char *name)
{
	return t->text.n == strlen(name) && strncasecmp(t->text.p, name, t->text.n) == 0;
}

/* The function of that name for these arguments; NULL when there is none. *known: by another form.
 */
static const struct function *choose(const struct function *table, size_t n,
	const struct token *name, const struct expr *args, size_t n_args, bool *known)
{
	for (size_t i = 0; i < n; i++) {
		size_t j = 0;

		if (!same_name(name, table[i].name))
			continue;
		*known = true;
		if (strlen(table[i].args) != n_args)
			continue;
		while (j < n_args && fits(&args[j], table[i].args[j]))
			j++;
		if (j == n_args)
			return &table[i];
	}
	return NULL;
}

static struct sl fill(struct parser *p, const char *sql, const struct expr *args, bool distinct)
{
	struct sl out = SL("");
	const char *dollar;

	while ((dollar = strchr(sql, '$'))) {
		out = sqlf(p, "%.*s%.*s%s%.*s", F(out), (int)(dollar - sql), sql,
			distinct ? "DISTINCT " : "", F(args[dollar[1] - '1'].sql));
		sql = dollar + 2;
	}
	return sqlf(p, "%.*s%s", F(out), sql);
}

static struct expr result(struct parser *p, const struct function *f, const struct token *name,
	const struct expr *args, bool distinct)
{
	return (struct expr){ .sql = fill(p, f->sql, args, distinct),
		.type = f->type == TYPE_UNKNOWN ? args[0].type : f->type,
		.where = name };
}

static void wrong_arguments(
	struct parser *p, const struct token *name, const struct expr *args, size_t n) NORETURN;
static void wrong_arguments(
	struct parser *p, const struct token *name, const struct expr *args, size_t n)
{
	struct sl types = SL("");

	for (size_t i = 0; i < n; i++)
		types = sqlf(p, "%.*s%s%.*s", F(types), i ? ", " : "", F(type_text(p, &args[i])));
	fail_at(p, name, "FUNCTION_NOT_FOUND", "Unexpected parameters (%.*s) for function %.*s",
		F(types), F(name->text));
}

/* coalesce(a, b, …): the types must meet. */
static struct expr coalesce(
	struct parser *p, const struct token *name, const struct expr *args, size_t n)
{
	struct expr e = { .sql = SL(""), .type = TYPE_UNKNOWN, .where = name };

	for (size_t i = 0; i < n; i++) {
		e.type = common_type(p, &e, "COALESCE", &args[i], args[i].where);
		e.sql = sqlf(p, "%.*s%s%.*s", F(e.sql), i ? ", " : "coalesce(", F(args[i].sql));
	}
	e.sql = sqlf(p, "%.*s)", F(e.sql));
	return e;
}

/* round(x) is half away from zero for doubles, where PostgreSQL goes to even. */
static struct expr round_half_up(const struct token *name, const struct expr *x, struct parser *p)
{
	struct expr e = { .sql = x->sql, .type = x->type, .where = name };

	if (x->type == TYPE_DOUBLE)
		e.sql = sqlf(p, "(sign(%.*s) * floor(abs(%.*s) + 0.5))", F(x->sql), F(x->sql));
	else if (x->type == TYPE_DECIMAL)
		unsupported(p, name, "round of a decimal");
	return e;
}

/* date_trunc, date_add and date_diff take their unit as a string literal. */
static struct expr date_function(
	struct parser *p, const struct token *name, const struct expr *args, size_t n)
{
	static const char *const units[] = { "second", "minute", "hour", "day", "week", "month",
		"year" };
	const char *unit = NULL;
	struct expr e = { .where = name };

	for (size_t i = 0; i < ARRAY_LEN(units) && n && args[0].literal.p; i++)
		if (sl_eq_str(args[0].literal, units[i]))
			unit = units[i];
	if (!unit)
		unsupported(p, name, "a unit of time");
	if (same_name(name, "date_trunc") && n == 2 && is_time(args[1].type)) {
		e.type = args[1].type;
		e.sql = sqlf(p, "date_trunc('%s', %.*s)%s", unit, F(args[1].sql),
			e.type == TYPE_DATE ? "::date" : "");
	} else if (same_name(name, "date_add") && n == 3 && fits(&args[1], 'i') &&
		   is_time(args[2].type)) {
		e.type = args[2].type;
		e.sql = sqlf(p, "(%.*s + %.*s * interval '1 %s')%s", F(args[2].sql), F(args[1].sql),
			unit, e.type == TYPE_DATE ? "::date" : "");
	} else if (same_name(name, "date_diff") && n == 3 && strcmp(unit, "day") == 0 &&
		   args[1].type == TYPE_DATE && args[2].type == TYPE_DATE) {
		e.type = TYPE_BIGINT;
		e.sql = sqlf(p, "(%.*s - %.*s)::bigint", F(args[2].sql), F(args[1].sql));
	} else {
		unsupported(p, name, "these arguments");
	}
	return e;
}

/* A regular expression means the same to Java and to PostgreSQL only in its plain parts. */
static struct expr regexp_like(
	struct parser *p, const struct token *name, const struct expr *args, size_t n)
{
	if (n != 2 || args[0].type != TYPE_VARCHAR || !args[1].literal.p)
		unsupported(p, name, "regexp_like without a literal");
	for (size_t i = 0; i < args[1].literal.n; i++)
		if ((unsigned char)args[1].literal.p[i] >= 0x80 ||
			strchr("\\{}", args[1].literal.p[i]) ||
			(args[1].literal.p[i] == '(' && i + 1 < args[1].literal.n &&
				args[1].literal.p[i + 1] == '?'))
			unsupported(p, name, "a regular expression of this kind");
	return (struct expr){ .sql = sqlf(p, "(%.*s ~ %.*s)", F(args[0].sql), F(args[1].sql)),
		.type = TYPE_BOOLEAN,
		.where = name };
}

static struct expr if_function(
	struct parser *p, const struct token *name, const struct expr *args, size_t n)
{
	struct expr none = { .sql = SL("NULL"), .type = TYPE_UNKNOWN };
	const struct expr *otherwise = n == 3 ? &args[2] : &none;

	if (n < 2 || n > 3 || args[0].type != TYPE_BOOLEAN)
		wrong_arguments(p, name, args, n);
	return (struct expr){ .sql = sqlf(p, "(CASE WHEN %.*s THEN %.*s ELSE %.*s END)",
				      F(args[0].sql), F(args[1].sql), F(otherwise->sql)),
		.type = common_type(p, &args[1], "IF", otherwise, name),
		.where = name };
}

static bool special(struct parser *p, const struct token *name, const struct expr *args, size_t n,
	struct expr *e)
{
	if (same_name(name, "coalesce") && n >= 1)
		*e = coalesce(p, name, args, n);
	else if (same_name(name, "round") && n == 1 && is_numeric(args[0].type))
		*e = round_half_up(name, &args[0], p);
	else if (same_name(name, "date_trunc") || same_name(name, "date_add") ||
		 same_name(name, "date_diff"))
		*e = date_function(p, name, args, n);
	else if (same_name(name, "regexp_like"))
		*e = regexp_like(p, name, args, n);
	else if (same_name(name, "if"))
		*e = if_function(p, name, args, n);
	else
		return false;
	return true;
}

static struct sl parse_over(struct parser *p)
{
	struct sl sql = SL("");
	const char *comma = "PARTITION BY ";

	expect_op(p, "(");
	if (accept_words(p, "PARTITION", "BY")) {
		do {
			struct expr e = parse_expr(p);

			sql = sqlf(p, "%.*s%s%.*s", F(sql), comma, F(e.sql));
			comma = ", ";
		} while (accept_op(p, ","));
	}
	if (accept_words(p, "ORDER", "BY"))
		sql = join_sql(p, sql, " ORDER BY ", parse_order(p));
	expect_op(p, ")");
	return sqlf(p, " OVER (%.*s)", F(sql));
}

/* FILTER (WHERE …) and OVER (…) behind a call. */
static struct expr with_clauses(struct parser *p, struct expr e, bool must_be_window)
{
	if (!must_be_window && is_word(peek(p), "FILTER") && is_op(peek_after(p, 1), "(")) {
		struct expr condition;

		p->at += 2;
		expect_word(p, "WHERE");
		condition = parse_boolean(p, "FILTER clause");
		expect_op(p, ")");
		e.sql = sqlf(p, "%.*s FILTER (WHERE %.*s)", F(e.sql), F(condition.sql));
	}
	if (must_be_window && !is_word(peek(p), "OVER"))
		unsupported(p, peek(p), "a window function without OVER");
	if (accept_word(p, "OVER"))
		e.sql = join_sql(p, e.sql, "", parse_over(p));
	return e;
}

struct expr parse_call(struct parser *p, const struct token *name)
{
	struct expr args[MAX_ARGS], e;
	const struct function *f;
	size_t n = 0;
	bool distinct, known = false;

	expect_op(p, "(");
	if (same_name(name, "count") && accept_op(p, "*")) {
		expect_op(p, ")");
		return with_clauses(p,
			(struct expr){ .sql = SL("count(*)"), .type = TYPE_BIGINT, .where = name },
			false);
	}
	distinct = accept_word(p, "DISTINCT");
	while (!accept_op(p, ")")) {
		if (n == MAX_ARGS || (n && !accept_op(p, ",")))
			unsupported(p, peek(p), "an argument");
		args[n++] = parse_expr(p);
	}
	if (!distinct && special(p, name, args, n, &e))
		return e;
	f = choose(aggregates, ARRAY_LEN(aggregates), name, args, n, &known);
	if (f && !(distinct && n != 1))
		return with_clauses(p, result(p, f, name, args, distinct), false);
	f = choose(windows, ARRAY_LEN(windows), name, args, n, &known);
	if (f && !distinct)
		return with_clauses(p, result(p, f, name, args, false), true);
	f = choose(functions, ARRAY_LEN(functions), name, args, n, &known);
	if (f && !distinct)
		return result(p, f, name, args, false);
	if (known && !distinct)
		wrong_arguments(p, name, args, n);
	unsupported(p, name, "a function");
}
