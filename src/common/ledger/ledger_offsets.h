/*
 * ledger_offsets.h - how far topics of Kafka are in the target: ferry.kafka_offset, a row for each
 * group, topic and partition.
 *
 *	reader (kafka-dump --group)                  loader
 *	ledger_offsets_begin  once a partition
 *	  … rows …
 *	seal whose facts have "offsets"         ->   ledger_offsets_of
 *	                                             ledger_offsets_move   with the rows
 *	ledger_offsets_get    what is committed
 *
 * "offsets" is {"group":"g","cluster":"c","parts":[{"topic":"t","partition":0,"from":5,"to":9,
 * "mark":"16 hex"}]}: the messages [from, to), and a hash of the last one. Without a group nobody
 * keeps them, and ledger_offsets_of() finds none.
 */
#pragma once

#include "pg/conn.h"

struct ledger_offset {
	const char *topic, *mark, *cluster; /* mark: "" where nothing was read yet */
	int32_t partition;
	int64_t next; /* the first message that the target does not have */
};

/* All of a group, in the arena; returns how many. */
size_t ledger_offsets_get(struct pg *target, const char *group, struct arena *a,
	struct ledger_offset **out) NODISCARD;

/* Is anything read from Kafka into this target? */
bool ledger_offsets_any(struct pg *target) NODISCARD;

/* Begins at `from` with those partitions that the ledger does not have. Commits at once. */
void ledger_offsets_begin(struct pg *target, const char *offsets);

/* Forgets a partition that there is no more. */
void ledger_offsets_forget(
	struct pg *target, const char *group, const char *topic, int32_t partition);

/* What a seal's `src` says of them, as JSON text in the arena; "" when it says nothing. */
const char *ledger_offsets_of(struct arena *a, struct sl src) NODISCARD;

/*
 * Locks the rows until the end of the transaction, and with `advance` moves them from `from` to
 * `to`. False, and nothing may be committed, when one of them is not at `from`: another has read
 * these messages.
 */
bool ledger_offsets_move(struct pg *target, const char *offsets, bool advance) NODISCARD;
