/* What becomes of a call after each attempt. */
#include "aws/client_internal.h"
#include "aws/fetch.h"
#include "core/clock.h"
#include "core/num.h"

#define MAX_BODY (64u << 20)
#define MAX_RENEWALS 3 /* of credentials: sessions may end while a call is under way */
#define LEAST_TRY_US (5 * CLOCK_US_PER_SEC) /* so long an attempt may be silent at any rate */

static void on_done(struct http_request *r);
static void failed(struct flight *f, int64_t now);

void flight_init(struct flight *f, struct aws *a)
{
	*f = (struct flight){.a = a};
}

void flight_free(struct flight *f)
{
	answer_free(&f->http.answer);
	str_free(&f->etag);
	str_free(&f->region);
	str_free(&f->host);
	str_free(&f->head);
}

/* ---- departure ----------------------------------------------------------------------------- */

/* Is this answer the rest of the body we have the beginning of? */
static bool fits(struct flight *f)
{
	struct sl range = answer_header(&f->http.answer, "content-range");
	const char *dash;
	uint64_t from;

	if (f->at_start == 0)
		return true;
	if (f->http.answer.status != 206 || range.n < 7 || memcmp(range.p, "bytes ", 6) != 0)
		return false;
	dash = memchr(range.p, '-', range.n);
	return dash && num_u64((struct sl){range.p + 6, (size_t)(dash - range.p) - 6}, &from) &&
	       from == f->at_start;
}

static bool on_piece(void *ctx, struct sl piece)
{
	struct flight *f = ctx;

	if (f->delivered == f->at_start) {
		struct sl etag = answer_header(&f->http.answer, "etag");

		f->mixed = !fits(f);
		if (f->mixed)
			return false;
		if (f->etag.n == 0)
			str_add(&f->etag, etag);
	}
	if (!f->call.sink(f->call.sink_ctx, piece))
		return false;
	f->delivered += piece.n;
	return true;
}

/*
 * What is left of a call's patience, which begins with the first attempt that does not pass. While
 * none passes all calls are in one trouble: or each would wait anew for a dead service.
 */
static int64_t patience_left(const struct flight *f, int64_t now)
{
	int64_t since = f->trouble < 0 ? f->a->trouble : f->trouble;

	return (since ? since : now) + f->call.patience_us - now;
}

void flight_depart(struct flight *f)
{
	struct http_request *r = &f->http;
	struct aws *a = f->a;

	f->error = (struct aws_error){.class = AWS_FINE};
	f->attempts++;
	f->departed = clock_monotonic();
	if (f->call.patient && f->departed - a->failed_at > f->call.patience_us)
		a->trouble = 0; /* that was another one */
	if (!request_build(f)) { /* no keys, or nobody to ask for them just now */
		f->http.end = HTTP_UNCONNECTED;
		if (aws_error_is_temporary(&f->error))
			failed(f, clock_monotonic());
		else
			client_finish(f, &f->error);
		return;
	}
	f->keys = creds_serial(f->a->creds);
	f->at_start = f->delivered;
	answer_reset(&r->answer, f->call.method[0] == 'H');
	r->answer.max_body = f->call.max_body ? f->call.max_body : MAX_BODY;
	if (f->call.sink) {
		r->answer.sink = on_piece;
		r->answer.sink_ctx = f;
	}
	r->head = str_sl(&f->head);
	r->body = f->call.body;
	r->careful = !f->call.repeatable;
	r->stall_us = f->call.patient ? patience_left(f, f->departed) : INT64_MAX;
	r->stall_us = r->stall_us < LEAST_TRY_US ? LEAST_TRY_US : r->stall_us;
	r->done = on_done;
	r->ctx = f;
	f->a->stats.attempts++;
	http_start(f->a->http, r);
}

/* ---- what to do about a failure ------------------------------------------------------------ */

static bool has_code(const struct aws_error *e, const char *list)
{
	const char *at = e->code[0] ? strstr(list, e->code) : NULL;
	size_t n = strlen(e->code);

	return at && at[-1] == ' ' && at[n] == ' ';
}

/* A wrong clock is told by the code, or by a code that may mean it and a Date far from its own.
 * Source: the SDK for Java 2. Signs with the server's time from here on. */
static bool mend_clock(struct flight *f)
{
	int64_t server, off;

	if (f->skewed == 4 || !answer_date(&f->http.answer, "date", &server))
		return false;
	off = server - f->signed_at; /* our clock may be another by now */
	if (!has_code(&f->error, " RequestTimeTooSkewed RequestExpired RequestInTheFuture ") &&
		!(has_code(&f->error,
			  " InvalidSignatureException SignatureDoesNotMatch AuthFailure ") &&
			(off > SIGV4_SKEW_US || off < -SIGV4_SKEW_US)))
		return false;
	f->skewed++;
	f->a->clock_offset = server - clock_now();
	f->a->stats.clock_offset_us = f->a->clock_offset;
	request_forget(f->a);
	return true;
}

