#include "fs/fs_where.h"

#include "core/msg.h"
#include "core/opt.h"

#include <ctype.h>
#include <strings.h>

enum kind { K_WORD, K_NAME, K_TEXT, K_OPERATOR, K_OTHER };

struct token {
	enum kind kind;
	struct sl s; /* as it stands, quotes and all */
	bool time;   /* the event time */
	bool when;   /* a text that is compared with it */
};

struct tokens {
	struct token *v;
	size_t n, cap;
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

/* The length of what is in quotes, the quotes included; a doubled one does not end it. */
static size_t quoted(const char *s)
{
	size_t n = 1;

	while (s[n] && (s[n] != s[0] || s[n + 1] == s[0]))
		n += s[n] == s[0] ? 2 : 1;
	return n + (s[n] != '\0');
}

static struct token next(const char *s)
{
	struct token t = {.kind = K_OTHER, .s = {s, 1}};

	if (*s == '\'' || *s == '"') {
		t.kind = *s == '"' ? K_NAME : K_TEXT;
		t.s.n = quoted(s);
	} else if (is_word(*s)) {
		t.kind = K_WORD;
		while (is_word(s[t.s.n]))
			t.s.n++;
	} else if (strchr("<>=!", *s)) {
		t.kind = K_OPERATOR;
		t.s.n = strspn(s, "<>=!");
	}
	return t;
}

static void split(struct tokens *t, const char *s)
{
	while (*s) {
		struct token token = next(s);

		s += token.s.n;
		if (token.kind == K_OTHER && isspace((unsigned char)*token.s.p))
			continue;
		mem_grow(&t->v, &t->cap, t->n + 1, sizeof *t->v);
		t->v[t->n++] = token;
	}
}

void fs_where_check_as_of(const struct fs_group *g, const char *as_of)
{
	struct sl time = sl_of(as_of ? as_of : "");
	const char *why = fs_event_time_check(g ? g->features[g->time].type : FS_STRING, time);

	if (as_of && why && (g || fs_event_time_check(FS_FRACTIONAL, time)))
		opt_usage("--as-of: %s %s", msg_q(time), why);
}

void fs_where_check(const char *option, const char *sql)
{
	bool bad = false, open = false;
	int depth = 0;

	if (sql && !sql[strspn(sql, " \t\r\n")])
		opt_usage("--%s is empty: is a variable not set?", option);
	for (const char *s = sql; s && *s && !bad && depth >= 0; s++) {
		struct token t = next(s);
		bool quotes = t.kind == K_TEXT || t.kind == K_NAME;

		for (; quotes && t.s.n > 1; t.s.n--, s++)
			open ^= *s == *t.s.p;
		open ^= quotes && *s == *t.s.p;
		bad = !quotes && (*s == ';' || memcmp(s, "--", 2) == 0 || memcmp(s, "/*", 2) == 0);
		depth += (*s == '(' && !quotes) - (*s == ')' && !quotes);
	}
	if (bad || open || depth != 0)
		opt_usage("--%s: no comment, no semicolon, and quotes and parentheses in balance "
			  "are wanted, not %s",
			option, msg_q(sl_of(sql)));
}

static bool same(struct sl a, struct sl b)
{
	return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

static bool is(const struct tokens *t, size_t i, const char *text)
{
	return i < t->n && t->v[i].kind != K_TEXT && same(t->v[i].s, sl_of(text));
}

static bool is_time(const struct tokens *t, size_t i, struct sl name)
{
	struct sl s = t->v[i].s;

	if (t->v[i].kind == K_NAME)
		s = (struct sl){s.p + 1, s.n - 2};
	else if (t->v[i].kind != K_WORD)
		return false;
	return same(s, name) && !is(t, i + 1, "(") && !is(t, i + 1, ".") &&
	       !(i > 0 && is(t, i - 1, "."));
}

/* '2024-01-01', perhaps with a time of day. */
static bool is_date(struct sl s)
{
	static const char shape[] = "'0000-00-00";

	if (s.n < sizeof shape)
		return false;
	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == '0' ? !isdigit((unsigned char)s.p[i]) : s.p[i] != shape[i])
			return false;
	return true;
}

static void mark(struct tokens *t, size_t i)
{
	if (i < t->n && t->v[i].kind == K_TEXT)
		t->v[i].when = is_date(t->v[i].s);
}

/* What stands on the other side of a comparison with the event time at `i`. */
static void mark_around(struct tokens *t, size_t i)
{
	size_t next_one = i + 1 + (is(t, i + 1, "NOT") ? 1 : 0);

	if (i >= 2 && t->v[i - 1].kind == K_OPERATOR &&
		!(i >= 3 && (is(t, i - 3, "date") || is(t, i - 3, "timestamp"))))
		mark(t, i - 2);
	if (next_one < t->n && t->v[next_one].kind == K_OPERATOR) {
		mark(t, next_one + 1);
	} else if (is(t, next_one, "BETWEEN")) {
		mark(t, next_one + 1);
		if (is(t, next_one + 2, "AND"))
			mark(t, next_one + 3);
	} else if (is(t, next_one, "IN")) {
		for (size_t k = next_one + 1; k < t->n && !is(t, k, ")"); k++)
			mark(t, k);
	}
}

/* An ISO time has a T where people write a blank. */
static void put_when(struct sl text, struct str *out)
{
	size_t at = out->n;

	str_addf(out, "from_iso8601_timestamp(%.*s)", (int)text.n, text.p);
	at += strlen("from_iso8601_timestamp('2024-01-01");
	if (at < out->n && out->p[at] == ' ')
		out->p[at] = 'T';
}

static void put_time(const struct fs_group *g, struct str *out)
{
	const struct fs_feature *time = &g->features[g->time];

	str_addz(out, time->type == FS_STRING ? "from_iso8601_timestamp(\"" : "from_unixtime(\"");
	for (size_t i = 0; i < time->name.n; i++)
		str_addc(out, (char)tolower((unsigned char)time->name.p[i]));
	str_addz(out, "\")");
}

bool fs_where_parse_time(const struct fs_group *g, const char *where, struct str *out)
{
	struct tokens t = {0};
	const char *at = where;
	bool any = false;

	split(&t, where);
	for (size_t i = 0; i < t.n; i++)
		any |= t.v[i].time = is_time(&t, i, g->features[g->time].name);
	for (size_t i = 0; i < t.n; i++)
		if (t.v[i].time)
			mark_around(&t, i);
	for (size_t i = 0; i < t.n; i++) {
		const struct token *k = &t.v[i];

		str_add(out, (struct sl){at, (size_t)(k->s.p - at)});
		at = k->s.p + k->s.n;
		if (k->time)
			put_time(g, out);
		else if (k->when)
			put_when(k->s, out);
		else
			str_add(out, k->s);
	}
	str_addz(out, at);
	mem_free(t.v);
	return any;
}

static bool contains(struct sl s, const char *text)
{
	return s.n && memmem(s.p, s.n, text, strlen(text)) != NULL;
}

bool fs_where_is_mismatch(struct sl reason)
{
	return contains(reason, "TYPE_MISMATCH") || contains(reason, "cannot be applied to");
}
