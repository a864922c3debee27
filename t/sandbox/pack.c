#include "pack.h"

struct place pack_place(size_t column)
{
	if (column < PACK_PLAIN)
		return (struct place){column, 0};
	column -= PACK_PLAIN;
	return (struct place){PACK_PLAIN + column / PACK_ARRAY, column % PACK_ARRAY + 1};
}

bool pack_ends(size_t column, size_t n)
{
	size_t element = pack_place(column).element;

	return element == 0 || element == PACK_ARRAY || column + 1 == n;
}

size_t pack_cells(size_t n)
{
	return n ? pack_place(n - 1).cell + 1 : 0;
}

void pack_add(struct str *array, size_t column, size_t n, struct sl value)
{
	str_addc(array, pack_place(column).element == 1 ? '{' : ',');
	if (!value.p) {
		str_addz(array, "NULL");
	} else {
		str_addc(array, '"');
		for (size_t i = 0; i < value.n; i++) {
			if (value.p[i] == '"' || value.p[i] == '\\')
				str_addc(array, '\\');
			str_addc(array, value.p[i]);
		}
		str_addc(array, '"');
	}
	if (pack_ends(column, n))
		str_addc(array, '}');
}

struct sl pack_take(char **at)
{
	char *from = *at, *p = from, *to = from;
	struct sl v;

	if (*p != '"') {
		while (*p != ',' && *p != '}')
			p++;
		*at = p + 1;
		v = (struct sl){from, (size_t)(p - from)};
		return sl_eq(v, SL("NULL")) ? (struct sl){NULL, 0} : v;
	}
	for (p++; *p != '"'; p++) {
		if (*p == '\\')
			p++;
		*to++ = *p;
	}
	*at = p + 2;
	return (struct sl){from, (size_t)(to - from)};
}
