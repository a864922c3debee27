#include "fs/fs_fetch.h"

#include "aws/pool.h"
#include "core/clock.h"
#include "core/hash.h"
#include "core/stats.h"
#include "core/stop.h"
#include "core/tmpf.h"
#include "fs/fs_offline.h"
#include "fs/fs_sql.h"
#include "stream/out.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define USD_PER_TB 5.0                 /* list price of most regions */
#define LEAST_BYTES UINT64_C(10000000) /* what a query is charged for at least */
#define TIDY_S 10                       /* for what is left to do behind a signal */

/* ---- the end ------------------------------------------------------------------------------- */

static void remove_object(struct aws *a, struct sl uri, const char *suffix)
{
	AUTO_STR key = { 0 };
	struct sl bucket, name;
	struct aws_error e;

	if (!s3_parse(uri, &bucket, &name) || !name.n || name.p[name.n - 1] == '/')
		return;
	str_add(&key, name);
	str_addz(&key, suffix);
	if (!s3_delete(a, bucket, str_sl(&key), &e))
		msg_warn("a result stays behind: %s", aws_error_text(&e));
}

static void remove_results(struct fs_fetch *f, struct aws *a)
{
	struct sl bucket, prefix;
	struct aws_error e;
	uint64_t n;

	if (f->settled) {
		remove_object(a, f->x.output, "");
		remove_object(a, f->x.output, ".metadata");
		remove_object(a, f->x.manifest, "");
	}
	if (f->unload.n && s3_parse(f->unload, &bucket, &prefix) &&
		!s3_delete_prefix(a, bucket, prefix, NULL, &n, &e))
		msg_warn("parts of the result stay behind: %s", aws_error_text(&e));
}

/*
 * However the program ends. A client of its own, because the other one may be in the middle of a
 * call. What is temporary keeps its query and results: the next try goes on with them.
 */
static void clean_up(void *ctx, int code, const char *message UNUSED)
{
	struct fs_fetch *f = ctx;
	struct aws_error e;
	struct aws *a;

	if (code == EX_TEMP && f->run.path) {
		msg_note("the next run of the same command takes the result of this query");
		return;
	}
	a = aws_open(f->opts, &e);
	if (!a)
		return;
	stop_grace(TIDY_S);
	if (f->running && !athena_stop(a, f->id, &e))
		msg_warn("query %s may still be running: %s", f->id, aws_error_text(&e));
	if (!f->keep)
		remove_results(f, a);
	aws_close(a);
	fs_run_done(&f->run);
}

/* Nobody reads: tidy up, and end as a shell expects it (141). */
static NORETURN void end_unread(struct fs_fetch *f)
{
	msg_off_exit(clean_up, f);
	clean_up(f, 0, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)raise(SIGPIPE);
	leave(EX_IO);
}

static void check_gone(struct fs_fetch *f)
{
	stop_check();
	if (f->gone && f->gone(f->ctx))
		end_unread(f);
}

void fs_fetch_end(struct fs_fetch *f)
{
	msg_off_exit(clean_up, f);
	if (!f->keep)
		remove_results(f, f->aws);
	fs_run_done(&f->run);
	arena_free(&f->mem);
}

/* ---- the query ----------------------------------------------------------------------------- */

void fs_fetch_wake(void *ctx)
{
	struct fs_fetch *f = ctx;

	aws_stop(f->aws);
	for (size_t i = 0; i < ARRAY_LEN(f->helper); i++) {
		struct aws *a = __atomic_load_n(&f->helper[i], __ATOMIC_SEQ_CST);

		if (a)
			aws_stop(a);
	}
}

static void look(void *ctx, const struct athena_execution *x UNUSED)
{
	struct fs_fetch *f = ctx;

	if (f->gone && f->gone(f->ctx))
		aws_stop(f->aws);
}

