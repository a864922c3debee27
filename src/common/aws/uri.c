#include "aws/uri.h"

/* RFC 3986 section 2.3. */
static bool is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void uri_encode(struct str *dst, struct sl s, bool keep_slash)
{
	static const char digit[] = "0123456789ABCDEF";
	char *to = str_room(dst, s.n * 3), *start = to;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (is_unreserved(c) || (keep_slash && c == '/')) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '%';
		*to++ = digit[c >> 4];
		*to++ = digit[c & 15];
	}
	dst->n += (size_t)(to - start);
	*to = '\0';
}

void uri_decode(struct str *dst, struct sl s, bool plus)
{
	char *to = str_room(dst, s.n), *start = to;

	for (size_t i = 0; i < s.n; i++) {
		uint64_t byte;

		if (s.p[i] == '%' && i + 2 < s.n &&
			num_hex((struct sl){s.p + i + 1, 2}, true, &byte)) {
			*to++ = (char)byte;
			i += 2;
		} else {
			*to++ = plus && s.p[i] == '+' ? ' ' : s.p[i];
		}
	}
	dst->n += (size_t)(to - start);
	*to = '\0';
}

void uri_query(struct str *dst, struct sl name, struct sl value)
{
	if (dst->n)
		str_addc(dst, '&');
	uri_encode(dst, name, false);
	str_addc(dst, '=');
	uri_encode(dst, value, false);
}
