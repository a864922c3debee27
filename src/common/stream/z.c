#include "stream/z.h"

#include "core/mem.h"
#include "core/msg.h"

#include <libdeflate.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* largest window, gzip wrapper only: zlib.h, inflateInit2() */

uint32_t z_crc32(uint32_t crc, const void *p, size_t n)
{
	return libdeflate_crc32(crc, p, n);
}

struct z_inflate {
	z_stream s;
	bool at_member_end; /* a whole member was read and nothing of the next */
	bool any;	    /* at least one whole member */
	const char *error;
};

struct z_inflate *z_inflate_new(void)
{
	struct z_inflate *z = mem_zalloc(sizeof *z);

	if (inflateInit2(&z->s, GZIP_WINDOW) != Z_OK)
		die(EX_TEMP, "cannot start zlib");
	return z;
}

void z_inflate_free(struct z_inflate *z)
{
	if (!z)
		return;
	(void)inflateEnd(&z->s);
	mem_free(z);
}

/* zlib counts in unsigned int */
static unsigned clamp(size_t n)
{
	return n > 1u << 30 ? 1u << 30 : (unsigned)n;
}

size_t z_inflate_some(struct z_inflate *z, struct sl *in, char *dst, size_t cap)
{
	size_t made = 0;

	while (made == 0 && in->n > 0 && !z->error) {
		if (z->at_member_end) {
			(void)inflateReset(&z->s);
			z->at_member_end = false;
		}
		z->s.next_in = (z_const Bytef *)(uintptr_t)in->p;
		z->s.avail_in = clamp(in->n);
		z->s.next_out = (Bytef *)dst;
		z->s.avail_out = clamp(cap);

		unsigned given = z->s.avail_in, room = z->s.avail_out;
		int rc = inflate(&z->s, Z_NO_FLUSH);

		in->p += given - z->s.avail_in;
		in->n -= given - z->s.avail_in;
		made = room - z->s.avail_out;
		if (rc == Z_STREAM_END)
			z->at_member_end = z->any = true;
		else if (rc == Z_MEM_ERROR)
			die(EX_TEMP, "zlib is out of memory");
		else if (rc != Z_OK && rc != Z_BUF_ERROR)
			z->error = z->any && z->s.total_out == 0
					   ? "bytes that are not gzip follow the compressed data"
				   : z->s.msg ? z->s.msg
					      : "damaged gzip data";
	}
	return made;
}

const char *z_inflate_error(const struct z_inflate *z)
{
	return z->error;
}

bool z_inflate_complete(const struct z_inflate *z)
{
	return z->at_member_end;
}

struct z_deflate {
	z_stream s;
	bool finished;
};

struct z_deflate *z_deflate_new(int level)
{
	struct z_deflate *z = mem_zalloc(sizeof *z);

	if (deflateInit2(&z->s, level, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		die(EX_TEMP, "cannot start zlib");
	return z;
}

void z_deflate_free(struct z_deflate *z)
{
	if (!z)
		return;
	(void)deflateEnd(&z->s);
	mem_free(z);
}

size_t z_deflate_some(struct z_deflate *z, struct sl *in, char *dst, size_t cap, bool finish)
{
	unsigned given = clamp(in->n), room = clamp(cap);

	if (z->finished || (given == 0 && !finish))
		return 0;
	z->s.next_in = (z_const Bytef *)(uintptr_t)in->p;
	z->s.avail_in = given;
	z->s.next_out = (Bytef *)dst;
	z->s.avail_out = room;
	int rc = deflate(&z->s, finish && given == in->n ? Z_FINISH : Z_NO_FLUSH);

	if (rc == Z_STREAM_ERROR)
		bug("deflate() was called wrongly");
	z->finished = rc == Z_STREAM_END;
	in->p += given - z->s.avail_in;
	in->n -= given - z->s.avail_in;
	return room - z->s.avail_out;
}

size_t z_deflate_flush(struct z_deflate *z, char *dst, size_t cap)
{
	unsigned room = clamp(cap);

	z->s.avail_in = 0;
	z->s.next_out = (Bytef *)dst;
	z->s.avail_out = room;
	if (deflate(&z->s, Z_SYNC_FLUSH) == Z_STREAM_ERROR)
		bug("deflate() was called wrongly");
	return room - z->s.avail_out;
}
