/* fd.h - reading and writing all that was asked for, whatever signals come in between. */
#pragma once

#include "core/base.h"

#include <sys/types.h>

/* Writes all of it, where the descriptor stands, or at an offset of a file. False with errno. */
bool fd_write(int fd, struct sl s) NODISCARD;
bool fd_write_at(int fd, struct sl s, off_t at) NODISCARD;

/* Adds a line to a file, which is made with these permissions where it is not there. */
bool fd_append(const char *path, struct sl line, mode_t mode) NODISCARD;

/* Reads n bytes at an offset of a file; false with errno, which is 0 where it is shorter. */
bool fd_read_at(int fd, char *dst, size_t n, off_t at) NODISCARD;