static void run_query(struct fs_fetch *f)
{
	char token[65];
	struct aws_error e;

	athena_token(&f->query, sl_of(f->run.name), token);
	f->query.token = (struct sl){ token, 64 };
	if (!athena_start(f->aws, &f->query, f->id, &e))
		aws_die(&e, "cannot start the query");
	f->running = true;
	arena_reset(&f->mem);
	if (!athena_wait(f->aws, f->id, f->timeout_us, look, f, &f->mem, &f->x, &e)) {
		f->running = e.class != AWS_STOPPED; /* else it was stopped */
		aws_resume(f->aws);
		check_gone(f);
		aws_die(&e, "the query did not end");
	}
	f->running = false;
	f->settled = true;
}

/* Of an earlier try: is its result still there? */
static bool result_is_there(struct fs_fetch *f)
{
	struct sl uri = f->unload.n ? f->x.manifest : f->x.output, bucket, key;
	struct s3_object o;
	struct aws_error e;

	return f->x.state == ATHENA_SUCCEEDED && s3_parse(uri, &bucket, &key) &&
	       s3_head(f->aws, bucket, key, &o, &e);
}

/* Is the reason why it failed that a condition mixes types? */
static bool is_mismatch(const struct fs_fetch *f)
{
	struct sl s = f->x.reason;

	return s.n && (memmem(s.p, s.n, "TYPE_MISMATCH", 13) ||
			      memmem(s.p, s.n, "cannot be applied to", 20));
}

void fs_fetch_start(struct fs_fetch *f)
{
	f->started = clock_monotonic();
	msg_on_exit(clean_up, f);
	run_query(f);
	if (f->run.again && !result_is_there(f)) {
		fs_run_renew(&f->run);
		run_query(f);
	} else if (f->run.again) {
		msg_note("this is the result of the query an earlier run started");
	}
	if (f->x.state == ATHENA_FAILED && f->retype && is_mismatch(f) && f->retype(f->ctx)) {
		msg_note("Athena compares no text or number with a time, so the query is run again "
			 "with the event time read as one");
		fs_run_renew(&f->run);
		run_query(f);
	}
	if (f->x.state == ATHENA_SUCCEEDED)
		return;
	if (f->x.state == ATHENA_CANCELLED)
		die(EX_TEMP, "the query was cancelled: %.*s", (int)f->x.reason.n, f->x.reason.p);
	die(f->x.retryable ? EX_TEMP : EX_STATEMENT, "the query failed: %.*s", (int)f->x.reason.n,
		f->x.reason.p);
}

/* ---- the result ---------------------------------------------------------------------------- */

/*
 * A sink must not end the program for what is not its own: it stops the call, and this explains.
 * `why` is what the decoder has against the result, or NULL: then *e says it.
 */
static NORETURN void failed(struct fs_fetch *f, const char *why, const struct aws_error *e)
{
	if (why)
		die_hint(EX_STREAM, "run it again", "the result of query %s: %s", f->id, why);
	aws_resume(f->aws);
	check_gone(f);
	aws_die(e, "cannot fetch the result");
}

/* Asked for each piece, by any thread: does anybody still want the rows? */
static bool is_wanted(struct fs_fetch *f)
{
	return !stop_asked() && !(f->gone && f->gone(f->ctx));
}

struct csv_sink {
	struct fs_fetch *fetch;
	struct fs_csv csv;
};

static bool take_csv(void *ctx, struct sl piece)
{
	struct csv_sink *s = ctx;

	return is_wanted(s->fetch) && fs_csv_take(&s->csv, piece);
}

static void fetch_csv(struct fs_fetch *f)
{
	struct csv_sink s = { .fetch = f, .csv = { .row = f->row, .ctx = f->ctx } };
	struct sl bucket, key;
	struct aws_error e;

	if (!s3_parse(f->x.output, &bucket, &key))
		die(EX_STREAM, "query %s has no result object in S3", f->id);
	if (!s3_get(f->aws, bucket, key, take_csv, &s, NULL, &e))
		failed(f, s.csv.why, &e);
	if (!fs_csv_end(&s.csv))
		failed(f, s.csv.why, NULL);
	f->rows = s.csv.rows;
	fs_csv_free(&s.csv);
}

