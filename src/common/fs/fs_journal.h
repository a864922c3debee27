/*
 * fs_journal.h - which records the service acknowledged, kept so that a load that was killed goes
 * on without sending them again.
 *
 * A record is known by a hash of its own text and one of its identifier, not by its place in the
 * input, so the input may come in another order or through another pipe. What counts is what was
 * acknowledged last of an identifier, not what ever was. The file is a head that names the job, and
 * 16 bytes per acknowledged record, written as soon as the answer is there (so that kill -9 loses
 * none) and synced once per batch. A torn end is cut off. Memory: 24 bytes per record that an
 * earlier run acknowledged.
 */
#pragma once

#include "core/base.h"

struct fs_journal;

/*
 * The default path for a job, in the state folder (fs_run.h); to be freed. An older version named
 * it by the group's name: such a journal is renamed.
 */
char *fs_journal_path(struct sl arn, struct sl name, uint64_t job) NODISCARD;

/*
 * Opens or makes the journal of `job`. Ends the program when another one writes to it (75), when it
 * is of another job (65) or cannot be written (73). With `anew`, what an earlier run noted is
 * dropped.
 */
struct fs_journal *fs_journal_open(const char *path, uint64_t job, bool anew) NODISCARD;

/* How many records earlier runs noted. */
uint64_t fs_journal_known(const struct fs_journal *j);

bool fs_journal_was_cut(const struct fs_journal *j); /* the last of them did not end by itself */
void fs_journal_forget(struct fs_journal *j, uint64_t id); /* what they noted is not so; 0: all */

enum fs_journal_said {
	FS_JOURNAL_NOT,
	FS_JOURNAL_BEFORE, /* it was, and another of its identifier behind it */
	FS_JOURNAL_LAST,
};

/*
 * Was this record (its text; its identifier, never 0) acknowledged by an earlier run, and is to be
 * passed over? Each note answers for one record only. One that is not is sent, and then no other of
 * its identifier is passed over either: it would be written over. `last`: nor one that another was
 * sent behind, since not the event times of both say which is newer.
 */
enum fs_journal_said fs_journal_take(struct fs_journal *j, const uint64_t key[2], bool last);

void fs_journal_note(struct fs_journal *j, const uint64_t key[2]);
void fs_journal_flush(struct fs_journal *j); /* hands notes to the kernel */
void fs_journal_sync(struct fs_journal *j);  /* and to the disk */

/* Closes it; `done` removes the file. `cut`: of some records nobody knows what became. */
void fs_journal_close(struct fs_journal *j, bool done, bool cut);
