/* Queries of Athena's SQL: WITH, SELECT, set operations, order and limits. */
#include "trino_pack.h"

/* An output column of a SELECT: its expression, and the name it has outside. */
struct item {
	struct expr e;
	struct sl name; /* nothing: _col0 … */
};

struct items {
	struct item *v;
	size_t n, cap;
};

static void add_item(struct parser *p, struct items *items, struct expr e, struct sl name)
{
	if (items->n == items->cap) {
		struct item *more;

		items->cap = items->cap ? items->cap * 2 : 32;
		more = arena_alloc(p->mem, mem_mul(items->cap, sizeof *more));
		if (items->n)
			memcpy(more, items->v, items->n * sizeof *more);
		items->v = more;
	}
	items->v[items->n++] = (struct item){ e, name };
}

/* Steps over the list of a SELECT to its FROM, which must be known first; false when there is none.
 */
static bool skip_to_from(struct parser *p)
{
	int depth = 0;

	for (; peek(p)->kind != TOK_END && depth >= 0; p->at++) {
		if (is_op(peek(p), "("))
			depth++;
		else if (is_op(peek(p), ")"))
			depth--;
		else if (depth == 0 && is_word(peek(p), "FROM") &&
			 !is_word(peek(p) - 1, "DISTINCT"))
			return true;
		else if (depth == 0 && (is_word(peek(p), "UNION") || is_word(peek(p), "ORDER") ||
					       is_word(peek(p), "LIMIT")))
			return false;
	}
	return false;
}

static void add_star(
	struct parser *p, struct items *items, struct sl relation, const struct token *t)
{
	bool found = false;

	for (size_t i = 0; i < p->scope->n; i++) {
		const struct scope_column *c = &p->scope->v[i];

		if (relation.n && !sl_eq(c->relation, relation))
			continue;
		found = true;
		add_item(p, items,
			(struct expr){
				.sql = c->sql, .type = c->type, .name = c->name, .where = t },
			c->name);
	}
	if (!found)
		fail_at(p, t, "TABLE_NOT_FOUND", "Table '%.*s' not found", F(relation));
}

static void parse_items(struct parser *p, struct items *items)
{
	do {
		const struct token *t = peek(p);
		struct expr e;
		struct sl name;

		if (accept_op(p, "*")) {
			add_star(p, items, SL(""), t);
			continue;
		}
		if (is_op(peek_after(p, 1), ".") && is_op(peek_after(p, 2), "*")) {
			name = take_name(p);
			p->at += 2;
			add_star(p, items, name, t);
			continue;
		}
		e = parse_expr(p);
		name = parse_alias(p);
		add_item(p, items, e, name.n ? name : e.name);
	} while (accept_op(p, ","));
}

static struct sl parse_group(struct parser *p, const struct items *items)
{
	struct sl sql = SL("");
	const char *comma = "";

	do {
		const struct token *t = peek(p);
		struct expr e = parse_expr(p);

		if (e.literal.p && t->kind == TOK_INTEGER && e.sql.p) {
			unsigned long at = strtoul(e.literal.p, NULL, 10);

			if (at < 1 || at > items->n)
				fail_at(p, t, "INVALID_COLUMN_REFERENCE",
					"GROUP BY position %lu is not in "
					"select list",
					at);
			e = items->v[at - 1].e;
		}
		sql = sqlf(p, "%.*s%s%.*s", F(sql), comma, F(e.sql));
		comma = ", ";
	} while (accept_op(p, ","));
	return sql;
}

/* ASC or DESC, and NULLS: last by default, whichever the direction. */
static const char *parse_direction(struct parser *p)
{
	bool down = accept_word(p, "DESC"), first = false;

	if (!down)
		(void)accept_word(p, "ASC");
	if (accept_word(p, "NULLS")) {
		first = accept_word(p, "FIRST");
		if (!first)
			expect_word(p, "LAST");
	}
	return down ? (first ? " DESC NULLS FIRST" : " DESC NULLS LAST")
		    : (first ? " ASC NULLS FIRST" : " ASC NULLS LAST");
}

struct sl parse_order(struct parser *p)
{
	struct sl sql = SL("");
	const char *comma = "";

