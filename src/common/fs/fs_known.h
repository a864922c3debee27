/*
 * fs_known.h - a set of identifiers, or of records, each known by its identifier and event time.
 *
 * What is in it takes at most 32 bytes: 128 bits of a hash, so that two are never taken for one.
 */
#pragma once

#include "core/keyset.h"
#include "fs/fs_value.h"

struct fs_ids {
	struct sip_key key;
	struct keyset set;
};
void fs_ids_init(struct fs_ids *s);
void fs_ids_add(struct fs_ids *s, struct sl id);
bool fs_ids_have(const struct fs_ids *s, struct sl id);
void fs_ids_free(struct fs_ids *s);

/* Of records; `type`: of the event time. Two texts of one instant are one. */
void fs_known_add(struct fs_ids *s, struct sl id, enum fs_type type, struct sl time);
bool fs_known_has(const struct fs_ids *s, struct sl id, enum fs_type type, struct sl time);
