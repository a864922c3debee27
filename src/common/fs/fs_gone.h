/*
 * fs_gone.h - records of a source that live in the newest state its offline store knows, and were
 * softly deleted since: the deletion takes up to 15 minutes to get there.
 *
 * Such identifiers are listed with those of softly deleted records, and BatchGetRecord has nothing
 * for them. A record that is merely not in the online store (expired, hard-deleted there alone,
 * never put there) is not one of them. Each takes 32 bytes at most.
 */
#pragma once

#include "fs/fs_id_file.h"
#include "fs/fs_move.h"

/* A zeroed struct has none. */
struct fs_gone {
	struct sip_key key;
	struct keyset times; /* of their last states, as instants */
};

/* Finds them: reads the source's online store, and Athena where that has deleted any. Nothing is
 * found, and nothing read, where fs_move_looks_online() is false. `reader` takes the records that
 * live meanwhile; its first feature is the identifier. */
void fs_gone_find(struct fs_gone *g, struct fs_move *m, const struct fs_reader *reader);

/* Or reads them from a file of records, with identifier and event time of the last state. */
void fs_gone_read(struct fs_gone *g, const struct fs_move *m, const char *path);

/* Is it one of them? Then *time is that of its last state; may be NULL. */
bool fs_gone_has(struct fs_gone *g, struct sl id, int64_t *time);
void fs_gone_free(struct fs_gone *g);
