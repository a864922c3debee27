/*
 * fs_only.h - records of which a feature has one of the values that a file lists: lists that no
 * query can hold; or whose identifiers belong to one shard of several.
 */
#pragma once

#include "core/keyset.h"
#include "fs/fs_group.h"

/* A zeroed one lets everything pass. */
struct fs_only {
	struct sl feature; /* its name, of the group's arena */
	bool number;
	struct sip_key key;
	struct keyset values; /* 32 bytes each at most */
	uint64_t sum;         /* the same for the same values, in whatever order */
	const struct fs_feature *id; /* of a shard, else NULL */
	unsigned shard, shards;      /* 1 to shards */
};

#define FS_ONLY_SHARD_HELP "those of part I of N, told by a hash of their identifiers"

/*
 * Before the group is known. `spec` is FEATURE=FILE, one value a line; `shard` is I/N, which is
 * always the same records, whatever program asks; numbers by their value, so that 007 and 7 are in
 * one. NULL changes nothing. Ends the program when they are none (64), or the file is not there
 * (66).
 */
void fs_only_check(struct fs_only *o, const char *spec, const char *shard);

/*
 * Then: ends the program when the group, which is borrowed, has no such feature (64) or it is none
 * that is told by its text (65), the file cannot be read (66) or has nothing in it (65).
 */
void fs_only_read(struct fs_only *o, const struct fs_group *g, const char *spec);
bool fs_only_has(const struct fs_only *o, struct sl value);
void fs_only_free(struct fs_only *o);
