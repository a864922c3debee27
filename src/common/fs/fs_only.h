/*
 * fs_only.h - records of which a feature has one of the values that a file lists: lists that no
 * query can hold.
 */
#ifndef FERRY_FS_ONLY_H
#define FERRY_FS_ONLY_H

#include "core/keyset.h"
#include "fs/fs_group.h"

/* A zeroed one lets everything pass. */
struct fs_only {
	struct sl feature; /* its name, of the group's arena */
	bool number;
	struct sip_key key;
	struct keyset values; /* 32 bytes each at most */
	uint64_t sum;         /* the same for the same values, in whatever order */
};

/*
 * `spec` is FEATURE=FILE, one value a line; NULL changes nothing. Ends the program when the group
 * has no such feature (64) or it is none that is told by its text (65), the file cannot be read
 * (66) or has nothing in it (65).
 */
void fs_only_read(struct fs_only *o, const struct fs_group *g, const char *spec);
bool fs_only_has(const struct fs_only *o, struct sl value);
void fs_only_free(struct fs_only *o);

#endif
