#include "aws/retry.h"

#include "core/clock.h"

#include <math.h>

#define BASE_US INT64_C(50000)
#define BASE_THROTTLED_US INT64_C(1000000)
#define AFTER_SLACK_US INT64_C(5000000)

#define WINDOW_US INT64_C(500000)
#define SMOOTH 0.8   /* weight of the newest window */
#define BETA 0.7     /* what a throttled rate falls to */
#define SCALE 0.4    /* of the cubic */
#define MIN_RATE 0.5 /* requests/s */
#define SHARE 8      /* one throttled answer in so many is too many */
#define ENOUGH 50    /* answers to judge a share by; fewer only after LONGEST, or if most are bad */
#define LONGEST (6 * WINDOW_US)

void retry_quota_init(struct retry_quota *q)
{
	q->left = RETRY_QUOTA;
}

int retry_take(struct retry_quota *q, enum aws_class class)
{
	int cost = class == AWS_THROTTLE ? RETRY_COST_THROTTLED : RETRY_COST;

	if (q->left < cost)
		return 0;
	q->left -= cost;
	return cost;
}

void retry_give_back(struct retry_quota *q, int taken)
{
	q->left += taken ? taken : 1;
	if (q->left > RETRY_QUOTA)
		q->left = RETRY_QUOTA;
}

int64_t retry_delay(unsigned n, enum aws_class class, int64_t after_us)
{
	int64_t base = class == AWS_THROTTLE ? BASE_THROTTLED_US : BASE_US;
	int64_t t = clock_backoff(n ? n - 1 : 0, base, RETRY_CAP_US);

	if (after_us > t)
		t = after_us < t + AFTER_SLACK_US ? after_us : t + AFTER_SLACK_US;
	return t;
}

void retry_rate_init(struct retry_rate *r, int64_t now)
{
	*r = (struct retry_rate){.filled_at = now, .window_start = now};
}

static void set_rate(struct retry_rate *r, double rate)
{
	double most = 2 * r->measured;

	if (rate > most)
		rate = most;
	r->fill = rate > MIN_RATE ? rate : MIN_RATE;
	if (r->tokens > r->fill && r->fill > 1)
		r->tokens = r->fill;
}

/* By chance alone a few answers are a large share of a few. */
static bool is_judged(const struct retry_rate *r, int64_t now)
{
	int64_t span = now - r->window_start;

	return span >= WINDOW_US &&
	       (r->answered >= ENOUGH || r->throttled * 2 > r->answered || span >= LONGEST);
}

/* Closes the windows that have passed, and sets the rate by what they saw. */
static void turn_window(struct retry_rate *r, int64_t now)
{
	double seconds = (double)(now - r->window_start) / CLOCK_US_PER_SEC;
	double passed = (double)(r->answered - r->throttled) / seconds;

	if (!is_judged(r, now))
		return;
	r->measured = SMOOTH * ((double)r->sent / seconds) + (1 - SMOOTH) * r->measured;
	if (r->throttled > 0 && r->throttled * SHARE > r->answered) {
		r->w_max = r->on && r->fill < r->measured ? r->fill : r->measured;
		if (passed > MIN_RATE && passed < r->w_max)
			r->w_max = passed;
		r->k = cbrt(r->w_max * (1 - BETA) / SCALE);
		r->throttled_at = now;
		if (!r->on)
			r->filled_at = now;
		r->on = true;
		set_rate(r, r->w_max * BETA);
	} else if (r->on && r->answered) {
		double dt = (double)(now - r->throttled_at) / CLOCK_US_PER_SEC - r->k;

		set_rate(r, SCALE * dt * dt * dt + r->w_max);
	}
	r->sent = r->answered = r->throttled = 0;
	r->window_start = now;
}

int64_t retry_rate_wait(struct retry_rate *r, int64_t now)
{
	double most;

	turn_window(r, now);
	if (!r->on)
		return 0;
	most = r->fill > 1 ? r->fill : 1;
	r->tokens += (double)(now - r->filled_at) / CLOCK_US_PER_SEC * r->fill;
	r->filled_at = now;
	if (r->tokens > most)
		r->tokens = most;
	if (r->tokens >= 1)
		return 0;
	return (int64_t)((1 - r->tokens) / r->fill * CLOCK_US_PER_SEC) + 1;
}

void retry_rate_sent(struct retry_rate *r, int64_t now)
{
	turn_window(r, now);
	r->sent++;
	if (r->on)
		r->tokens -= 1;
}

void retry_rate_answered(struct retry_rate *r, int64_t now, bool throttled)
{
	r->answered++;
	r->throttled += throttled;
	turn_window(r, now);
}
