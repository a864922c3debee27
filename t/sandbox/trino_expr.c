/* Expressions of Athena's SQL, each with the type Trino gives it. */
#include "core/num.h"
#include "trino_parse.h"

const char *trino_type_name(enum trino_type type)
{
	static const char *const names[] = { "unknown", "boolean", "integer", "bigint", "decimal",
		"double", "varchar", "date", "timestamp(3)", "timestamp(3) with time zone",
		"interval" };

	return names[type];
}

const char *trino_athena_type(enum trino_type type)
{
	if (type == TYPE_TIMESTAMP)
		return "timestamp";
	return type == TYPE_TIMESTAMP_TZ ? "timestamp with time zone" : trino_type_name(type);
}

bool is_numeric(enum trino_type t)
{
	return t == TYPE_INTEGER || t == TYPE_BIGINT || t == TYPE_DECIMAL || t == TYPE_DOUBLE;
}

bool is_time(enum trino_type t)
{
	return t == TYPE_DATE || t == TYPE_TIMESTAMP || t == TYPE_TIMESTAMP_TZ;
}

/* A string literal has its length in its type. */
struct sl type_text(struct parser *p, const struct expr *e)
{
	size_t chars = 0;

	if (e->type != TYPE_VARCHAR || !e->literal.p)
		return sl_of(trino_type_name(e->type));
	for (size_t i = 0; i < e->literal.n; i++)
		chars += ((unsigned char)e->literal.p[i] & 0xc0) != 0x80;
	return sqlf(p, "varchar(%zu)", chars);
}

enum trino_type common_type(struct parser *p, const struct expr *a, const char *op,
	const struct expr *b, const struct token *t)
{
	struct sl left, right;

	if (a->type == b->type || b->type == TYPE_UNKNOWN)
		return a->type;
	if (a->type == TYPE_UNKNOWN)
		return b->type;
	/* the types are in order of what they can hold */
	if ((is_numeric(a->type) && is_numeric(b->type)) || (is_time(a->type) && is_time(b->type)))
		return a->type > b->type ? a->type : b->type;
	left = type_text(p, a);
	right = type_text(p, b);
	fail_at(p, t, "TYPE_MISMATCH", "Cannot apply operator: %.*s %s %.*s", F(left), op,
		F(right));
}

struct expr resolve_column(
	struct parser *p, const struct token *t, struct sl relation, struct sl name)
{
	for (const struct scope *s = p->scope; s; s = s->outer) {
		const struct scope_column *found = NULL;

		for (size_t i = 0; i < s->n; i++) {
			if (!sl_eq(s->v[i].name, name) ||
				(relation.n && !sl_eq(s->v[i].relation, relation)))
				continue;
			if (found)
				fail_at(p, t, "AMBIGUOUS_NAME", "Column '%.*s' is ambiguous",
					F(name));
			found = &s->v[i];
		}
		if (found)
			return (struct expr){ .sql = found->sql,
				.type = found->type,
				.name = found->name,
				.where = t };
	}
	fail_at(p, t, "COLUMN_NOT_FOUND",
		"Column '%.*s%s%.*s' cannot be resolved or requester is not authorized to access "
		"requested resources",
		F(relation), relation.n ? "." : "", F(name));
}

static struct expr number(struct parser *p, const struct token *t)
{
	struct expr e = { .literal = t->text, .where = t };
	int64_t i;

	if (t->kind == TOK_INTEGER) {
		if (!num_i64(t->text, &i))
			unsupported(p, t, "a number out of range");
		e.type = i > INT32_MAX ? TYPE_BIGINT : TYPE_INTEGER;
		e.sql = sqlf(p, "%.*s::%s", F(t->text), i > INT32_MAX ? "bigint" : "integer");
		return e;
	}
	e.type = t->kind == TOK_DECIMAL ? TYPE_DECIMAL : TYPE_DOUBLE;
	e.sql = sqlf(p, t->kind == TOK_DECIMAL ? "%.*s" : "'%.*s'::float8", F(t->text));
	return e;
}

static struct expr interval(struct parser *p, const struct token *t)
{
	static const char *const units[] = { "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH",
		"YEAR" };
	bool minus = accept_op(p, "-");
	struct sl n = take_string(p);
	int64_t value;

	if (!num_i64(n, &value))
		unsupported(p, t, "an interval");
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (accept_word(p, units[i]))
			return (struct expr){ .sql = sqlf(p, "interval '%lld %s'",
						      (long long)(minus ? -value : value),
						      units[i]),
				.type = TYPE_INTERVAL,
				.where = t };
	unsupported(p, peek(p), "a unit of time");
}

static struct expr parse_case(struct parser *p, const struct token *t)
{
	struct expr subject = { 0 }, when, then, result = { .type = TYPE_UNKNOWN, .where = t };
	bool simple = !is_word(peek(p), "WHEN");
	struct sl sql = SL("CASE");

