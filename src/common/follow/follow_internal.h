/* follow_internal.h - what the files of follow_slot.h share; nobody else includes it. */
#pragma once

#include "follow/feeds.h"
#include "follow/follow_slot.h"
#include "follow/live_chunk.h"
#include "follow/slot.h"
#include "follow/slot_rows.h"
#include "ledger/ledger_follow.h"
#include "pg/pgoutput.h"
#include "pg/repl.h"

struct run {
	struct follow_slot *f;
	struct follow_slot_names names;
	struct ledger_follower me;
	struct feeds feeds;
	struct arena arena;
	struct str origin, why;
	struct pg *sql; /* patient; NULL while there is none */
	struct repl *repl;
	struct slot_rows *rows;
	struct live_chunk *live;
	struct pgo pgo;

	bool open, skip;    /* a transaction; one the target has */
	uint64_t truncated; /* of the chunk: see ledger_follow */
	uint32_t *unseen;  /* transactions of the chunk that other sessions may not see yet, the */
	size_t n_unseen, unseen_cap; /* open one last */
	uint64_t received;	    /* as far as the stream was read */
	uint64_t upto;	  /* end of the last complete transaction */
	uint64_t idle;	  /* nothing of ours is before it, while no transaction is open */
	int64_t commit, idle_time; /* times of the source that go with these */
	int64_t began;		   /* clock_monotonic() of the chunk's first COMMIT; 0: empty */
	int64_t sealed;		   /* of the last seal */
	uint64_t *way;		   /* ends of chunks that are on their way to the target */
	size_t n_way, way_cap;
	uint64_t acked;
	int64_t next_status, next_ack, next_watch;
	bool lost_is_said;
	bool unknown; /* of the chunk: a change that does not say which cell it is about */
	uint64_t wal_first, wal_last; /* ends of the source's WAL, as seen */
	int64_t wal_since;	      /* clock_monotonic() of wal_first */
};

/* ---- follow_link.c: the slot, its server, and what the target has ---- */

/* A plain connection beside the stream; NULL, and r->why, while the server is not there. */
struct pg *follow_sql(struct run *r);

/*
 * Looks at the slot and at what feeds the table, and tells the ledger. Dies when slot or
 * publication is lost, or holds too much; false when nobody answers.
 */
bool follow_watch(struct run *r);

/* With a job: setting it up again makes another slot, and puts all in doubt. */
void follow_is_lost(struct run *r, const char *why) NORETURN;

void follow_drop_open(struct run *r); /* the open transaction: it will come again */
void follow_disconnect(struct run *r);
void follow_connect(struct run *r); /* until it is there, or we are to end */

/* Takes from r->way what the target has by now. Dies with 75 when we follow no longer. */
void follow_look_for_ack(struct run *r);

/* Text of the file `ack`, if there is one. */
bool follow_read_ack(const struct run *r, struct str *text);

/*
 * Waits until other sessions see what is in r->unseen, as slot_shows() tells. What they do not see
 * must not be in the target: whoever reads the source then to fill or to repair it would take what
 * was there before for the truth. Returns a connection to ask; NULL, when the source is gone
 * (r->why), or we are to end.
 */
struct pg *follow_until_seen(struct run *r) NODISCARD;

/* While we wait for somebody: the source must not take us for dead. */
void follow_tell(struct run *r);

void follow_send_status(struct run *r);
