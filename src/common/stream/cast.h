/*
 * cast.h - values given a type: checked, and written as that type is written.
 *
 * A value that already is what it should be keeps its text. Nothing is rounded: a text that would
 * lose digits is refused.
 */
#pragma once

#include "stream/rec.h"

enum cast {
	CAST_NONE,
	CAST_STRING,     /* any value as text */
	CAST_INTEGER,    /* 64 bits, decimal: 5, 5.0 and 5e0 give 5 */
	CAST_FRACTIONAL, /* a finite IEEE double, written without an exponent: 1.5E3 gives 1500 */
	CAST_BOOLEAN,    /* true, t, yes, y, on, 1 and their opposites, in any case */
	CAST_TIMESTAMP,  /* ISO 8601 in UTC with T and Z; a bare number is Unix seconds, unless it
			    may be a date, 20240101, or is below 100000000: 2024 */
	CAST_UNIX,       /* Unix seconds, decimals where there are any; from ISO 8601, too */
};

/* Its name in CAST_CHOICES, or another that people use (int, double, text…). */
#define CAST_CHOICES "string, integer, fractional, boolean, timestamp, unix"
bool cast_parse(struct sl name, enum cast *cast) NODISCARD;

/*
 * Changes *f; new text is in the arena. NULL when done (a NULL value stays NULL), else why it is
 * none ("not an integer"), *f being what it was.
 */
const char *cast_field(enum cast cast, struct field *f, struct arena *arena) NODISCARD;

/* Could it be cast? NULL, or why not. */
const char *cast_check(enum cast cast, const struct field *f);

/*
 * A time to order records by, in nanoseconds since 2000: ISO 8601, 20240101 too, or Unix seconds
 * from 100000000 on, or with a point.
 * What lies before 1708 or behind 2291 is put there. False when it is none of the years 1 to 9999.
 */
bool cast_time_ns(struct sl s, int64_t *ns) NODISCARD;