	if (simple)
		subject = parse_expr(p);
	while (accept_word(p, "WHEN")) {
		when = simple ? parse_expr(p) : parse_boolean(p, "CASE WHEN");
		if (simple)
			(void)common_type(p, &subject, "=", &when, when.where);
		expect_word(p, "THEN");
		then = parse_expr(p);
		result.type = common_type(p, &result, "CASE", &then, then.where);
		sql = simple ? sqlf(p, "%.*s WHEN (%.*s) = (%.*s) THEN %.*s", F(sql),
				       F(subject.sql), F(when.sql), F(then.sql))
			     : sqlf(p, "%.*s WHEN %.*s THEN %.*s", F(sql), F(when.sql),
				       F(then.sql));
	}
	if (accept_word(p, "ELSE")) {
		then = parse_expr(p);
		result.type = common_type(p, &result, "CASE", &then, then.where);
		sql = sqlf(p, "%.*s ELSE %.*s", F(sql), F(then.sql));
	}
	expect_word(p, "END");
	result.sql = sqlf(p, "(%.*s END)", F(sql));
	return result;
}

static struct expr scalar_query(struct parser *p, const struct token *t)
{
	struct query q = parse_query(p);

	expect_op(p, ")");
	if (q.n != 1)
		unsupported(p, t, "a query of more than one column as a value");
	return (struct expr){
		.sql = sqlf(p, "(%.*s)", F(q.sql)), .type = q.columns[0].type, .where = t
	};
}

/* A parameter of the execution stands for its text, which is one literal. */
static struct expr parameter(struct parser *p, const struct token *t)
{
	struct token *tokens = p->tokens;
	size_t at = p->at;
	struct expr e;

	if (p->next_parameter >= p->context->n_parameters)
		fail_at(p, t, "INVALID_PARAMETER_USAGE",
			"Incorrect number of parameters: expected more "
			"than %zu",
			p->context->n_parameters);
	lex(p, p->context->parameters[p->next_parameter++]);
	p->at = 0;
	e = parse_value(p);
	if (peek(p)->kind != TOK_END || !e.literal.p)
		unsupported(p, peek(p), "a parameter that is not a literal");
	p->tokens = tokens;
	p->at = at;
	e.where = t;
	return e;
}

static struct expr now_word(struct parser *p, const struct token *t)
{
	static const struct {
		const char *word, *sql;
		enum trino_type type;
	} words[] = {
		{ "CURRENT_DATE", "current_date", TYPE_DATE },
		{ "CURRENT_TIMESTAMP", "current_timestamp(3)", TYPE_TIMESTAMP_TZ },
		{ "LOCALTIMESTAMP", "localtimestamp(3)", TYPE_TIMESTAMP },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (is_word(t, words[i].word))
			return (struct expr){ .sql = sqlf(p, "%s", words[i].sql),
				.type = words[i].type,
				.where = t };
	return (struct expr){ 0 };
}

/* DATE '…' and TIMESTAMP '…'; without a string behind them they are names. */
static struct expr time_literal(struct parser *p, const struct token *t)
{
	struct expr e = { .type = TYPE_VARCHAR, .where = t };
	bool date = is_word(t, "DATE");

	if ((!date && !is_word(t, "TIMESTAMP")) || peek(p)->kind != TOK_STRING)
		return (struct expr){ 0 };
	e.literal = take_string(p);
	e.sql = quote_literal(p, e.literal);
	e = cast_to(p, e, date ? TYPE_DATE : TYPE_TIMESTAMP, false);
	e.where = t;
	return e;
}

static struct expr parse_word(struct parser *p, const struct token *t)
{
	struct expr e;
	struct sl name, relation = SL("");

	if (is_word(t, "NULL"))
		return (struct expr){
			.sql = SL("NULL"), .type = TYPE_UNKNOWN, .literal = SL(""), .where = t
		};
	if (is_word(t, "TRUE") || is_word(t, "FALSE"))
		return (struct expr){
			.sql = t->text, .type = TYPE_BOOLEAN, .literal = t->text, .where = t
		};
	if (is_word(t, "INTERVAL") && (peek(p)->kind == TOK_STRING || is_op(peek(p), "-")))
		return interval(p, t);
	if (is_word(t, "CASE"))
		return parse_case(p, t);
	if (is_word(t, "CAST") || is_word(t, "TRY_CAST"))
		return parse_cast(p, is_word(t, "TRY_CAST"));
	e = now_word(p, t);
	if (!e.sql.p)
		e = time_literal(p, t);
	if (e.sql.p)
		return e;
	if (is_op(peek(p), "("))
		return parse_call(p, t);
	p->at--;
	name = take_name(p);
	if (accept_op(p, ".")) {
		relation = name;
		name = take_name(p);
	}
	return resolve_column(p, t, relation, name);
}

static struct expr parse_primary(struct parser *p)
{
	const struct token *t = take(p);
	struct expr e;

