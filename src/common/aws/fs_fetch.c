#include "aws/fs_fetch.h"

#include "aws/fs_where.h"
#include "aws/pool.h"
#include "aws/s3.h"
#include "core/clock.h"
#include "core/msg.h"
#include "core/stop.h"
#include "core/tmpf.h"
#include "stream/out.h"

#include <signal.h>
#include <unistd.h>

#define USD_PER_TB 5.0                 /* list price of most regions */
#define LEAST_BYTES UINT64_C(10000000) /* what a query is charged for at least */

/* ---- the end ------------------------------------------------------------------------------- */

static void remove_object(struct aws *a, struct sl uri, const char *suffix)
{
	struct str key = { 0 };
	struct sl bucket, name;
	struct aws_error e;

	if (!s3_parse(uri, &bucket, &name) || !name.n || name.p[name.n - 1] == '/')
		return;
	str_add(&key, name);
	str_addz(&key, suffix);
	if (!s3_delete(a, bucket, str_sl(&key), &e))
		msg_warn("a result stays behind: %s", aws_error_text(&e));
	str_free(&key);
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
		!s3_delete_prefix(a, bucket, prefix, &n, &e))
		msg_warn("parts of the result stay behind: %s", aws_error_text(&e));
}

/*
 * However the program ends. A client of its own, because the other one may be in the middle of a
 * call. What is temporary keeps its query and results: the next try goes on with them.
 */
static void clean_up(void *ctx, int code, const char *message)
{
	struct fs_fetch *f = ctx;
	struct aws_error e;
	struct aws *a;

	(void)message;
	if (code == EX_TEMP) {
		msg_note("the next run of the same command takes the result of this query");
		return;
	}
	a = aws_open(f->opts, &e);
	if (!a)
		return;
	(void)alarm(0);
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

static void look(void *ctx, const struct athena_execution *x)
{
	struct fs_fetch *f = ctx;

	(void)x;
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
	if (f->x.state == ATHENA_FAILED && f->retype && fs_where_is_mismatch(f->x.reason) &&
		f->retype(f->ctx)) {
		msg_note("Athena compares no text or number with a time, so the query is run again "
			 "with the event time read as one");
		fs_run_renew(&f->run);
		run_query(f);
	}
	if (f->x.state == ATHENA_SUCCEEDED)
		return;
	if (f->x.state == ATHENA_CANCELLED)
		die(EX_TEMP, "the query was cancelled: %.*s", (int)f->x.reason.n, f->x.reason.p);
	die(f->x.retryable ? EX_TEMP : EX_REFUSED, "the query failed: %.*s", (int)f->x.reason.n,
		f->x.reason.p);
}

/* ---- the result ---------------------------------------------------------------------------- */

/* A sink must not end the program for what is not its own: it stops the call, and this explains. */
static NORETURN void fetch_failed(struct fs_fetch *f, const char *why, const struct aws_error *e)
{
	if (why)
		die_hint(EX_STREAM, "run it again", "the result of query %s: %s", f->id, why);
	aws_resume(f->aws);
	check_gone(f);
	aws_die(e, "cannot fetch the result");
}

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
		fetch_failed(f, s.csv.why, &e);
	if (!fs_csv_end(&s.csv))
		fetch_failed(f, s.csv.why, NULL);
	f->rows = s.csv.rows;
	fs_csv_free(&s.csv);
}

struct part {
	struct fs_fetch *fetch;
	struct sl bucket, key;
	struct str path;
	struct fs_json json;
};

struct parts {
	struct str manifest; /* the keys are in it */
	struct part *v;
	size_t n, cap;
	const char *why;
	struct aws_error e;
	bool failed;
};

static bool take_json(void *ctx, struct sl piece)
{
	struct part *p = ctx;

	return is_wanted(p->fetch) && fs_json_take(&p->json, piece);
}

static void part_done(
	void *ctx, void *call_ctx, const struct aws_reply *reply, const struct aws_error *e)
{
	struct parts *all = ctx;
	struct part *p = call_ctx;

	(void)reply;
	if ((e || !fs_json_end(&p->json)) && !all->failed) {
		all->failed = true;
		all->why = p->json.why;
		if (e)
			all->e = *e;
	}
	p->fetch->rows += p->json.rows;
	fs_json_free(&p->json);
	str_free(&p->path);
}

static bool take_text(void *ctx, struct sl piece)
{
	str_add(ctx, piece);
	return true;
}

