#include "stream/digest.h"

void digest_put(char dst[DIGEST_TEXT_LEN], uint64_t sum)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = DIGEST_TEXT_LEN; i-- > 0; sum >>= 4)
		dst[i] = hex[sum & 15];
}

bool digest_parse(struct sl text, uint64_t *sum)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t v = 0;

	if (text.n != DIGEST_TEXT_LEN)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		const char *d = text.p[i] ? strchr(hex, text.p[i]) : NULL;

		if (!d)
			return false;
		v = v << 4 | (uint64_t)(d - hex);
	}
	*sum = v;
	return true;
}

struct sl digest_by(struct str *s, const struct field *by, size_t n)
{
	if (n <= 1)
		return n && !field_is_null(by) ? field_sl(by) : SL("");
	str_clear(s);
	for (size_t i = 0; i < n; i++) {
		if (field_is_null(&by[i])) {
			str_addc(s, '-');
			continue;
		}
		str_addf(s, "%zu:", (size_t)by[i].n);
		str_add(s, field_sl(&by[i]));
	}
	return str_sl(s);
}
