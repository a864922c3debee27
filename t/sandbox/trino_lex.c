/* Tokens of Athena's SQL, and how the parser reports what is wrong. */
#include "trino_parse.h"

#include <ctype.h>
#include <stdarg.h>
#include <strings.h>

struct lexer {
	struct parser *p;
	const char *at, *end, *line_start;
	int line;
	size_t n, cap;
};

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static void add(struct lexer *x, enum token_kind kind, struct sl text, const char *from)
{
	struct parser *p = x->p;

	if (x->n == x->cap) {
		struct token *more;

		x->cap = x->cap ? x->cap * 2 : 64;
		more = arena_alloc(p->mem, mem_mul(x->cap, sizeof *more));
		if (x->n)
			memcpy(more, p->tokens, x->n * sizeof *more);
		p->tokens = more;
	}
	p->tokens[x->n++] = (struct token){ .kind = kind,
		.text = text,
		.line = x->line,
		.column = (int)(from - x->line_start) + 1 };
}

static void bad(struct lexer *x, const char *what)
{
	struct token t = { .line = x->line, .column = (int)(x->at - x->line_start) + 1 };

	unsupported(x->p, &t, what);
}

/* Steps over blanks and comments. */
static void skip(struct lexer *x)
{
	while (x->at < x->end) {
		if (*x->at == '\n') {
			x->line++;
			x->line_start = ++x->at;
		} else if (isspace((unsigned char)*x->at)) {
			x->at++;
		} else if (x->end - x->at > 1 && x->at[0] == '-' && x->at[1] == '-') {
			while (x->at < x->end && *x->at != '\n')
				x->at++;
		} else if (x->end - x->at > 1 && x->at[0] == '/' && x->at[1] == '*') {
			const char *close =
				memmem(x->at + 2, (size_t)(x->end - x->at - 2), "*/", 2);

			if (!close)
				bad(x, "a comment that does not end");
			for (; x->at < close + 2; x->at++)
				if (*x->at == '\n') {
					x->line++;
					x->line_start = x->at + 1;
				}
		} else {
			return;
		}
	}
}

static void lex_quoted(struct lexer *x, enum token_kind kind)
{
	const char *from = x->at;
	char quote = *x->at++, *text = arena_alloc(x->p->mem, (size_t)(x->end - from));
	size_t n = 0;

	for (;; x->at++) {
		if (x->at == x->end)
			bad(x, "a quote that does not end");
		if (*x->at == quote) {
			if (x->at + 1 == x->end || x->at[1] != quote)
				break;
			x->at++;
		}
		text[n++] = *x->at;
	}
	x->at++;
	add(x, kind, (struct sl){ text, n }, from);
}

static void lex_number(struct lexer *x)
{
	const char *from = x->at;
	enum token_kind kind = TOK_INTEGER;

	while (x->at < x->end && (isdigit((unsigned char)*x->at) || *x->at == '.')) {
		if (*x->at == '.')
			kind = TOK_DECIMAL;
		x->at++;
	}
	if (x->at < x->end && (*x->at == 'e' || *x->at == 'E')) {
		kind = TOK_DOUBLE;
		x->at++;
		if (x->at < x->end && (*x->at == '+' || *x->at == '-'))
			x->at++;
		while (x->at < x->end && isdigit((unsigned char)*x->at))
			x->at++;
	}
	add(x, kind, (struct sl){ from, (size_t)(x->at - from) }, from);
}

static void lex_operator(struct lexer *x)
{
	static const char *const two[] = { "<=", ">=", "<>", "!=", "||", "->" };
	const char *from = x->at;
	size_t n = 1;

	for (size_t i = 0; i < ARRAY_LEN(two); i++)
		if (x->end - from > 1 && memcmp(from, two[i], 2) == 0)
			n = 2;
	if (!strchr("<>=!|+-*/%(),.;?[]", *from))
		bad(x, "a character");
	x->at += n;
	add(x, TOK_OP, (struct sl){ from, n }, from);
}

void lex(struct parser *p, struct sl sql)
{
	struct lexer x = {
		.p = p, .at = sql.p, .end = sql.p + sql.n, .line_start = sql.p, .line = 1
	};

	for (skip(&x); x.at < x.end; skip(&x)) {
		const char *from = x.at;

		if (*x.at == '\'') {
			lex_quoted(&x, TOK_STRING);
		} else if (*x.at == '"' || *x.at == '`') {
			lex_quoted(&x, TOK_QUOTED);
		} else if (isdigit((unsigned char)*x.at) ||
			   (*x.at == '.' && x.end - x.at > 1 && isdigit((unsigned char)x.at[1]))) {
			lex_number(&x);
		} else if (word_char(*x.at)) {
			while (x.at < x.end && word_char(*x.at))
				x.at++;
			add(&x, TOK_WORD, (struct sl){ from, (size_t)(x.at - from) }, from);
		} else {
			lex_operator(&x);
		}
	}
	add(&x, TOK_END, SL("end of statement"), x.at);
}

