/*
 * num.h - numbers as text. Parsing is strict (the whole slice, no blanks, no locale) and returns
 * false instead of guessing; printing gives the shortest text that reads back as the same value.
 */
#pragma once

#include "core/base.h"

/* Decimal integers with an optional '-'; false when malformed or out of range. */
bool num_i64(struct sl s, int64_t *out) NODISCARD;
bool num_u64(struct sl s, uint64_t *out) NODISCARD;

/* Hexadecimal digits, 16 at most, in small letters; with `any_case` in capitals, too. */
bool num_hex(struct sl s, bool any_case, uint64_t *out) NODISCARD;

/* A size in bytes: digits with an optional K, M, G or T (powers of 1024, "KiB" and "KB" too). */
bool num_size(struct sl s, uint64_t *out) NODISCARD;

/* Is it a JSON number (RFC 8259 section 6)? Says nothing of its range. */
bool num_is_json(struct sl s) NODISCARD;

/*
 * IEEE 754 double from text, correctly rounded: JSON numbers, also with a leading '+' or '.',
 * and NaN, Infinity, -Infinity as PostgreSQL writes them. False when malformed or out of range
 * (1e400, 1e-400), as PostgreSQL's float8in has it.
 */
bool num_double(struct sl s, double *out) NODISCARD;

/* Decimal text into dst; the bytes written (at most 20), no NUL. */
size_t num_put_u64(char *dst, uint64_t v);
size_t num_put_i64(char *dst, int64_t v);

/*
 * The text PostgreSQL's float8out gives for v with extra_float_digits >= 1 (its default), byte for
 * byte: shortest digits that read back as v, exponent form below 1e-4 and from 1e15 on, NaN,
 * Infinity, -0. Writes at most 24 bytes to dst and returns how many, no NUL.
 */
size_t num_put_double(char *dst, double v);
