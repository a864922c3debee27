#include "aws/client.h"

#include "aws/client_internal.h"
#include "aws/crypto.h"
#include "core/clock.h"
#include "core/mem.h"

#define CONNECT_US (10 * CLOCK_US_PER_SEC)
#define STALL_US (60 * CLOCK_US_PER_SEC)

/* ---- scheduling ---------------------------------------------------------------------------- */

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
	f->began = clock_monotonic();
	f->a->stats.calls++;
	move(f, FLIGHT_READY);
}

void client_again(struct flight *f, int64_t delay_us)
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

void client_finish(struct flight *f, const struct aws_error *e)
{
	move(f, FLIGHT_IDLE);
	f->done(f, e);
}

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
	client_finish(f, e);
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
		flight_depart(f);
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
	o.wire.ca_bundle = aws_config_ca_bundle(a->config);
	if (o.stall_us < CONNECT_US)
		o.wire.connect_us = o.stall_us;
	a->http = http_new(&o);
	a->creds = creds_new(a->config);
	a->signer = sigv4_new();
	a->quick.sign = sigv4_template_new();
	a->limiting = aws_config_retry_mode(a->config) == AWS_RETRY_ADAPTIVE;
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
