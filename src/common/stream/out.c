#include "stream/out.h"

#include "core/str.h"
#include "core/tmpf.h"
#include "stream/z.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUF_SIZE ((size_t)256 * 1024)
#define ZBUF_SIZE ((size_t)64 * 1024)

struct out *out_from_fd(int fd, const char *name, int gzip)
{
	struct out *o = mem_zalloc(sizeof *o);

	o->fd = fd;
	o->terminal = isatty(fd);
	o->name = name;
	o->cap = BUF_SIZE;
	o->buf = mem_alloc(o->cap);
	if (gzip) {
		o->z = z_deflate_new(Z_GZIP, gzip);
		o->zbuf = mem_alloc(ZBUF_SIZE);
	}
	(void)fcntl(fd, F_SETPIPE_SZ, 1 << 20); /* a refusal does not matter */
	return o;
}

void out_zstd(struct out *o, int level)
{
	o->z = z_deflate_new(Z_ZSTD, level);
	o->zbuf = mem_alloc(ZBUF_SIZE);
}

struct out *out_to_memory(void)
{
	struct out *o = mem_zalloc(sizeof *o);

	o->fd = -1;
	o->cap = ZBUF_SIZE;
	o->buf = mem_alloc(o->cap);
	return o;
}

void out_forget(struct out *o)
{
	o->n = o->crc_from = 0;
}

struct out *out_open(const char *path, int gzip)
{
	struct tmpf *file;
	struct out *o;

	if (!path || strcmp(path, "-") == 0)
		return out_from_fd(STDOUT_FILENO, tr("standard output"), gzip);
	file = tmpf_begin(path, 0666);
	if (!file)
		die_errno(EX_CANTCREATE, "cannot write %s", msg_q(sl_of(path)));
	o = out_from_fd(tmpf_fd(file), path, gzip);
	o->file = file;
	return o;
}

/* The reader has gone: end as a shell expects it (141), even where SIGPIPE is ignored. */
static NORETURN void broken_pipe(void)
{
	(void)signal(SIGPIPE, SIG_DFL);
	(void)raise(SIGPIPE);
	leave(EX_IO); /* only when the signal is blocked */
}

static void (*waiting_fn)(void *ctx);
static void *waiting_ctx;
static int waiting_ms;

void out_while_waiting(void (*fn)(void *ctx), void *ctx, int64_t us)
{
	waiting_fn = fn;
	waiting_ctx = ctx;
	waiting_ms = (int)(us / 1000);
}

/* A pipe that can be written to takes at least a page without waiting; how much to write. */
static size_t wait_for_room(int fd, size_t n)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	if (!waiting_fn)
		return n;
	while (poll(&pfd, 1, waiting_ms) == 0)
		waiting_fn(waiting_ctx);
	return n < PIPE_BUF ? n : PIPE_BUF;
}

