/*
 * z.h - CRC-32 (libdeflate, five times as fast as zlib's), gzip (zlib; RFC 1952) and Zstandard
 * (libzstd; RFC 8878).
 *
 * gzread() takes a cut file for a whole one and passes plain text through; so inflate() is driven
 * here directly: every member must reach its end, several members in a row are one stream, bytes
 * behind the last member are an error, and so is an empty input. The same holds of zstd's frames.
 */
#pragma once

#include "core/base.h"

/* CRC-32 (ISO 3309, as in gzip and PNG) of `crc`'s data followed by these bytes; start with 0. */
uint32_t z_crc32(uint32_t crc, const void *p, size_t n);

enum z_kind { Z_GZIP, Z_ZSTD };

struct z_inflate;
struct z_inflate *z_inflate_new(enum z_kind kind) NODISCARD;
void z_inflate_free(struct z_inflate *z); /* NULL is fine */

/*
 * Takes bytes from *in (advancing it) and writes at most `cap` to dst; returns how many. 0 means
 * more input is needed, or an error: z_inflate_error() then says what, NULL when all is well.
 */
size_t z_inflate_some(struct z_inflate *z, struct sl *in, char *dst, size_t cap);
const char *z_inflate_error(const struct z_inflate *z);

/* To be asked at the end of input: true when it ended exactly behind a whole member, or frame. */
bool z_inflate_complete(const struct z_inflate *z);

struct z_deflate;

/* `level`: 1-9 of gzip, 1-19 of zstd, whose frames have a checksum. */
struct z_deflate *z_deflate_new(enum z_kind kind, int level) NODISCARD;
void z_deflate_free(struct z_deflate *z); /* NULL is fine */

/*
 * Compresses *in (advancing it). Z_OUT hands out what is held back, so that a reader has all that
 * was put in; Z_END ends the member. To be called until it returns 0 with no input left.
 */
enum z_what { Z_MORE, Z_OUT, Z_END };
size_t z_deflate_some(struct z_deflate *z, struct sl *in, char *dst, size_t cap, enum z_what what);
