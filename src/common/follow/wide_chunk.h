/*
 * wide_chunk.h - a wide stream into the tables of ships, chunk by chunk: proof, ledger, commit.
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
 */
#pragma once

#include "ledger/ledger.h"
#include "stream/io.h"
#include "stream/seal.h"
#include "wide/registry.h"
#include "wide/wide.h"

struct wide_chunk_opts {
	struct target_opts target;
	const char *by, *key; /* columns of the stream; NULL: ship_id, created_time */
	uint64_t buffer;      /* bytes gathered per table before they are sent */
	bool live;	      /* replace values that are there, in every chunk */
	const char *ack;      /* file to be replaced by what a live chunk has reached, or NULL */
	int on_unknown;	      /* enum wide_unknown: channels a ship does not have */
	bool dry_run;	      /* count what would change, commit nothing */
	bool keep_rejects;    /* values that do not fit go to ferry.reject, not to io_reject() */
};

struct wide_chunk;

/*
 * Makes the ledger's schema when it is not there. `commit` is called to commit what wide_commit()
 * commits; io and options are kept.
 */
struct wide_chunk *wide_chunk_open(struct pg *pg, struct io *io, struct wide_chunk_opts *opts,
	void (*commit)(void *ctx), void *ctx) NODISCARD;
void wide_chunk_close(struct wide_chunk *c);

/* For the records of a chunk, and for `commit`. */
/* Before the first record: the ships that the chunk names at its beginning are read at once. */
void wide_chunk_begin(struct wide_chunk *c);

struct wide *wide_chunk_wide(struct wide_chunk *c);

/*
 * The chunk ends. Dies with 76 when what arrived is not what was read, 75 when another worker has
 * taken the chunk over, 78 when it belongs to a job for other tables.
 * Behind the COMMIT of a live chunk the file `ack` is replaced.
 */
void wide_chunk_finish(struct wide_chunk *c, const struct seal *seal);

/* The program is failing, not for want of the connection: tells the ledger. */
void wide_chunk_failed(struct wide_chunk *c, int code, const char *message);
