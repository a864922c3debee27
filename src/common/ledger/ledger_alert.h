/*
 * ledger_alert.h - watches a job and tells: writes events when a limit is crossed, and hands every
 * warning and worse to a command.
 *
 * The command is run without a shell, its words divided at blanks. It is told in its environment
 * (FERRY_ALERT_LEVEL, _MESSAGE, _JOB, _SHIP, _CHUNK, _AT) and in one line of its standard input, so
 * that `logger -t ferry` and `mail -s ferry ops@example.com` need no script around them. Whatever
 * it does, the work and the watch go on beside it: it has a minute, and is tried three times, or
 * once when it says by exit code 69 that nobody is to be told. What was told is noted behind it:
 * what was not is told again by the next watch.
 */
#pragma once

#include "ledger/ledger.h"

struct alert_opts {
	const char *command;     /* NULL: events only */
	bool recovery;           /* the command is told what is over, too, as INFO */
	int64_t lag_us;          /* behind by more is a warning, by ten times as much critical */
	uint64_t disk_percent;   /* less free space than this on the target's disk */
	uint64_t reject_percent; /* more rows than this could not be carried over */
	int64_t every_us;
};

/* Dies with 78 when the command cannot be found. */
void alert_check(const struct alert_opts *o);

/*
 * Looks and tells until `go_on` says no, at least once. One of several that watch the same job does
 * the work, the others stand by.
 */
void alert_run(struct pg *target, uint64_t job, const struct alert_opts *o, bool (*go_on)(void));
