/* When to send again: one row of the table of classes each, delays, the quota, the adaptive rate.
 */
#include "aws/retry.h"
#include "core/clock.h"

#include "tap.h"

static const struct {
	int status;
	const char *code;
	enum aws_class class;
	int exit;
} rows[] = {
	{200, "", AWS_FINE, 0},
	{429, "", AWS_THROTTLE, 75},
	{400, "ThrottlingException", AWS_THROTTLE, 75},
	{400, "Throttling", AWS_THROTTLE, 75},
	{503, "SlowDown", AWS_THROTTLE, 75},
	{400, "ProvisionedThroughputExceededException", AWS_THROTTLE, 75},
	{400, "RequestLimitExceeded", AWS_THROTTLE, 75},
	{400, "TooManyRequestsException", AWS_THROTTLE, 75},
	{503, "", AWS_RETRY, 75},
	{503, "ServiceUnavailable", AWS_RETRY, 75},
	{400, "RequestTimeout", AWS_RETRY, 75},
	{500, "", AWS_UNKNOWN, 75},
	{500, "InternalFailure", AWS_UNKNOWN, 75},
	{502, "", AWS_UNKNOWN, 75},
	{504, "", AWS_UNKNOWN, 75},
	{501, "NotImplemented", AWS_INVALID, 69},
	{403, "ExpiredToken", AWS_CREDENTIALS, 77},
	{400, "ExpiredTokenException", AWS_CREDENTIALS, 77},
	{403, "RequestTimeTooSkewed", AWS_CREDENTIALS, 77},
	{403, "SignatureDoesNotMatch", AWS_CREDENTIALS, 77},
	{400, "UnrecognizedClientException", AWS_CREDENTIALS, 77},
	{403, "", AWS_FORBIDDEN, 77},
	{403, "AccessForbidden", AWS_FORBIDDEN, 77},
	{400, "AccessDeniedException", AWS_FORBIDDEN, 77},
	{404, "", AWS_NOT_FOUND, 69},
	{400, "ResourceNotFound", AWS_NOT_FOUND, 69},
	{404, "NoSuchKey", AWS_NOT_FOUND, 69},
	{400, "ValidationError", AWS_INVALID, 69},
	{400, "", AWS_INVALID, 69},
	{412, "PreconditionFailed", AWS_INVALID, 69},
	{200, "InternalError", AWS_UNKNOWN, 75},
	{200, "SomethingNew", AWS_INVALID, 69},
	{400, "Throttl", AWS_INVALID, 69},
};

static void test_classes(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct aws_error e = {.class = aws_classify(rows[i].status, sl_of(rows[i].code))};

		tap(e.class == rows[i].class && ((int)aws_error_exit(&e) & 0xff) == rows[i].exit,
			"%d %s: class %d, exit %d", rows[i].status, rows[i].code, e.class,
			(int)aws_error_exit(&e));
	}
}

static void test_text(void)
{
	struct aws_error e = {.class = AWS_INVALID,
		.status = 400,
		.attempts = 2,
		.operation = "PutRecord",
		.code = "ValidationError",
		.request_id = "1b2c",
		.message = " Too\nlong\x1b[31m. "};

	tap_same(sl_of(aws_error_text(&e)),
		SL("PutRecord: ValidationError: Too long\\x1B[31m (HTTP 400, request 1b2c, 2 "
		   "attempts)"),
		"one line, without control bytes and full stop");
	e = (struct aws_error){.code = "no region", .message = "give one"};
	tap_same(
		sl_of(aws_error_text(&e)), SL("no region: give one"), "without facts, no brackets");
}

static void test_delays(void)
{
	int64_t most[] = {50000, 100000, 200000, 400000}, top = 0;
	bool good = true;

	for (unsigned n = 1; n <= 4; n++)
		for (int i = 0; i < 500; i++) {
			int64_t plain = retry_delay(n, AWS_RETRY, -1);
			int64_t throttled = retry_delay(n, AWS_THROTTLE, -1);

			good = good && plain >= 0 && plain <= most[n - 1] && throttled >= 0 &&
			       throttled <= most[n - 1] * 20;
			top = plain > top ? plain : top;
		}
	tap(good, "delays stay below 50 ms and 1 s, doubling");
	tap(top > 200000, "they use the whole range");
	for (int i = 0; good && i < 1000; i++)
		good = retry_delay(40, AWS_RETRY, -1) <= RETRY_CAP_US;
	tap(good, "never more than 20 s");
	tap(retry_delay(1, AWS_RETRY, 3000000) >= 3000000, "what the service asks for is obeyed");
	tap(retry_delay(1, AWS_RETRY, 3600000000) <= 5050000, "but not for an hour");
}

static void test_quota(void)
{
	struct retry_quota q;
	int n = 0;

	retry_quota_init(&q);
	while (retry_take(&q, AWS_RETRY))
		n++;
	tap(n == RETRY_QUOTA / RETRY_COST, "%d retries, then no more", n);
	tap(retry_take(&q, AWS_THROTTLE) == RETRY_COST_THROTTLED, "a cheaper one may still go");
	for (int i = 0; i < 20; i++)
		retry_give_back(&q, 0);
	tap(retry_take(&q, AWS_RETRY) == RETRY_COST, "successes refill it");
	for (int i = 0; i < 1000; i++)
		retry_give_back(&q, RETRY_COST);
	tap(q.left == RETRY_QUOTA, "never beyond its size");
}

/* A service that takes `capacity` requests a second, or throttles one in `random`, against one
 * client that would send as fast as it can; returns what passed in the last 20 of 60 seconds, per
 * second. */
static double simulate(double capacity, unsigned random, double eager)
{
	struct retry_rate r;
	int64_t now = 1, end = 60 * CLOCK_US_PER_SEC;
	double bucket = 0, passed = 0;

	retry_rate_init(&r, now);
	while (now < end) {
		bool throttled;

		if (retry_rate_wait(&r, now) == 0) {
			retry_rate_sent(&r, now);
			throttled = capacity > 0 ? bucket < 1 : tap_random() % random == 0;
			bucket -= !throttled;
			retry_rate_answered(&r, now, throttled);
			passed += !throttled && now > 40 * CLOCK_US_PER_SEC;
		}
		now += (int64_t)(CLOCK_US_PER_SEC / eager);
		bucket += capacity / eager;
		if (bucket > capacity / 10)
			bucket = capacity / 10;
	}
	return passed / 20;
}

static void test_rate(void)
{
	struct retry_rate r;
	double got;

	retry_rate_init(&r, 1);
	for (int i = 1; i < 1000; i++)
		retry_rate_answered(&r, i * 10000, false);
	tap(!r.on && retry_rate_wait(&r, 10000000) == 0, "no limit before the first throttling");
	got = simulate(1000, 0, 5000);
	tap(got > 700 && got <= 1010, "1,000 a second allowed: %.0f pass", got);
	got = simulate(100, 0, 5000);
	tap(got > 70 && got <= 101, "100 a second allowed: %.0f pass", got);
	got = simulate(0, 20, 5000);
	tap(got > 4000, "one in twenty refused at random: %.0f of 5,000 pass", got);
}

int main(void)
{
	test_classes();
	test_text();
	test_delays();
	test_quota();
	test_rate();
	return tap_done();
}
