#include "stream/colname.h"

bool colname_is_taken(struct sl name, const struct sl *lead, size_t n_lead)
{
	bool marked = name.n > 0 && name.p[0] == '@';

	while (name.n > 0 && name.p[0] == '@') {
		sl_skip(&name, 1);
	}
	if (marked && sl_eq_str(name, "seal"))
		return true;
	for (size_t i = 0; i < n_lead; i++)
		if (sl_eq(name, lead[i]))
			return true;
	return false;
}

struct sl colname_of(struct sl column, const struct sl *lead, size_t n_lead)
{
	struct sl rest = { column.p + 1, column.n - 1 };

	return column.n > 1 && column.p[0] == '@' && colname_is_taken(rest, lead, n_lead) ? rest
											  : column;
}
