#include "aws/fs_sql.h"

#include <strings.h>

/* Glue has names in lower case only; quotes let them begin with digits or have hyphens. */
static void add_name(struct str *sql, struct sl name)
{
	str_addc(sql, '"');
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c == '"')
			str_addc(sql, c);
		str_addc(sql, c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c);
	}
	str_addc(sql, '"');
}

static void add_literal(struct str *sql, struct sl text)
{
	str_addc(sql, '\'');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\'')
			str_addc(sql, '\'');
		str_addc(sql, text.p[i]);
	}
	str_addc(sql, '\'');
}

/* Drops leading blanks and, when they come next, the words of a clause. */
static const char *without(const char *text, const char *first, const char *second)
{
	const char *words[] = { first, second };

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

static void add_table(const struct fs_group *g, struct str *sql)
{
	add_name(sql, g->database);
	str_addc(sql, '.');
	add_name(sql, g->table);
}

/*
 * The event time as something that sorts. Texts may have from none to nine decimals, and 'Z' sorts
 * behind '.', so they sort as times do only without it; converting them would lose decimals.
 */
static void add_time(const struct fs_group *g, struct str *sql)
{
	const struct fs_feature *time = &g->features[g->time];

	str_addz(sql, time->type == FS_STRING ? "replace(" : "");
	add_name(sql, time->name);
	str_addz(sql, time->type == FS_STRING ? ", 'Z', '')" : "");
}

/* With all nine decimals the bound is not before a text that means the same instant. */
static void add_as_of(const struct fs_group *g, struct sl as_of, struct str *sql)
{
	struct str bound = { 0 };

	add_time(g, sql);
	str_addz(sql, " <= ");
	if (g->features[g->time].type != FS_STRING) {
		str_add(sql, as_of);
		return;
	}
	str_add(&bound, (struct sl){ as_of.p, as_of.n - 1 }); /* all but the Z */
	if (!memchr(as_of.p, '.', as_of.n))
		str_addc(&bound, '.');
	while (bound.n < strlen("2024-01-01T00:00:00.123456789"))
		str_addc(&bound, '0');
	add_literal(sql, str_sl(&bound));
	str_free(&bound);
}

static void add_latest(const struct fs_group *g, const struct fs_select *q, struct str *sql)
{
	str_addz(sql, "(SELECT *, row_number() OVER (PARTITION BY ");
	add_name(sql, g->features[g->id].name);
	str_addz(sql, " ORDER BY ");
	add_time(g, sql);
	str_addz(sql, " DESC, api_invocation_time DESC, write_time DESC) AS ferry_newest FROM ");
	add_table(g, sql);
	if (q->as_of.n) {
		str_addz(sql, " WHERE ");
		add_as_of(g, q->as_of, sql);
	}
	str_addz(sql, ") AS newest WHERE ferry_newest = 1 AND NOT is_deleted");
}

static void add_history(const struct fs_group *g, const struct fs_select *q, struct str *sql)
{
	const char *word = " WHERE ";

	add_table(g, sql);
	if (!q->deleted) {
		str_addf(sql, "%sNOT is_deleted", word);
		word = " AND ";
	}
	if (q->as_of.n) {
		str_addz(sql, word);
		add_as_of(g, q->as_of, sql);
	}
}

void fs_sql_select(const struct fs_group *g, const struct fs_select *q, struct str *sql)
{
	bool has_where = q->latest || !q->deleted || q->as_of.n;

	str_addz(sql, "SELECT ");
	for (size_t i = 0; i < q->n_columns; i++) {
		if (i)
			str_addz(sql, ", ");
		add_name(sql, q->columns[i]);
	}
	str_addz(sql, " FROM ");
	if (q->latest)
		add_latest(g, q, sql);
	else
		add_history(g, q, sql);
	if (q->where)
		str_addf(sql, "%s(%s)", has_where ? " AND " : " WHERE ",
			without(q->where, "WHERE", NULL));
	if (q->order_by)
		str_addf(sql, " ORDER BY %s", without(q->order_by, "ORDER", "BY"));
	if (q->limit)
		str_addf(sql, " LIMIT %llu", (unsigned long long)q->limit);
}

void fs_sql_unload(struct sl query, struct sl uri, bool parquet, struct str *sql)
{
	str_addz(sql, "UNLOAD (");
	str_add(sql, query);
	str_addz(sql, ") TO ");
	add_literal(sql, uri);
	str_addz(sql,
		parquet ? " WITH (format='PARQUET')" : " WITH (format='JSON', compression='GZIP')");
}
