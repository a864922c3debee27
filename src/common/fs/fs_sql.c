#include "fs/fs_sql.h"

#include "core/opt.h"

#include <ctype.h>

#define MAX_SQL 262144 /* bytes that Athena takes */

/* Glue has names in lower case only; quotes let them begin with digits or have hyphens. */
static void add_name(struct str *sql, struct sl name)
{
	size_t at = sql->n;

	str_add_quoted(sql, name, '"');
	for (char *c = sql->p + at; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 'a' - 'A') : *c;
}

/* Drops leading blanks and, when they come next, the words of a clause. */
static const char *without(const char *text, const char *first, const char *second)
{
	const char *words[] = {first, second};

	text += strspn(text, " \t\r\n");
	for (size_t i = 0; i < ARRAY_LEN(words) && words[i]; i++) {
		size_t n = strlen(words[i]);

		if (strncasecmp(text, words[i], n) != 0 || !text[n] ||
			!strchr(" \t\r\n(\"", text[n]))
			return text;
		text += n;
		text += strspn(text, " \t\r\n");
	}
	return text;
}

/*
 * The event time as something that sorts, and is equal where the instant is. Texts may have from
 * none to nine decimals, and get all nine; converting them would lose some.
 */
static const char text_time[] =
	"substr({event_time}, 1, 19) || '.' || "
	"substr(replace(substr({event_time}, 21), 'Z') || '000000000', 1, 9)";

void fs_sql_add(const struct fs_group *g, struct str *sql, const char *text)
{
	const struct fs_feature *id = &g->features[g->id], *time = &g->features[g->time];

	for (const char *end; *text; text = end) {
		size_t n = strcspn(text, "{}");
		struct sl word = { text, n };

		end = text + n + (text[n] != '\0');
		if (text[n] != '}') {
			str_add(sql, word);
		} else if (sl_eq_str(word, "id")) {
			add_name(sql, id->name);
		} else if (sl_eq_str(word, "event_time")) {
			add_name(sql, time->name);
		} else if (sl_eq_str(word, "time")) {
			fs_sql_add(g, sql, time->type == FS_STRING ? text_time : "{event_time}");
		} else {
			add_name(sql, g->database);
			str_addc(sql, '.');
			add_name(sql, g->table);
		}
	}
}

static void add_as_of(const struct fs_group *g, struct sl as_of, struct str *sql)
{
	AUTO_STR bound = {0};

	fs_sql_add(g, sql, "{time} <= ");
	if (fs_time_type(g) != FS_STRING) {
		str_add(sql, as_of);
		return;
	}
	str_add(&bound, (struct sl){as_of.p, as_of.n - 1}); /* all but the Z */
	if (!memchr(as_of.p, '.', as_of.n))
		str_addc(&bound, '.');
	while (bound.n < strlen("2024-01-01T00:00:00.123456789"))
		str_addc(&bound, '0');
	str_add_quoted(sql, str_sl(&bound), '\'');
}

/* WHERE before the first condition of a clause, AND before the others. */
static void add_and(const char **word, struct str *sql)
{
	str_addz(sql, *word);
	*word = " AND ";
}

const char *fs_sql_condition(const char *where)
{
	return without(where, "WHERE", NULL);
}

static void add_condition(const struct fs_select *q, const char **word, struct str *sql)
{
	add_and(word, sql);
	str_addf(sql, "(%s)", fs_sql_condition(q->where));
}

/* What the rows of the table are bounded by before the newest of them are chosen. */
static void add_bounds(
	const struct fs_group *g, const struct fs_select *q, const char **word, struct str *sql)
{
	if (q->as_of.n) {
		add_and(word, sql);
		add_as_of(g, q->as_of, sql);
	}
	if (q->known_at.n) {
		add_and(word, sql);
		str_addz(sql, "write_time <= timestamp ");
		str_add_quoted(sql, q->known_at, '\'');
	}
}

static void add_newest(
	const struct fs_group *g, const struct fs_select *q, const char **word, struct str *sql)
{
	const char *inner = " WHERE ";

	fs_sql_add(g, sql, "(SELECT *, row_number() OVER (PARTITION BY {id}");
	fs_sql_add(g, sql, q->latest ? " ORDER BY {time} DESC, " : ", {time} ORDER BY ");
	str_addz(sql, "is_deleted, api_invocation_time DESC, write_time DESC");
	for (size_t i = 0; i < q->n_columns; i++)
		if (fs_group_feature(g, q->columns[i]) != SIZE_MAX && sql->n < MAX_SQL / 2) {
			str_addz(sql, ", ");
			add_name(sql, q->columns[i]);
		}
	fs_sql_add(g, sql,
		") AS ferry_newest, count(*) OVER (PARTITION BY {id}, {time}) AS " FS_SQL_TIES
		" FROM {table}");
	add_bounds(g, q, &inner, sql);
	if (q->where && q->filter_first)
		add_condition(q, &inner, sql);
	str_addz(sql, ") AS newest");
	add_and(word, sql);
	str_addz(sql, "ferry_newest = 1");
}

