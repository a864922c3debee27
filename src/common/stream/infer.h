/*
 * infer.h - the SQL types that hold all values of the columns of a stream. Never one that would
 * change a value: a number with a leading zero, an integer beyond 64 bits with an exponent out of
 * bounds, a time with more than six decimals are texts; so is what JSON has as a string, unless it
 * is a date or a time.
 */
#pragma once

#include "stream/rec.h"

/* By column; a zeroed struct knows nothing yet. */
struct infer {
	uint8_t *may; /* private: types that held all values so far, and whether there were any */
	size_t n, cap;
};

/* `json`: the record is of NDJSON, so a number is no string. */
void infer_add(struct infer *in, const struct rec *rec, bool json);

/* "bigint", "numeric", "boolean", "date", "timestamp", "timestamptz", "json" or "text". */
const char *infer_type(const struct infer *in, size_t column);

/* The same for a column of a key: no type that takes two texts for one value (1.1 and 1.10). */
const char *infer_key_type(const struct infer *in, size_t column);
void infer_free(struct infer *in);
