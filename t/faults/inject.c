/*
 * inject.c - preloaded into a program: one call of one function fails.
 *
 *   FAULT_PROG=name     only in programs of that name
 *   FAULT_CALL=read:7   the seventh read; FAULT_STICKY=1: and all after it
 *   FAULT_HOW=EIO       how it fails: EIO, ENOSPC, EINTR, EMFILE, ENOMEM, EACCES; or `short`: half
 *                       of the bytes are read or written, which is no failure
 *   FAULT_COUNT=file    at the end, how often each function was called, one `name N` a line
 *
 * Variants of a function (pwrite64, __read_chk…) count as the function.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

extern char *program_invocation_short_name;
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

#define CALLS(X)                                                                                   \
	X(malloc) X(calloc) X(realloc) X(read) X(write) X(open) X(close) X(fsync) X(rename)        \
	X(unlink) X(lseek) X(ftruncate) X(fork) X(pipe) X(dup2) X(pthread_create) X(connect)       \
	X(send) X(recv) X(poll)
#define ENUM(name) CALL_##name,
#define NAME(name) #name,
enum { CALLS(ENUM) N_CALLS };
static const char *const names[] = { CALLS(NAME) };

static const struct {
	const char *name;
	int number;
} errors[] = {
	{ "EIO", EIO },	      { "ENOSPC", ENOSPC }, { "EINTR", EINTR },
	{ "EMFILE", EMFILE }, { "ENOMEM", ENOMEM }, { "EACCES", EACCES },
	{ "EAGAIN", EAGAIN }, { "ECONNRESET", ECONNRESET },
};

static long counts[N_CALLS], at;
static int active, which = -1, error = EIO, sticky, is_short;
static const char *count_file;

static void read_call(const char *s)
{
	const char *colon = s ? strchr(s, ':') : NULL;

	for (int i = 0; colon && i < N_CALLS; i++)
		if (strlen(names[i]) == (size_t)(colon - s) &&
		    strncmp(names[i], s, (size_t)(colon - s)) == 0) {
			which = i;
			at = atol(colon + 1);
		}
}

static void read_how(const char *s)
{
	is_short = s && strcmp(s, "short") == 0;
	for (size_t i = 0; s && i < sizeof errors / sizeof errors[0]; i++)
		if (strcmp(errors[i].name, s) == 0)
			error = errors[i].number;
}

__attribute__((constructor)) static void begin(void)
{
	const char *prog = getenv("FAULT_PROG");

	if (!prog || strcmp(prog, program_invocation_short_name) != 0)
		return;
	read_call(getenv("FAULT_CALL"));
	read_how(getenv("FAULT_HOW"));
	sticky = getenv("FAULT_STICKY") != NULL;
	count_file = getenv("FAULT_COUNT");
	active = 1;
}

__attribute__((destructor)) static void end(void)
{
	char line[64];
	int fd;

	if (!active || !count_file)
		return;
	active = 0;
	fd = (int)syscall(SYS_openat, AT_FDCWD, count_file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	for (int i = 0; i < N_CALLS; i++) {
		int n = snprintf(line, sizeof line, "%s %ld\n", names[i], counts[i]);

		(void)!syscall(SYS_write, fd, line, (size_t)n);
	}
}

/* Is this the call that fails? errno is set then. */
static int fails(int call)
{
	long n;

	if (!active)
		return 0;
	n = __atomic_add_fetch(&counts[call], 1, __ATOMIC_RELAXED);
	if (call != which || (sticky ? n < at : n != at))
		return 0;
	errno = error;
	return 1;
}

void *malloc(size_t n)
{
	return fails(CALL_malloc) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails(CALL_calloc) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails(CALL_realloc) ? NULL : __libc_realloc(p, n);
}

