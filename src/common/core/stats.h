/*
 * stats.h - what a run counted, as a line of JSON: in the file of --stats, and one of the lines of
 * FERRY_STATS_LOG, by which a front door learns what its programs did.
 */
#pragma once

#include "core/base.h"

struct str;

/* Does anybody ask for it? `path`: that of --stats, or NULL. */
bool stats_wanted(const char *path) NODISCARD;

/*
 * `line`, with its end, takes the place of the file, and is appended to the log, whole. False with
 * errno set.
 */
bool stats_write(const char *path, struct sl line) NODISCARD;

/* From here on the log has a line also of a program that fails and writes none: code and error. */
void stats_watch(void);
/*
 * So has the file of --stats; but none is made for a wrong command line. At the end of a program
 * that has written none it says how that was. `path` is kept.
 */
void stats_file(const char *path);

/* What an earlier run said must not stand for this one: a signal nobody can catch may end it. */
void stats_begin(void);

/* For the front door, should it be told to end meanwhile: what is waited for; NULL: no more. */
void stats_waits(const char *why);

/* The path is known to be no other file: it is told of a failure. `put` (or NULL) adds to it. */
void stats_failing(void (*put)(const void *ctx, struct str *s), const void *ctx);
