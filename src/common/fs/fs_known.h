/*
 * fs_known.h - a set of records, each known by its identifier and event time; or of identifiers.
 *
 * Two texts of one instant are one event time. A record takes 16 bytes, and at most 27 with the
 * room for more: 128 bits of a hash, so that two records are never taken for one.
 */
#ifndef FERRY_FS_KNOWN_H
#define FERRY_FS_KNOWN_H

#include "core/keyset.h"
#include "fs/fs_value.h"

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

/* A set of identifiers, in at most 32 bytes each. */
struct fs_ids {
	struct sip_key key;
	struct keyset set;
};
void fs_ids_init(struct fs_ids *s);
void fs_ids_add(struct fs_ids *s, struct sl id);
bool fs_ids_have(const struct fs_ids *s, struct sl id);
void fs_ids_free(struct fs_ids *s);

#endif
