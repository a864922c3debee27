/* trino_parse.h - what the files of the translator share. */
#ifndef SANDBOX_TRINO_PARSE_H
#define SANDBOX_TRINO_PARSE_H

#include "offline.h"
#include "trino.h"

#include <setjmp.h>

enum token_kind {
	TOK_END,
	TOK_WORD,
	TOK_QUOTED,
	TOK_STRING,
	TOK_INTEGER,
	TOK_DECIMAL,
	TOK_DOUBLE,
	TOK_OP
};

struct token {
	enum token_kind kind;
	struct sl text; /* of quoted ones and strings: without quotes, doubled ones undone */
	int line, column;
};

/* A column that can be named, and the SQL that names it for PostgreSQL. */
struct scope_column {
	struct sl relation, name; /* in lower case */
	enum trino_type type;
	struct sl sql;
};

struct scope {
	struct scope *outer; /* of the query around this one */
	struct scope_column *v;
	size_t n, cap;
};

/* A query named by WITH. */
struct with_query {
	struct with_query *next;
	struct sl name, sql;
	struct scope_column *columns;
	size_t n;
};

struct parser {
	struct arena *mem;
	const struct trino_context *context;
	struct trino_statement *out;
	struct token *tokens;
	size_t at;
	struct scope *scope;
	struct with_query *with;
	int next_relation, depth;
	size_t next_parameter;
	jmp_buf failed;
};

/* A translated expression. */
struct expr {
	struct sl sql;
	enum trino_type type;
	struct sl name;    /* of a bare column, else nothing */
	struct sl literal; /* value of a string or number literal, else nothing */
	const struct token *where;
};

/* A query that has been translated; its SQL has columns o1, o2, … (trino_pack.h). */
struct query {
	struct sl sql;
	struct scope_column *columns; /* their `sql` is what they are made of */
	size_t n;
};

/* trino_lex.c */
void lex(struct parser *p, struct sl sql);
const struct token *peek(const struct parser *p);
const struct token *peek_after(const struct parser *p, size_t n);
const struct token *take(struct parser *p);
bool is_word(const struct token *t, const char *upper); /* not a quoted one */
bool is_op(const struct token *t, const char *op);
bool accept_word(struct parser *p, const char *upper);
bool accept_words(struct parser *p, const char *a, const char *b); /* both, or none is taken */
bool accept_op(struct parser *p, const char *op);
void expect_word(struct parser *p, const char *upper);
void expect_op(struct parser *p, const char *op);
struct sl take_name(struct parser *p); /* an identifier, in lower case */
struct sl take_string(struct parser *p);
bool is_reserved_word(const struct token *t);

/* Ends the translation with `ERROR: line 1:2: …`, or with SANDBOX_UNSUPPORTED. */
void fail_at(struct parser *p, const struct token *t, const char *error, const char *fmt, ...)
	PRINTF_LIKE(4, 5) NORETURN;
void unsupported(struct parser *p, const struct token *t, const char *what) NORETURN;

/* Formats into the arena. */
struct sl sqlf(struct parser *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct sl quote_literal(struct parser *p, struct sl s);
struct sl join_sql(struct parser *p, struct sl a, const char *between, struct sl b);
#define F(s) (int)(s).n, (s).p /* for %.*s; its argument is evaluated twice */

/* trino_predicate.c */
struct expr parse_expr(struct parser *p);
struct expr parse_boolean(struct parser *p, const char *clause);
void go_deeper(struct parser *p); /* one level more of what nests; p->depth-- leaves it */

/* trino_expr.c */
struct expr parse_value(struct parser *p); /* all that binds stronger than a comparison */
struct sl type_text(struct parser *p, const struct expr *e);
bool is_time(enum trino_type t);
struct expr resolve_column(
	struct parser *p, const struct token *t, struct sl relation, struct sl name);
bool is_numeric(enum trino_type t);

/* The type two operands meet in; fails with `Cannot apply operator: a OP b` where there is none. */
enum trino_type common_type(struct parser *p, const struct expr *a, const char *op,
	const struct expr *b, const struct token *t);

/* trino_cast.c */
struct expr parse_cast(struct parser *p, bool try);
struct expr cast_to(struct parser *p, struct expr e, enum trino_type type, bool try);
const char *pg_type_of(enum trino_type type); /* PostgreSQL's name */

/* trino_function.c */
struct expr parse_call(struct parser *p, const struct token *name);

/* trino_query.c */
struct query parse_query(struct parser *p);
struct sl parse_order(struct parser *p); /* behind ORDER BY, in the scope of the parser */

/* trino_from.c */
struct sl parse_alias(struct parser *p);                 /* [AS] name, or nothing */
struct sl parse_from(struct parser *p, struct scope *s); /* fills the scope */
struct offline *parse_table(struct parser *p, struct sl *name);
void add_table_columns(struct parser *p, struct scope *s, const struct offline *o,
	struct sl relation, struct sl alias); /* `alias` is PostgreSQL's name for the table */

#endif
