/*
 * path.h - which file a path means, so that none is used for two things.
 *
 * A program that writes its rejects over its own input destroys what it has not read yet. So every
 * path that an option or operand names is claimed before anything is opened for writing.
 */
#pragma once

#include "core/base.h"

/* PATH_AWAIT is read once it is there, PATH_APPEND written in its place, not beside it. */
enum path_use { PATH_NONE, PATH_READ, PATH_AWAIT, PATH_WRITE, PATH_APPEND };

/*
 * Notes that `path` is `what` ("--rejects", "the input"). "-" or NULL is standard
 * input or output. When the same file (device and inode; for what is not there yet, folder and
 * name) is noted as something else, and one of the two writes it, or both read it from a
 * descriptor, which can be read only once: dies with 64. Terminals, sockets and /dev/null may be
 * used at will, and standard error is always shared.
 */
void path_claim(enum path_use use, const char *what, const char *path);

/*
 * Can it be used so? Better said at once than behind requests, or a COMMIT: dies with 66 where it
 * cannot be read, 73 where it cannot be written. Nothing is opened.
 */
void path_check(enum path_use use, const char *what, const char *path);

/* The path behind symbolic links, whether there is a file or not; to be freed. */
char *path_target(const char *path) NODISCARD;

/* Which descriptor /dev/stdin, /dev/stdout, /dev/stderr, /dev/fd/N or /proc/self/fd/N is, or -1. */
int path_descriptor(const char *path);
