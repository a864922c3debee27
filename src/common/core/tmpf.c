#include "core/tmpf.h"

#include "core/mem.h"
#include "core/msg.h"
#include "core/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int tmpf_scratch(void)
{
	const char *dir = getenv("TMPDIR");
	struct str path = { 0 };
	int fd;

	if (!dir || !*dir)
		dir = "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		/* not every file system has O_TMPFILE */
		str_addf(&path, "%s/ferry.XXXXXX", dir);
		fd = mkostemp(path.p, O_CLOEXEC);
		if (fd < 0 || unlink(path.p) != 0)
			die_errno(EX_CANTCREATE, "cannot create a scratch file in %s", dir);
		str_free(&path);
	}
	return fd;
}

static bool write_all(int fd, struct sl s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		s.p += n;
		s.n -= (size_t)n;
	}
	return true;
}

static bool sync_dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? mem_sldup((struct sl){ path, (size_t)(slash - path) + 1 })
			  : mem_strdup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		ok = close(fd) == 0 && ok;
	mem_free(dir);
	return ok;
}

/* A device, a pipe, a terminal: such a thing is never replaced. */
static bool write_special(const char *path, struct sl content)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	bool ok = fd >= 0 && write_all(fd, content);

	if (fd >= 0)
		ok = close(fd) == 0 && ok;
	return ok;
}

/* A new file in the same directory, its name in `tmp`. Not mkstemp(), which ignores the umask. */
static int open_beside(const char *path, unsigned mode, struct str *tmp)
{
	int fd = -1;

	for (unsigned i = 0; i < 1000 && fd < 0; i++) {
		str_clear(tmp);
		str_addf(tmp, "%s.%ld.%u", path, (long)getpid(), i);
		fd = open(tmp->p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
		if (fd < 0 && errno != EEXIST)
			return -1;
	}
	return fd;
}

bool tmpf_replace(const char *path, struct sl content, unsigned mode)
{
	struct str tmp = { 0 };
	struct stat st;
	bool there = stat(path, &st) == 0, ok;
	int fd, saved;

	if (there && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return write_special(path, content);
	fd = open_beside(path, mode, &tmp);
	if (fd < 0) {
		str_free(&tmp);
		return false;
	}
	ok = (!there || fchmod(fd, st.st_mode & 07777) == 0) && write_all(fd, content) &&
	     fsync(fd) == 0;
	ok = close(fd) == 0 && ok;
	ok = ok && rename(tmp.p, path) == 0;
	if (!ok) {
		saved = errno;
		(void)unlink(tmp.p);
		errno = saved;
	} else {
		ok = sync_dir_of(path);
	}
	str_free(&tmp);
	return ok;
}
