#include "core/unicode.h"

#include <errno.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

static bool is_blank(ucs4_t c)
{
	return uc_is_property_white_space(c) || (c >= 0x1c && c <= 0x1f);
}

struct sl unicode_trim(struct sl s)
{
	const uint8_t *begin = (const uint8_t *)s.p, *end = begin + s.n, *last;
	ucs4_t c;
	int n;

	while (begin < end && (n = u8_mbtouc(&c, begin, (size_t)(end - begin))) > 0 && is_blank(c))
		begin += n;
	while ((last = u8_prev(&c, end, begin)) && is_blank(c))
		end = last;
	return (struct sl){ (const char *)begin, (size_t)(end - begin) };
}

/* Only ASCII? And does it hold a letter of the other case? */
static bool is_plain(struct sl s, bool *any, char from, char to)
{
	*any = false;
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
		*any |= s.p[i] >= from && s.p[i] <= to;
	}
	return true;
}

static struct sl ascii_case(struct sl s, char from, char to, struct arena *arena)
{
	char *p = arena_alloc(arena, s.n);

	for (size_t i = 0; i < s.n; i++)
		p[i] = (char)(s.p[i] >= from && s.p[i] <= to ? s.p[i] ^ 0x20 : s.p[i]);
	return (struct sl){ p, s.n };
}

/* Takes over what libunistring allocated; NULL means that it could not. */
static struct sl taken(uint8_t *text, size_t n, struct sl s, struct arena *arena)
{
	struct sl t = { (const char *)text, n };

	if (!text)
		die_errno(EX_TEMP, "libunistring");
	if (sl_eq(t, s))
		t = s;
	else
		t = arena_dup(arena, t);
	mem_free(text);
	return t;
}

struct sl unicode_case(struct sl s, enum unicode_case to, struct arena *arena)
{
	char from = to == UNICODE_LOWER ? 'A' : 'a', last = to == UNICODE_LOWER ? 'Z' : 'z';
	const uint8_t *p = (const uint8_t *)s.p;
	uint8_t *text;
	bool any;
	size_t n = 0;

	if (is_plain(s, &any, from, last))
		return any ? ascii_case(s, from, last, arena) : s;
	text = to == UNICODE_LOWER ? u8_tolower(p, s.n, NULL, NULL, NULL, &n)
				   : u8_toupper(p, s.n, NULL, NULL, NULL, &n);
	return taken(text, n, s, arena);
}

struct sl unicode_normal(struct sl s, enum unicode_form form, struct arena *arena)
{
	const uninorm_t forms[] = { NULL, UNINORM_NFC, UNINORM_NFD, UNINORM_NFKC, UNINORM_NFKD };
	size_t n = 0;
	uint8_t *text;
	bool any;

	if (form == UNICODE_AS_IS || is_plain(s, &any, 0, 0))
		return s;
	text = u8_normalize(forms[form], (const uint8_t *)s.p, s.n, NULL, &n);
	return taken(text, n, s, arena);
}
