/*
 * live_chunk.h - changes of the source, in the order of its transactions, gathered into chunks that
 * are sorted by time.
 *
 * Cells of an open transaction wait in a spool, since its end may never come; those of complete
 * ones in a sorter. Memory is bounded; what does not fit is in scratch files.
 */
#pragma once

#include "follow/narrow_chunk.h"

struct live_chunk;

/*
 * `chunk` counts and writes to x; `target` and `job` (0: none) are where rejects are kept. With
 * chunk->ops deletions can be taken.
 */
struct live_chunk *live_chunk_open(struct narrow_chunk *chunk, struct extract *x,
	struct pg *target, uint64_t job) NODISCARD;
void live_chunk_close(struct live_chunk *c);

/* Of the open transaction. `reader` is asked about a row that is a reject. */
void live_chunk_put(struct live_chunk *c, const struct narrow_reader *reader,
	const struct narrow_row *row);
void live_chunk_erase(struct live_chunk *c, const struct narrow_row *row);

void live_chunk_drop(struct live_chunk *c); /* the open transaction: it will come again */

/* It is complete: its cells belong to the chunk from here on. */
void live_chunk_commit(struct live_chunk *c);

uint64_t live_chunk_cells(const struct live_chunk *c); /* of complete transactions */
uint64_t live_chunk_bytes(const struct live_chunk *c);

/*
 * Writes the chunk and its seal, which says `follow` and, of a chunk without any cell, the instant
 * `now`; the next one is begun.
 */
void live_chunk_seal(struct live_chunk *c, const struct ledger_follow *follow, int64_t now);
