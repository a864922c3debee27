/*
 * log.h - where messages go, and in which form: lines of text on standard error, unless --log-time,
 * --log-format or --log-file say otherwise, or FERRY_LOG_TIME, FERRY_LOG_FORMAT, FERRY_LOG_FILE.
 *
 * A front door notes what its standard error is in $FERRY_LOG_STREAM ("DEVICE:INODE", as systemd
 * does in $JOURNAL_STREAM), since it also reads what some of its programs say: one whose standard
 * error is another file speaks as text.
 */
#pragma once

#include "core/base.h"

enum log_level { LEVEL_ERROR, LEVEL_AWS, LEVEL_WARNING, LEVEL_HINT, LEVEL_NOTE, LEVEL_DETAIL };

/* What the environment says of the form, and whether standard error is the journal. */
void log_begin(void);

/*
 * --NAME=VALUE; false: not an option of these. The file is opened for each line anew, so that it
 * can be moved away at any time. Dies with 64 for another format, or a file that is used
 * otherwise, and with 73 for one that cannot be written.
 */
bool log_option(const char *name, const char *value);

/* What was said of an option, on the command line or in the environment; NULL: nothing. */
const char *log_given(const char *name);

/* The program, and of a run over several targets which it works for; until the next call. */
const char *log_who(void);

/*
 * One write(2) per line, so that the lines of the programs of a pipeline do not mix. Names from
 * data are escaped by who formats them; what a server or a library says comes as it is, and here at
 * the latest loses whatever could act on a terminal. `more` may be NULL. Allocates nothing. A file
 * that cannot be written is said nowhere: the line goes to standard error instead.
 */
void log_line(enum log_level level, const char *text, const char *more);
