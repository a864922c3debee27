/*
 * pool.h - many calls at once over one client, from one thread.
 *
 *	pool = aws_pool_new(a, 64, done, ctx);
 *	while (next(&call, &mine))
 *		aws_pool_submit(pool, &call, mine);
 *	aws_pool_drain(pool);
 *
 * done() is called from within submit, wait and drain, in the order in which calls end. Retries,
 * waiting for the rate that the service allows, and fresh signatures happen inside.
 */
#pragma once

#include "aws/client.h"

/*
 * The end of a call: `e` is NULL when it succeeded. Reply and error live until done() returns,
 * which may submit one call: there is room for it.
 */
typedef void aws_done_fn(
	void *pool_ctx, void *call_ctx, const struct aws_reply *reply, const struct aws_error *e);

struct aws_pool;

/*
 * At most `width` calls at once (1-4096). The rate is limited from the first throttling answer on
 * (the adaptive mode of the SDKs), whatever AWS_RETRY_MODE says, as bulk loads want it.
 * Only one pool at a time per client, and no aws_do() from within done().
 */
struct aws_pool *aws_pool_new(
	struct aws *a, unsigned width, aws_done_fn *done, void *pool_ctx) NODISCARD;

/* Ends what is under way as AWS_STOPPED (done() is called for each) and frees. */
void aws_pool_free(struct aws_pool *p);

/*
 * Hands over a call; *c is copied, what it points to is not and must stay until done(). Waits while
 * all `width` places are taken.
 */
void aws_pool_submit(struct aws_pool *p, const struct aws_call *c, void *call_ctx);

/* Places free now: how many submits will not wait. */
unsigned aws_pool_room(const struct aws_pool *p);

/* Lets calls go on until at least one has ended or `timeout_us` has passed. */
void aws_pool_wait(struct aws_pool *p, int64_t timeout_us);

/* Until none is under way. */
void aws_pool_drain(struct aws_pool *p);
