/*
 * pattern.h - regular expressions of PCRE2. The only module that includes it.
 *
 * A pattern must match the whole of a UTF-8 text; a dot matches any character, line ends too.
 */
#pragma once

#include "core/base.h"

struct pattern;

/* NULL when it is no pattern: `why` (of `cap` bytes) then says what is wrong with it, and where. */
struct pattern *pattern_new(struct sl text, char *why, size_t cap) NODISCARD;
void pattern_free(struct pattern *p);

enum pattern_result { PATTERN_NO, PATTERN_YES, PATTERN_TOO_HARD };

/* Does it match? PATTERN_TOO_HARD: that takes more steps than a value may cost. */
enum pattern_result pattern_match(const struct pattern *p, struct sl text);
