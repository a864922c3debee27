#include "aws/xml.h"

#include "core/str.h"
#include "core/utf8.h"

enum tag { TAG_OPEN, TAG_CLOSE, TAG_EMPTY };

static bool is_name_end(char c)
{
	return c == '>' || c == '/' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Finds the next tag of that name; *rest then begins behind it, and *at is where it stood. */
static bool next_tag(struct sl *rest, const char *name, enum tag *kind, const char **at)
{
	size_t len = strlen(name);
	const char *end = rest->p + rest->n, *p = rest->p, *close;

	while (p < end && (p = memchr(p, '<', (size_t)(end - p)))) {
		const char *start = p++;
		bool closes = p < end && *p == '/';

		p += closes;
		close = p < end ? memchr(p, '>', (size_t)(end - p)) : NULL;
		if (!close)
			return false;
		if ((size_t)(close - p) >= len && memcmp(p, name, len) == 0 &&
			is_name_end(p[len])) {
			*kind = closes ? TAG_CLOSE : close[-1] == '/' ? TAG_EMPTY : TAG_OPEN;
			*at = start;
			*rest = (struct sl){close + 1, (size_t)(end - close - 1)};
			return true;
		}
		p = close + 1;
	}
	return false;
}

bool xml_next(struct sl *rest, const char *name, struct sl *inside)
{
	enum tag kind;
	const char *at, *start;
	int depth = 1;

	do {
		if (!next_tag(rest, name, &kind, &at))
			return false;
	} while (kind == TAG_CLOSE);
	start = rest->p;
	*inside = (struct sl){start, 0};
	if (kind == TAG_EMPTY)
		return true;
	while (depth > 0) {
		if (!next_tag(rest, name, &kind, &at))
			return false;
		depth += kind == TAG_OPEN ? 1 : kind == TAG_CLOSE ? -1 : 0;
	}
	inside->n = (size_t)(at - start);
	return true;
}

/* Writes the character that the entity between & and ; stands for; bytes, 0 when unknown. */
static size_t entity(char *dst, struct sl name)
{
	static const struct {
		const char *name;
		char c;
	} named[] = {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
	char text[12], *end;
	unsigned long cp;

	for (size_t i = 0; i < ARRAY_LEN(named); i++)
		if (sl_eq_str(name, named[i].name)) {
			*dst = named[i].c;
			return 1;
		}
	if (name.n < 2 || name.n >= sizeof text || name.p[0] != '#')
		return 0;
	memcpy(text, name.p + 1, name.n - 1);
	text[name.n - 1] = '\0';
	cp = text[0] == 'x' ? strtoul(text + 1, &end, 16) : strtoul(text, &end, 10);
	if (*end || cp == 0 || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	return utf8_put(dst, (uint32_t)cp);
}

struct sl xml_text(struct sl doc, const char *name, struct arena *mem)
{
	struct sl rest = doc, in;
	char *to, *start;

	if (!xml_next(&rest, name, &in) || in.n == 0)
		return SL("");
	if (!memchr(in.p, '&', in.n))
		return in;
	start = to = arena_alloc(mem, in.n + 4);
	for (size_t i = 0; i < in.n; i++) {
		const char *semi = in.p[i] == '&' ? memchr(in.p + i, ';', in.n - i) : NULL;
		size_t n =
			semi ? entity(to, (struct sl){in.p + i + 1, (size_t)(semi - in.p) - i - 1})
			     : 0;

		if (n) {
			to += n;
			i = (size_t)(semi - in.p);
		} else {
			*to++ = in.p[i];
		}
	}
	return (struct sl){start, (size_t)(to - start)};
}
