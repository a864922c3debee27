/*
 * unicode.h - blanks, lower case and normal forms of UTF-8 texts. The only module that includes
 * libunistring.
 */
#pragma once

#include "core/base.h"

/*
 * The text without the blanks around it: Unicode's White_Space, and the separators U+001C to
 * U+001F, as Python's str.strip() has it. It points into `s`.
 */
struct sl unicode_trim(struct sl s);

enum unicode_case { UNICODE_LOWER, UNICODE_UPPER };

/* In another case (full mapping, no language's rules); `s` itself when that changes nothing. */
struct sl unicode_case(struct sl s, enum unicode_case to, struct arena *arena);

enum unicode_form { UNICODE_AS_IS, UNICODE_NFC, UNICODE_NFD, UNICODE_NFKC, UNICODE_NFKD };

/* In a normal form (UAX #15); `s` itself when it is in it already. */
struct sl unicode_normal(struct sl s, enum unicode_form form, struct arena *arena);