void fs_sql_select(const struct fs_group *g, const struct fs_select *q, struct str *sql)
{
	bool newest = q->latest || q->unique;
	const char *word = " WHERE ";

	str_addz(sql, "SELECT ");
	for (size_t i = 0; i < q->n_columns; i++) {
		if (i)
			str_addz(sql, ", ");
		add_name(sql, q->columns[i]);
	}
	str_addz(sql, " FROM ");
	if (newest) {
		add_newest(g, q, &word, sql);
	} else {
		fs_sql_add(g, sql, "{table}");
		add_bounds(g, q, &word, sql);
	}
	if (!q->deleted) {
		add_and(&word, sql);
		str_addz(sql, "NOT is_deleted");
	}
	if (q->where && !(newest && q->filter_first))
		add_condition(q, &word, sql);
	if (q->order_by)
		str_addf(sql, " ORDER BY %s", without(q->order_by, "ORDER", "BY"));
	if (q->limit)
		str_addf(sql, " LIMIT %llu", (unsigned long long)q->limit);
}

void fs_sql_from_id(const struct fs_group *g, struct sl id, struct str *sql)
{
	fs_sql_add(g, sql, "{id} >= ");
	if (g->features[g->id].type == FS_STRING)
		str_add_quoted(sql, id, '\'');
	else
		str_add(sql, id);
}

/* Both sides of a comparison of two groups, as one type: that of the target. */
static void add_pair(const struct fs_group *g, const struct fs_group *target, struct str *sql)
{
	const struct fs_feature *own[] = {&g->features[g->id], &g->features[g->time]};
	const struct fs_feature *other[] = {
		&target->features[target->id], &target->features[target->time]};

	for (size_t i = 0; i < 2; i++) {
		bool cast = own[i]->type != other[i]->type;

		str_addf(sql, "%s%s", i ? ", " : "", cast ? "CAST(" : "");
		fs_sql_add(g, sql, i == 0 ? "{id}" : cast ? "{event_time}" : "{time}");
		if (cast)
			str_addz(sql, other[i]->type == FS_STRING ? " AS varchar)" : " AS double)");
		str_addz(sql, i ? " AS ferry_time" : " AS ferry_id");
	}
}

void fs_sql_missing(const struct fs_group *source, struct sl select, const struct fs_group *target,
	struct str *sql)
{
	str_addz(sql, "SELECT ");
	add_pair(source, target, sql);
	str_addz(sql, " FROM (");
	str_add(sql, select);
	str_addz(sql, ") AS expected EXCEPT SELECT ");
	add_pair(target, target, sql);
	fs_sql_add(target, sql, " FROM {table}");
}

void fs_sql_counts(const struct fs_group *g, struct str *sql)
{
	fs_sql_add(g, sql,
		"SELECT count(*) AS ids, sum(n) AS records, sum(m) AS row_count FROM "
		"(SELECT {id}, count(*) AS n, sum(m) AS m FROM (");
	fs_sql_repeated(g, 0, sql);
	fs_sql_add(g, sql, ") AS pairs GROUP BY {id}) AS per_id");
}

void fs_sql_repeated(const struct fs_group *g, uint64_t least, struct str *sql)
{
	fs_sql_add(g, sql,
		"SELECT {id}, min({event_time}), count(*) AS m FROM {table} GROUP BY {id}, {time}");
	if (least)
		str_addf(sql, " HAVING count(*) >= %llu", (unsigned long long)least);
}

void fs_sql_unload(struct sl query, struct sl uri, bool parquet, struct str *sql)
{
	str_addz(sql, "UNLOAD (");
	str_add(sql, query);
	str_addz(sql, ") TO ");
	str_add_quoted(sql, uri, '\'');
	str_addz(sql,
		parquet ? " WITH (format='PARQUET')" : " WITH (format='JSON', compression='GZIP')");
}

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
		MEM_PUSH(t->v, t->n, t->cap, token);
	}
}

void fs_where_check_as_of(const struct fs_group *g, const char *as_of)
{
	struct sl time = sl_of(as_of ? as_of : "");
	const char *why = fs_event_time_check(g ? fs_time_type(g) : FS_STRING, time);

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

static bool is(const struct tokens *t, size_t i, const char *text)
{
	return i < t->n && t->v[i].kind != K_TEXT && sl_alike(t->v[i].s, sl_of(text));
}

static bool is_time(const struct tokens *t, size_t i, struct sl name)
{
	struct sl s = t->v[i].s;

	if (t->v[i].kind == K_NAME)
		s = (struct sl){s.p + 1, s.n - 2};
	else if (t->v[i].kind != K_WORD)
		return false;
	return sl_alike(s, name) && !is(t, i + 1, "(") && !is(t, i + 1, ".") &&
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
