#include "aws/client.h"

#include "aws/client_internal.h"
#include "aws/crypto.h"
#include "aws/fetch.h"
#include "core/clock.h"
#include "stream/json.h"

#define MAX_BODY (64u << 20)
#define MAX_RENEWALS 3 /* of credentials: sessions may end while a call is under way */
#define LEAST_TRY_US (5 * CLOCK_US_PER_SEC) /* so long an attempt may be silent at any rate */
#define CONNECT_US (10 * CLOCK_US_PER_SEC)
#define STALL_US (60 * CLOCK_US_PER_SEC)

/* ---- the state of a call -------------------------------------------------------------------- */

static void move(struct flight *f, enum flight_state to)
{
	if (f->state != FLIGHT_IDLE)
		TAILQ_REMOVE(&f->a->flights[f->state], f, others);
	f->state = to;
	if (f->state != FLIGHT_IDLE)
		TAILQ_INSERT_TAIL(&f->a->flights[f->state], f, others);
}

void client_submit(struct flight *f)
{
	f->attempts = f->retries = f->lost = 0;
	f->taken = 0;
	f->moved = f->resent = f->mixed = false;
	f->skewed = 0;
	f->renewals = 0;
	f->delivered = 0;
	f->trouble = -1;
	str_clear(&f->etag);
	f->a->stats.calls++;
	move(f, FLIGHT_READY);
}

/* Sends it once more, after a while. */
static void send_again(struct flight *f, int64_t delay_us)
{
	if (delay_us <= 0) {
		move(f, FLIGHT_READY);
		return;
	}
	f->wake_at = clock_monotonic() + delay_us;
	if (f->wake_at < f->a->next_wake)
		f->a->next_wake = f->wake_at;
	move(f, FLIGHT_WAITING);
}

/* Unlinks it, calls done(). */
static void finish(struct flight *f, const struct aws_error *e)
{
	move(f, FLIGHT_IDLE);
	f->done(f, e);
}

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

/* Builds, signs and sends. */
static void send_off(struct flight *f)
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
			finish(f, &f->error);
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

/* A wrong clock is told by the code, or by a code that may mean it and a Date far from its own.
 * Source: the SDK for Java 2. Signs with the server's time from here on. */
