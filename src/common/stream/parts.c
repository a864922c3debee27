#include "stream/parts.h"

#include "stream/pivot.h"

void parts_add(struct str *s, bool by_number, struct sl text)
{
	uint32_t n = (uint32_t)text.n;

	str_addc(s, by_number ? 1 : 0);
	str_add(s, (struct sl){ (const char *)&n, sizeof n });
	str_add(s, text);
}

struct sl parts_next(struct sl *packed)
{
	uint32_t n;
	struct sl part;

	memcpy(&n, packed->p + 1, sizeof n);
	part = (struct sl){ packed->p + 1 + sizeof n, n };
	packed->n -= 1 + sizeof n + n;
	packed->p = part.p + n;
	return part;
}

int parts_order(struct sl a, struct sl b)
{
	int c = 0;

	while (c == 0 && a.n > 0 && b.n > 0) {
		bool by_number = *a.p == 1;
		struct sl x = parts_next(&a), y = parts_next(&b);

		c = by_number ? pivot_order_of(SL("0"))(x, y) : sl_cmp(x, y);
	}
	return c;
}
