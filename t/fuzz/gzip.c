/*
 * gzip in: our reader against zlib, member by member: the same bytes or both refuse. And what our
 * writer compresses comes back from zlib.
 */
#include "../unit/drip.h"
#include "fuzz.h"
#include "stream/in.h"
#include "stream/z.h"

#include <zlib.h>

#define MOST (4 << 20) /* bytes of text; more is a bomb and not compared */

/* All members of `s`, by zlib alone. */
static bool plain_gunzip(struct sl s, struct str *text)
{
	while (s.n > 0) {
		z_stream z = { .next_in = (unsigned char *)(uintptr_t)s.p, .avail_in = (uInt)s.n };
		int rc = inflateInit2(&z, 15 + 16);

		while (rc == Z_OK) {
			z.next_out = (unsigned char *)str_room(text, 4096);
			z.avail_out = 4096;
			rc = inflate(&z, Z_NO_FLUSH);
			text->n += 4096 - z.avail_out;
			if (rc == Z_OK && z.avail_out && !z.avail_in)
				break; /* cut */
			if (text->n > MOST)
				break;
		}
		s.p += s.n - z.avail_in;
		s.n = z.avail_in;
		(void)inflateEnd(&z);
		if (rc != Z_STREAM_END)
			return false;
	}
	return true;
}

struct unpacking {
	struct sl in;
	size_t step;
	struct str text;
};

static void read_text(void *ctx)
{
	struct unpacking *u = ctx;
	struct drip d = { .left = u->in, .step = u->step };
	struct in *in;
	int fd[2];

	CHECK(pipe(fd) == 0, "no pipe");
	d.fd = fd[1];
	in = in_from_fd(fd[0], "x", 1 << 20);
	in_on_wait(in, drip_next, &d);
	while (u->text.n < MOST && in_more(in)) {
		fuzz.inside = false;
		str_add(&u->text, in_window(in));
		fuzz.inside = true;
		in_consume(in, in_window(in).n);
	}
	in_close(in);
	if (d.fd >= 0)
		(void)close(d.fd);
}

static void check_pack(struct sl text, int level)
{
	struct z_deflate *z = z_deflate_new(Z_GZIP, level);
	struct str packed = { 0 }, back = { 0 };
	struct sl left = text;
	size_t n;

	while ((n = z_deflate_some(z, &left, str_room(&packed, 100), 100, Z_END)) > 0)
		packed.n += n;
	z_deflate_free(z);
	CHECK(plain_gunzip(str_sl(&packed), &back), "zlib cannot read what we wrote");
	CHECK_SAME(str_sl(&back), text);
	str_free(&packed);
	str_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const size_t steps[] = { 65536, 17, 1 };
	struct sl in = fuzz_sl(data, n);
	unsigned on = fuzz_switches(&in);
	struct str want = { 0 }, s = { 0 };
	bool good;

	if (on & 1)
		check_pack(in, 1 + (int)(on >> 1) % 9);
	str_addz(&s, "\x1f\x8b"); /* what tells it from a text */
	str_add(&s, in);
	good = plain_gunzip(str_sl(&s), &want);
	for (size_t i = 0; i < ARRAY_LEN(steps) && want.n < MOST; i++) {
		struct unpacking u = { .in = str_sl(&s), .step = steps[i] };
		int code;

		code = fuzz_code(read_text, &u);
		CHECK(good == (code == 0), "zlib %s, %d %s", good ? "takes it" : "refuses it", code,
			fuzz.message);
		if (good)
			CHECK_SAME(str_sl(&u.text), str_sl(&want));
		str_free(&u.text);
	}
	str_free(&want);
	str_free(&s);
	return 0;
}
