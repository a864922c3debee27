#include "pg/relation.h"

#include "core/opt.h"
#include "core/utf8.h"

#define NAME_MAX_BYTES 63 /* NAMEDATALEN - 1 of every server as it is distributed */

/*
 * Takes one name from the front of *s, as SQL has it in double quotes, or up to the next `stop`
 * and then as it is written.
 */
static bool take_name(struct sl *s, struct str *name, char stop)
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
		while (i < s->n && s->p[i] != stop)
			str_addc(name, s->p[i++]);
	}
	sl_skip(s, i);
	return name->n > 0;
}

void relation_split(const char *text, struct str *schema, struct str *table)
{
	struct sl rest = sl_of(text);
	bool ok = take_name(&rest, table, '.');

	if (ok && rest.n > 0 && rest.p[0] == '.') {
		struct str first = *table;

		sl_skip(&rest, 1);
		*table = *schema;
		*schema = first;
		ok = take_name(&rest, table, '.');
	} else {
		str_addz(schema, "public");
	}
	if (!ok || rest.n > 0)
		opt_usage("--table: not SCHEMA.TABLE: %s", msg_q(sl_of(text)));
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

void relation_list(const char *text, const char *option, struct names *names)
{
	struct sl rest = sl_of(text);
	AUTO_STR name = { 0 };
	bool more = true;

	while (more) {
		str_clear(&name);
		if (!take_name(&rest, &name, ',') || (rest.n > 0 && rest.p[0] != ','))
			opt_usage("%s: not a list of names: %s", option, msg_q(sl_of(text)));
		(void)names_add(names, relation_cut(str_sl(&name)), NULL);
		more = rest.n > 0;
		sl_skip(&rest, more);
	}
}