/* ---- the manifest of an UNLOAD -------------------------------------------------------------- */

struct fs_part {
	struct sl bucket, key;
};

struct fs_part_list {
	struct str manifest; /* the names are in it */
	struct fs_part *v;
	size_t n, cap;
};

/* Ends the program with 76 when a part lies elsewhere than asked for: that is not ours to trust. */
static void list_parts(struct fs_fetch *f, struct fs_part_list *list)
{
	struct sl bucket, key, line, rest;
	AUTO_NAMES seen = { 0 };
	AUTO_STR path = { 0 };
	struct aws_error e;
	struct aws_call call;
	struct aws_reply r;
	bool added;

	if (!s3_parse(f->x.manifest, &bucket, &key))
		die(EX_STREAM, "query %s does not say where its manifest is", f->id);
	s3_get_call(&call, &path, bucket, key, NULL, NULL); /* so it is 64 MiB at most */
	if (!aws_do(f->aws, &call, &r, &e))
		aws_die(&e, "cannot fetch the list of the parts");
	str_add(&list->manifest, r.body);
	rest = str_sl(&list->manifest);
	while (sl_cut(&rest, '\n', &line)) {
		struct fs_part p;

		if (line.n == 0)
			continue;
		if (line.n <= f->unload.n || memcmp(line.p, f->unload.p, f->unload.n) != 0 ||
			!s3_parse(line, &p.bucket, &p.key))
			die(EX_STREAM, "the manifest names a part that is elsewhere: %s",
				msg_q(line));
		(void)names_add(&seen, line, &added);
		if (!added)
			die(EX_STREAM, "the manifest names a part twice: %s", msg_q(line));
		MEM_PUSH(list->v, list->n, list->cap, p);
	}
}

static void part_list_free(struct fs_part_list *list)
{
	mem_free(list->v);
	str_free(&list->manifest);
}

/* ---- parts of Parquet, which become files as they are ---------------------------------------- */

/* The files, each with ".part" behind its name until all of them are whole. */
struct files {
	struct fs_fetch *fetch;
	size_t n; /* begun */
};

/* x.parquet, x.2.parquet, x.3.parquet …, and `suffix` */
static void name_file(struct str *name, const char *first, size_t i, const char *suffix)
{
	const char *dot = strrchr(first, '.');
	size_t stem = dot && !strchr(dot, '/') ? (size_t)(dot - first) : strlen(first);

	str_set(name, (struct sl){ first, stem });
	if (i > 0)
		str_addf(name, ".%zu", i + 1);
	str_addz(name, first + stem);
	str_addz(name, suffix);
}

static void drop_files(void *ctx, int code UNUSED, const char *message UNUSED)
{
	const struct files *files = ctx;
	AUTO_STR name = { 0 };

	for (size_t i = 0; i < files->n; i++) {
		name_file(&name, files->fetch->parquet, i, ".part");
		(void)unlink(str_z(&name));
	}
}

static void keep_files(const struct files *files)
{
	AUTO_STR from = { 0 }, to = { 0 };

	for (size_t i = 0; i < files->n; i++) {
		name_file(&from, files->fetch->parquet, i, ".part");
		name_file(&to, files->fetch->parquet, i, "");
		if (rename(str_z(&from), str_z(&to)) != 0 || !tmpf_sync_name(str_z(&to)))
			die_errno(EX_CANTCREATE, "cannot create %s", msg_q(str_sl(&to)));
	}
}

struct file_sink {
	struct fs_fetch *fetch;
	struct out *out;
	uint64_t bytes;
	char ends[2][4]; /* Parquet begins and ends with the same four letters */
};

