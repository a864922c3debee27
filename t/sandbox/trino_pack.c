#include "trino_pack.h"

#include "pack.h"

#define MAX_ENTRIES 1600 /* of PostgreSQL's 1,664, which what ORDER BY computes counts towards */

bool is_packed(size_t n)
{
	return n > MAX_ENTRIES;
}

struct sl element_sql(struct parser *p, struct sl cell, size_t element, enum trino_type type)
{
	const char *collate = type == TYPE_VARCHAR ? " COLLATE \"C\"" : "";

	if (element == 0)
		return cell;
	return sqlf(p, "(%.*s[%zu]::%s%s)", F(cell), element, pg_type_of(type), collate);
}

static struct place place_in_list(size_t i, size_t n)
{
	return is_packed(n) ? pack_place(i) : (struct place){i, 0};
}

struct sl entry_sql(struct parser *p, struct sl alias, size_t i, size_t n, enum trino_type type)
{
	struct place at = place_in_list(i, n);

	return element_sql(p, sqlf(p, "%.*s.o%zu", F(alias), at.cell + 1), at.element, type);
}

bool has_column(size_t i, size_t n)
{
	return place_in_list(i, n).element == 0;
}

void add_entry(struct str *list, size_t i, size_t n, struct sl sql)
{
	struct place at = place_in_list(i, n);

	str_addz(list, i ? ", " : "");
	if (at.element == 1)
		str_addz(list, "ARRAY[");
	str_addf(list, at.element ? "(%.*s)::text" : "%.*s", F(sql));
	if (at.element && pack_ends(i, n))
		str_addc(list, ']');
	if (at.element == 0 || pack_ends(i, n))
		str_addf(list, " AS o%zu", at.cell + 1);
}

/* OFFSET keeps PostgreSQL from putting the whole array wherever an element of it is used. */
struct sl subquery(struct parser *p, struct sl sql, size_t n, struct sl alias)
{
	return sqlf(p,
		is_packed(n) ? "(SELECT * FROM (%.*s) AS f OFFSET 0) AS %.*s" : "(%.*s) AS %.*s",
		F(sql), F(alias));
}
