/* Predicates and logic of Athena's SQL. */
#include "core/str.h"
#include "trino_parse.h"

#define MAX_DEPTH 200

void go_deeper(struct parser *p)
{
	if (++p->depth > MAX_DEPTH)
		unsupported(p, peek(p), "so deep an expression");
}

static struct expr boolean(const struct token *t, struct sl sql)
{
	return (struct expr){ .sql = sql, .type = TYPE_BOOLEAN, .where = t };
}

static struct expr parse_like(struct parser *p, struct expr a, bool not, const struct token *t)
{
	struct expr b = parse_value(p);
	struct sl escape = SL("");

	if (a.type != TYPE_VARCHAR || b.type != TYPE_VARCHAR)
		fail_at(p, t, "TYPE_MISMATCH",
			"Left side of LIKE expression must evaluate to a varchar "
			"(actual: %s)",
			trino_type_name(a.type));
	if (accept_word(p, "ESCAPE"))
		escape = take_string(p);
	return boolean(t, sqlf(p, "(%.*s %sLIKE %.*s ESCAPE %.*s)", F(a.sql), not ? "NOT " : "",
				  F(b.sql), F(quote_literal(p, escape))));
}

static struct expr parse_in(struct parser *p, struct expr a, bool not, const struct token *t)
{
	struct str list = { 0 };
	struct sl sql;

	expect_op(p, "(");
	if (is_word(peek(p), "SELECT") || is_word(peek(p), "WITH")) {
		struct query q = parse_query(p);
		struct expr b = { .type = q.n ? q.columns[0].type : TYPE_UNKNOWN };

		expect_op(p, ")");
		if (q.n != 1)
			unsupported(p, t, "IN with a query of more than one column");
		(void)common_type(p, &a, "=", &b, t);
		return boolean(
			t, sqlf(p, "(%.*s %sIN (%.*s))", F(a.sql), not ? "NOT " : "", F(q.sql)));
	}
	do {
		struct expr b = parse_expr(p);

		if (a.type != b.type && a.type != TYPE_UNKNOWN && b.type != TYPE_UNKNOWN &&
			!(is_numeric(a.type) && is_numeric(b.type)) &&
			!(is_time(a.type) && is_time(b.type)))
			fail_at(p, b.where, "TYPE_MISMATCH",
				"IN value and list items must be the same "
				"type or coercible to a common type. Cannot find common type "
				"between %.*s "
				"and %.*s, all types (without duplicates): [%.*s, %.*s]",
				F(type_text(p, &a)), F(type_text(p, &b)), F(type_text(p, &a)),
				F(type_text(p, &b)));
		str_addf(&list, "%s%.*s", list.n ? ", " : "", F(b.sql));
	} while (accept_op(p, ","));
	expect_op(p, ")");
	sql = sqlf(p, "(%.*s %sIN (%s))", F(a.sql), not ? "NOT " : "", str_z(&list));
	str_free(&list);
	return boolean(t, sql);
}

static struct expr parse_between(struct parser *p, struct expr a, bool not, const struct token *t)
{
	struct expr low = parse_value(p), high;

	expect_word(p, "AND");
	high = parse_value(p);
	(void)common_type(p, &a, "BETWEEN", &low, t);
	(void)common_type(p, &a, "BETWEEN", &high, t);
	return boolean(t, sqlf(p, "(%.*s %sBETWEEN %.*s AND %.*s)", F(a.sql), not ? "NOT " : "",
				  F(low.sql), F(high.sql)));
}

static struct expr parse_is(struct parser *p, struct expr a, const struct token *t)
{
	bool not = accept_word(p, "NOT");
	struct expr b;

