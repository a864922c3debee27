/*
 * digest.h - the order-independent digest of cells that seals carry and stream-digest prints.
 *
 * A cell is (by, key, name, value): ship, time, channel, value. Its hash depends on all four and on
 * which is which, so a value in the wrong column or row changes it. The digest is the sum of the
 * cells' hashes modulo 2^64: order does not matter, a repeated cell counts twice, and the digest of
 * a part can be taken away again. NULL values are no cells. Texts are hashed as they stand in the
 * stream. It proves against accidents, not against an adversary.
 */
#pragma once

#include "core/hash.h"
#include "stream/rec.h"

struct digest {
	uint64_t rows;	/* narrow rows, NULL values included */
	uint64_t cells; /* values that are not NULL */
	uint64_t sum;
	uint64_t bytes; /* of the values, where somebody counts them */
};

/*
 * The text that stands for the values of several `by` columns: that of the value itself when there
 * is one, "" when it is NULL; of more than one, a text that no other values have. It may be in *s.
 */
struct sl digest_by(struct str *s, const struct field *by, size_t n);

/* Hash of the row a cell is in; compute once per row. `by` may be empty. */
static inline uint64_t digest_row(struct sl by, struct sl key)
{
	return hash64(key, hash64(by, 1));
}

/* Hash of a column's name; compute once per column. */
static inline uint64_t digest_name(struct sl name)
{
	return hash64(name, 2);
}

/* Hash of one cell; add it to .sum. */
static inline uint64_t digest_cell(uint64_t row, uint64_t name, struct sl value)
{
	return hash64(value, hash_mix(row + hash_mix(name)));
}

#define DIGEST_TEXT_LEN 16

/* The sum as 16 lower-case hex digits, no NUL. */
void digest_put(char dst[DIGEST_TEXT_LEN], uint64_t sum);
bool digest_parse(struct sl text, uint64_t *sum) NODISCARD;