	switch (t->kind) {
	case TOK_INTEGER:
	case TOK_DECIMAL:
	case TOK_DOUBLE:
		return number(p, t);
	case TOK_STRING:
		return (struct expr){ .sql = sqlf(p, "%.*s::text", F(quote_literal(p, t->text))),
			.type = TYPE_VARCHAR,
			.literal = t->text,
			.where = t };
	case TOK_QUOTED:
	case TOK_WORD:
		return parse_word(p, t);
	default:
		break;
	}
	if (is_op(t, "?"))
		return parameter(p, t);
	if (!is_op(t, "("))
		unsupported(p, t, "an expression");
	if (is_word(peek(p), "SELECT") || is_word(peek(p), "WITH"))
		return scalar_query(p, t);
	e = parse_expr(p);
	expect_op(p, ")");
	e.sql = sqlf(p, "(%.*s)", F(e.sql));
	return e;
}

static struct expr parse_unary(struct parser *p)
{
	const struct token *t = peek(p);
	struct expr e;

	if (!accept_op(p, "-")) {
		(void)accept_op(p, "+");
		return parse_primary(p);
	}
	go_deeper(p);
	e = parse_unary(p);
	p->depth--;
	if (!is_numeric(e.type))
		fail_at(p, t, "TYPE_MISMATCH", "Cannot negate %s", trino_type_name(e.type));
	e.sql = sqlf(p, "(- %.*s)", F(e.sql));
	e.name = (struct sl){ NULL, 0 };
	return e;
}

/* date ± interval stays a date, as in Trino; other times keep their type anyway. */
static struct expr add_interval(
	struct parser *p, struct expr a, const struct token *op, struct expr b)
{
	struct expr e = { .where = op, .type = a.type == TYPE_INTERVAL ? b.type : a.type };

	if (!is_time(e.type) || (a.type == TYPE_INTERVAL && is_op(op, "-")))
		unsupported(p, op, "arithmetic of intervals");
	e.sql = sqlf(p, e.type == TYPE_DATE ? "((%.*s %.*s %.*s)::date)" : "(%.*s %.*s %.*s)",
		F(a.sql), F(op->text), F(b.sql));
	return e;
}

static struct expr arithmetic(
	struct parser *p, struct expr a, const struct token *op, struct expr b)
{
	struct expr e = { .where = op };
	char sign[2] = { op->text.p[0], '\0' };

	if (a.type == TYPE_INTERVAL || b.type == TYPE_INTERVAL)
		return add_interval(p, a, op, b);
	if ((!is_numeric(a.type) && a.type != TYPE_UNKNOWN) ||
		(!is_numeric(b.type) && b.type != TYPE_UNKNOWN)) {
		struct sl left = type_text(p, &a), right = type_text(p, &b);

		fail_at(p, op, "TYPE_MISMATCH", "Cannot apply operator: %.*s %s %.*s", F(left),
			sign, F(right));
	}
	e.type = common_type(p, &a, sign, &b, op);
	if (e.type == TYPE_DECIMAL && (*sign == '/' || *sign == '%'))
		unsupported(p, op, "division of decimals");
	if (e.type == TYPE_DOUBLE && *sign == '%')
		unsupported(p, op, "remainder of doubles");
	e.sql = e.type == TYPE_DOUBLE
			? sqlf(p, "(%.*s::float8 %s %.*s::float8)", F(a.sql), sign, F(b.sql))
			: sqlf(p, "(%.*s %s %.*s)", F(a.sql), sign, F(b.sql));
	return e;
}

static struct expr parse_product(struct parser *p)
{
	struct expr e = parse_unary(p);

	while (is_op(peek(p), "*") || is_op(peek(p), "/") || is_op(peek(p), "%")) {
		const struct token *op = take(p);

		e = arithmetic(p, e, op, parse_unary(p));
	}
	return e;
}

static struct expr parse_sum(struct parser *p)
{
	struct expr e = parse_product(p);

	while (is_op(peek(p), "+") || is_op(peek(p), "-")) {
		const struct token *op = take(p);

		e = arithmetic(p, e, op, parse_product(p));
	}
	return e;
}

struct expr parse_value(struct parser *p)
{
	struct expr e = parse_sum(p);

	while (is_op(peek(p), "||")) {
		const struct token *op = take(p);
		struct expr b = parse_sum(p);

		if (e.type != TYPE_VARCHAR || b.type != TYPE_VARCHAR) {
			struct sl left = type_text(p, &e), right = type_text(p, &b);

			fail_at(p, op, "FUNCTION_NOT_FOUND",
				"Unexpected parameters (%.*s, %.*s) for "
				"function concat",
				F(left), F(right));
		}
		e = (struct expr){ .sql = sqlf(p, "(%.*s || %.*s)", F(e.sql), F(b.sql)),
			.type = TYPE_VARCHAR,
			.where = op };
	}
	return e;
}
