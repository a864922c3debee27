/*
 * in.h - bytes in: a descriptor, gzip and zstd told from their magic, other encodings made UTF-8
 * (UTF-16 told from its mark), one growing window of contiguous bytes.
 *
 * Read errors, damaged gzip and a record larger than the cap end the program (74, 65, 65), as
 * does a regular file that got shorter while it was read (76): there is nothing a caller could do
 * but say the same.
 */
#pragma once

#include "core/base.h"

struct in;

/* Dies with 66 when `path`, which is "-" or is to be opened later, cannot be opened. */
void in_check(const char *path);

/*
 * Opens `path` ("-" or NULL: standard input); dies with 66 when it cannot be opened. `max_window`
 * bounds the window, that is the largest record. Refuses a terminal on standard input (64).
 */
struct in *in_open(const char *path, size_t max_window) NODISCARD;

/* Wraps a descriptor that in_close() closes; `name` is for messages. */
struct in *in_from_fd(int fd, const char *name, size_t max_window) NODISCARD;

/* The unconsumed bytes at hand; valid until in_more(). */
static inline struct sl in_window(const struct in *in);

/* Reads all of it, and returns it, without a byte order mark. */
struct sl in_whole(struct in *in);

/* Bytes behind the window that may be read, though they mean nothing: for reading in blocks. */
#define IN_SLACK 32

/* The text is of this encoding. Before the first in_more(); dies with 64 if nobody knows it. */
void in_decode(struct in *in, const char *encoding);

/* This input follows another, of which only the counts and in_on_wait() go on. */
void in_follow(struct in *in, const struct in *before);

/* Reads more behind the window (it may move); false at the end of input. */
bool in_more(struct in *in) NODISCARD;

/* Drops n bytes from the front of the window. */
static inline void in_consume(struct in *in, size_t n);

/*
 * Has fn(ctx) called before every read(2), which may block: a program with other descriptors to
 * serve as well does that there, with poll(2), until this one is readable or has ended.
 */
void in_on_wait(struct in *in, void (*fn)(void *ctx), void *ctx);

const char *in_name(const struct in *in);     /* "-" is shown as "standard input" */
bool in_is_regular(const struct in *in);      /* a regular file, compressed or not */
uint64_t in_bytes_read(const struct in *in);  /* from the descriptor */
uint64_t in_bytes_total(const struct in *in); /* size of a regular file, else 0 */
int in_fd(const struct in *in);		      /* for poll(2) */
bool in_at_end(const struct in *in);	      /* the end was read: the window is all there is */
void in_close(struct in *in);

/* Private: here so that the accessors above cost nothing. */
struct in {
	char *buf;
	size_t start, end, cap;
	size_t max_window;
	int fd;
	bool eof, regular, probed;
	uint64_t total, bytes; /* total: from where reading began */
	const char *name;
	void (*wait)(void *ctx);
	void *wait_ctx;
	struct z_inflate *z;
	const char *packed; /* "gzip" or "zstd", when z */
	char *zbuf;	   /* compressed bytes, when z */
	size_t zstart, zend;
	struct recode *recode;
	char *tbuf;	   /* text that is not UTF-8 yet, when recode */
	size_t tstart, tend;
	uint64_t decoded;  /* bytes of such text so far */
	uint64_t bytes_before, total_before; /* of inputs that this one follows */
};

static inline struct sl in_window(const struct in *in)
{
	return (struct sl){ in->buf + in->start, in->end - in->start };
}

static inline void in_consume(struct in *in, size_t n)
{
	in->start += n;
}
