#include "fs/fs_fetch_impl.h"

#include "aws/s3.h"
#include "core/clock.h"
#include "core/stop.h"
#include "core/stats.h"
#include "fs/fs_where.h"

#include <signal.h>
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
		!s3_delete_prefix(a, bucket, prefix, &n, &e))
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
	die(f->x.retryable ? EX_TEMP : EX_STATEMENT, "the query failed: %.*s", (int)f->x.reason.n,
		f->x.reason.p);
}

/* ---- the result ---------------------------------------------------------------------------- */

void fs_fetch_failed(struct fs_fetch *f, const char *why, const struct aws_error *e)
{
	if (why)
		die_hint(EX_STREAM, "run it again", "the result of query %s: %s", f->id, why);
	aws_resume(f->aws);
	check_gone(f);
	aws_die(e, "cannot fetch the result");
}

bool fs_fetch_wanted(struct fs_fetch *f)
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

	return fs_fetch_wanted(s->fetch) && fs_csv_take(&s->csv, piece);
}

static void fetch_csv(struct fs_fetch *f)
{
	struct csv_sink s = { .fetch = f, .csv = { .row = f->row, .ctx = f->ctx } };
	struct sl bucket, key;
	struct aws_error e;

	if (!s3_parse(f->x.output, &bucket, &key))
		die(EX_STREAM, "query %s has no result object in S3", f->id);
	if (!s3_get(f->aws, bucket, key, take_csv, &s, NULL, &e))
		fs_fetch_failed(f, s.csv.why, &e);
	if (!fs_csv_end(&s.csv))
		fs_fetch_failed(f, s.csv.why, NULL);
	f->rows = s.csv.rows;
	fs_csv_free(&s.csv);
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
		fs_fetch_files(f);
	else if (f->unload.n)
		fs_fetch_parts(f);
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
