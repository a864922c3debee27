#include "aws/pool.h"

#include "aws/client_internal.h"
#include "core/clock.h"

struct aws_pool {
	struct aws *a;
	aws_done_fn *done;
	void *ctx;
	unsigned width, busy;
	struct flight *flights; /* width + 1: done() may submit while its reply is still in use */
	struct flight **spare;
	unsigned n_spare;
	uint64_t ended;
};

static void on_done(struct flight *f, const struct aws_error *e)
{
	struct aws_pool *p = f->ctx;

	p->busy--;
	p->ended++;
	p->done(p->ctx, f->call_ctx, &f->reply, e);
	p->spare[p->n_spare++] = f;
}

struct aws_pool *aws_pool_new(struct aws *a, unsigned width, aws_done_fn *done, void *pool_ctx)
{
	struct aws_pool *p = mem_zalloc(sizeof *p);

	if (a->pooled || width == 0)
		bug("a second pool on one client, or an empty one");
	a->pooled = true;
	a->limiting = true;
	retry_rate_init(&a->rate, clock_monotonic());
	p->a = a;
	p->done = done;
	p->ctx = pool_ctx;
	p->width = width;
	p->flights = mem_zalloc(mem_mul(width + 1, sizeof *p->flights));
	p->spare = mem_alloc(mem_mul(width + 1, sizeof *p->spare));
	for (unsigned i = 0; i <= width; i++) {
		flight_init(&p->flights[i], a);
		p->flights[i].done = on_done;
		p->flights[i].ctx = p;
		p->spare[p->n_spare++] = &p->flights[i];
	}
	return p;
}

void aws_pool_free(struct aws_pool *p)
{
	if (!p)
		return;
	if (p->busy) {
		bool stopped = p->a->stopped;

		aws_stop(p->a);
		aws_pool_drain(p);
		p->a->stopped = stopped;
	}
	for (unsigned i = 0; i <= p->width; i++)
		flight_free(&p->flights[i]);
	p->a->pooled = false;
	p->a->limiting = p->a->config->mode == AWS_RETRY_ADAPTIVE;
	mem_free(p->flights);
	mem_free(p->spare);
	mem_free(p);
}

void aws_pool_submit(struct aws_pool *p, const struct aws_call *c, void *call_ctx)
{
	struct flight *f;

	while (p->busy == p->width)
		client_run(p->a, INT64_MAX);
	f = p->spare[--p->n_spare];
	p->busy++;
	f->call = *c;
	f->call_ctx = call_ctx;
	client_submit(f);
}

unsigned aws_pool_room(const struct aws_pool *p)
{
	return p->width - p->busy;
}

void aws_pool_wait(struct aws_pool *p, int64_t timeout_us)
{
	uint64_t before = p->ended;
	int64_t left = timeout_us < CLOCK_US_PER_DAY ? timeout_us : CLOCK_US_PER_DAY;
	int64_t end = clock_monotonic() + left;

	do {
		client_run(p->a, left);
		left = end - clock_monotonic();
	} while (p->busy && p->ended == before && left > 0);
}

void aws_pool_drain(struct aws_pool *p)
{
	while (p->busy)
		client_run(p->a, INT64_MAX);
}
