/* stream.h - small streams made by the writer itself, for tests. */
#ifndef FERRY_TEST_STREAM_H
#define FERRY_TEST_STREAM_H

#include "core/str.h"
#include "stream/wr.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* What fn writes, as text. Writers that are never closed leave what they flushed. */
static inline struct str written_by(void (*fn)(struct wr *), const struct wr_conf *conf)
{
	int fd = memfd_create("stream", 0);
	struct wr *w = wr_from_fd(dup(fd), "stream", conf);
	struct str s = { 0 };
	off_t n;

	fn(w);
	n = lseek(fd, 0, SEEK_END);
	if (n < 0 || pread(fd, str_room(&s, (size_t)n), (size_t)n, 0) != n)
		exit(99);
	s.n = (size_t)n;
	s.p[s.n] = '\0';
	(void)close(fd);
	return s;
}

static inline void put_row(struct wr *w, const char *a, const char *b, const char *c)
{
	const char *const text[] = { a, b, c };
	struct field f[3];

	for (size_t i = 0; i < 3; i++)
		f[i] = text[i] ? field_str(sl_of(text[i])) : FIELD_NULL;
	wr_row(w, f, 3);
}

/*
 * Three chunks, the second without rows, a column that joins in the third, values that need quotes,
 * facts of a source.
 */
static inline void three_chunks(struct wr *w)
{
	static const struct sl cols[] = { SL_INIT("k"), SL_INIT("a"), SL_INIT("b,c"), SL_INIT("new") };
	struct seal seal = { .chunk = SL("one"), .src = SL("{\"rows\":2,\"digest\":\"00\"}") };

	wr_cols(w, cols, 3);
	put_row(w, "1", "x", NULL);
	put_row(w, "2", "", "say \"y\",\nthen z");
	wr_seal(w, &seal);
	seal.chunk = SL("two");
	seal.src = SL("");
	wr_seal(w, &seal);
	wr_cols(w, cols, 4);
	put_row(w, "3", NULL, "\xc3\xa9");
	seal.chunk = SL("three \"3\"");
	seal.final = true;
	wr_seal(w, &seal);
	wr_close(w);
}

#endif
