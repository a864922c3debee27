/*
 * recode.h - text of one encoding becomes another's, UTF-8 as a rule, by iconv(3).
 */
#pragma once

#include "core/str.h"

struct recode;

/* NULL when iconv does not know one of them. */
struct recode *recode_new(const char *from, const char *to) NODISCARD;
void recode_free(struct recode *r);

/*
 * Takes bytes from *in (advancing it) and writes at most `cap` (16 at least) bytes to dst;
 * returns how many. What is left in *in when dst has room begins with a character that is not
 * whole, or, where *bad is set, with what is none. Empty *in: a letter kept back for an accent.
 */
size_t recode_some(struct recode *r, struct sl *in, char *dst, size_t cap, bool *bad);

/* Appends all of a text; false, with nothing, when it is none, or ends in half a character. */
bool recode_text(struct recode *r, struct sl text, struct str *to) NODISCARD;

/* Is it the same in every encoding a server may have? */
bool recode_is_ascii(struct sl text);

/* The encoding that is read. */
const char *recode_name(const struct recode *r);