static bool take_bytes(void *ctx, struct sl piece)
{
	struct file_sink *s = ctx;

	out_put(s->out, piece);
	for (size_t i = 0; i < piece.n && s->bytes + i < 4; i++)
		s->ends[0][s->bytes + i] = piece.p[i];
	for (size_t i = piece.n > 4 ? piece.n - 4 : 0; i < piece.n; i++) {
		memmove(s->ends[1], s->ends[1] + 1, 3);
		s->ends[1][3] = piece.p[i];
	}
	s->bytes += piece.n;
	return is_wanted(s->fetch);
}

static void fetch_file(struct files *files, const struct fs_part *part)
{
	struct fs_fetch *f = files->fetch;
	struct file_sink s = { .fetch = f };
	AUTO_STR name = { 0 };
	struct aws_error e;
	struct stat st;

	name_file(&name, f->parquet, files->n, "");
	if (lstat(str_z(&name), &st) == 0 && !S_ISREG(st.st_mode))
		die(EX_CANTCREATE, "cannot create %s: it is there, and no file",
			msg_q(str_sl(&name)));
	name_file(&name, f->parquet, files->n++, ".part");
	s.out = out_open(str_z(&name), 0);
	if (!s3_get(f->aws, part->bucket, part->key, take_bytes, &s, NULL, &e))
		failed(f, NULL, &e);
	if (s.bytes < 12 || memcmp(s.ends[0], "PAR1", 4) != 0 || memcmp(s.ends[1], "PAR1", 4) != 0)
		failed(f, "a part is no whole Parquet file", NULL);
	out_close(s.out);
}

static void fetch_files(struct fs_fetch *f)
{
	struct fs_part_list list = { 0 };
	struct files files = { .fetch = f };
	AUTO_STR last = { 0 };
	struct aws_error e;
	bool known = false;

	list_parts(f, &list);
	if (list.n == 0)
		msg_note("there is no record, so there is no file");
	msg_on_exit(drop_files, &files);
	for (size_t i = 0; i < list.n; i++)
		fetch_file(&files, &list.v[i]);
	keep_files(&files);
	msg_off_exit(drop_files, &files);
	if (list.n > 1) {
		name_file(&last, f->parquet, list.n - 1, "");
		msg_note("Athena wrote %zu files, the last is %s", list.n, msg_q(str_sl(&last)));
	}
	name_file(&last, f->parquet, list.n, "");
	if (access(str_z(&last), F_OK) == 0)
		msg_warn("%s is there, too, and not of this run", msg_q(str_sl(&last)));
	if (!athena_rows(f->aws, f->id, &f->rows, &known, &e) || !known)
		f->rows = 0;
	part_list_free(&list);
}

/* ---- parts of JSON: several fetched at once, decoded on all cores ---------------------------- */

/*
 * Every thread has a client of its own and takes part after part. The main thread is the first of
 * them, so on one core, or for one part, there is no other. Failures are noted and told by the main
 * thread in the end; no thread ends the program by itself.
 */
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

	return is_wanted(p->by->all->f) && !has_failed(p->by->all) &&
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

static void fetch_parts(struct fs_fetch *f)
{
	struct parts all = { .f = f, .lock = PTHREAD_MUTEX_INITIALIZER };
	struct thread thread[FS_FETCH_HELPERS + 1] = { { .all = &all } };
	unsigned n = cores();

	list_parts(f, &all.list);
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
		failed(f, all.why, &all.e);
	for (unsigned i = 0; i < n; i++)
		f->worker_end(thread[i].worker);
	part_list_free(&all.list);
}

/* ---- all of it ------------------------------------------------------------------------------ */

/*
 * For a SELECT the count is that of the result. What Athena counts of an UNLOAD is not said
 * anywhere, so only fewer rows than it counts are a fault.
 */
