/*
 * wide_sink.h - pg-copy-load --wide: a wide stream into the tables of ships, chunk by chunk: proof,
 * ledger, commit.
 *
 * At a seal the values that arrived are compared with the facts of the source (seal.h), less what a
 * filter says it left out, unless a foreign command was on the way; then rows, kept rejects and the
 * ledger's entry are committed together.
 *
 * A live chunk (ledger.h: facts.follow) overlays what is there, any other one fills what is NULL.
 * What of a chunk does not fit the buffers is merged before its seal says which it is: as a live
 * one where --live or --ack was given. One follower writes such a stream, in the order in which the
 * source committed, and a chunk of the past between two live ones was read later than the one
 * before it; so to overlay that one is right, too.
 *
 * A seal is refused with 76 when what arrived is not what was read, 75 when another worker has
 * taken the chunk over, 78 when it belongs to a job for other tables. Behind the COMMIT of a live
 * chunk the file `ack` is replaced.
 */
#pragma once

#include "stream/sink.h"
#include "wide/registry.h"

struct wide_sink_opts {
	struct target_opts target;
	const char *by, *key; /* columns of the stream; NULL: ship_id, created_time */
	uint64_t buffer;      /* bytes gathered per table before they are sent */
	bool live;	      /* replace values that are there, in every chunk */
	const char *ack;      /* file to be replaced by what a live chunk has reached, or NULL */
	int on_unknown;	      /* enum wide_unknown: channels a ship does not have */
	bool dry_run;	      /* count what would change, commit nothing */
	bool keep_rejects;    /* values that do not fit go to ferry.reject, not to io_reject() */
};

extern const struct sink_ops wide_sink_ops;

/* Makes the ledger's schema when it is not there. `env` and `opts` are kept. */
void *wide_sink_open(const struct sink_env *env, struct wide_sink_opts *opts) NODISCARD;
