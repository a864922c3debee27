/*
 * fs_fetch.h - a query of Athena from its start to the last row of its result, and nothing left
 * behind.
 */
#pragma once

#include "aws/athena.h"
#include "fs/fs_group.h"
#include "fs/fs_rows.h"
#include "fs/fs_run.h"

#define FS_FETCH_HELPERS 15

struct fs_fetch {
	struct aws *aws;
	const struct aws_opts *opts; /* for clients of its own: of threads, and to clean up with */
	struct athena_query query;   /* all but the token */
	struct sl unload;            /* s3://…/ that the query unloads to; empty: a CSV result */
	const char *parquet;         /* the parts are Parquet, and go to this file as they are;
					NULL: JSON */
	int64_t timeout_us;
	unsigned workers;        /* parts fetched at once */
	bool keep;               /* leave the result objects where they are */
	bool (*gone)(void *ctx); /* nobody wants the rows any more: asked now and then, by any
				    thread */
	/*
	 * Athena refuses to compare the types in the query: makes another (in `query.sql`) that it
	 * may take, or returns false. NULL: there is none.
	 */
	bool (*retype)(void *ctx);
	fs_row_fn *row; /* takes the rows of a CSV result, with ctx */
	void *ctx;

	/*
	 * Parts of JSON are decoded by as many threads as there are cores. Each has a worker, made
	 * by the main thread before and ended by it when all rows have been fetched; between them
	 * its rows go to worker_row, in its thread.
	 */
	void *(*worker)(void *ctx);
	fs_row_fn *worker_row;
	void (*worker_end)(void *worker);
	const struct fs_json_column *columns;
	size_t n_columns;

	/* filled in */
	struct fs_run run;
	char id[80];
	struct athena_execution x;
	struct arena mem;
	uint64_t rows;
	int64_t started;
	bool running, settled; /* the query may be under way; results may be there */
	struct aws *helper[FS_FETCH_HELPERS];
};

/*
 * Starts the query, or finds that of an earlier try, and waits. Ends the program when Athena or the
 * time limit do. What happens from then on, also at the end of the program, is cleaned up.
 */
void fs_fetch_start(struct fs_fetch *f);

/*
 * Fetches the result: every row goes to f->row or f->worker_row, once. Ends the program with 76
 * when it is cut, or is not as many rows as Athena counted.
 */
void fs_fetch_rows(struct fs_fetch *f);

/* Lets everything come to its end soon, because a signal came: for stop_catch(), ctx the fetch. */
void fs_fetch_wake(void *ctx);

/* Says what it took, and writes it as JSON to `path` if not NULL: rows, bytes scanned, what that
 * costs at list price. Ends the program (73) when that cannot be written. */
void fs_fetch_report(
	const struct fs_fetch *f, struct sl group, uint64_t bytes_out, const char *path);

/* Removes the result objects and forgets the run. */
void fs_fetch_end(struct fs_fetch *f);

/* ---- a few rows ------------------------------------------------------------------------------ */

/* Questions whose answer is a few rows, for programs that are no extractors: who is asked. */
struct fs_asker {
	struct aws *aws;
	const struct aws_opts *opts;
	const char *workgroup;
	const char *output; /* where results are to be; NULL: the workgroup's place */
	int64_t timeout;
};

struct fs_question {
	struct sl sql;
	fs_row_fn *row;                             /* without the header */
	bool (*retype)(void *ctx, struct str *sql); /* as above, appends; may be NULL */
	void *ctx;
};

/* Asks, in the catalog of the group, hands the rows over, and leaves nothing behind. Ends the
 * program when Athena refuses. */
void fs_ask(const struct fs_asker *a, const struct fs_group *g, const struct fs_question *q);
