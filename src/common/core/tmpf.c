#include "core/tmpf.h"

#include "core/fd.h"
#include "core/path.h"
#include "core/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int tmpf_scratch(void)
{
	const char *dir = getenv("TMPDIR");
	AUTO_STR path = { 0 };
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
	}
	return fd;
}

bool tmpf_sync_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = slash ? mem_sldup((struct sl){ path, (size_t)(slash - path) + 1 })
			  : mem_strdup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		ok = close(fd) == 0 && ok;
	return ok;
}

struct tmpf {
	int fd;
	char *path;   /* its place; NULL: it is written where it stands */
	char *beside; /* its name meanwhile; NULL: it has none */
	bool shown;
};

/* A name in the same folder that nobody has. */
static void name_beside(struct str *name, const char *path, unsigned i)
{
	str_clear(name);
	str_addf(name, "%s.%ld.%u", path, (long)getpid(), i);
}

/* A new file in the folder of `path`. Without a name where that can be: then nothing is left. */
static bool open_beside(struct tmpf *t, const char *path, unsigned mode)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = slash ? mem_sldup((struct sl){ path, (size_t)(slash - path) + 1 })
			  : mem_strdup(".");
	AUTO_STR name = { 0 };

	t->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, (mode_t)mode);
	if (t->fd >= 0)
		return true;
	/* not mkstemp(), which ignores the umask */
	for (unsigned i = 0; i < 1000 && t->fd < 0; i++) {
		name_beside(&name, path, i);
		t->fd = open(name.p, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
		if (t->fd < 0 && errno != EEXIST)
			break;
	}
	if (t->fd >= 0)
		t->beside = mem_strdup(name.p);
	return t->fd >= 0;
}

/* What is no file, or a descriptor that is open already, is written where it stands. */
static bool open_there(struct tmpf *t, const char *path, const struct stat *st)
{
	int fd = path_descriptor(path);

	if (fd >= 0) {
		t->fd = dup(fd);
		return true;
	}
	if (!st || S_ISREG(st->st_mode))
		return false;
	t->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return true;
}

/* May the file that is there be written, and its successor have the same mode and owner? */
static bool take_after(const struct tmpf *t, const struct stat *st)
{
	int fd = open(t->path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	(void)close(fd); /* nothing was written */
	/* another owner is for root alone to give */
	if (fchown(t->fd, st->st_uid, st->st_gid) != 0 && errno != EPERM)
		return false;
	return fchmod(t->fd, st->st_mode & 07777) == 0;
}

/* Frees it; what was not shown is gone. */
static void tmpf_drop(struct tmpf *t)
{
	int saved = errno;

	if (t->beside && !t->shown)
		(void)unlink(t->beside);
	if (t->fd >= 0)
		(void)close(t->fd);
	mem_free(t->beside);
	mem_free(t->path);
	mem_free(t);
	errno = saved;
}

struct tmpf *tmpf_begin(const char *path, unsigned mode)
{
	struct tmpf *t = mem_zalloc(sizeof *t);
	struct stat st;
	bool there = stat(path, &st) == 0, ok;

	t->fd = -1;
	if (open_there(t, path, there ? &st : NULL)) {
		ok = t->fd >= 0;
	} else {
		t->path = path_target(path);
		ok = open_beside(t, t->path, mode) && (!there || take_after(t, &st));
	}
	if (ok)
		return t;
	tmpf_drop(t);
	return NULL;
}

int tmpf_fd(const struct tmpf *t)
{
	return t->fd;
}

/* Gives a file without a name one, in its folder. */
static bool name_it(struct tmpf *t)
{
	AUTO_STR name = { 0 };
	char self[40];
	int rc = -1;

	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", t->fd);
	for (unsigned i = 0; i < 1000 && rc != 0; i++) {
		name_beside(&name, t->path, i);
		/* first, so that there is never a file whose name nobody has kept */
		t->beside = mem_strdup(name.p);
		rc = linkat(AT_FDCWD, self, AT_FDCWD, t->beside, AT_SYMLINK_FOLLOW);
		if (rc == 0)
			break;
		mem_free(t->beside);
		t->beside = NULL;
		if (errno != EEXIST)
			break;
	}
	return rc == 0;
}

bool tmpf_show(struct tmpf *t)
{
	if (!t->path)
		return true;
	if (fsync(t->fd) != 0)
		return false;
	if (t->shown)
		return true;
	if (!t->beside && !name_it(t))
		return false;
	t->shown = rename(t->beside, t->path) == 0;
	return t->shown && tmpf_sync_name(t->path);
}

bool tmpf_end(struct tmpf *t)
{
	bool ok = tmpf_show(t);

	ok = ok && close(t->fd) == 0;
	t->fd = ok ? -1 : t->fd;
	tmpf_drop(t);
	return ok;
}

bool tmpf_replace(const char *path, struct sl content, unsigned mode)
{
	struct tmpf *t = tmpf_begin(path, mode);

	if (!t)
		return false;
	if (fd_write(t->fd, content))
		return tmpf_end(t);
	tmpf_drop(t);
	return false;
}
