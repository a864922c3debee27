/* FROM of Athena's SQL: tables, named queries, subqueries, joins; and the columns they bring. */
#include "pack.h"
#include "trino_pack.h"

static void add_column(struct parser *p, struct scope *s, struct scope_column c)
{
	if (s->n == s->cap) {
		struct scope_column *more;

		s->cap = s->cap ? s->cap * 2 : 32;
		more = arena_alloc(p->mem, mem_mul(s->cap, sizeof *more));
		if (s->n)
			memcpy(more, s->v, s->n * sizeof *more);
		s->v = more;
	}
	s->v[s->n++] = c;
}

static void remember_table(struct parser *p, struct offline *o)
{
	struct offline **more;

	for (size_t i = 0; i < p->out->n_tables; i++)
		if (p->out->tables[i] == o)
			return;
	more = arena_alloc(p->mem, (p->out->n_tables + 1) * sizeof(struct offline *));
	if (p->out->n_tables)
		memcpy(more, p->out->tables, p->out->n_tables * sizeof(struct offline *));
	more[p->out->n_tables++] = o;
	p->out->tables = more;
}

/* [catalog.][database.]table, that must exist. */
struct offline *parse_table(struct parser *p, struct sl *name)
{
	const struct token *t = peek(p);
	struct sl part[3], database;
	const struct trino_context *c = p->context;
	struct offline *o;
	size_t n = 0;

	do
		part[n++] = take_name(p);
	while (n < 3 && accept_op(p, "."));
	*name = part[n - 1];
	database = n > 1 ? part[n - 2] : c->database.n ? c->database : SL("default");
	if (n == 3 && !sl_eq(part[0], SL("awsdatacatalog")))
		fail_at(p, t, "CATALOG_NOT_FOUND", "Catalog '%.*s' does not exist", F(part[0]));
	o = offline_find(c->account, c->region, database, *name);
	if (!o && n > 1 && !offline_has_database(c->account, c->region, database))
		fail_at(p, t, "SCHEMA_NOT_FOUND", "Schema '%.*s' does not exist", F(database));
	if (!o)
		fail_at(p, t, "TABLE_NOT_FOUND", "Table 'awsdatacatalog.%.*s.%.*s' does not exist",
			F(database), F(*name));
	remember_table(p, o);
	return o;
}

/* Adds the columns of a table under the alias PostgreSQL knows it by. */
void add_table_columns(struct parser *p, struct scope *s, const struct offline *o,
	struct sl relation, struct sl alias)
{
	static const enum trino_type types[] = { TYPE_BIGINT, TYPE_DOUBLE, TYPE_VARCHAR };
	static const struct {
		struct sl name;
		enum trino_type type;
	} own[] = { { SL_INIT("write_time"), TYPE_TIMESTAMP },
		{ SL_INIT("api_invocation_time"), TYPE_TIMESTAMP },
		{ SL_INIT("is_deleted"), TYPE_BOOLEAN } };

	for (size_t i = 0; i < o->n_columns; i++) {
		struct place at = pack_place(i);
		struct sl cell = sqlf(p, "%.*s.c%zu", F(alias), at.cell);
		enum trino_type type = types[o->columns[i].type];

		add_column(p, s,
			(struct scope_column){ .relation = relation,
				.name = o->columns[i].name,
				.type = type,
				.sql = element_sql(p, cell, at.element, type) });
	}
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		add_column(p, s,
			(struct scope_column){ .relation = relation,
				.name = own[i].name,
				.type = own[i].type,
				.sql = sqlf(p, "%.*s.%.*s", F(alias), F(own[i].name)) });
}

struct sl parse_alias(struct parser *p)
{
	if (accept_word(p, "AS") || peek(p)->kind == TOK_QUOTED ||
		(peek(p)->kind == TOK_WORD && !is_reserved_word(peek(p))))
		return take_name(p);
	return SL("");
}

