/*
 * stats.h - what a run counted, as a line of JSON: in the file of --stats, and one of the lines of
 * FERRY_STATS_LOG, by which a front door learns what its programs did.
 */
#ifndef FERRY_STATS_H
#define FERRY_STATS_H

#include "core/base.h"

/* Does anybody ask for it? `path`: that of --stats, or NULL. */
bool stats_wanted(const char *path) NODISCARD;

/* What an earlier run said must not stand for this one: a plain file is emptied. */
void stats_forget(const char *path);

/*
 * `line`, with its end, takes the place of the file, and is appended to the log, whole. False with
 * errno set.
 */
bool stats_write(const char *path, struct sl line) NODISCARD;

/* From here on the log has a line also of a program that fails and writes none: code and error. */
void stats_watch(void);

#endif
