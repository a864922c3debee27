#include "core/spool.h"

#include "core/fd.h"
#include "core/tmpf.h"

#include <errno.h>
#include <unistd.h>

#define BUFFER ((size_t)1 << 20)

static void write_out(struct spool *s)
{
	if (!s->filed) {
		s->fd = tmpf_scratch();
		s->filed = true;
	}
	if (!fd_write_at(s->fd, str_sl(&s->buf), (off_t)s->in_file))
		die_errno(EX_IO, "cannot write to the scratch file");
	s->in_file += s->buf.n;
	str_clear(&s->buf);
}

void spool_put(struct spool *s, struct sl record)
{
	uint32_t n = (uint32_t)record.n;

	if (s->buf.n > 0 && s->buf.n + record.n + sizeof n > BUFFER)
		write_out(s);
	str_add(&s->buf, (struct sl){ (const char *)&n, sizeof n });
	str_add(&s->buf, record);
	s->n++;
}

void spool_rewind(struct spool *s)
{
	if (s->filed && s->in_file > 0) {
		/* what was read back is in the file already */
		if (s->file_read > 0)
			str_clear(&s->buf);
		else
			write_out(s);
		s->file_read = 0;
	}
	s->at = 0;
}

/* Makes at least n unread bytes available; false when there are not so many. */
static bool fill(struct spool *s, size_t n)
{
	if (s->buf.n - s->at >= n || s->file_read == s->in_file)
		return s->buf.n - s->at >= n; /* what was never written stays for a rewind */
	if (s->at > 0)
		memmove(s->buf.p, s->buf.p + s->at, s->buf.n - s->at);
	s->buf.n -= s->at;
	s->at = 0;
	while (s->buf.n < n && s->file_read < s->in_file) {
		size_t want = n - s->buf.n > BUFFER ? n - s->buf.n : BUFFER;
		char *dst = str_room(&s->buf, want);
		ssize_t got = pread(s->fd, dst, want, (off_t)s->file_read);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			die_errno(EX_IO, "cannot read the scratch file");
		s->buf.n += (size_t)got;
		s->file_read += (uint64_t)got;
	}
	return s->buf.n >= n;
}

bool spool_next(struct spool *s, struct sl *record)
{
	uint32_t n;

	if (!fill(s, sizeof n))
		return false;
	memcpy(&n, s->buf.p + s->at, sizeof n);
	if (!fill(s, sizeof n + n))
		bug("a spool ends inside a record");
	*record = (struct sl){ s->buf.p + s->at + sizeof n, n };
	s->at += sizeof n + n;
	return true;
}

void spool_clear(struct spool *s)
{
	if (s->filed && s->in_file > 0 && ftruncate(s->fd, 0) != 0)
		die_errno(EX_IO, "cannot empty the scratch file");
	str_clear(&s->buf);
	s->at = 0;
	s->in_file = s->file_read = s->n = 0;
}

void spool_free(struct spool *s)
{
	if (s->filed)
		(void)close(s->fd);
	str_free(&s->buf);
	*s = (struct spool){ 0 };
}