/* RETURNS NAME(PARAMETERS) that fails as CALL, else does NAME(ARGUMENTS) with N bytes. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define BYTES(name, call, params, n, ...)                                                          \
	ssize_t name params                                                                        \
	{                                                                                          \
		if (fails(CALL_##call)) {                                                          \
			if (!is_short)                                                             \
				return -1;                                                         \
			n = n > 1 ? n / 2 : n;                                                     \
		}                                                                                  \
		return REAL(name)(__VA_ARGS__);                                                    \
	}
BYTES(read, read, (int fd, void *p, size_t n), n, fd, p, n)
BYTES(pread, read, (int fd, void *p, size_t n, off_t o), n, fd, p, n, o)
BYTES(pread64, read, (int fd, void *p, size_t n, off64_t o), n, fd, p, n, o)
BYTES(write, write, (int fd, const void *p, size_t n), n, fd, p, n)
BYTES(pwrite, write, (int fd, const void *p, size_t n, off_t o), n, fd, p, n, o)
BYTES(pwrite64, write, (int fd, const void *p, size_t n, off64_t o), n, fd, p, n, o)

/* A connection that was reset is no connection any more. */
#define SOCKET(name, params)                                                                       \
	ssize_t name params                                                                        \
	{                                                                                          \
		if (fails(CALL_##name)) {                                                          \
			if (!is_short) {                                                           \
				if (error == ECONNRESET)                                           \
					(void)shutdown(fd, SHUT_RDWR);                             \
				errno = error;                                                     \
				return -1;                                                         \
			}                                                                          \
			n = n > 1 ? n / 2 : n;                                                     \
		}                                                                                  \
		return REAL(name)(fd, p, n, flags);                                                \
	}
SOCKET(send, (int fd, const void *p, size_t n, int flags))
SOCKET(recv, (int fd, void *p, size_t n, int flags))

ssize_t __read_chk(int fd, void *p, size_t n, size_t room);
ssize_t __read_chk(int fd, void *p, size_t n, size_t room)
{
	(void)room;
	return read(fd, p, n);
}

ssize_t __pread64_chk(int fd, void *p, size_t n, off64_t o, size_t room);
ssize_t __pread64_chk(int fd, void *p, size_t n, off64_t o, size_t room)
{
	(void)room;
	return pread64(fd, p, n, o);
}

ssize_t __recv_chk(int fd, void *p, size_t n, size_t room, int flags);
ssize_t __recv_chk(int fd, void *p, size_t n, size_t room, int flags)
{
	(void)room;
	return recv(fd, p, n, flags);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	return fails(CALL_write) && !is_short ? -1 : REAL(writev)(fd, v, n);
}

#define WHOLE(type, failed, name, call, params, ...)                                               \
	type name params                                                                           \
	{                                                                                          \
		return fails(CALL_##call) ? failed : REAL(name)(__VA_ARGS__);                      \
	}
WHOLE(int, -1, fsync, fsync, (int fd), fd)
WHOLE(int, -1, fdatasync, fsync, (int fd), fd)
WHOLE(int, -1, rename, rename, (const char *a, const char *b), a, b)
WHOLE(int, -1, linkat, rename, (int d, const char *a, int e, const char *b, int f), d, a, e, b, f)
WHOLE(int, -1, unlink, unlink, (const char *a), a)
WHOLE(off_t, -1, lseek, lseek, (int fd, off_t o, int whence), fd, o, whence)
WHOLE(off64_t, -1, lseek64, lseek, (int fd, off64_t o, int whence), fd, o, whence)
WHOLE(int, -1, ftruncate, ftruncate, (int fd, off_t n), fd, n)
WHOLE(int, -1, ftruncate64, ftruncate, (int fd, off64_t n), fd, n)
WHOLE(pid_t, -1, fork, fork, (void), )
WHOLE(int, -1, pipe, pipe, (int fd[2]), fd)
WHOLE(int, -1, pipe2, pipe, (int fd[2], int flags), fd, flags)
WHOLE(int, -1, dup2, dup2, (int a, int b), a, b)
WHOLE(int, -1, connect, connect, (int fd, const struct sockaddr *a, socklen_t n), fd, a, n)
WHOLE(int, -1, poll, poll, (struct pollfd *p, nfds_t n, int ms), p, n, ms)
WHOLE(FILE *, NULL, fopen, open, (const char *path, const char *mode), path, mode)
WHOLE(FILE *, NULL, fopen64, open, (const char *path, const char *mode), path, mode)
WHOLE(int, -1, mkostemp, open, (char *path, int flags), path, flags)
WHOLE(int, -1, mkostemp64, open, (char *path, int flags), path, flags)

/* close() gives the descriptor back also where it reports an error. */
int close(int fd)
{
	int result = REAL(close)(fd);

	return fails(CALL_close) ? -1 : result;
}

int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg)
{
	return fails(CALL_pthread_create) ? EAGAIN : REAL(pthread_create)(t, a, run, arg);
}

#define OPEN(name, params, ...)                                                                    \
	int name params                                                                            \
	{                                                                                          \
		mode_t mode = 0;                                                                   \
		if (flags & (O_CREAT | O_TMPFILE)) {                                               \
			va_list ap;                                                                \
			va_start(ap, flags);                                                       \
			mode = va_arg(ap, mode_t);                                                 \
			va_end(ap);                                                                \
		}                                                                                  \
		return fails(CALL_open) ? -1 : REAL(name)(__VA_ARGS__, flags, mode);               \
	}
OPEN(open, (const char *path, int flags, ...), path)
OPEN(open64, (const char *path, int flags, ...), path)
OPEN(openat, (int d, const char *path, int flags, ...), d, path)
OPEN(openat64, (int d, const char *path, int flags, ...), d, path)

int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
	return open(path, flags);
}

int __open64_2(const char *path, int flags);
int __open64_2(const char *path, int flags)
{
	return open64(path, flags);
}
