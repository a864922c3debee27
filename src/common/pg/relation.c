#include "pg/relation.h"

#include "core/msg.h"
#include "core/opt.h"

/*
 * Takes one name from the front of *s, as SQL has it in double quotes, or up to the next dot and
 * then as it is written.
 */
static bool take_name(struct sl *s, struct str *name)
{
	size_t i = 0;

	if (s->n > 0 && s->p[0] == '"') {
		for (i = 1; i < s->n; i++) {
			if (s->p[i] == '"' && !(i + 1 < s->n && s->p[i + 1] == '"'))
				break;
			i += s->p[i] == '"';
			str_addc(name, s->p[i]);
		}
		if (i++ >= s->n)
			return false;
	} else {
		while (i < s->n && s->p[i] != '.')
			str_addc(name, s->p[i++]);
	}
	s->p += i;
	s->n -= i;
	return name->n > 0;
}

void relation_split(const char *text, struct str *schema, struct str *table)
{
	struct sl rest = sl_of(text);
	bool ok = take_name(&rest, table);

	if (ok && rest.n > 0 && rest.p[0] == '.') {
		struct str first = *table;

		rest.p++;
		rest.n--;
		*table = *schema;
		*schema = first;
		ok = take_name(&rest, table);
	} else {
		str_addz(schema, "public");
	}
	if (!ok || rest.n > 0)
		opt_usage("--table: not SCHEMA.TABLE: %s", msg_q(sl_of(text)));
}

void relation_ident(struct pg *pg, struct str *sql, struct sl schema, struct sl table)
{
	pg_add_ident(pg, sql, schema);
	str_addc(sql, '.');
	pg_add_ident(pg, sql, table);
}
