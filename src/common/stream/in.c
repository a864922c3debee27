#include "stream/in.h"

#include "core/opt.h"
#include "core/utf8.h"
#include "stream/recode.h"
#include "stream/z.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef READ_SIZE /* less where inputs are tiny and many */
#define READ_SIZE ((size_t)256 * 1024)
#endif
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
		off_t began = lseek(fd, 0, SEEK_CUR);

		in->total = st.st_size > began && began >= 0 ? (uint64_t)(st.st_size - began) : 0;
	}
	/* fewer, larger transfers between the programs of a pipeline; a refusal does not matter */
	(void)fcntl(fd, F_SETPIPE_SZ, 1 << 20);
	return in;
}

void in_check(const char *path)
{
	struct stat st;

	if (strcmp(path, "-") == 0)
		return;
	if (stat(path, &st) != 0 || access(path, R_OK) != 0)
		die_errno(EX_NOINPUT_, "cannot open %s", msg_q(sl_of(path)));
	if (S_ISDIR(st.st_mode))
		die(EX_NOINPUT_, "cannot read %s: it is a directory", msg_q(sl_of(path)));
}

struct in *in_open(const char *path, size_t max_window)
{
	int fd;

	if (!path || strcmp(path, "-") == 0) {
		if (isatty(STDIN_FILENO))
			die_hint(EX_USAGE_, "name a file, or pipe data into the program",
				 "standard input is a terminal");
		return in_from_fd(STDIN_FILENO, tr("standard input"), max_window);
	}
	in_check(path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die_errno(EX_NOINPUT_, "cannot open %s", msg_q(sl_of(path)));
	return in_from_fd(fd, path, max_window);
}

/* The end of a file that has become shorter since it was opened is the end of nothing whole. */
static void must_be_whole(const struct in *in)
{
	off_t at;
	struct stat st;

	if (in->bytes >= in->total)
		return;
	at = lseek(in->fd, 0, SEEK_CUR);
	if (at >= 0 && fstat(in->fd, &st) == 0 && st.st_size <= at)
		die_hint(EX_STREAM, "somebody writes to it: read it when it is done",
			 "%s: the file was cut while it was read, at byte %llu of %llu", in->name,
			 (unsigned long long)in->bytes, (unsigned long long)in->total);
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
			if (n == 0 && cap > 0)
				must_be_whole(in);
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
				die(EX_DATA, "%s: %s data ends early, at byte %llu", in->name,
				    in->packed, (unsigned long long)in->bytes);
			return 0;
		}
	}
}

static size_t read_text(struct in *in, char *dst, size_t cap)
{
	return in->z ? read_inflated(in, dst, cap) : read_some(in, dst, cap);
}

static NORETURN COLD void bad_text(const struct in *in, const char *why)
{
	die(EX_DATA, "%s: byte %llu%s: %s %s", in->name, (unsigned long long)in->decoded + 1,
	    in->z ? " of the text" : "", why, recode_name(in->recode));
}

/* Fills dst with UTF-8; 0 at the end. */
static size_t read_recoded(struct in *in, char *dst, size_t cap)
{
	for (;;) {
		struct sl t = { in->tbuf + in->tstart, in->tend - in->tstart };
		bool bad = false;
		size_t had = t.n, n = had ? recode_some(in->recode, &t, dst, cap, &bad) : 0, more;

		in->tstart = in->tend - t.n;
		in->decoded += had - t.n;
		if (n > 0)
			return n;
		if (bad)
			bad_text(in, "not valid");
		memmove(in->tbuf, in->tbuf + in->tstart, t.n);
		in->tstart = 0;
		in->tend = t.n;
		more = read_text(in, in->tbuf + in->tend, ZBUF_SIZE - in->tend);
		in->tend += more;
		if (more == 0 && t.n > 0)
			bad_text(in, "the end of input inside a character of");
		if (more == 0)
			return recode_some(in->recode, &(struct sl){ "", 0 }, dst, cap, &bad);
	}
}

void in_decode(struct in *in, const char *encoding)
{
	in->recode = recode_new(encoding, "UTF-8");
	if (!in->recode)
		opt_usage("--encoding: no such encoding: %s ('iconv -l' lists them)",
			  msg_q(sl_of(encoding)));
	in->tbuf = mem_alloc(ZBUF_SIZE);
}

/* At least n bytes into the empty window, unless there are fewer. */
static void begin_with(struct in *in, size_t n, size_t (*get)(struct in *, char *, size_t))
{
	while (in->end < n) {
		size_t got = get(in, in->buf + in->end, n - in->end);

		if (got == 0)
			return;
		in->end += got;
	}
}

