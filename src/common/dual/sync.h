/*
 * sync.h - the proof that the narrow and the wide table say the same of what was just written: both
 * are read back by the server, in the transaction that wrote them, and compared with what was sent.
 */
#pragma once

#include "narrow/narrow.h"
#include "wide/registry.h"

struct sync;

/* Compares at most `limit` values of a chunk, the first ones. */
struct sync *sync_open(struct registry *r, const struct narrow *n, uint64_t limit) NODISCARD;
void sync_close(struct sync *s);

/* A value that was sent, in the text that the server is to give back. */
void sync_note(
	struct sync *s, const struct ship *ship, size_t channel, struct sl time, struct sl value);

/*
 * Compares what was noted since the last call, inside the transaction, and forgets it; how many
 * values. Dies with 69 at the first that a table says otherwise.
 */
uint64_t sync_check(struct sync *s);

/* Is there an index by which the narrow table can be read back? Only the wide one is otherwise. */
bool sync_reads_narrow(const struct sync *s);
