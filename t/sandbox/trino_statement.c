/* Statements: queries, UNLOAD, DELETE, VACUUM, OPTIMIZE. */
#include "trino_pack.h"

#include <ctype.h>

/* The text Athena gives each value, by type; only doubles are left to whoever prints them. */
static struct sl output_sql(struct parser *p, const struct query *q)
{
	struct str list = { 0 };
	struct sl sql;

	for (size_t i = 0; i < q->n; i++) {
		struct sl o = entry_sql(p, SL("q"), i, q->n, q->columns[i].type);

		if (q->columns[i].type == TYPE_TIMESTAMP)
			o = sqlf(p, "to_char(%.*s, 'YYYY-MM-DD HH24:MI:SS.MS')", F(o));
		else if (q->columns[i].type == TYPE_TIMESTAMP_TZ)
			o = sqlf(p, "to_char(%.*s, 'YYYY-MM-DD HH24:MI:SS.MS') || ' UTC'", F(o));
		add_entry(&list, i, q->n, o);
	}
	sql = subquery(p, q->sql, q->n, SL("q"));
	sql = sqlf(p, "SELECT %s FROM %.*s", str_z(&list), F(sql));
	str_free(&list);
	return sql;
}

static void take_query(struct parser *p, struct query q)
{
	struct trino_statement *out = p->out;

	out->n_columns = q.n;
	out->columns = arena_alloc(p->mem, mem_mul(q.n + 1, sizeof *out->columns));
	for (size_t i = 0; i < q.n; i++) {
		out->columns[i] = (struct trino_column){ q.columns[i].name, q.columns[i].type };
		if (q.columns[i].type == TYPE_INTERVAL)
			unsupported(p, peek(p), "a result of type interval");
	}
	out->sql = output_sql(p, &q);
	out->packed = is_packed(q.n);
}

static struct sl lower(struct parser *p, struct sl s)
{
	char *l = arena_alloc(p->mem, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		l[i] = (char)tolower((unsigned char)s.p[i]);
	return (struct sl){ l, s.n };
}

static void check_unload_columns(struct parser *p, const struct token *t)
{
	const struct trino_statement *out = p->out;

	for (size_t i = 0; i < out->n_columns; i++) {
		if (out->columns[i].type == TYPE_TIMESTAMP_TZ ||
			out->columns[i].type == TYPE_UNKNOWN)
			fail_at(p, t, "NOT_SUPPORTED", "Unsupported Hive type: %s",
				trino_type_name(out->columns[i].type));
		for (size_t j = 0; j < i; j++)
			if (sl_eq(out->columns[i].name, out->columns[j].name))
				fail_at(p, t, "DUPLICATE_COLUMN_NAME",
					"Column name '%.*s' specified more than once",
					F(out->columns[i].name));
	}
}

static void parse_unload(struct parser *p)
{
	const struct token *t = peek(p);

	expect_op(p, "(");
	take_query(p, parse_query(p));
	expect_op(p, ")");
	expect_word(p, "TO");
	p->out->location = take_string(p);
	expect_word(p, "WITH");
	expect_op(p, "(");
	do {
		struct sl name = take_name(p), value;

		expect_op(p, "=");
		if (peek(p)->kind != TOK_STRING)
			unsupported(p, peek(p), "a property of UNLOAD");
		value = lower(p, take_string(p));
		if (sl_eq(name, SL("format")))
			p->out->format = value;
		else if (sl_eq(name, SL("compression")))
			p->out->compression = value;
		else
			unsupported(p, peek(p), "a property of UNLOAD");
	} while (accept_op(p, ","));
	expect_op(p, ")");
	check_unload_columns(p, t);
	p->out->kind = TRINO_UNLOAD;
}

/* Only Iceberg tables can be changed. */
static struct offline *iceberg_table(struct parser *p, const char *what)
{
	const struct token *t = peek(p);
	struct sl name;
	struct offline *o = parse_table(p, &name);

	if (!o->iceberg)
		fail_at(p, t, "NOT_SUPPORTED", "%s", what);
	return o;
}

static void parse_delete(struct parser *p)
{
	struct scope scope = { 0 };
	struct offline *o;

	expect_word(p, "FROM");
	o = iceberg_table(
		p, "Modifying Hive table rows is only supported for transactional tables");
	add_table_columns(p, &scope, o, o->table, SL("r"));
	p->scope = &scope;
	p->out->kind = TRINO_DELETE;
	p->out->sql = sqlf(p, "DELETE FROM %.*s AS r", F(o->pg_table));
	if (accept_word(p, "WHERE"))
		p->out->sql =
			join_sql(p, p->out->sql, " WHERE ", parse_boolean(p, "WHERE clause").sql);
	p->scope = NULL;
}

/* VACUUM and OPTIMIZE change nothing that can be seen from outside. */
static void parse_maintenance(struct parser *p, bool optimize)
{
	(void)iceberg_table(p, "the table is not an Iceberg table");
	if (optimize) {
		expect_word(p, "REWRITE");
		expect_word(p, "DATA");
		expect_word(p, "USING");
		expect_word(p, "BIN_PACK");
	}
	p->out->kind = TRINO_MAINTENANCE;
	p->out->sql = SL("SELECT 1");
}

static void parse_statement(struct parser *p)
{
	if (accept_word(p, "UNLOAD"))
		parse_unload(p);
	else if (accept_word(p, "DELETE"))
		parse_delete(p);
	else if (accept_word(p, "VACUUM"))
		parse_maintenance(p, false);
	else if (accept_word(p, "OPTIMIZE"))
		parse_maintenance(p, true);
	else
		take_query(p, parse_query(p));
	(void)accept_op(p, ";");
	if (peek(p)->kind != TOK_END)
		unsupported(p, peek(p), "what follows the statement");
}

bool trino_translate(struct arena *mem, const struct trino_context *context, struct sl sql,
	struct trino_statement *out)
{
	struct parser p = { .mem = mem, .context = context, .out = out };

	*out = (struct trino_statement){ 0 };
	if (setjmp(p.failed))
		return false;
	lex(&p, sql);
	parse_statement(&p);
	return true;
}