	do {
		struct expr e = parse_expr(p);

		sql = sqlf(p, "%.*s%s%.*s%s", F(sql), comma, F(e.sql), parse_direction(p));
		comma = ", ";
	} while (accept_op(p, ","));
	return sql;
}

static struct query make_query(
	struct parser *p, const struct items *items, struct sl rest, bool distinct)
{
	struct query q = { .n = items->n };
	struct str list = { 0 };

	if (distinct && is_packed(items->n))
		unsupported(p, peek(p), "DISTINCT of so many columns");
	q.columns = arena_alloc(p->mem, mem_mul(items->n + 1, sizeof *q.columns));
	for (size_t i = 0; i < items->n; i++) {
		const struct item *it = &items->v[i];

		add_entry(&list, i, items->n, it->e.sql);
		q.columns[i] = (struct scope_column){ .type = it->e.type,
			.sql = it->e.sql,
			.name = it->name.n ? it->name : sqlf(p, "_col%zu", i) };
	}
	q.sql = sqlf(p, "SELECT %s%s%.*s", distinct ? "DISTINCT " : "", str_z(&list), F(rest));
	str_free(&list);
	return q;
}

/*
 * SELECT … and what belongs to it. Its scope stays the parser's for an ORDER BY behind it; where
 * that may name expressions of the input, they must be computed inside.
 */
static struct query parse_select(struct parser *p, struct scope *scope)
{
	struct sl rest = SL("");
	struct items items = { 0 };
	bool distinct;
	size_t list, after;

	expect_word(p, "SELECT");
	distinct = accept_word(p, "DISTINCT");
	if (!distinct)
		(void)accept_word(p, "ALL");
	list = p->at;
	p->scope = scope;
	if (skip_to_from(p)) {
		p->at++;
		rest = parse_from(p, scope);
		rest = sqlf(p, " FROM %.*s", F(rest));
		p->scope = scope;
		after = p->at;
	} else {
		after = 0;
	}
	p->at = list;
	parse_items(p, &items);
	if (after) {
		expect_word(p, "FROM");
		p->at = after;
	}
	if (accept_word(p, "WHERE"))
		rest = join_sql(p, rest, " WHERE ", parse_boolean(p, "WHERE clause").sql);
	if (accept_words(p, "GROUP", "BY"))
		rest = join_sql(p, rest, " GROUP BY ", parse_group(p, &items));
	if (accept_word(p, "HAVING"))
		rest = join_sql(p, rest, " HAVING ", parse_boolean(p, "HAVING clause").sql);
	return make_query(p, &items, rest, distinct);
}

static struct query parse_term(struct parser *p, struct scope *scope)
{
	struct query q;

	if (!accept_op(p, "("))
		return parse_select(p, scope);
	q = parse_query(p);
	expect_op(p, ")");
	q.sql = sqlf(p, "(%.*s)", F(q.sql));
	return q;
}

static void set_operation(struct parser *p, struct query *q, const char *op)
{
	struct scope scope = { .outer = p->scope ? p->scope->outer : NULL };
	const struct token *t = peek(p);
	bool all = accept_word(p, "ALL");
	struct query b;

	if (!all)
		(void)accept_word(p, "DISTINCT");
	if (is_packed(q->n) && !(all && strcmp(op, "UNION") == 0))
		unsupported(p, t, "a set operation of so many columns");
	b = parse_term(p, &scope);
	if (b.n != q->n)
		fail_at(p, t, "TYPE_MISMATCH", "%s query has different number of fields: %zu, %zu",
			op, q->n, b.n);
	for (size_t i = 0; i < b.n; i++) {
		struct expr x = { .type = q->columns[i].type }, y = { .type = b.columns[i].type };

		q->columns[i].type = common_type(p, &x, op, &y, t);
	}
	q->sql = sqlf(p, "%.*s %s %s%.*s", F(q->sql), op, all ? "ALL " : "", F(b.sql));
}

static struct sl order_key(
	struct parser *p, const struct query *q, size_t i, bool only_output, const struct token *t)
{
	if (has_column(i, q->n))
		return sqlf(p, "o%zu", i + 1);
	if (only_output)
		unsupported(p, t, "ORDER BY of one of so many columns here");
	return q->columns[i].sql;
}

