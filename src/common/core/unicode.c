#include "core/unicode.h"

#include "core/msg.h"

#include <errno.h>
#include <unicase.h>
#include <uninorm.h>

static bool is_ascii_blank(unsigned char c)
{
	return c == ' ' || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f);
}

/* Length of the blank at the front, 0 when there is none. `p` is valid UTF-8. */
static size_t blank_at(const unsigned char *p, size_t n)
{
	if (is_ascii_blank(p[0]))
		return 1;
	if (p[0] == 0xc2 && n >= 2)
		return p[1] == 0x85 || p[1] == 0xa0 ? 2 : 0;
	if (n < 3 || (p[0] != 0xe1 && p[0] != 0xe2 && p[0] != 0xe3))
		return 0;
	if (p[0] == 0xe1)
		return p[1] == 0x9a && p[2] == 0x80 ? 3 : 0; /* U+1680 */
	if (p[0] == 0xe3)
		return p[1] == 0x80 && p[2] == 0x80 ? 3 : 0; /* U+3000 */
	if (p[1] == 0x80) /* U+2000 to U+200A, U+2028, U+2029, U+202F */
		return p[2] <= 0x8a || p[2] == 0xa8 || p[2] == 0xa9 || p[2] == 0xaf ? 3 : 0;
	return p[1] == 0x81 && p[2] == 0x9f ? 3 : 0; /* U+205F */
}

/* Where the last character of a text that is not empty begins. */
static size_t last_char(struct sl s)
{
	size_t i = s.n - 1;

	while (i > 0 && ((unsigned char)s.p[i] & 0xc0) == 0x80)
		i--;
	return i;
}

struct sl unicode_trim(struct sl s)
{
	while (s.n) {
		size_t n = blank_at((const unsigned char *)s.p, s.n);

		if (!n)
			break;
		s = (struct sl){ s.p + n, s.n - n };
	}
	while (s.n) {
		size_t at = last_char(s);

		if (!blank_at((const unsigned char *)s.p + at, s.n - at))
			break;
		s.n = at;
	}
	return s;
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
