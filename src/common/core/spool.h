/*
 * spool.h - a first-in first-out store of records that does not grow in memory: what does not fit
 * its buffer goes to a scratch file without a name. A zeroed struct is an empty spool.
 */
#pragma once

#include "core/str.h"

struct spool {
	struct str buf; /* records not written yet; while reading, the bytes at hand */
	size_t at;      /* next byte of buf to be read */
	int fd;         /* scratch file, when `filed` */
	bool filed;
	uint64_t in_file;   /* bytes written to it */
	uint64_t file_read; /* bytes read back */
	uint64_t n;         /* records put */
};

/* Appends a record. Dies with 73 or 74 when the scratch file cannot be made or written. */
void spool_put(struct spool *s, struct sl record);

/* Starts reading from the first record; no more may be put until spool_clear(). */
void spool_rewind(struct spool *s);

/* The next record, which lives until the next call; false behind the last. */
bool spool_next(struct spool *s, struct sl *record) NODISCARD;

void spool_clear(struct spool *s); /* empties it, keeping memory and file */
void spool_free(struct spool *s);
