/*
 * follow_poll.h - follows the narrow table by asking it again and again (narrow_poll.h): each look
 * that finds something is a chunk of the stream, and what was committed together is in one chunk.
 *
 * With a job the follower is the ledger's (ledger_follow.h): it begins where the target has come
 * to, and the loader advances it. Nothing is to be told to the source.
 */
#pragma once

#include "follow/narrow_chunk.h"
#include "narrow/narrow_poll.h"

struct follow_poll {
	struct narrow_poll_conf poll;
	struct pg *target; /* with a job */
	uint64_t job;      /* 0: from `since` on, or from now */
	bool standby;      /* see ledger_follower_become() */
	int64_t since;     /* LEDGER_NO_TIME: from now */
	int64_t interval;  /* from the beginning of a look to that of the next, at least */
	struct narrow_chunk *chunk;
	struct extract *x;
};

/*
 * Sets a follower up for a job that has none of this kind: it begins here. Call it before the past
 * is planned. One of another kind is replaced, and then all is in doubt.
 */
void follow_poll_setup(const struct narrow_poll_conf *poll, struct pg *target, uint64_t job);

/*
 * Follows until SIGTERM or SIGINT (stop_catch() was called). Dies with 75 when another follower is
 * at work, 78 when none was set up.
 */
void follow_poll(struct follow_poll *f);
