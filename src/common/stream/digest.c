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
