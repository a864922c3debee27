/* utf8.h - UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. */
#pragma once

#include "core/base.h"

/* Length in bytes (1-4) of the valid character at p, or 0 when the bytes there are not one. */
size_t utf8_char(const char *p, size_t n);

/* Offset of the first byte that is not part of valid UTF-8, or n when all of it is valid. */
size_t utf8_valid_to(const char *p, size_t n);

/* NULL, or what is wrong with the text, and where: one of the two. */
const char *utf8_fault(struct sl s, size_t *at);
extern const char utf8_nul[], utf8_bad[];

/* Writes code point `cp` (no surrogate, <= 0x10FFFF) as UTF-8; returns the bytes written, 1-4. */
size_t utf8_put(char *dst, uint32_t cp);

/* The largest length <= max at which s may be cut without splitting a character. */
size_t utf8_cut(struct sl s, size_t max);

/* Places on a terminal, not bytes: continuation bytes take none, Hangul and Han take two. */
size_t utf8_width(struct sl text);

/* The text behind the byte order mark that Windows writes before all others, if there is one. */
static inline struct sl utf8_unmarked(struct sl s)
{
	size_t n = s.n >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	return (struct sl){ s.p + n, s.n - n };
}