static bool renew_keys(struct flight *f)
{
	struct creds *creds = f->a->creds;

	if (f->renewals == MAX_RENEWALS ||
		!has_code(&f->error, " ExpiredToken ExpiredTokenException TokenRefreshRequired "
				     "RequestExpired "))
		return false;
	f->renewals++;
	request_forget(f->a);
	/* another call may have seen to it while this one was under way */
	return f->keys != creds_serial(creds) || creds_expire(creds);
}

/* S3 says in which region a bucket is. */
static bool follow_bucket(struct flight *f)
{
	struct sl to = f->reply.bucket_region;
	const char *now = request_region(f->a, &f->call, &f->error);

	if (f->moved || f->call.bucket.n == 0 || to.n == 0 || to.n > 63 || !now ||
		sl_eq_str(to, now))
		return false;
	for (size_t i = 0; i < to.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-", to.p[i]) || !to.p[i])
			return false;
	f->moved = true;
	request_set_region(f->a, f->call.bucket, to);
	return true;
}

/* A kept connection that the server had closed: nobody is to blame, and nothing to wait for. */
static bool is_stale_connection(struct flight *f)
{
	if (f->resent || f->http.end != HTTP_LOST || !f->http.reused || !f->call.repeatable)
		return false;
	f->resent = true;
	f->attempts--;
	f->lost -= f->error.class == AWS_UNKNOWN; /* as good as not sent */
	return true;
}

static bool may_retry(struct flight *f, int64_t now)
{
	struct aws *a = f->a;

	if (!aws_error_is_temporary(&f->error) ||
		(f->error.class == AWS_UNKNOWN && !f->call.repeatable) ||
		(f->delivered > 0 && !f->call.resume))
		return false;
	if (f->delivered > f->at_start) { /* it got further: a new beginning */
		f->attempts = 1;
		f->retries = 0;
		f->trouble = -1;
	}
	if (f->call.patient) {
		a->failed_at = now;
		a->trouble = a->trouble ? a->trouble : f->departed;
		f->trouble = f->trouble < 0 ? a->trouble : f->trouble;
		return patience_left(f, now) > 0;
	}
	if (f->attempts >= aws_config_max_attempts(a->config))
		return false;
	f->taken = retry_take(&a->quota, f->error.class);
	return f->taken > 0;
}

static void name_call(struct flight *f)
{
	struct aws_error *e = &f->error;

	e->attempts = f->attempts;
	e->lost = f->lost;
	snprintf(e->operation, sizeof e->operation, "%s", f->call.operation);
}

static void failed(struct flight *f, int64_t now)
{
	struct aws *a = f->a;

	f->lost += f->error.class == AWS_UNKNOWN || f->error.class == AWS_PROTOCOL;
	name_call(f);
	if (a->stopped) {
		client_finish(f, &f->error);
		return;
	}
	if (mend_clock(f) || renew_keys(f) || follow_bucket(f) || is_stale_connection(f)) {
		client_again(f, 0);
	} else if (may_retry(f, now)) {
		int64_t after = f->http.end == HTTP_ANSWERED ? reply_retry_after(f) : -1;
		int64_t wait = retry_delay(++f->retries, f->error.class, after);

		/* the last try is made when patience ends, not after it */
		if (f->call.patient && wait > patience_left(f, now))
			wait = patience_left(f, now);
		client_again(f, wait);
	} else {
		client_finish(f, &f->error);
	}
}

static void succeeded(struct flight *f)
{
	retry_give_back(&f->a->quota, f->taken);
	f->taken = 0;
	f->a->trouble = 0;
	client_finish(f, NULL);
}

/* The end of a body with a sink that did not come whole, or was not what was asked for. */
static void read_end(struct flight *f)
{
	struct aws_error *e = &f->error;

	fetch_error(e, f->http.end, f->http.host, f->http.why);
	e->status = f->http.answer.status;
	if (f->http.end == HTTP_REFUSED && f->mixed)
		aws_error_set(e, AWS_PROTOCOL, "bad answer", "not the range that was asked for");
}

static void on_done(struct http_request *r)
{
	struct flight *f = r->ctx;
	int64_t now = clock_monotonic();
	bool answered = r->end == HTTP_ANSWERED;

	reply_read(f);
	if (answered && r->answer.status < 300 && (f->call.sink || reply_fits(f))) {
		if (f->a->limiting)
			retry_rate_answered(&f->a->rate, now, false);
		succeeded(f);
		return;
	}
	if (answered && r->answer.status >= 300)
		reply_error(f);
	else if (!answered)
		read_end(f);
	if (f->a->limiting)
		retry_rate_answered(&f->a->rate, now, f->error.class == AWS_THROTTLE);
	failed(f, now);
}
