/*
 * fs_failed.h - records that were not stored, as NDJSON that can be loaded again as it is: the
 * record's own members, and "@failed" with what happened and the group it was meant for, which the
 * next load passes over; and the count of what became of each.
 */
#pragma once

#include "fs/fs_load.h"
#include "stream/out.h"

/* One that was refused before it was sent: the record as it came. */
void fs_failed_record(struct out *out, struct sl group, const struct names *cols,
	const struct rec *rec, size_t column, const char *why);

/* One that the service refused, or did not answer for. */
void fs_failed_item(struct out *out, const struct fs_group *group, const struct fs_item *item,
	enum fs_outcome outcome, const struct aws_error *e);

/* What became of the records of a load: each is counted once. */
struct fs_tally {
	uint64_t records;      /* read */
	uint64_t acknowledged; /* the service has them */
	uint64_t rejected;     /* refused, here or there */
	uint64_t unknown;      /* nobody knows */
	uint64_t skipped;      /* acknowledged in an earlier run */
	uint64_t there;        /* the group has them already, just so */
	uint64_t expired;      /* of those to be sent: older than their time to live, */
	uint64_t future, older; /* of the future, older than what the online store has */
	uint64_t write_units;  /* of what is valid: a unit per KB of each record */
	int exit;	   /* of a run that failed: its code, and why */
	const char *error;
};

static inline uint64_t fs_tally_failed(const struct fs_tally *t)
{
	return t->rejected + t->unknown;
}

/* Read, and nothing has become of them yet. */
static inline uint64_t fs_tally_rest(const struct fs_tally *t)
{
	return t->records - t->acknowledged - fs_tally_failed(t) - t->skipped - t->there;
}

/* Appends `20 records: 18 acknowledged, 1 rejected, 1 unknown`, and what else is not zero. */
void fs_tally_put(const struct fs_tally *t, struct str *s);

/*
 * Writes the JSON summary, with `exit` and `error` where the run failed; false with errno set.
 * `resent`, `requests`: of the load.
 */
bool fs_tally_write(const struct fs_tally *t, const char *path, struct sl group, uint64_t resent,
	uint64_t requests, double seconds) NODISCARD;
