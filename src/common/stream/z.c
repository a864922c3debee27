#include "stream/z.h"

#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

#define GZIP_WINDOW (15 + 16) /* largest window, gzip wrapper only: zlib.h, inflateInit2() */
#define ZSTD_WINDOW_LOG 27    /* 128 MiB, what zstd(1) takes without being asked */

uint32_t z_crc32(uint32_t crc, const void *p, size_t n)
{
	return libdeflate_crc32(crc, p, n);
}

struct z_inflate {
	z_stream s;
	ZSTD_DStream *zstd; /* or this; NULL: gzip */
	bool whole; /* a whole member was read and nothing of the next */
	bool any;   /* at least one whole member */
	const char *error;
};

struct z_inflate *z_inflate_new(enum z_kind kind)
{
	struct z_inflate *z = mem_zalloc(sizeof *z);

	if (kind == Z_GZIP) {
		if (inflateInit2(&z->s, GZIP_WINDOW) != Z_OK)
			die(EX_TEMP, "cannot start zlib");
		return z;
	}
	z->zstd = ZSTD_createDStream();
	if (!z->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(z->zstd, ZSTD_d_windowLogMax,
							    ZSTD_WINDOW_LOG)))
		die(EX_TEMP, "cannot start libzstd");
	return z;
}

void z_inflate_free(struct z_inflate *z)
{
	if (!z)
		return;
	if (z->zstd)
		(void)ZSTD_freeDStream(z->zstd);
	else
		(void)inflateEnd(&z->s);
	mem_free(z);
}

/* zlib counts in unsigned int */
static unsigned clamp(size_t n)
{
	return n > 1u << 30 ? 1u << 30 : (unsigned)n;
}

/* Shows zlib what there is to read, and where there is room. */
static void lend(z_stream *s, struct sl in, char *dst, size_t cap)
{
	s->next_in = (z_const Bytef *)(uintptr_t)in.p;
	s->avail_in = clamp(in.n);
	s->next_out = (Bytef *)dst;
	s->avail_out = clamp(cap);
}

/* Advances *in to what zlib has not taken; the bytes that it wrote. */
static size_t take_back(const z_stream *s, struct sl *in, const char *dst)
{
	const char *at = (const char *)s->next_in;

	in->n -= (size_t)(at - in->p);
	in->p = at;
	return (size_t)((const char *)s->next_out - dst);
}

static size_t gunzip(struct z_inflate *z, struct sl *in, char *dst, size_t cap)
{
	size_t made = 0;

	while (made == 0 && in->n > 0 && !z->error) {
		int rc;

		if (z->whole) {
			(void)inflateReset(&z->s);
			z->whole = false;
		}
		lend(&z->s, *in, dst, cap);
		rc = inflate(&z->s, Z_NO_FLUSH);
		made = take_back(&z->s, in, dst);
		if (rc == Z_STREAM_END)
			z->whole = z->any = true;
		else if (rc == Z_MEM_ERROR)
			die(EX_MEMORY, "zlib is out of memory");
		else if (rc != Z_OK && rc != Z_BUF_ERROR)
			z->error = z->any && z->s.total_out == 0
					   ? "bytes that are not gzip follow the compressed data"
				   : z->s.msg ? z->s.msg
					      : "damaged gzip data";
	}
	return made;
}

static size_t unzstd(struct z_inflate *z, struct sl *in, char *dst, size_t cap)
{
	ZSTD_outBuffer to = { dst, cap, 0 };
	ZSTD_inBuffer from = { in->p, in->n, 0 };
	size_t hint;

	if (in->n == 0 && z->whole)
		return 0; /* asked once more it would begin another frame */
	/* it may hold text back for which no further input is needed */
	do {
		hint = ZSTD_decompressStream(z->zstd, &to, &from);
		z->whole = hint == 0;
		if (ZSTD_isError(hint))
			z->error = ZSTD_getErrorName(hint);
	} while (!z->error && to.pos == 0 && from.pos < from.size);
	sl_skip(in, from.pos);
	return to.pos;
}

size_t z_inflate_some(struct z_inflate *z, struct sl *in, char *dst, size_t cap)
{
	return z->zstd ? unzstd(z, in, dst, cap) : gunzip(z, in, dst, cap);
}

const char *z_inflate_error(const struct z_inflate *z)
{
	return z->error;
}

bool z_inflate_complete(const struct z_inflate *z)
{
	return z->whole;
}

struct z_deflate {
	z_stream s;
	ZSTD_CStream *zstd; /* or this; NULL: gzip */
	bool ended;
};

struct z_deflate *z_deflate_new(enum z_kind kind, int level)
{
	struct z_deflate *z = mem_zalloc(sizeof *z);

	if (kind == Z_GZIP) {
		if (deflateInit2(&z->s, level, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) !=
		    Z_OK)
			die(EX_TEMP, "cannot start zlib");
		return z;
	}
	z->zstd = ZSTD_createCStream();
	if (!z->zstd ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(z->zstd, ZSTD_c_compressionLevel, level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(z->zstd, ZSTD_c_checksumFlag, 1)))
		die(EX_TEMP, "cannot start libzstd");
	return z;
}

void z_deflate_free(struct z_deflate *z)
{
	if (!z)
		return;
	if (z->zstd)
		(void)ZSTD_freeCStream(z->zstd);
	else
		(void)deflateEnd(&z->s);
	mem_free(z);
}

static size_t gzip(struct z_deflate *z, struct sl *in, char *dst, size_t cap, enum z_what what)
{
	static const int how[] = { Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH };
	int rc;

	if (in->n == 0 && what == Z_MORE)
		return 0;
	lend(&z->s, *in, dst, cap);
	/* what zlib cannot count at once is not all that there is */
	rc = deflate(&z->s, z->s.avail_in == in->n ? how[what] : Z_NO_FLUSH);
	if (rc == Z_STREAM_ERROR)
		bug("deflate() was called wrongly");
	z->ended = rc == Z_STREAM_END;
	return take_back(&z->s, in, dst);
}

static size_t zstd(struct z_deflate *z, struct sl *in, char *dst, size_t cap, enum z_what what)
{
	static const ZSTD_EndDirective how[] = { ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end };
	ZSTD_outBuffer to = { dst, cap, 0 };
	ZSTD_inBuffer from = { in->p, in->n, 0 };
	size_t left = ZSTD_compressStream2(z->zstd, &to, &from, how[what]);

	if (ZSTD_isError(left))
		die(EX_TEMP, "libzstd: %s", ZSTD_getErrorName(left));
	sl_skip(in, from.pos);
	z->ended = what == Z_END && left == 0;
	return to.pos;
}

size_t z_deflate_some(struct z_deflate *z, struct sl *in, char *dst, size_t cap, enum z_what what)
{
	if (z->ended)
		return 0; /* or an empty frame would follow */
	return z->zstd ? zstd(z, in, dst, cap, what) : gzip(z, in, dst, cap, what);
}
