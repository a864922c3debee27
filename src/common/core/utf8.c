#include "core/utf8.h"

size_t utf8_char(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned char lo = 0x80, hi = 0xbf;
	size_t len;

	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len > n)
		return 0;
	/* RFC 3629 section 4: the second byte's range depends on the first */
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

size_t utf8_valid_to(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n) {
		uint64_t word;

		/* eight ASCII bytes at a time: nearly all telemetry is ASCII */
		while (n - i >= 8) {
			memcpy(&word, p + i, 8);
			if (word & 0x8080808080808080u)
				break;
			i += 8;
		}
		if (i == n)
			break;
		size_t len = utf8_char(p + i, n - i);

		if (len == 0)
			return i;
		i += len;
	}
	return n;
}

const char utf8_nul[] = N_("NUL byte"), utf8_bad[] = N_("not valid UTF-8");

const char *utf8_fault(struct sl s, size_t *at)
{
	const char *nul = memchr(s.p, 0, s.n);

	*at = nul ? (size_t)(nul - s.p) : utf8_valid_to(s.p, s.n);
	return nul ? utf8_nul : *at < s.n ? utf8_bad : NULL;
}

size_t utf8_put(char *dst, uint32_t cp)
{
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; cp >>= 6)
		dst[i] = (char)(0x80 | (cp & 0x3f));
	dst[0] = (char)(lead[n] | cp);
	return n;
}

size_t utf8_cut(struct sl s, size_t max)
{
	size_t n = max;

	if (s.n <= max)
		return s.n;
	while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

size_t utf8_width(struct sl text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xc0) == 0x80 ? 0u
		     : (unsigned char)text.p[i] >= 0xe3 && (unsigned char)text.p[i] <= 0xed ? 2u
											   : 1u;
	return n;
}