/* The parts, from the manifest: what lies elsewhere than asked for is not ours to trust. */
static void list_parts(struct fs_fetch *f, struct parts *all)
{
	struct sl bucket, key, line, rest;
	struct aws_error e;

	if (!s3_parse(f->x.manifest, &bucket, &key))
		die(EX_STREAM, "query %s does not say where its manifest is", f->id);
	if (!s3_get(f->aws, bucket, key, take_text, &all->manifest, NULL, &e))
		aws_die(&e, "cannot fetch the list of the parts");
	rest = str_sl(&all->manifest);
	while (rest.n) {
		const char *nl = memchr(rest.p, '\n', rest.n);
		struct part p = { .fetch = f };

		line = (struct sl){ rest.p, nl ? (size_t)(nl - rest.p) : rest.n };
		rest.p += line.n + (nl != NULL);
		rest.n -= line.n + (nl != NULL);
		if (line.n == 0)
			continue;
		if (line.n <= f->unload.n || memcmp(line.p, f->unload.p, f->unload.n) != 0 ||
			!s3_parse(line, &p.bucket, &p.key))
			die(EX_STREAM, "the manifest names a part that is elsewhere: %s",
				msg_q(line));
		mem_grow(&all->v, &all->cap, all->n + 1, sizeof *all->v);
		all->v[all->n++] = p;
	}
}

static void fetch_parts(struct fs_fetch *f)
{
	struct parts all = { 0 };
	struct aws_pool *pool;

	list_parts(f, &all);
	pool = aws_pool_new(f->aws, f->workers, part_done, &all);
	for (size_t i = 0; i < all.n && !all.failed; i++) {
		struct part *p = &all.v[i];
		struct aws_call call = { 0 };

		while (aws_pool_room(pool) == 0)
			aws_pool_wait(pool, CLOCK_US_PER_SEC);
		fs_json_init(&p->json, f->columns, f->n_columns, f->row, f->ctx);
		s3_get_call(&call, &p->path, p->bucket, p->key, take_json, p);
		aws_pool_submit(pool, &call, p);
	}
	if (!all.failed)
		aws_pool_drain(pool);
	aws_pool_free(pool);
	if (all.failed)
		fetch_failed(f, all.why, &all.e);
	mem_free(all.v);
	str_free(&all.manifest);
}

/* A part that goes to a file as it is. */
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

/* x.parquet, x.2.parquet, x.3.parquet … */
static void name_file(struct str *name, const char *first, size_t i)
{
	const char *dot = strrchr(first, '.');
	size_t stem = dot && !strchr(dot, '/') ? (size_t)(dot - first) : strlen(first);

	str_clear(name);
	str_add(name, (struct sl){ first, stem });
	if (i > 0)
		str_addf(name, ".%zu", i + 1);
	str_addz(name, first + stem);
}

static void fetch_files(struct fs_fetch *f)
{
	struct parts all = { 0 };
	struct str name = { 0 };
	struct aws_error e;
	bool known = false;

	list_parts(f, &all);
	if (all.n == 0)
		msg_note("there is no record, so there is no file");
	for (size_t i = 0; i < all.n; i++) {
		struct file_sink s = { .fetch = f };

		name_file(&name, f->parquet, i);
		s.out = out_open(str_z(&name), 0);
		if (!s3_get(f->aws, all.v[i].bucket, all.v[i].key, take_bytes, &s, NULL, &e))
			fetch_failed(f, NULL, &e);
		if (s.bytes < 12 || memcmp(s.ends[0], "PAR1", 4) != 0 ||
			memcmp(s.ends[1], "PAR1", 4) != 0)
			fetch_failed(f, "a part is no whole Parquet file", NULL);
		out_close(s.out);
	}
	if (all.n > 1)
		msg_note("Athena wrote %zu files, the last is %s", all.n, msg_q(str_sl(&name)));
	if (!athena_rows(f->aws, f->id, &f->rows, &known, &e) || !known)
		f->rows = 0;
	mem_free(all.v);
	str_free(&all.manifest);
	str_free(&name);
}

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
	struct str s = { 0 };

	msg_detail("%llu rows, %llu bytes scanned, about %.6f USD", (unsigned long long)f->rows,
		(unsigned long long)x->scanned_bytes, usd);
	if (!path)
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
	if (!tmpf_replace(path, str_sl(&s), 0644))
		die_errno(EX_CANTCREATE, "cannot write %s", msg_q(sl_of(path)));
	str_free(&s);
}