/* Writes everything; false with errno set. */
static bool write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, wait_for_room(fd, n));

		if (w >= 0) {
			p += w;
			n -= (size_t)w;
		} else if (errno == EAGAIN) {
			struct pollfd pfd = { .fd = fd, .events = POLLOUT };

			(void)poll(&pfd, 1, -1);
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

/*
 * What a terminal would obey, whoever wrote it into the data, is shown instead: also the controls
 * beyond ASCII, whose first byte may have been the last one of what was written before.
 */
static bool write_visibly(struct out *o, const char *p, size_t n)
{
	AUTO_STR s = { 0 };

	for (const char *end = p + n; p < end; p++) {
		unsigned char c = (unsigned char)*p;
		bool beyond = o->shown_last == 0xc2 && c >= 0x80 && c < 0xa0;

		if (beyond && s.n > 0)
			s.n--;
		if (beyond || (c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			str_addf(&s, "\\x%02x", c);
		else
			str_addc(&s, *p);
		o->shown_last = c;
	}
	return write_all(o->fd, s.p, s.n);
}

static void must_write(struct out *o, const char *p, size_t n)
{
	if (o->failed || (o->terminal ? write_visibly(o, p, n) : write_all(o->fd, p, n)))
		return;
	o->failed = true; /* so that an abort record is not tried on the same descriptor */
	if (errno == EPIPE)
		broken_pipe();
	die_errno(EX_IO, "%s: write error", o->name);
}

static void sum_up(struct out *o)
{
	if (o->want_crc)
		o->crc = z_crc32(o->crc, o->buf + o->crc_from, o->n - o->crc_from);
	o->bytes += o->n - o->crc_from;
	o->crc_from = o->n;
}

static void deflate_all(struct out *o, struct sl s, enum z_what what)
{
	size_t n;

	do {
		n = z_deflate_some(o->z, &s, o->zbuf, ZBUF_SIZE, what);
		must_write(o, o->zbuf, n);
	} while (n > 0 || s.n > 0);
}

void out_check(const struct out *o)
{
	struct pollfd pfd = { .fd = o->fd };

	if (poll(&pfd, 1, 0) > 0 && (pfd.revents & POLLERR))
		broken_pipe();
}

/* Empties the buffer; a compressor may keep some of it. */
static void drain(struct out *o)
{
	struct sl s = { o->buf, o->n };

	sum_up(o);
	o->n = o->crc_from = 0;
	if (o->z)
		deflate_all(o, s, Z_MORE);
	else
		must_write(o, s.p, s.n);
}

void out_flush(struct out *o)
{
	drain(o);
	if (o->z)
		deflate_all(o, (struct sl){ "", 0 }, Z_OUT);
}

void out_show(struct out *o)
{
	out_flush(o);
	if (o->file && !tmpf_show(o->file))
		die_errno(EX_IO, "%s: write error", o->name);
}

void out_make_room(struct out *o, size_t n)
{
	if (o->fd >= 0)
		drain(o);
	if (o->n + n > o->cap)
		mem_grow(&o->buf, &o->cap, o->n + n, 1);
}

void out_put(struct out *o, struct sl s)
{
	while (s.n > 0) {
		size_t n = s.n < BUF_SIZE ? s.n : BUF_SIZE;

		memcpy(out_room(o, n), s.p, n);
		out_wrote(o, n);
		sl_skip(&s, n);
	}
}

void out_put_file(struct out *o, int fd, const char *name)
{
	for (;;) {
		ssize_t n = read(fd, out_room(o, BUF_SIZE), BUF_SIZE);

		if (n == 0)
			return;
		if (n > 0)
			out_wrote(o, (size_t)n);
		else if (errno != EINTR)
			die_errno(EX_IO, "%s: read error", name);
	}
}

/* Opens the same file for reading: the descriptor may be for writing only. -1 where that fails. */
static int open_again(const struct out *o)
{
	char path[40];

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", o->fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

bool out_can_take_back(const struct out *o)
{
	struct stat st;
	int fd;

	if (o->z || o->fd < 0 || fstat(o->fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (fcntl(o->fd, F_GETFL) & O_APPEND))
		return false;
	fd = open_again(o);
	if (fd >= 0)
		(void)close(fd); /* it was only tried */
	return fd >= 0;
}

void out_take_back(struct out *o, uint64_t skip, int fd)
{
	int from = open_again(o);
	struct out *to = out_from_fd(dup(fd), "scratch file", 0);
	off_t end, start;

	out_flush(o);
	end = lseek(o->fd, 0, SEEK_CUR);
	start = end - (off_t)o->bytes;
	if (end < 0 || from < 0 || lseek(from, start + (off_t)skip, SEEK_SET) < 0)
		die_errno(EX_IO, "%s: what was written cannot be read again", o->name);
	out_put_file(to, from, o->name);
	out_close(to);
	(void)close(from); /* it was only read */
	if (ftruncate(o->fd, start) != 0 || lseek(o->fd, start, SEEK_SET) < 0)
		die_errno(EX_IO, "%s: what was written cannot be taken back", o->name);
	o->bytes = 0;
}

uint32_t out_crc(struct out *o)
{
	sum_up(o);
	return o->crc;
}

uint64_t out_bytes(const struct out *o)
{
	return o->bytes + (o->n - o->crc_from);
}

void out_mark(struct out *o)
{
	o->crc_from = o->n;
	o->crc = 0;
	o->bytes = 0;
	o->want_crc = true;
}

void out_close(struct out *o)
{
	int fd = o->fd;

	if (fd >= 0)
		drain(o);
	if (o->z)
		deflate_all(o, (struct sl){ "", 0 }, Z_END);
	if (o->file ? !tmpf_end(o->file) : fd >= 0 && close(fd) != 0 && errno != EINTR)
		die_errno(EX_IO, "%s: write error", o->name);
	z_deflate_free(o->z);
	mem_free(o->zbuf);
	mem_free(o->buf);
	mem_free(o);
}

void out_print(struct sl s)
{
	struct out *out = out_open(NULL, 0);

	out_put(out, s);
	out_close(out);
}

void out_abandon(struct out *o, struct sl last_words)
{
	if (o->failed || o->z || o->file)
		return; /* a file is not shown at all */
	o->failed = true;
	(void)signal(SIGPIPE, SIG_IGN);
	if (write_all(o->fd, o->buf, o->n))
		(void)write_all(o->fd, last_words.p, last_words.n);
}
