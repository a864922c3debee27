/*
 * fs_known.h - a set of records, each known by its identifier and event time.
 *
 * Two texts of one instant are one event time. A record takes 16 bytes, and at most 27 with the
 * room for more: 128 bits of a hash, so that two records are never taken for one.
 */
#ifndef FERRY_AWS_FS_KNOWN_H
#define FERRY_AWS_FS_KNOWN_H

#include "aws/fs_value.h"

/* A zeroed struct is an empty set. */
struct fs_known {
	struct fs_known_key {
		uint64_t a, b;
	} * slot; /* both 0: free */
	size_t n, n_slots;
};

/* Adds it; false when it was there. `type`: of the event time. */
bool fs_known_add(struct fs_known *k, struct sl id, enum fs_type type, struct sl time);
bool fs_known_has(const struct fs_known *k, struct sl id, enum fs_type type, struct sl time);
void fs_known_free(struct fs_known *k);

#endif
