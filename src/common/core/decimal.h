/*
 * decimal.h - decimal numbers as texts of any length, compared and rewritten without ever becoming
 * a float: 9007199254740993 and 9007199254740992 stay two numbers.
 */
#pragma once

#include "core/str.h"

/* A number read from a text, into which it points. */
struct decimal {
	struct sl whole, frac; /* digits before and behind the decimal point */
	size_t first, end;     /* significant digits, counted over both; first == end: zero */
	int64_t point;         /* the value is 0.DDD * 10^point, DDD being those digits */
	bool negative;
};

/*
 * Reads `[+-]digits[.digits][e[+-]digits]`, also `.5` and `5.`: what JSON has, and what people
 * write. False when the text is anything else; blanks, NaN and Infinity are.
 */
bool decimal_parse(struct sl s, struct decimal *d) NODISCARD;

/* -1, 0, 1 by value: 1e2 equals 100.0, -0 equals 0. */
int decimal_cmp(const struct decimal *a, const struct decimal *b);

bool decimal_is_whole(const struct decimal *d);

/* The value times 10^scale, rounded half away from zero; false when it is too large for that. */
bool decimal_scaled(const struct decimal *d, unsigned scale, int64_t *out) NODISCARD;

/* Appends it as a JSON number without an exponent: all its digits, no zeros around them. */
#define DECIMAL_MAX_POINT 1000 /* |point| must not be larger */
void decimal_put(struct str *s, const struct decimal *d);

/* Appends the exact sum, as decimal_put() writes numbers; false when one has too large a point. */
bool decimal_add(struct str *s, const struct decimal *a, const struct decimal *b) NODISCARD;

/*
 * Appends the quotient by n > 0: exact where it ends within 20 digits (or as many as the number
 * has), else rounded half away from zero. The point must not be too large.
 */
void decimal_divide(struct str *s, const struct decimal *d, uint64_t n);
