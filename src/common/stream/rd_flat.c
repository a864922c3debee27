/*
 * rd_flat.c - the JSON objects nearly all records are: flat, their members known already.
 *
 * Several times faster than yajl, which builds a tree first. Whatever is not plainly right, or new,
 * or nested, is left to it: it has the last word, and the messages.
 */
#include "core/num.h"
#include "core/utf8.h"
#include "stream/block.h"
#include "stream/rd_impl.h"

/*
 * The first byte from `p` on that ends a string, or its plain part: a quote, a backslash, a control
 * byte; not before `end` when there is none. May read IN_SLACK bytes behind the window.
 */
static inline const char *scan_text(const char *p, const char *end)
{
#ifdef BLOCKS
	for (; p < end; p += BLOCK) {
		unsigned where = block_bits(block_special(block_at(p)));

		if (where)
			return p + __builtin_ctz(where);
	}
	return end;
#else
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
		p++;
	return p;
#endif
}

/* \uXXXX, or two of them that are one character, at *p, which is behind the u. */
static bool unescape_code(const char **p, const char *end, char **dst)
{
	uint64_t code, low;

	if (end - *p < 4 || !num_hex((struct sl){ *p, 4 }, true, &code) || code == 0 ||
	    (code >= 0xdc00 && code <= 0xdfff))
		return false;
	*p += 4;
	if (code >= 0xd800 && code <= 0xdbff) {
		if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
			return false;
		if (!num_hex((struct sl){ *p + 2, 4 }, true, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		*p += 6;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	*dst += utf8_put(*dst, (uint32_t)code);
	return true;
}

/* One escape at *p, which is behind the backslash. */
static bool unescape(const char **p, const char *end, char **dst)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (*p >= end)
		return false;
	if (**p == 'u') {
		++*p;
		return unescape_code(p, end, dst);
	}
	at = memchr(from, **p, sizeof from - 1);
	if (!at)
		return false;
	*(*dst)++ = to[at - from];
	++*p;
	return true;
}

/* A string with escapes that begins at `p`; what is behind its closing quote, or NULL. */
static const char *take_escaped(struct rd *rd, const char *p, const char *end, struct field *f)
{
	const char *quote = p;
	char *text, *dst;

	while (quote < end && *quote != '"')
		quote += *quote == '\\' ? 2 : 1;
	/* no escape is shorter than what it stands for */
	text = dst = arena_alloc(&rd->arena, (size_t)(quote - p));
	for (;;) {
		const char *stop = scan_text(p, end);

		if (stop >= end)
			return NULL;
		memcpy(dst, p, (size_t)(stop - p));
		dst += stop - p;
		p = stop + 1;
		if (*stop == '"')
			break;
		if (*stop != '\\' || !unescape(&p, end, &dst))
			return NULL;
	}
	*f = field_str((struct sl){ text, (size_t)(dst - text) });
	return p;
}

/* Takes a value at `p`; what is behind it, or NULL where yajl has to look at it. */
static inline const char *take_value(struct rd *rd, const char *p, const char *end, struct field *f)
{
	const char *stop;

	if (*p == '"') {
		stop = scan_text(++p, end);
		if (stop >= end || *stop != '"')
			return stop < end && *stop == '\\' ? take_escaped(rd, p, end, f) : NULL;
		*f = field_str((struct sl){ p, (size_t)(stop - p) });
		return stop + 1;
	}
	for (stop = p; stop < end && *stop != ',' && *stop != '}' && *stop != ' ';)
		stop++;
	return field_word(f, (struct sl){ p, (size_t)(stop - p) }) ? stop : NULL;
}

/* The column of the member whose name begins at *p, behind the quote; *p is then behind it. */
static inline size_t take_name(struct rd *rd, const char **p, const char *end, size_t guess)
{
	const char *stop = scan_text(*p, end);
	struct sl name = { *p, (size_t)(stop - *p) };

	if (stop >= end || *stop != '"')
		return NAMES_NONE;
	*p = stop + 1;
	if (LIKELY(guess < rd->cols.n && sl_eq(rd->cols.name[guess], name)))
		return guess;
	return names_find(&rd->cols, name);
}

static inline const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	return p;
}

/* Takes `c` and the blanks around it; NULL where it is not. */
static inline const char *take_char(const char *p, const char *end, char c)
{
	p = skip_blanks(p, end);
	if (p >= end || *p != c)
		return NULL;
	return skip_blanks(p + 1, end);
}

bool rd_flat_object(struct rd *rd, struct sl text)
{
	const char *end = text.p + text.n, *p = take_char(text.p, end, '{'), *more;
	size_t guess = 0;

	for (size_t i = 0; i < rd->cols.n; i++)
		rd->fields[i] = (struct field){ .p = "", .n = 0, .kind = F_ABSENT };
	while (p && p < end && *p == '"') {
		size_t i;

		p++;
		i = take_name(rd, &p, end, guess);
		if (i == NAMES_NONE || rd->fields[i].kind != F_ABSENT)
			return false;
		guess = i + 1;
		p = take_char(p, end, ':');
		p = p && p < end ? take_value(rd, p, end, &rd->fields[i]) : NULL;
		if (!p)
			return false;
		more = take_char(p, end, ',');
		if (!more) {
			p = take_char(p, end, '}');
			return p == end;
		}
		p = more;
	}
	return false;
}
