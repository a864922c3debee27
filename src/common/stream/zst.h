/*
 * zst.h - Zstandard (RFC 8878). The only module that includes libzstd. Calls are those of z.h.
 */
#ifndef FERRY_ZST_H
#define FERRY_ZST_H

#include "core/base.h"

struct zst_inflate;
struct zst_inflate *zst_inflate_new(void) NODISCARD;
void zst_inflate_free(struct zst_inflate *z);

/*
 * Takes bytes from *in (advancing it) and writes at most `cap` to dst; returns how many. 0 means
 * more input is needed, or an error: zst_inflate_error() then says what, NULL when all is well.
 */
size_t zst_inflate_some(struct zst_inflate *z, struct sl *in, char *dst, size_t cap);
const char *zst_inflate_error(const struct zst_inflate *z);

/* To be asked at the end of input: true when it ended exactly behind a whole frame. */
bool zst_inflate_complete(const struct zst_inflate *z);

struct zst_deflate;
struct zst_deflate *zst_deflate_new(int level) NODISCARD; /* 1-19; frames have a checksum */
void zst_deflate_free(struct zst_deflate *z);

/*
 * Compresses *in (advancing it). ZST_FLUSH hands out what is held back, ZST_END ends the frame. To
 * be called until it returns 0 with no input left.
 */
enum zst_what { ZST_MORE, ZST_FLUSH, ZST_END };
size_t zst_deflate_some(struct zst_deflate *z, struct sl *in, char *dst, size_t cap,
			enum zst_what what);

#endif
