/*
 * power.c - preloaded into a run: notes what happens to the files in one folder, and ends the run
 * at a point, as a power failure does. `power` in this folder then tells what the disk could show.
 *
 *   POWER_ROOT=dir   the folder, as realpath(3) writes it
 *   POWER_LOG=file   where notes go, one behind the other: struct note, a name, a content
 *   POWER_POINTS=file of eight bytes, all zero: how many points there were, in all processes
 *   POWER_AT=N       at the N-th point, before it happens, the process group is killed
 *
 * A point is a call that writes, syncs or names a file there. Contents are noted when they are
 * synced; what was written since is in the folder itself.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/*
 * `fresh`: an inode that was nobody's; `named`: dir has it under that name; `gone`: not any more;
 * `moved`: both at once; `synced`.
 */
struct note {
	char kind; /* f n g m s */
	char is_dir, spare[6];
	uint64_t inode, dir, from_dir; /* m: from_dir had it under the second name */
	uint32_t name, second;	       /* bytes */
	uint64_t content;
};

static const char *root;
static size_t root_len;
static int log_fd = -1;
static uint64_t *points, at;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("POWER_POINTS"), *to = getenv("POWER_LOG");
	const char *n = getenv("POWER_AT");
	int fd;

	root = getenv("POWER_ROOT");
	if (!root || !path || !to)
		return;
	root_len = strlen(root);
	at = n ? strtoull(n, NULL, 10) : 0;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	points = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)syscall(SYS_close, fd);
	if (points == MAP_FAILED)
		points = NULL;
	/* out of the way of programs that count their descriptors */
	fd = (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_APPEND | O_CLOEXEC);
	log_fd = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900);
	(void)syscall(SYS_close, fd);
}

static void point(void)
{
	if (points && __atomic_add_fetch(points, 1, __ATOMIC_RELAXED) == at) {
		(void)kill(0, SIGKILL);
		for (;;)
			(void)pause();
	}
}

static int within(const char *path)
{
	return strncmp(path, root, root_len) == 0 && (!path[root_len] || path[root_len] == '/');
}

/* Is the descriptor a file or folder of the root? Then a point. */
static int ours(int fd)
{
	char self[40], path[PATH_MAX];
	ssize_t n;
	int saved = errno;

	if (!points)
		return 0;
	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	n = readlink(self, path, sizeof path - 1);
	errno = saved;
	if (n <= 0)
		return 0;
	path[n] = '\0';
	if (!within(path))
		return 0;
	point();
	return 1;
}

struct place {
	uint64_t dir;
	char name[PATH_MAX];
};

/* Which folder of the root, and which name in it? */
static int place_of(int at_fd, const char *path, struct place *p)
{
	char dir[PATH_MAX], real[PATH_MAX];
	const char *slash;
	struct stat st;
	int saved = errno, ok;

	if (!points)
		return 0;
	if (at_fd != AT_FDCWD && path[0] != '/')
		(void)snprintf(dir, sizeof dir, "/proc/self/fd/%d/%s", at_fd, path);
	else
		(void)snprintf(dir, sizeof dir, "%s", path);
	for (size_t n = strlen(dir); n > 1 && dir[n - 1] == '/'; n--)
		dir[n - 1] = '\0';
	slash = strrchr(dir, '/');
	(void)snprintf(p->name, sizeof p->name, "%s", slash ? slash + 1 : dir);
	dir[slash ? slash - dir + 1 : 0] = '\0';
	ok = realpath(slash ? dir : ".", real) && within(real) && stat(real, &st) == 0;
	errno = saved;
	p->dir = ok ? st.st_ino : 0;
	return ok;
}

static void put(struct note n, const char *name, const char *second, const void *content)
{
	struct iovec v[] = { { &n, sizeof n }, { (void *)(uintptr_t)name, 0 },
		{ (void *)(uintptr_t)second, 0 }, { (void *)(uintptr_t)content, n.content } };
	int saved = errno;

	n.name = name ? (uint32_t)strlen(name) : 0;
	n.second = second ? (uint32_t)strlen(second) : 0;
	v[1].iov_len = n.name;
	v[2].iov_len = n.second;
	(void)!syscall(SYS_writev, log_fd, v, 4);
	errno = saved;
}

static void put_fresh(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0)
		put((struct note){ .kind = 'f', .inode = st.st_ino }, NULL, NULL, NULL);
}

