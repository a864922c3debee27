/*
 * out.h - bytes out: a buffered descriptor, optionally gzip, with the CRC-32 of what went through.
 *
 * A failed write ends the program: 74, or SIGPIPE when the reader has gone, so that the shell sees
 * 141. out_close() checks what only close(2) tells.
 */
#pragma once

#include "core/base.h"

struct out;

/* Wraps a descriptor; `gzip` is a level 1-9, 0 for none; `name` is for messages. */
struct out *out_from_fd(int fd, const char *name, int gzip) NODISCARD;

/* Compresses with zstd, at a level from 1 to 19; before anything is put. */
void out_zstd(struct out *o, int level);

/*
 * Opens a file for writing ("-" or NULL: standard output); dies with 73. It is shown whole, by
 * out_close(), or not at all (core/tmpf.h); a device, a pipe or /dev/stdout is written directly.
 */
struct out *out_open(const char *path, int gzip) NODISCARD;

/*
 * Keeps all bytes in memory, in ->buf and ->n, until out_forget(): for a part of the output that is
 * not its turn yet. To be closed with out_close(), which drops what is left.
 */
struct out *out_to_memory(void) NODISCARD;
void out_forget(struct out *o);

/*
 * Room for at least n bytes (n <= 1 MiB), to be filled by the caller, who then calls out_wrote().
 * This is the fast way: no copy, no call per field.
 */
static inline char *out_room(struct out *o, size_t n);
static inline void out_wrote(struct out *o, size_t n);

void out_put(struct out *o, struct sl s); /* any size */

/* Everything from where the descriptor stands to its end; dies with 74 when it cannot be read. */
void out_put_file(struct out *o, int fd, const char *name);

/*
 * For a regular file, not compressed and not open for appending: can it be read again? Then
 * out_take_back() copies what was put, but for the first `skip` bytes, to another descriptor, and
 * cuts the file off where it began. Not after out_mark(). Dies with 74.
 */
bool out_can_take_back(const struct out *o);
void out_take_back(struct out *o, uint64_t skip, int fd);

/* Checksum (from out_mark() on) and count of the bytes put so far, flushed or not. */
uint32_t out_crc(struct out *o);
uint64_t out_bytes(const struct out *o);
void out_mark(struct out *o); /* starts both anew */

void out_flush(struct out *o); /* hands everything to the kernel */

/* Flushes, and shows a file as it is, on the disk: for one that must outlast a failure. */
void out_show(struct out *o);

/* Ends the program when the reader of a pipe has gone, as the next write would. */
void out_check(const struct out *o);
void out_close(struct out *o); /* flush, finish gzip, close; dies with 74 */
void out_print(struct sl s);	       /* to standard output, by itself */

/* Best effort, for a program that is already failing: flush, ignore every error, never dies. */
void out_abandon(struct out *o, struct sl last_words);

/*
 * While a write has to wait for the reader, `fn` is called every `us`: for a program that must not
 * fall silent on another side. For all outputs; NULL ends it.
 */
void out_while_waiting(void (*fn)(void *ctx), void *ctx, int64_t us);

struct out {
	char *buf;
	size_t n, cap;
	size_t crc_from; /* bytes before this are in `crc` already */
	uint32_t crc;
	uint64_t bytes;	 /* since the mark, up to crc_from */
	bool want_crc, failed;
	bool terminal; /* then controls are shown, not obeyed */
	unsigned char shown_last; /* the last byte of what was */
	int fd;
	const char *name;
	struct tmpf *file; /* not shown yet */
	struct z_deflate *z;
	char *zbuf;
};

void out_make_room(struct out *o, size_t n);

static inline char *out_room(struct out *o, size_t n)
{
	if (UNLIKELY(o->cap - o->n < n))
		out_make_room(o, n);
	return o->buf + o->n;
}

static inline void out_wrote(struct out *o, size_t n)
{
	o->n += n;
}
