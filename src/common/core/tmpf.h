/*
 * tmpf.h - files that appear whole or not at all, and scratch space that leaves nothing behind.
 */
#pragma once

#include "core/base.h"

/*
 * An anonymous scratch file in $TMPDIR (default /tmp), readable and writable; it has no name, so
 * it is gone with the program however that ends. Returns the descriptor; dies with 73 on failure.
 */
int tmpf_scratch(void) NODISCARD;

/*
 * A file that is written beside its place and takes it when it is whole, so that a reader sees the
 * old content or the new one, never a part. Until then it has no name (or a temporary one, where
 * the file system cannot do that): a program that is killed leaves nothing. Symbolic links are
 * followed; mode and, where allowed, owner are those of the old file, else the mode is `mode` less
 * the umask. What is no file, such as /dev/null or a pipe, or is a descriptor, such as
 * /dev/stdout, is written where it stands. NULL with errno set; the old file is then untouched.
 */
struct tmpf;
struct tmpf *tmpf_begin(const char *path, unsigned mode) NODISCARD;
int tmpf_fd(const struct tmpf *t); /* to be written to, not closed */

/* On the disk and in its place; may go on being written, and be shown again. False with errno. */
bool tmpf_show(struct tmpf *t) NODISCARD;
bool tmpf_end(struct tmpf *t) NODISCARD; /* the same, and frees it, whatever happens */

/* All of it at once. */
bool tmpf_replace(const char *path, struct sl content, unsigned mode) NODISCARD;

/* That it is there, or not, is on the disk, as its folder says. False with errno. */
bool tmpf_sync_name(const char *path) NODISCARD;
