#include "uri.h"

#include <ctype.h>

static bool unreserved(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void uri_encode(struct str *dst, struct sl s, bool keep_slash)
{
	for (size_t i = 0; i < s.n; i++) {
		if (unreserved(s.p[i]) || (keep_slash && s.p[i] == '/'))
			str_addc(dst, s.p[i]);
		else
			str_addf(dst, "%%%02X", (unsigned char)s.p[i]);
	}
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

struct sl uri_decode(struct arena *mem, struct sl s, bool plus)
{
	char *out = arena_alloc(mem, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%' && i + 2 < s.n && digit(s.p[i + 1]) >= 0 &&
			digit(s.p[i + 2]) >= 0) {
			out[n++] = (char)(digit(s.p[i + 1]) << 4 | digit(s.p[i + 2]));
			i += 2;
		} else {
			out[n++] = plus && s.p[i] == '+' ? ' ' : s.p[i];
		}
	}
	out[n] = '\0';
	return (struct sl){ out, n };
}

bool uri_next(struct sl *rest, char sep, struct sl *piece)
{
	const char *end;

	if (!rest->p)
		return false;
	end = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
	if (!end) {
		*piece = *rest;
		rest->p = NULL;
		return true;
	}
	*piece = (struct sl){ rest->p, (size_t)(end - rest->p) };
	rest->n -= piece->n + 1;
	rest->p = end + 1;
	return true;
}

void uri_parse_query(struct arena *mem, struct sl query, struct fields *out)
{
	struct sl pair;

	if (query.n == 0)
		return;
	while (uri_next(&query, '&', &pair)) {
		struct sl rest = pair, name, value = SL("");

		if (pair.n == 0)
			continue;
		(void)uri_next(&rest, '=', &name);
		if (rest.p)
			value = rest;
		fields_add(out, uri_decode(mem, name, true), uri_decode(mem, value, true));
	}
}