static void check_rows(struct fs_fetch *f)
{
	struct aws_error e;
	uint64_t rows;
	bool known;

	if (!athena_rows(f->aws, f->id, &rows, &known, &e)) {
		msg_detail("Athena does not tell how many rows there are: %s", aws_error_text(&e));
		return;
	}
	if (known && (f->unload.n ? f->rows < rows : f->rows != rows))
		die_hint(EX_STREAM, "run it again", "query %s has %llu rows, but %llu arrived",
			f->id, (unsigned long long)rows, (unsigned long long)f->rows);
}

void fs_fetch_rows(struct fs_fetch *f)
{
	if (f->parquet)
		fetch_files(f);
	else if (f->unload.n)
		fetch_parts(f);
	else
		fetch_csv(f);
	check_gone(f);
	if (!f->parquet)
		check_rows(f);
}

void fs_fetch_report(
	const struct fs_fetch *f, struct sl group, uint64_t bytes_out, const char *path)
{
	const struct athena_execution *x = &f->x;
	uint64_t billed = x->scanned_bytes > LEAST_BYTES ? x->scanned_bytes : LEAST_BYTES;
	double usd = (double)billed / 1e12 * USD_PER_TB;
	AUTO_STR s = { 0 };

	msg_detail("%llu rows, %llu bytes scanned, about %.6f USD", (unsigned long long)f->rows,
		(unsigned long long)x->scanned_bytes, usd);
	if (!stats_wanted(path))
		return;
	str_addf(
		&s, "{\"program\":\"%s\",\"version\":\"" FERRY_VERSION "\",\"group\":", msg_prog());
	str_add_json(&s, group);
	str_addf(&s,
		",\"query_id\":\"%s\",\"rows_out\":%llu,\"bytes_out\":%llu,\"scanned_bytes\":%llu,"
		"\"cost_usd\":%.6f,\"queue_ms\":%lld,\"engine_ms\":%lld,\"total_ms\":%lld,"
		"\"seconds\":%.3f}\n",
		f->id, (unsigned long long)f->rows, (unsigned long long)bytes_out,
		(unsigned long long)x->scanned_bytes, usd, (long long)x->queue_ms,
		(long long)x->engine_ms, (long long)x->total_ms,
		(double)(clock_monotonic() - f->started) / 1e6);
	if (!stats_write(path, str_sl(&s)))
		die_errno(EX_CANTCREATE, "cannot write --stats");
}

/* ---- a few rows ----------------------------------------------------------------------------- */

struct asking {
	const struct fs_question *q;
	struct fs_fetch fetch;
	struct str sql;
	bool header_seen;
};

static void take(void *ctx, const struct field *f, size_t n)
{
	struct asking *a = ctx;

	if (a->header_seen)
		a->q->row(a->q->ctx, f, n);
	a->header_seen = true;
}

static bool retype(void *ctx)
{
	struct asking *a = ctx;

	str_clear(&a->sql);
	if (!a->q->retype || !a->q->retype(a->q->ctx, &a->sql))
		return false;
	a->fetch.query.sql = str_sl(&a->sql);
	return true;
}

void fs_ask(const struct fs_asker *who, const struct fs_group *g, const struct fs_question *q)
{
	struct asking a = {.q = q};
	AUTO_STR place = {0};

	fs_result_location(who->aws, g, who->output, sl_of(who->workgroup), &place);
	a.fetch = (struct fs_fetch){.aws = who->aws,
		.opts = who->opts,
		.timeout_us = who->timeout,
		.workers = 1,
		.retype = retype,
		.row = take,
		.ctx = &a};
	a.fetch.query = (struct athena_query){.sql = q->sql,
		.database = g->database,
		.catalog = g->catalog,
		.workgroup = sl_of(who->workgroup),
		.output = str_sl(&place)};
	/* an answer of before would be no answer */
	fs_run_open(&a.fetch.run, "fs-ask", g->name, hash64(q->sql, 5), 0);
	fs_fetch_start(&a.fetch);
	fs_fetch_rows(&a.fetch);
	fs_fetch_end(&a.fetch);
	str_free(&a.sql);
}