static void add_query_columns(struct parser *p, struct scope *s, const struct scope_column *v,
	size_t n, struct sl relation, struct sl alias)
{
	for (size_t i = 0; i < n; i++)
		add_column(p, s,
			(struct scope_column){ .relation = relation,
				.name = v[i].name,
				.type = v[i].type,
				.sql = entry_sql(p, alias, i, n, v[i].type) });
}

/*
 * A table of PostgreSQL. Arrays are taken out of where it keeps long values once a row, and not for
 * each element.
 */
static struct sl table_sql(struct parser *p, const struct offline *o, struct sl alias)
{
	struct str list = { 0 };
	size_t cells = pack_cells(o->n_columns);
	struct sl sql;

	if (o->n_columns <= PACK_PLAIN)
		return sqlf(p, "%.*s AS %.*s", F(o->pg_table), F(alias));
	for (size_t i = PACK_PLAIN; i < cells; i++)
		str_addf(&list, ", c%zu || '{}' AS c%zu", i, i);
	for (size_t i = 0; i < PACK_PLAIN; i++)
		str_addf(&list, ", c%zu", i);
	sql = sqlf(p,
		"(SELECT write_time, api_invocation_time, is_deleted%s FROM %.*s OFFSET 0) AS %.*s",
		str_z(&list), F(o->pg_table), F(alias));
	str_free(&list);
	return sql;
}

/* One table, named query or subquery of FROM, with its alias. */
static struct sl parse_relation(struct parser *p, struct scope *s)
{
	struct sl alias = sqlf(p, "r%d", ++p->next_relation), name, relation;
	struct offline *o;

	if (accept_op(p, "(")) {
		struct query q = parse_query(p);

		expect_op(p, ")");
		relation = parse_alias(p);
		add_query_columns(p, s, q.columns, q.n, relation, alias);
		return subquery(p, q.sql, q.n, alias);
	}
	for (struct with_query *w = p->with; w && !is_op(peek_after(p, 1), "."); w = w->next) {
		size_t at = p->at;

		name = take_name(p);
		if (!sl_eq(name, w->name)) {
			p->at = at;
			continue;
		}
		relation = parse_alias(p);
		add_query_columns(p, s, w->columns, w->n, relation.n ? relation : name, alias);
		return subquery(p, w->sql, w->n, alias);
	}
	o = parse_table(p, &name);
	relation = parse_alias(p);
	add_table_columns(p, s, o, relation.n ? relation : name, alias);
	return table_sql(p, o, alias);
}

static const char *accept_join(struct parser *p)
{
	static const struct {
		const char *word, *sql;
	} joins[] = { { "LEFT", "LEFT JOIN" }, { "RIGHT", "RIGHT JOIN" }, { "FULL", "FULL JOIN" },
		{ "INNER", "JOIN" } };

	if (accept_word(p, "JOIN"))
		return "JOIN";
	for (size_t i = 0; i < ARRAY_LEN(joins); i++)
		if (accept_word(p, joins[i].word)) {
			(void)accept_word(p, "OUTER");
			expect_word(p, "JOIN");
			return joins[i].sql;
		}
	return NULL;
}

struct sl parse_from(struct parser *p, struct scope *s)
{
	struct sl sql;
	const char *join;

	/* what stands in FROM does not see its neighbours */
	p->scope = s->outer;
	sql = parse_relation(p, s);

	for (;;) {
		if (accept_op(p, ",") || accept_words(p, "CROSS", "JOIN")) {
			struct sl right = parse_relation(p, s);

			sql = sqlf(p, "%.*s CROSS JOIN %.*s", F(sql), F(right));
		} else if ((join = accept_join(p))) {
			struct sl right = parse_relation(p, s);

			expect_word(p, "ON");
			p->scope = s;
			sql = sqlf(p, "%.*s %s %.*s ON ", F(sql), join, F(right));
			right = parse_boolean(p, "JOIN ON clause").sql;
			sql = sqlf(p, "%.*s%.*s", F(sql), F(right));
			p->scope = s->outer;
		} else {
			return sql;
		}
	}
}
