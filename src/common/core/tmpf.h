/*
 * tmpf.h - files that appear whole or not at all, and scratch space that leaves nothing behind.
 */
#ifndef FERRY_TMPF_H
#define FERRY_TMPF_H

#include "core/base.h"

/*
 * An anonymous scratch file in $TMPDIR (default /tmp), readable and writable; it has no name, so
 * it is gone with the program however that ends. Returns the descriptor; dies with 73 on failure.
 */
int tmpf_scratch(void) NODISCARD;

/*
 * Replaces the file at `path` by `content`: temporary file in the same directory, fsync, rename,
 * fsync of the directory. Its mode is that of the old one, or `mode` less the umask. Returns false
 * with errno set; the old file is then untouched. A reader sees the old or the new content, never a
 * mixture. What is no file, such as /dev/null or a pipe, is written to.
 */
bool tmpf_replace(const char *path, struct sl content, unsigned mode) NODISCARD;

#endif