static bool mend_clock(struct flight *f)
{
	struct sl code = sl_of(f->error.code);
	int64_t server, off;

	if (f->skewed == 4 || !answer_date(&f->http.answer, "date", &server))
		return false;
	off = server - f->signed_at; /* our clock may be another by now */
	if (!aws_code_among(code, " RequestTimeTooSkewed RequestExpired RequestInTheFuture ") &&
		!(aws_code_among(code,
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
		!aws_code_among(sl_of(f->error.code),
			" ExpiredToken ExpiredTokenException TokenRefreshRequired RequestExpired "))
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

/* A kept connection that the server had closed: nobody is to blame, and nothing to wait for. Or it
 * died with the request on its way, so it counts as lost. */
static bool is_stale_connection(struct flight *f)
{
	if (f->resent || f->http.end != HTTP_LOST || !f->http.reused || !f->call.repeatable)
		return false;
	f->resent = true;
	f->attempts--;
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
	if (f->attempts >= a->config->max_attempts)
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
		finish(f, &f->error);
		return;
	}
	if (mend_clock(f) || renew_keys(f) || follow_bucket(f) || is_stale_connection(f)) {
		send_again(f, 0);
	} else if (may_retry(f, now)) {
		int64_t after = f->http.end == HTTP_ANSWERED ? reply_retry_after(f) : -1;
		int64_t wait = retry_delay(++f->retries, f->error.class, after);

		/* the last try is made when patience ends, not after it */
		if (f->call.patient && wait > patience_left(f, now))
			wait = patience_left(f, now);
		send_again(f, wait);
	} else {
		finish(f, &f->error);
	}
}

static void succeeded(struct flight *f)
{
	retry_give_back(&f->a->quota, f->taken);
	f->taken = 0;
	f->a->trouble = 0;
	finish(f, NULL);
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

/* ---- the rounds ----------------------------------------------------------------------------- */

static void wake(struct aws *a, int64_t now)
{
	struct flight *f, *next;

	if (now < a->next_wake)
		return;
	a->next_wake = INT64_MAX;
	for (f = TAILQ_FIRST(&a->flights[FLIGHT_WAITING]); f; f = next) {
		next = TAILQ_NEXT(f, others);
		if (f->wake_at <= now)
			move(f, FLIGHT_READY);
		else if (f->wake_at < a->next_wake)
			a->next_wake = f->wake_at;
	}
}

static void stop_one(struct flight *f)
{
	struct aws_error *e = &f->error;

	if (f->state == FLIGHT_UP)
		http_cancel(f->a->http, &f->http);
	*e = (struct aws_error){.attempts = f->attempts};
	aws_error_set(e, AWS_STOPPED, "stopped", "%s",
		f->state == FLIGHT_UP ? "the request may have been carried out" : "not sent");
	snprintf(e->operation, sizeof e->operation, "%s", f->call.operation);
	f->reply = (struct aws_reply){0};
	finish(f, e);
}

/* Those there are now: done() may hand in others, whose turn comes in the next round. */
static void stop_all(struct aws *a)
{
	static const enum flight_state states[] = {FLIGHT_READY, FLIGHT_WAITING, FLIGHT_UP};

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		struct flight_list *list = &a->flights[states[i]];
		const struct flight *f;
		size_t n = 0;

		TAILQ_FOREACH(f, list, others)
			n++;
		while (n-- > 0 && !TAILQ_EMPTY(list))
			stop_one(TAILQ_FIRST(list));
	}
}

/* Sends what is ready, as far as the rate allows; shortens *timeout to when more may go. */
static void depart(struct aws *a, int64_t now, int64_t *timeout)
{
	struct flight *f;

	while ((f = TAILQ_FIRST(&a->flights[FLIGHT_READY]))) {
		int64_t wait = a->limiting ? retry_rate_wait(&a->rate, now) : 0;

		if (wait > 0) {
			if (wait < *timeout)
				*timeout = wait;
			return;
		}
		if (a->limiting)
			retry_rate_sent(&a->rate, now);
		move(f, FLIGHT_UP);
		send_off(f);
	}
}

void client_run(struct aws *a, int64_t timeout_us)
{
	int64_t now = clock_monotonic();

	if (a->stopped) {
		stop_all(a);
		return;
	}
	wake(a, now);
	depart(a, now, &timeout_us);
	if (a->next_wake - now < timeout_us)
		timeout_us = a->next_wake - now;
	http_run(a->http, timeout_us > 0 ? timeout_us : 0);
}

/* ---- one call ------------------------------------------------------------------------------ */

struct waiter {
	bool done, good;
};

static void on_own_done(struct flight *f, const struct aws_error *e)
{
	struct waiter *w = f->ctx;

	w->done = true;
	w->good = e == NULL;
}

bool aws_do(struct aws *a, const struct aws_call *c, struct aws_reply *r, struct aws_error *e)
{
	struct flight *f = &a->own;
	struct waiter w = {false, false};

	if (f->state != FLIGHT_IDLE)
		bug("aws_do() within a call of aws_do()");
	f->call = *c;
	f->done = on_own_done;
	f->ctx = &w;
	client_submit(f);
	while (!w.done)
		client_run(a, INT64_MAX);
	*r = f->reply;
	if (!w.good)
		*e = f->error;
	return w.good;
}

const struct json *aws_answer(
	const char *operation, struct sl body, struct arena *mem, struct aws_error *e)
{
	const char *why = NULL;
	size_t at;
	const struct json *o = json_parse(mem, arena_dup(mem, body.n ? body : SL("{}")), &why, &at);

	if (o && o->kind == J_OBJ)
		return o;
	aws_error_bad(e, operation, "no JSON object: %s", why ? why : "");
	return NULL;
}

static bool is_repeatable(const char *operation)
{
	static const char *const once[] = {"Create", "Update", "Add"};

	for (size_t i = 0; i < ARRAY_LEN(once); i++)
		if (strncmp(operation, once[i], strlen(once[i])) == 0)
			return false;
	return true;
}

const struct json *aws_do_json(struct aws *a, enum aws_service service, const char *operation,
	struct sl body, struct arena *mem, struct aws_error *e)
{
	static const char *const api[] = {[AWS_SAGEMAKER] = "SageMaker",
		[AWS_ATHENA] = "AmazonAthena", [AWS_GLUE] = "AWSGlue"};
	char target[80];
	struct aws_reply r;
	struct aws_call c = {.service = service,
		.operation = operation,
		.method = "POST",
		.path = SL("/"),
		.content_type = SL("application/x-amz-json-1.1"),
		.body = body.n ? body : SL("{}"),
		.target = target,
		.repeatable = is_repeatable(operation)};

	snprintf(target, sizeof target, "%s.%s", api[service], operation);
	return aws_do(a, &c, &r, e) ? aws_answer(operation, r.body, mem, e) : NULL;
}

/* ---- life ---------------------------------------------------------------------------------- */

/* For tests, and for networks that are slower than any should be. */
static int64_t stall_limit(void)
{
	const char *text = getenv("FERRY_AWS_TIMEOUT");
	int64_t us;

	return text && clock_duration(sl_of(text), CLOCK_US_PER_SEC, &us) ? us : STALL_US;
}

struct aws *aws_open(const struct aws_opts *opts, struct aws_error *e)
{
	struct aws *a = mem_zalloc(sizeof *a);
	struct http_opts o = {.wire = {.connect_us = CONNECT_US}, .stall_us = stall_limit()};

	*e = (struct aws_error){0};
	creds_protect_process();
	a->config = aws_config_load(opts, e);
	if (!a->config) {
		mem_free(a);
		return NULL;
	}
	o.wire.ca_bundle = a->config->ca_bundle;
	if (o.stall_us < CONNECT_US)
		o.wire.connect_us = o.stall_us;
	a->http = http_new(&o);
	a->creds = creds_new(a->config);
	a->signer = sigv4_new();
	a->quick.sign = sigv4_template_new();
	a->limiting = a->config->mode == AWS_RETRY_ADAPTIVE;
	a->next_wake = INT64_MAX;
	for (size_t i = 0; i < ARRAY_LEN(a->flights); i++)
		TAILQ_INIT(&a->flights[i]);
	retry_quota_init(&a->quota);
	retry_rate_init(&a->rate, clock_monotonic());
	request_forget(a);
	flight_init(&a->own, a);
	return a;
}

void aws_close(struct aws *a)
{
	if (!a)
		return;
	flight_free(&a->own);
	http_free(a->http);
	creds_free(a->creds);
	sigv4_free(a->signer);
	sigv4_template_free(a->quick.sign);
	str_free(&a->quick.method);
	str_free(&a->quick.target);
	str_free(&a->quick.path);
	str_free(&a->quick.query);
	str_free(&a->quick.content_type);
	str_free(&a->quick.host);
	crypto_str_free(&a->quick.prefix); /* it may hold a session token */
	for (size_t i = 0; i < a->n_regions; i++) {
		mem_free(a->regions[i].bucket);
		mem_free(a->regions[i].region);
	}
	mem_free(a->regions);
	aws_config_free(a->config);
	mem_free(a);
}

const char *aws_region(struct aws *a)
{
	struct aws_error e = {0};
	const char *r = aws_config_region(a->config, &e);

	if (!r)
		aws_die(&e, "configuration");
	return r;
}

void aws_stop(struct aws *a)
{
	a->stopped = 1;
}

struct aws *aws_need(const struct aws_opts *opts)
{
	struct aws_error e;
	struct aws *a = aws_open(opts, &e);

	if (!a)
		aws_die(&e, "cannot talk to AWS");
	return a;
}

void aws_resume(struct aws *a)
{
	a->stopped = 0;
}

struct aws_stats aws_stats(const struct aws *a)
{
	struct aws_stats s = a->stats;

	s.connections = http_connections(a->http);
	return s;
}
