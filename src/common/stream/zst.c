#include "stream/zst.h"

#include "core/mem.h"
#include "core/msg.h"

#include <zstd.h>

#define MAX_WINDOW_LOG 27 /* 128 MiB, what zstd(1) takes without being asked */

struct zst_inflate {
	ZSTD_DStream *s;
	size_t hint; /* 0: exactly behind a frame */
	const char *error;
};

struct zst_inflate *zst_inflate_new(void)
{
	struct zst_inflate *z = mem_zalloc(sizeof *z);

	z->s = ZSTD_createDStream();
	if (!z->s || ZSTD_isError(ZSTD_DCtx_setParameter(z->s, ZSTD_d_windowLogMax,
							 MAX_WINDOW_LOG)))
		die(EX_TEMP, "cannot start libzstd");
	z->hint = 1;
	return z;
}

void zst_inflate_free(struct zst_inflate *z)
{
	if (!z)
		return;
	(void)ZSTD_freeDStream(z->s);
	mem_free(z);
}

size_t zst_inflate_some(struct zst_inflate *z, struct sl *in, char *dst, size_t cap)
{
	ZSTD_outBuffer to = { dst, cap, 0 };
	ZSTD_inBuffer from = { in->p, in->n, 0 };

	if (in->n == 0 && z->hint == 0)
		return 0; /* asked once more it would begin another frame */
	/* it may hold text back for which no further input is needed */
	do {
		z->hint = ZSTD_decompressStream(z->s, &to, &from);
		if (ZSTD_isError(z->hint))
			z->error = ZSTD_getErrorName(z->hint);
	} while (!z->error && to.pos == 0 && from.pos < from.size);
	in->p += from.pos;
	in->n -= from.pos;
	return to.pos;
}

const char *zst_inflate_error(const struct zst_inflate *z)
{
	return z->error;
}

bool zst_inflate_complete(const struct zst_inflate *z)
{
	return z->hint == 0;
}

struct zst_deflate {
	ZSTD_CStream *s;
	bool ended;
};

struct zst_deflate *zst_deflate_new(int level)
{
	struct zst_deflate *z = mem_zalloc(sizeof *z);

	z->s = ZSTD_createCStream();
	if (!z->s || ZSTD_isError(ZSTD_CCtx_setParameter(z->s, ZSTD_c_compressionLevel, level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(z->s, ZSTD_c_checksumFlag, 1)))
		die(EX_TEMP, "cannot start libzstd");
	return z;
}

void zst_deflate_free(struct zst_deflate *z)
{
	if (!z)
		return;
	(void)ZSTD_freeCStream(z->s);
	mem_free(z);
}

size_t zst_deflate_some(struct zst_deflate *z, struct sl *in, char *dst, size_t cap,
			enum zst_what what)
{
	static const ZSTD_EndDirective how[] = { ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end };
	ZSTD_outBuffer to = { dst, cap, 0 };
	ZSTD_inBuffer from = { in->p, in->n, 0 };
	size_t left;

	if (z->ended)
		return 0; /* or an empty frame would follow */
	left = ZSTD_compressStream2(z->s, &to, &from, how[what]);
	if (ZSTD_isError(left))
		die(EX_TEMP, "libzstd: %s", ZSTD_getErrorName(left));
	in->p += from.pos;
	in->n -= from.pos;
	z->ended = what == ZST_END && left == 0;
	return to.pos;
}
