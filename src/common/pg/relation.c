#include "pg/relation.h"

#include "core/opt.h"
#include "core/utf8.h"
#include "stream/namelist.h"

#define NAME_MAX_BYTES 63 /* NAMEDATALEN - 1 of every server as it is distributed */

void relation_split(const char *text, struct str *schema, struct str *table)
{
	AUTO_STR quoted = { 0 };
	const char *p = text;

	str_add(table, namelist_next(&p, ".", &quoted, "table"));
	if (*p == '.') {
		str_add(schema, str_sl(table));
		str_clear(table);
		p++;
		str_add(table, namelist_next(&p, ".", &quoted, "table"));
	} else {
		str_addz(schema, "public");
	}
	if (*p || schema->n == 0 || table->n == 0)
		opt_usage("--table: not SCHEMA.TABLE: %s", msg_q(sl_of(text)));
}

void relation_check(const char *text)
{
	AUTO_STR schema = { 0 }, table = { 0 };

	if (text)
		relation_split(text, &schema, &table);
}

struct sl relation_cut(struct sl name)
{
	size_t n = 0, len;

	if (name.n <= NAME_MAX_BYTES)
		return name;
	while ((len = utf8_char(name.p + n, name.n - n)) > 0 && n + len <= NAME_MAX_BYTES)
		n += len;
	return (struct sl){ name.p, n };
}
