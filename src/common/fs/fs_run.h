/*
 * fs_run.h - a run that was killed and its next try are one run: they share a name, so that Athena,
 * given the same token, hands out the query that was paid for already.
 *
 * The name is kept in a file of the state folder, from before the query starts until its results
 * are fetched. After `max_age` it is too old, with 0 always: results would no longer be those of
 * now. While a run lasts it holds a lock on the file: another one of the same job beside it has a
 * query of its own, whose name nobody takes up.
 */
#pragma once

#include "core/base.h"

struct fs_run {
	char *path;    /* NULL: of its own */
	int fd;	       /* holds the lock */
	char name[37]; /* a UUID */
	bool again;    /* it is that of an earlier try */
};

/* Finds the run of this job, or makes one. Ends the program when the file cannot be written (73).
 */
void fs_run_open(
	struct fs_run *r, const char *program, struct sl group, uint64_t job, int64_t max_age_us);

void fs_run_renew(struct fs_run *r); /* another name: what the earlier try left is of no use */
void fs_run_done(struct fs_run *r);  /* forgets it */

/*
 * A path for the state of a program: $FERRY_STATE, $XDG_STATE_HOME/ferry or ~/.local/state/ferry,
 * then PROGRAM/NAME-JOB.SUFFIX, to be freed. Folders are made. Ends the program (78) when there is
 * no such place; `hint` says what helps.
 */
char *fs_state_path(const char *program, struct sl name, uint64_t job, const char *suffix,
	const char *hint) NODISCARD;
