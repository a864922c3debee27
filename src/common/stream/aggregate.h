/*
 * aggregate.h - many values made into one: average, sum, least, greatest, first, last, how many.
 *
 * Numbers are decimals, however they came: sums are exact, and so is an average that ends within 20
 * digits. NaN and the infinities count as in PostgreSQL: a sum with them is one of them, and NaN is
 * the greatest number. NULL is no value.
 */
#pragma once

#include "stream/rec.h"

#define AGGREGATE_CHOICES "avg|min|max|first|last|count|sum"
enum aggregate { AGG_AVG, AGG_MIN, AGG_MAX, AGG_FIRST, AGG_LAST, AGG_COUNT, AGG_SUM };

/* Does it take numbers only? */
bool aggregate_needs_numbers(enum aggregate how);

/* Values gathered so far; a zeroed struct has none. */
struct aggregate_state {
	uint64_t n;
	struct str text; /* the one value, or the sum */
	uint8_t kind;	 /* of the one value */
	bool odd;	 /* the sum is none of decimals, but: */
	double odd_sum;
	struct str spare;
};

/* Adds a value that is not NULL. NULL when done, else why it cannot be ("not a number"). */
const char *aggregate_add(enum aggregate how, struct aggregate_state *a, const struct field *f)
	NODISCARD;

/* What has come of them, and an empty state again. The text lives until the next value is added. */
struct field aggregate_take(enum aggregate how, struct aggregate_state *a);

void aggregate_free(struct aggregate_state *a);
