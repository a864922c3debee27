#include "stream/digest.h"

void digest_put(char dst[DIGEST_TEXT_LEN], uint64_t sum)
{
	char text[DIGEST_TEXT_LEN + 1];

	(void)snprintf(text, sizeof text, "%016llx", (unsigned long long)sum);
	memcpy(dst, text, DIGEST_TEXT_LEN);
}

bool digest_parse(struct sl text, uint64_t *sum)
{
	return text.n == DIGEST_TEXT_LEN && num_hex(text, false, sum);
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