const struct token *peek_after(const struct parser *p, size_t n)
{
	const struct token *t = &p->tokens[p->at];

	while (n-- && t->kind != TOK_END)
		t++;
	return t;
}

const struct token *peek(const struct parser *p)
{
	return &p->tokens[p->at];
}

const struct token *take(struct parser *p)
{
	const struct token *t = peek(p);

	if (t->kind != TOK_END)
		p->at++;
	return t;
}

bool is_word(const struct token *t, const char *upper)
{
	return t->kind == TOK_WORD && t->text.n == strlen(upper) &&
	       strncasecmp(t->text.p, upper, t->text.n) == 0;
}

bool is_op(const struct token *t, const char *op)
{
	return t->kind == TOK_OP && sl_eq_str(t->text, op);
}

bool accept_word(struct parser *p, const char *upper)
{
	if (!is_word(peek(p), upper))
		return false;
	p->at++;
	return true;
}

bool accept_words(struct parser *p, const char *a, const char *b)
{
	if (!is_word(peek(p), a) || !is_word(peek_after(p, 1), b))
		return false;
	p->at += 2;
	return true;
}

bool accept_op(struct parser *p, const char *op)
{
	if (!is_op(peek(p), op))
		return false;
	p->at++;
	return true;
}

void expect_word(struct parser *p, const char *upper)
{
	if (!accept_word(p, upper))
		unsupported(p, peek(p), upper);
}

void expect_op(struct parser *p, const char *op)
{
	if (!accept_op(p, op))
		unsupported(p, peek(p), op);
}

bool is_reserved_word(const struct token *t)
{
	static const char *const words[] = { "SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER",
		"LIMIT", "OFFSET", "UNION", "EXCEPT", "INTERSECT", "JOIN", "INNER", "LEFT", "RIGHT",
		"FULL", "CROSS", "NATURAL", "ON", "USING", "AND", "OR", "NOT", "AS", "CASE", "WHEN",
		"THEN", "ELSE", "END", "IN", "IS", "LIKE", "BETWEEN", "NULL", "DISTINCT", "WITH",
		"CAST", "EXISTS", "INSERT", "DELETE", "VALUES", "TRUE", "FALSE", "ESCAPE", "FETCH",
		"WINDOW", "TABLESAMPLE" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (is_word(t, words[i]))
			return true;
	return false;
}

struct sl take_name(struct parser *p)
{
	const struct token *t = take(p);
	char *lower;

	if (t->kind != TOK_QUOTED && (t->kind != TOK_WORD || is_reserved_word(t)))
		unsupported(p, t, "a name");
	lower = arena_alloc(p->mem, t->text.n + 1);
	for (size_t i = 0; i < t->text.n; i++)
		lower[i] = (char)tolower((unsigned char)t->text.p[i]);
	return (struct sl){ lower, t->text.n };
}

struct sl take_string(struct parser *p)
{
	const struct token *t = take(p);

	if (t->kind != TOK_STRING)
		unsupported(p, t, "a string");
	return t->text;
}

struct sl sqlf(struct parser *p, const char *fmt, ...)
{
	va_list ap, again;
	char *text;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	text = arena_alloc(p->mem, (size_t)n + 1);
	(void)vsnprintf(text, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return (struct sl){ text, (size_t)n };
}

struct sl join_sql(struct parser *p, struct sl a, const char *between, struct sl b)
{
	return sqlf(p, "%.*s%s%.*s", F(a), between, F(b));
}

struct sl quote_literal(struct parser *p, struct sl s)
{
	char *out = arena_alloc(p->mem, 2 * s.n + 2);
	size_t n = 0;

	out[n++] = '\'';
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\'')
			out[n++] = '\'';
		out[n++] = s.p[i];
	}
	out[n++] = '\'';
	return (struct sl){ out, n };
}

void fail_at(struct parser *p, const struct token *t, const char *error, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	p->out->error = sqlf(p, "%s: line %d:%d: %s", error, t->line, t->column, text);
	longjmp(p->failed, 1);
}

void unsupported(struct parser *p, const struct token *t, const char *what)
{
	fail_at(p, t, "SANDBOX_UNSUPPORTED",
		"the sandbox does not know this statement: '%.*s' (%s)",
		t->text.n > 60 ? 60 : (int)t->text.n, t->text.p ? t->text.p : "", what);
}
