/* cellsum_internal.h - what the files of cellsum share; nobody else includes it. */
#pragma once

#include "compare/cellsum.h"

/*
 * What a hash loses on the right, so that the sum over the 1,600 columns of a row stays within
 * a bigint.
 */
#define CELLSUM_SHIFT " >> 11"

/* Append the SQL of a hash as bigint: of a text with a seed (SQL, bigint), of a timestamp. */
void cellsum_add_hash(struct str *s, enum cellsum_hash hash, const char *text, const char *seed);
void cellsum_add_time_hash(struct str *s, enum cellsum_hash hash, const char *timestamp);

/* Appends a literal of type timestamp or timestamptz; CELLSUM_ALWAYS is -infinity. */
void cellsum_add_bound(struct str *s, int64_t instant, bool zone);

/* A sum of bigints as the server prints it, modulo 2^64; NULL is 0. */
uint64_t cellsum_mod64(struct sl numeric);
