#include "core/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* `at` < 0: where the descriptor stands. */
static bool put(int fd, struct sl s, off_t at)
{
	while (s.n > 0) {
		ssize_t n = at < 0 ? write(fd, s.p, s.n) : pwrite(fd, s.p, s.n, at);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			sl_skip(&s, (size_t)n);
		at += at >= 0 && n > 0 ? n : 0;
	}
	return true;
}

bool fd_write(int fd, struct sl s)
{
	return put(fd, s, -1);
}

bool fd_write_at(int fd, struct sl s, off_t at)
{
	return put(fd, s, at);
}

bool fd_append(const char *path, struct sl line, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, mode);
	bool done = fd >= 0 && write(fd, line.p, line.n) == (ssize_t)line.n;

	if (fd >= 0)
		(void)close(fd);
	return done;
}

bool fd_read_at(int fd, char *dst, size_t n, off_t at)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = pread(fd, dst + done, n - done, at + (off_t)done);

		errno = got == 0 ? 0 : errno;
		if (got == 0 || (got < 0 && errno != EINTR))
			return false;
		done += got > 0 ? (size_t)got : 0;
	}
	return true;
}