/* What the first bytes say: gzip (RFC 1952) or zstd (RFC 8878), which no text begins with. */
static void probe_compression(struct in *in)
{
	begin_with(in, 2, read_some); /* not more than needed, which may take long to come */
	if (in->end == 2 && memcmp(in->buf, "\x28\xb5", 2) == 0)
		begin_with(in, 4, read_some);
	if (in->end >= 2 && memcmp(in->buf, "\x1f\x8b", 2) == 0)
		in->packed = "gzip";
	else if (in->end == 4 && memcmp(in->buf, "\x28\xb5\x2f\xfd", 4) == 0)
		in->packed = "zstd";
	else
		return;
	in->z = z_inflate_new(*in->packed == 'g' ? Z_GZIP : Z_ZSTD);
	in->zbuf = mem_alloc(ZBUF_SIZE);
	memcpy(in->zbuf, in->buf, in->end);
	in->zend = in->end;
	in->end = 0;
}

/* UTF-8 last, which needs no decoding. */
static const struct mark {
	struct sl bytes;
	const char *name;
} marks[] = { { SL_INIT("\xff\xfe\0\0"), "UTF-32LE" },
	      { SL_INIT("\0\0\xfe\xff"), "UTF-32BE" },
	      { SL_INIT("\xff\xfe"), "UTF-16LE" },
	      { SL_INIT("\xfe\xff"), "UTF-16BE" },
	      { SL_INIT("\xef\xbb\xbf"), "UTF-8" } };

static bool begins_with(const struct in *in, struct sl mark)
{
	return in->end >= mark.n && memcmp(in->buf, mark.p, mark.n) == 0;
}

/* A byte order mark that is none in the encoding that --encoding names: all would be misread. */
static void refuse_other_mark(const struct in *in, const struct mark *mark)
{
	const char *name = recode_name(in->recode);
	struct recode *r = recode_new(name, "UTF-8");
	AUTO_STR text = { 0 };
	bool is = recode_text(r, mark->bytes, &text) && utf8_unmarked(str_sl(&text)).n == 0;

	recode_free(r);
	if (is)
		return;
	str_clear(&text);
	str_addf(&text, "--encoding %s", mark->name);
	die_hint(EX_DATA, str_z(&text),
		 "%s: the byte order mark it begins with is of %s, not of %s", in->name, mark->name,
		 name);
}

/* UTF-16 and UTF-32 by their byte order marks; --encoding has been told already. */
static void probe_encoding(struct in *in)
{
	const struct mark *found = marks, *end = marks + ARRAY_LEN(marks);
	size_t mark = 0;

	begin_with(in, 2, read_text);
	if (in->end == 2 && memchr("\xff\xef", *in->buf, sizeof "\xff\xef")) /* or NUL */
		begin_with(in, 4, read_text); /* others may wait long for as much */
	while (found < end && !begins_with(in, found->bytes))
		found++;
	if (found < end && in->recode) {
		refuse_other_mark(in, found);
	} else if (found < end - 1) {
		mark = found->bytes.n;
		in_decode(in, found->name);
	}
	if (!in->recode)
		return;
	in->tend = in->end - mark;
	memcpy(in->tbuf, in->buf + mark, in->tend);
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
	if (have > in->max_window)
		die_hint(EX_DATA, "--max-record allows larger ones",
			 "%s: a record is larger than %zu bytes", in->name, in->max_window);
	if (in->cap - in->end >= READ_SIZE + IN_SLACK)
		return;
	mem_grow(&in->buf, &in->cap, in->end + READ_SIZE + IN_SLACK, 1);
}

bool in_more(struct in *in)
{
	size_t n;

	if (in->eof)
		return false;
	make_room(in);
	if (!in->probed) {
		in->probed = true;
		probe_compression(in);
		probe_encoding(in);
		if (in->end > 0)
			return true;
	}
	n = in->recode ? read_recoded(in, in->buf + in->end, READ_SIZE)
		       : read_text(in, in->buf + in->end, READ_SIZE);
	in->end += n;
	in->eof = n == 0;
	return n > 0;
}

struct sl in_whole(struct in *in)
{
	while (in_more(in))
		continue;
	return utf8_unmarked(in_window(in));
}

void in_follow(struct in *in, const struct in *before)
{
	in->bytes_before = in_bytes_read(before);
	in->total_before = in_bytes_total(before);
	in_on_wait(in, before->wait, before->wait_ctx);
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
	return in->bytes_before + in->bytes;
}

uint64_t in_bytes_total(const struct in *in)
{
	return in->total ? in->total_before + in->total : 0;
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
	recode_free(in->recode);
	mem_free(in->tbuf);
	mem_free(in->zbuf);
	mem_free(in->buf);
	mem_free(in);
}
