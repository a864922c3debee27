/*
 * retry.h - when to send again, and how fast to send at all. Pure: the clock is an argument, in
 * microseconds of clock_monotonic().
 *
 * Figures of the SDKs' standard mode as revised in 2026: full jitter over 50 ms (throttled: 1 s)
 * doubling up to 20 s; a quota of 500 shared by all calls of a client, from which a retry takes 14
 * (throttled: 5), a success after retries gives back what the last one took, a success at once 1.
 */
#pragma once

#include "aws/error.h"

#define RETRY_QUOTA 500
#define RETRY_COST 14
#define RETRY_COST_THROTTLED 5
#define RETRY_CAP_US INT64_C(20000000)

struct retry_quota {
	int left;
};

void retry_quota_init(struct retry_quota *q);

/* Takes the cost of one retry; 0 when there is not enough, else what was taken. */
int retry_take(struct retry_quota *q, enum aws_class class) NODISCARD;

/* A call succeeded; `taken` is what its last retry took, 0 without retries. */
void retry_give_back(struct retry_quota *q, int taken);

/*
 * Microseconds to wait before retry `n` (1 for the first). `after_us` is what the answer asked for
 * (x-amz-retry-after, Retry-After; -1: nothing): obeyed up to 5 s beyond our own choice.
 */
int64_t retry_delay(unsigned n, enum aws_class class, int64_t after_us);

/*
 * The adaptive rate (the SDKs' cubic function): off until the service throttles, then a bucket of
 * sends whose rate falls to 0.7 of what passed and grows back over it. Unlike the SDKs it decides
 * once per half second or fifty answers, and by the share of throttled ones (more than an eighth),
 * so that at thousands of requests a second a few stray ones do not stop everything.
 */
struct retry_rate {
	bool on;
	double fill, tokens; /* requests/s; sends that may go now */
	int64_t filled_at;
	int64_t window_start;
	unsigned sent, answered, throttled; /* in this window */
	double measured;                    /* sends/s, smoothed */
	double w_max, k;
	int64_t throttled_at;
};

void retry_rate_init(struct retry_rate *r, int64_t now);

/* Microseconds until one more may be sent; 0: now. */
int64_t retry_rate_wait(struct retry_rate *r, int64_t now) NODISCARD;

void retry_rate_sent(struct retry_rate *r, int64_t now);
void retry_rate_answered(struct retry_rate *r, int64_t now, bool throttled);