/* ORDER BY may name output columns by name or place, or be made of the input's columns. */
static struct sl query_order(struct parser *p, const struct query *q, bool only_output)
{
	struct sl sql = SL("");
	const char *comma = "";

	do {
		const struct token *t = peek(p), *next = peek_after(p, 1);
		bool alone = is_op(next, ",") || is_op(next, ")") || next->kind == TOK_END ||
			     is_word(next, "ASC") || is_word(next, "DESC") ||
			     is_word(next, "NULLS") || is_word(next, "LIMIT") ||
			     is_word(next, "OFFSET");
		struct sl key = { NULL, 0 };
		size_t at = p->at;

		if (alone && t->kind == TOK_INTEGER) {
			unsigned long place = strtoul(take(p)->text.p, NULL, 10);

			if (place < 1 || place > q->n)
				fail_at(p, t, "INVALID_COLUMN_REFERENCE",
					"ORDER BY position %lu is not in "
					"select list",
					place);
			key = order_key(p, q, place - 1, only_output, t);
		} else if (alone && (t->kind == TOK_QUOTED || t->kind == TOK_WORD)) {
			struct sl name = take_name(p);

			for (size_t i = 0; i < q->n && !key.p; i++)
				if (sl_eq(q->columns[i].name, name))
					key = order_key(p, q, i, only_output, t);
			if (!key.p)
				p->at = at;
		}
		if (!key.p && only_output)
			unsupported(p, t, "ORDER BY of an expression here");
		if (!key.p)
			key = parse_expr(p).sql;
		sql = sqlf(p, "%.*s%s%.*s%s", F(sql), comma, F(key), parse_direction(p));
		comma = ", ";
	} while (accept_op(p, ","));
	return sql;
}

static void parse_with(struct parser *p)
{
	do {
		struct with_query *w = arena_alloc(p->mem, sizeof *w);
		struct query q;

		*w = (struct with_query){ .name = take_name(p) };
		expect_word(p, "AS");
		expect_op(p, "(");
		q = parse_query(p);
		expect_op(p, ")");
		w->sql = q.sql;
		w->columns = q.columns;
		w->n = q.n;
		w->next = p->with;
		p->with = w;
	} while (accept_op(p, ","));
}

static void parse_limits(struct parser *p, struct query *q)
{
	if (accept_word(p, "OFFSET")) {
		const struct token *t = take(p);

		if (t->kind != TOK_INTEGER)
			unsupported(p, t, "OFFSET");
		q->sql = sqlf(p, "%.*s OFFSET %.*s", F(q->sql), F(t->text));
		(void)(accept_word(p, "ROWS") || accept_word(p, "ROW"));
	}
	if (accept_word(p, "LIMIT") && !accept_word(p, "ALL")) {
		const struct token *t = take(p);

		if (t->kind != TOK_INTEGER)
			unsupported(p, t, "LIMIT");
		q->sql = sqlf(p, "%.*s LIMIT %.*s", F(q->sql), F(t->text));
	}
}

struct query parse_query(struct parser *p)
{
	struct scope *outer = p->scope;
	struct with_query *with = p->with;
	struct scope scope = { .outer = outer };
	struct query q;
	bool plain = true;

	go_deeper(p);
	if (accept_word(p, "WITH"))
		parse_with(p);
	plain = is_word(peek(p), "SELECT") && !is_word(peek_after(p, 1), "DISTINCT");
	q = parse_term(p, &scope);
	for (;; plain = false) {
		if (accept_word(p, "UNION"))
			set_operation(p, &q, "UNION");
		else if (accept_word(p, "EXCEPT"))
			set_operation(p, &q, "EXCEPT");
		else if (accept_word(p, "INTERSECT"))
			set_operation(p, &q, "INTERSECT");
		else
			break;
	}
	p->scope = &scope;
	if (accept_words(p, "ORDER", "BY"))
		q.sql = join_sql(p, q.sql, " ORDER BY ", query_order(p, &q, !plain));
	parse_limits(p, &q);
	p->scope = outer;
	p->with = with;
	p->depth--;
	return q;
}
