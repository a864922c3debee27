/*
 * dedup.h - of the records with one key only one is kept: the first, or the newest.
 *
 * Keys are known by 128-bit hashes (sip.h), 32 bytes each at most with all that goes with them.
 * Nothing is guessed: a record is dropped only when a record of the same hash is kept.
 *
 * The first of a key can be told at once, so records pass through. When `memory` is given and the
 * keys seen fill half of it, records of keys not among them are held in a scratch file, and
 * settling tells which of them pass: as many passes over the hashes held as the other half of the
 * memory makes necessary. To keep the newest, all records are held.
 *
 *	switch (dedup_put(d, key, time, f, n))
 *	case DEDUP_PASS: write it        case DEDUP_DROP: forget it        case DEDUP_HELD: later
 *	…
 *	dedup_settle(d);                 when a chunk or the input ends, or dedup_is_full()
 *	while (dedup_next(d, &f, &n)) write it
 */
#pragma once

#include "core/sip.h"
#include "stream/rec.h"

struct dedup;

enum dedup_result { DEDUP_PASS, DEDUP_DROP, DEDUP_HELD };

/* `memory` in bytes, 0: as much as it takes. Scratch files are in $TMPDIR. */
struct dedup *dedup_new(bool newest, uint64_t memory) NODISCARD;

/*
 * `time` orders the records of a key where the newest is kept; of those equal in it the last one
 * is. Held records are copied.
 */
enum dedup_result dedup_put(
	struct dedup *d, struct hash128 key, int64_t time, const struct field *f, size_t n);

/* The record of this key comes soon: what is known of it may be fetched from memory meanwhile. */
void dedup_expect(const struct dedup *d, struct hash128 key);

/* So many records are held that they should be settled, chunk or not. */
bool dedup_is_full(const struct dedup *d);

/* Finds out which of the records held pass. A key settled before is remembered: a record that is
 * not newer than one that has passed does not pass. */
void dedup_settle(struct dedup *d);

/* The next record that passes, in the order they came; its fields live until the next call. */
bool dedup_next(struct dedup *d, struct field **f, size_t *n) NODISCARD;

uint64_t dedup_dropped(const struct dedup *d);    /* records, as far as settled */
uint64_t dedup_peak_bytes(const struct dedup *d); /* most that keys took in memory */
void dedup_free(struct dedup *d);
