/*
 * fs_fetch_parts.c - the parts of an UNLOAD: several fetched at once, decoded on all cores.
 *
 * Every thread has a client of its own and takes part after part. The main thread is the first of
 * them, so on one core, or for one part, there is no other. Failures are noted and told by the main
 * thread in the end; no thread ends the program by itself.
 */
#include "aws/pool.h"
#include "aws/s3.h"
#include "core/clock.h"
#include "fs/fs_fetch_impl.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

struct parts {
	struct fs_fetch *f;
	struct fs_part_list list;
	unsigned width; /* parts at once, of each thread */
	pthread_mutex_t lock;
	/* with the lock held */
	size_t next; /* part that nobody has yet */
	bool failed;
	const char *why;
	struct aws_error e;
};

struct thread {
	struct parts *all;
	struct aws *aws;
	void *worker;
	pthread_t id;
};

/* A part under way. */
struct part {
	struct thread *by;
	struct str path;
	struct fs_json json;
};

static void note_failure(struct parts *all, const char *why, const struct aws_error *e)
{
	pthread_mutex_lock(&all->lock);
	if (!all->failed) {
		all->why = why;
		if (e)
			all->e = *e;
	}
	__atomic_store_n(&all->failed, true, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&all->lock);
}

static bool has_failed(const struct parts *all)
{
	return __atomic_load_n(&all->failed, __ATOMIC_SEQ_CST);
}

static bool take_json(void *ctx, struct sl piece)
{
	struct part *p = ctx;

	return fs_fetch_wanted(p->by->all->f) && !has_failed(p->by->all) &&
	       fs_json_take(&p->json, piece);
}

static void part_done(
	void *ctx, void *call_ctx, const struct aws_reply *reply UNUSED, const struct aws_error *e)
{
	struct parts *all = ctx;
	struct part *p = call_ctx;

	if (e || !fs_json_end(&p->json))
		note_failure(all, p->json.why, e);
	pthread_mutex_lock(&all->lock);
	all->f->rows += p->json.rows;
	pthread_mutex_unlock(&all->lock);
	fs_json_free(&p->json);
	str_free(&p->path);
	mem_free(p);
}

static const struct fs_part *next_part(struct parts *all)
{
	const struct fs_part *p = NULL;

	pthread_mutex_lock(&all->lock);
	if (!all->failed && all->next < all->list.n)
		p = &all->list.v[all->next++];
	pthread_mutex_unlock(&all->lock);
	return p;
}

static void *fetch(void *arg)
{
	struct thread *t = arg;
	struct parts *all = t->all;
	struct fs_fetch *f = all->f;
	struct aws_pool *pool = aws_pool_new(t->aws, all->width, part_done, all);
	const struct fs_part *next;

	while ((next = next_part(all))) {
		struct part *p = mem_zalloc(sizeof *p);
		struct aws_call call = { 0 };

		p->by = t;
		fs_json_init(&p->json, f->columns, f->n_columns, f->worker_row, t->worker);
		s3_get_call(&call, &p->path, next->bucket, next->key, take_json, p);
		aws_pool_submit(pool, &call, p);
		while (aws_pool_room(pool) == 0)
			aws_pool_wait(pool, CLOCK_US_PER_SEC);
	}
	if (!has_failed(all))
		aws_pool_drain(pool);
	aws_pool_free(pool);
	return NULL;
}

/* Cores this process may use. */
static unsigned cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* Signals are the main thread's: it is the one that looks after them. */
static void start(struct thread *t, size_t i)
{
	struct fs_fetch *f = t->all->f;
	sigset_t every, before;

	t->aws = aws_need(f->opts);
	__atomic_store_n(&f->helper[i], t->aws, __ATOMIC_SEQ_CST);
	(void)sigfillset(&every);
	(void)pthread_sigmask(SIG_SETMASK, &every, &before);
	if (pthread_create(&t->id, NULL, fetch, t) != 0)
		die(EX_TEMP, "no thread can be started");
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void end(struct thread *t, size_t i)
{
	struct fs_fetch *f = t->all->f;

	(void)pthread_join(t->id, NULL);
	__atomic_store_n(&f->helper[i], NULL, __ATOMIC_SEQ_CST);
	aws_close(t->aws);
}

void fs_fetch_parts(struct fs_fetch *f)
{
	struct parts all = { .f = f, .lock = PTHREAD_MUTEX_INITIALIZER };
	struct thread thread[FS_FETCH_HELPERS + 1] = { { .all = &all } };
	unsigned n = cores();

	fs_fetch_list(f, &all.list);
	n = n < f->workers ? n : f->workers;
	n = n < all.list.n ? n : (unsigned)all.list.n;
	n = n < ARRAY_LEN(thread) ? n : (unsigned)ARRAY_LEN(thread);
	n = n ? n : 1;
	all.width = (f->workers + n - 1) / n;
	msg_detail("%zu parts, decoded by %u threads", all.list.n, n);
	for (unsigned i = 0; i < n; i++)
		thread[i] = (struct thread){
			.all = &all, .aws = f->aws, .worker = f->worker(f->ctx)
		};
	for (unsigned i = 1; i < n; i++)
		start(&thread[i], i - 1);
	(void)fetch(&thread[0]);
	for (unsigned i = 1; i < n; i++)
		end(&thread[i], i - 1);
	if (all.failed)
		fs_fetch_failed(f, all.why, &all.e);
	for (unsigned i = 0; i < n; i++)
		f->worker_end(thread[i].worker);
	fs_part_list_free(&all.list);
}
