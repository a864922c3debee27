/*
 * fs_record.h - records of a stream become records of a feature group: columns are matched to
 * features by name, values checked against their types, and the whole encoded for sending.
 */
#pragma once

#include "core/hash.h"
#include "fs/fs_group.h"
#include "stream/rec.h"

/* The member that fs-put adds to records that failed; a column of this name is passed over. */
#define FS_FAILED_COLUMN "@failed"

enum fs_when {
	FS_WHEN_KEEP,    /* the event time is that of the record */
	FS_WHEN_MISSING, /* now, where the record has none */
	FS_WHEN_NOW,     /* now, always */
	FS_WHEN_LATER, /* now, or just later than the record's, whichever is later: for deletions */
	FS_WHEN_NEXT,  /* just behind the record's own: a deletion that spares what is newer */
};

struct fs_coder {
	const struct fs_group *group;
	enum fs_when when;
	bool deletions;    /* every record is a deletion; only id and event time are read */
	bool sums;         /* records are to be compared: work out `sum` */
	const struct names *but; /* features that make no difference there; or NULL */
	bool pass_unknown; /* columns that are no features are left out instead of refused */
	/* private */
	size_t *feature; /* by column: number of the feature, or one of the marks */
	size_t n, cap;
	struct str *lead;         /* by feature: {"FeatureName":"x","ValueAsString": */
	size_t id, time, deleted; /* columns, SIZE_MAX where there is none */
	size_t bytes;             /* names and values of the record in hand: its size as billed */
};

/* A record that is ready to be sent; buffers are reused. A zeroed struct is an empty one. */
struct fs_item {
	struct fs_item *next;
	struct str id, time;
	struct str values; /* {"FeatureName":…},{…}: the inside of a Record; empty for a deletion */
	bool deletion;
	uint64_t key[2]; /* what the journal knows it by: hashes of text and id */
	uint64_t record; /* number in the input */
	unsigned tries;  /* how often it was sent and not settled */
	bool alone;      /* to be sent by itself: a batch with it was refused */
	bool resent;     /* sent once more after an answer that was lost */
	int64_t since;   /* of the first failure, clock_monotonic() */
	uint64_t hash;   /* of the id */
	uint64_t sum;    /* of its values, whatever their order and the form of numbers: not of */
	uint64_t lists;  /* those of collections, which no offline store has; nor of the time */
	bool online_only; /* whatever the load does with others */
};

/* Prepares *c; `group` is borrowed. */
void fs_coder_init(
	struct fs_coder *c, const struct fs_group *group, enum fs_when when, bool deletions);

/*
 * Learns the columns, again when there are more. NULL, or why they cannot be (then *column is the
 * one at fault, "" when one is missing): unknown to the group, two for one feature, no identifier.
 * `complete`: no more will come (a CSV header), so what is needed must be there.
 */
const char *fs_coder_cols(
	struct fs_coder *c, const struct names *cols, bool complete, struct sl *column);

/* Encodes a record; NULL, or why it is bad and *column, where. */
const char *fs_coder_put(
	struct fs_coder *c, const struct rec *rec, struct fs_item *item, size_t *column);

/*
 * A hash of a value: 1.50 and 15e-1 are one, as is the JSON text of a collection whatever its
 * blanks, and that of a Set whatever its order.
 */
uint64_t fs_value_hash(const struct fs_feature *f, struct sl text);

void fs_coder_free(struct fs_coder *c);
void fs_item_free(struct fs_item *item);