static void put_named(int at_fd, const char *path, const struct place *p)
{
	struct stat st;
	int saved = errno;

	if (fstatat(at_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		put((struct note){ .kind = 'n', .is_dir = S_ISDIR(st.st_mode), .inode = st.st_ino,
			    .dir = p->dir },
			p->name, NULL, NULL);
	errno = saved;
}

static void put_synced(int fd)
{
	struct note n = { .kind = 's' };
	char self[40], *content = NULL;
	struct stat st;
	int saved = errno, again;

	if (fstat(fd, &st) != 0)
		return;
	n.inode = st.st_ino;
	n.is_dir = S_ISDIR(st.st_mode);
	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	again = n.is_dir ? -1 : (int)syscall(SYS_openat, AT_FDCWD, self, O_RDONLY | O_CLOEXEC);
	if (again >= 0 && st.st_size > 0) {
		content = malloc((size_t)st.st_size);
		n.content = content && pread(again, content, (size_t)st.st_size, 0) == st.st_size
				    ? (uint64_t)st.st_size
				    : 0;
	}
	if (again >= 0)
		(void)syscall(SYS_close, again);
	put(n, NULL, NULL, content);
	free(content);
	errno = saved;
}

/* ---- what is written and synced -------------------------------------------------------------- */

#define WRITES(name, params, ...)                                                                  \
	ssize_t name params                                                                        \
	{                                                                                          \
		(void)ours(fd);                                                                    \
		return REAL(name)(__VA_ARGS__);                                                    \
	}
WRITES(write, (int fd, const void *p, size_t n), fd, p, n)
WRITES(pwrite, (int fd, const void *p, size_t n, off_t o), fd, p, n, o)
WRITES(pwrite64, (int fd, const void *p, size_t n, off64_t o), fd, p, n, o)
WRITES(writev, (int fd, const struct iovec *v, int n), fd, v, n)

int ftruncate(int fd, off_t n)
{
	(void)ours(fd);
	return REAL(ftruncate)(fd, n);
}
int ftruncate64(int fd, off64_t n)
{
	(void)ours(fd);
	return REAL(ftruncate64)(fd, n);
}

#define SYNCS(name)                                                                                \
	int name(int fd)                                                                           \
	{                                                                                          \
		int here = ours(fd), rc = REAL(name)(fd);                                          \
		if (here && rc == 0)                                                               \
			put_synced(fd);                                                            \
		return rc;                                                                         \
	}
SYNCS(fsync)
SYNCS(fdatasync)

/* ---- names ----------------------------------------------------------------------------------- */

/* Before a call that may make this name: 1 and a point where it does. */
static int makes(int at_fd, const char *path, struct place *p)
{
	struct stat st;
	int saved = errno, there;

	if (!place_of(at_fd, path, p))
		return 0;
	there = fstatat(at_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
	errno = saved;
	if (!there)
		point();
	return !there;
}

#define OPEN(name, at_fd, params, ...)                                                             \
	int name params                                                                            \
	{                                                                                          \
		mode_t mode = 0;                                                                   \
		struct place p;                                                                    \
		int made, fd;                                                                      \
		if (flags & (O_CREAT | O_TMPFILE)) {                                               \
			va_list ap;                                                                \
			va_start(ap, flags);                                                       \
			mode = va_arg(ap, mode_t);                                                 \
			va_end(ap);                                                                \
		}                                                                                  \
		made = flags & O_CREAT && makes(at_fd, path, &p);                                  \
		fd = REAL(name)(__VA_ARGS__, flags, mode);                                         \
		if (fd >= 0 && (made || (flags & O_TMPFILE) == O_TMPFILE))                         \
			put_fresh(fd);                                                             \
		if (made && fd >= 0)                                                               \
			put_named(at_fd, path, &p);                                                \
		return fd;                                                                         \
	}
OPEN(open, AT_FDCWD, (const char *path, int flags, ...), path)
OPEN(open64, AT_FDCWD, (const char *path, int flags, ...), path)
OPEN(openat, d, (int d, const char *path, int flags, ...), d, path)
OPEN(openat64, d, (int d, const char *path, int flags, ...), d, path)

#define FOPEN(name)                                                                                \
	FILE *name(const char *path, const char *mode)                                             \
	{                                                                                          \
		struct place p;                                                                    \
		int made = mode[0] != 'r' && makes(AT_FDCWD, path, &p);                            \
		FILE *f = REAL(name)(path, mode);                                                  \
		if (made && f) {                                                                   \
			put_fresh(fileno(f));                                                      \
			put_named(AT_FDCWD, path, &p);                                             \
		}                                                                                  \
		return f;                                                                          \
	}
FOPEN(fopen)
FOPEN(fopen64)

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int mkdirat(int d, const char *path, mode_t mode)
{
	struct place p;
	int made = makes(d, path, &p), rc = REAL(mkdirat)(d, path, mode);

	if (made && rc == 0)
		put_named(d, path, &p);
	return rc;
}

int linkat(int d, const char *a, int e, const char *b, int flags)
{
	struct place p;
	int made = makes(e, b, &p), rc = REAL(linkat)(d, a, e, b, flags);

	if (made && rc == 0)
		put_named(e, b, &p);
	return rc;
}

int link(const char *a, const char *b)
{
	return linkat(AT_FDCWD, a, AT_FDCWD, b, 0);
}

int unlinkat(int d, const char *path, int flags)
{
	struct place p;
	int here = place_of(d, path, &p), rc;

	if (here)
		point();
	rc = REAL(unlinkat)(d, path, flags);
	if (here && rc == 0)
		put((struct note){ .kind = 'g', .dir = p.dir }, p.name, NULL, NULL);
	return rc;
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int renameat2(int d, const char *a, int e, const char *b, unsigned flags)
{
	struct place from, to;
	int here = place_of(d, a, &from) + place_of(e, b, &to), rc;
	struct stat st;

	if (here)
		point();
	rc = REAL(renameat2)(d, a, e, b, flags);
	if (here && rc == 0 && fstatat(e, b, &st, AT_SYMLINK_NOFOLLOW) == 0)
		put((struct note){ .kind = 'm', .is_dir = S_ISDIR(st.st_mode), .inode = st.st_ino,
			    .dir = to.dir, .from_dir = from.dir },
			to.name, from.name, NULL);
	return rc;
}

int renameat(int d, const char *a, int e, const char *b)
{
	return renameat2(d, a, e, b, 0);
}

int rename(const char *a, const char *b)
{
	return renameat2(AT_FDCWD, a, AT_FDCWD, b, 0);
}
