#include "stream/in.h"

#include "core/mem.h"
#include "core/msg.h"
#include "stream/z.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE ((size_t)256 * 1024)
#define ZBUF_SIZE ((size_t)64 * 1024)

struct in *in_from_fd(int fd, const char *name, size_t max_window)
{
	struct in *in = mem_zalloc(sizeof *in);
	struct stat st;

	in->fd = fd;
	in->name = name;
	in->max_window = max_window;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		in->regular = true;
		in->total = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	}
	/* fewer, larger transfers between the programs of a pipeline; a refusal does not matter */
	(void)fcntl(fd, F_SETPIPE_SZ, 1 << 20);
	return in;
}

struct in *in_open(const char *path, size_t max_window)
{
	int fd;

	if (!path || strcmp(path, "-") == 0) {
		if (isatty(STDIN_FILENO))
			die_hint(EX_USAGE_, "name a file, or pipe data into the program",
				 "standard input is a terminal");
		return in_from_fd(STDIN_FILENO, "standard input", max_window);
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die_errno(EX_NOINPUT_, "cannot open %s", msg_q(sl_of(path)));

	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		die(EX_NOINPUT_, "cannot read %s: it is a directory", msg_q(sl_of(path)));
	return in_from_fd(fd, path, max_window);
}

/* read(2) that survives signals and descriptors that somebody made non-blocking. */
static size_t read_some(struct in *in, char *dst, size_t cap)
{
	for (;;) {
		if (in->wait)
			in->wait(in->wait_ctx);

		ssize_t n = read(in->fd, dst, cap);

		if (n >= 0) {
			in->bytes += (uint64_t)n;
			return (size_t)n;
		}
		if (errno == EAGAIN) {
			struct pollfd p = { .fd = in->fd, .events = POLLIN };

			(void)poll(&p, 1, -1);
		} else if (errno != EINTR) {
			die_errno(EX_IO, "%s: read error at byte %llu", in->name,
				  (unsigned long long)in->bytes);
		}
	}
}

/* Fills dst with decompressed bytes; 0 at the proven end of the last member. */
static size_t read_inflated(struct in *in, char *dst, size_t cap)
{
	for (;;) {
		struct sl z = { in->zbuf + in->zstart, in->zend - in->zstart };
		size_t n = z_inflate_some(in->z, &z, dst, cap);

		in->zstart = in->zend - z.n;
		if (n > 0)
			return n;
		if (z_inflate_error(in->z))
			die(EX_DATA, "%s: %s, before byte %llu of the compressed data", in->name,
			    z_inflate_error(in->z), (unsigned long long)in->bytes);
		in->zstart = 0;
		in->zend = read_some(in, in->zbuf, ZBUF_SIZE);
		if (in->zend == 0) {
			if (!z_inflate_complete(in->z))
				die(EX_DATA, "%s: gzip data ends early, at byte %llu", in->name,
				    (unsigned long long)in->bytes);
			return 0;
		}
	}
}

/* Looks at the first two bytes: 1f 8b is gzip (RFC 1952), which no text starts with. */
static void probe_gzip(struct in *in)
{
	in->probed = true;
	while (in->end < 2) {
		size_t n = read_some(in, in->buf + in->end, 2 - in->end);

		if (n == 0)
			return;
		in->end += n;
	}
	if (memcmp(in->buf, "\x1f\x8b", 2) != 0)
		return;
	in->z = z_inflate_new();
	in->zbuf = mem_alloc(ZBUF_SIZE);
	memcpy(in->zbuf, in->buf, 2);
	in->zend = 2;
	in->end = 0;
}

static void make_room(struct in *in)
{
	size_t have = in->end - in->start;

	if (in->start > 0) {
		memmove(in->buf, in->buf + in->start, have);
		in->start = 0;
		in->end = have;
	}
	if (in->cap - in->end >= READ_SIZE + IN_SLACK)
		return;
	if (have > in->max_window)
		die_hint(EX_DATA, "--max-record allows larger ones",
			 "%s: a record is larger than %zu bytes", in->name, in->max_window);
	mem_grow(&in->buf, &in->cap, in->end + READ_SIZE + IN_SLACK, 1);
}

bool in_more(struct in *in)
{
	size_t n = 0;

	if (in->eof)
		return false;
	make_room(in);
	if (!in->probed) {
		probe_gzip(in);
		n = in->end;
	}
	if (n == 0 || in->z)
		n = in->z ? read_inflated(in, in->buf + in->end, READ_SIZE)
			  : read_some(in, in->buf + in->end, READ_SIZE);
	else
		in->end = 0; /* the probed bytes are the new ones */
	in->end += n;
	in->eof = n == 0;
	return n > 0;
}

void in_on_wait(struct in *in, void (*fn)(void *ctx), void *ctx)
{
	in->wait = fn;
	in->wait_ctx = ctx;
}

const char *in_name(const struct in *in)
{
	return in->name;
}

bool in_is_regular(const struct in *in)
{
	return in->regular;
}

uint64_t in_bytes_read(const struct in *in)
{
	return in->bytes;
}

uint64_t in_bytes_total(const struct in *in)
{
	return in->total;
}

int in_fd(const struct in *in)
{
	return in->fd;
}

bool in_at_end(const struct in *in)
{
	return in->eof;
}

void in_close(struct in *in)
{
	if (!in)
		return;
	if (in->fd != STDIN_FILENO)
		(void)close(in->fd); /* nothing is lost when closing what was only read */
	z_inflate_free(in->z);
	mem_free(in->zbuf);
	mem_free(in->buf);
	mem_free(in);
}
