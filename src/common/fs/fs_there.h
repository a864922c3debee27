/*
 * fs_there.h - which records a feature group has already, just as they are to be put: same
 * identifier, event time and values, whatever the form of its numbers.
 */
#pragma once

#include "fs/fs_known.h"
#include "fs/fs_record.h"
#include "stream/io.h"

/* Keys of records, 16 bytes and room; and the newest event time of each identifier online. A zeroed
 * struct knows of nothing. */
struct fs_there {
	const struct fs_group *group;
	struct sip_key key;
	struct keyset offline, online, times;
	struct keyset deleted; /* event times of deletions, of the history */
	struct fs_ids past;    /* identifiers whose online record is rightly an older one */
	bool knows_offline, knows_online;
	const struct names *but; /* features that make no difference, or NULL */
};

void fs_there_init(struct fs_there *t, const struct fs_group *group);

/* Learns what a store has from a file of its records; those of an offline store may have
 * is_deleted. */
void fs_there_read(struct fs_there *t, const char *path, bool online);

/* Of the identifiers in this file nothing that the history has is for the online store. */
void fs_there_past(struct fs_there *t, const char *path);

/* What is still to be done for the record? What one store has tells, where the other is unknown. */
enum fs_need {
	FS_NEED_ALL,
	FS_NEED_ONLINE, /* the history has it, the online store has lost it */
	FS_NEED_NOTHING,
};
enum fs_need fs_there_needs(const struct fs_there *t, const struct fs_item *item);

/* Does the online store have a newer record of this identifier, as far as is known? */
bool fs_there_has_newer(const struct fs_there *t, const struct fs_item *item);

void fs_there_free(struct fs_there *t);