	if (accept_word(p, "NULL"))
		return boolean(t, sqlf(p, "(%.*s IS %sNULL)", F(a.sql), not ? "NOT " : ""));
	if (!accept_words(p, "DISTINCT", "FROM"))
		unsupported(p, peek(p), "IS");
	b = parse_value(p);
	(void)common_type(p, &a, "IS DISTINCT FROM", &b, t);
	return boolean(t,
		sqlf(p, "(%.*s IS %sDISTINCT FROM %.*s)", F(a.sql), not ? "NOT " : "", F(b.sql)));
}

/* The comparison operator that comes next, taken; NULL when none does. */
static const char *accept_comparison(struct parser *p)
{
	static const char *const comparisons[] = { "=", "<>", "!=", "<", "<=", ">", ">=" };

	for (size_t i = 0; i < ARRAY_LEN(comparisons); i++)
		if (accept_op(p, comparisons[i]))
			return i == 2 ? "<>" : comparisons[i];
	return NULL;
}

static struct expr parse_predicate(struct parser *p)
{
	struct expr e = parse_value(p), b;

	for (;;) {
		const struct token *t = peek(p);
		const struct token *next = is_word(t, "NOT") ? peek_after(p, 1) : t;
		const char *op;

		if (accept_word(p, "IS")) {
			e = parse_is(p, e, t);
		} else if (is_word(next, "IN") || is_word(next, "LIKE") ||
			   is_word(next, "BETWEEN")) {
			p->at += next == t ? 1 : 2;
			if (is_word(next, "IN"))
				e = parse_in(p, e, next != t, t);
			else if (is_word(next, "LIKE"))
				e = parse_like(p, e, next != t, t);
			else
				e = parse_between(p, e, next != t, t);
		} else if ((op = accept_comparison(p))) {
			b = parse_value(p);
			(void)common_type(p, &e, op, &b, t);
			e = boolean(t, sqlf(p, "(%.*s %s %.*s)", F(e.sql), op, F(b.sql)));
		} else {
			return e;
		}
	}
}

static struct expr need_boolean(struct parser *p, struct expr e, const char *what)
{
	if (e.type != TYPE_BOOLEAN && e.type != TYPE_UNKNOWN)
		fail_at(p, e.where, "TYPE_MISMATCH",
			"%s must evaluate to a boolean: actual type %s", what,
			trino_type_name(e.type));
	return e;
}

static struct expr parse_not(struct parser *p)
{
	const struct token *t = peek(p);
	struct expr e;

	if (accept_word(p, "NOT")) {
		go_deeper(p);
		e = need_boolean(p, parse_not(p), "Value of logical NOT expression");
		p->depth--;
		return boolean(t, sqlf(p, "(NOT %.*s)", F(e.sql)));
	}
	if (is_word(t, "EXISTS") && is_op(peek_after(p, 1), "(")) {
		struct query q;

		p->at += 2;
		q = parse_query(p);
		expect_op(p, ")");
		return boolean(t, sqlf(p, "EXISTS (%.*s)", F(q.sql)));
	}
	return parse_predicate(p);
}

static struct expr parse_and(struct parser *p)
{
	struct expr e = parse_not(p);

	while (is_word(peek(p), "AND")) {
		const struct token *t = take(p);
		struct expr b = need_boolean(p, parse_not(p), "Logical expression term");

		(void)need_boolean(p, e, "Logical expression term");
		e = boolean(t, sqlf(p, "(%.*s AND %.*s)", F(e.sql), F(b.sql)));
	}
	return e;
}

struct expr parse_expr(struct parser *p)
{
	struct expr e;

	go_deeper(p);
	e = parse_and(p);
	while (is_word(peek(p), "OR")) {
		const struct token *t = take(p);
		struct expr b = need_boolean(p, parse_and(p), "Logical expression term");

		(void)need_boolean(p, e, "Logical expression term");
		e = boolean(t, sqlf(p, "(%.*s OR %.*s)", F(e.sql), F(b.sql)));
	}
	p->depth--;
	return e;
}

struct expr parse_boolean(struct parser *p, const char *clause)
{
	return need_boolean(p, parse_expr(p), clause);
}
