/*
 * athena.h - queries: accepted by StartQueryExecution, run in a process of their own, asked after
 * by GetQueryExecution, read by GetQueryResults or as objects in S3.
 */
#ifndef SANDBOX_ATHENA_H
#define SANDBOX_ATHENA_H

#include "exchange.h"

enum athena_state {
	ATHENA_QUEUED,
	ATHENA_RUNNING,
	ATHENA_SUCCEEDED,
	ATHENA_FAILED,
	ATHENA_CANCELLED
};

struct athena_query {
	struct arena mem;
	struct sl id, account, region, sql, database, catalog, work_group, token;
	struct sl location;       /* s3://bucket/prefix/ of the results */
	struct sl asked_location; /* as the client gave it */
	struct sl *parameters;
	size_t n_parameters;
	enum athena_state state;
	int64_t submitted, started, completed; /* Unix microseconds */
	int pid, report;                       /* of the process that runs it */
	struct pg *pg;                         /* its connection */
	/* what came of it */
	struct sl reason;             /* of a failure */
	const char *kind, *statement; /* "DML", "SELECT" … */
	struct fields columns;        /* names and types */
	uint64_t rows, scanned;
	uint64_t result_file; /* the CSV, 0: none */
	struct sl output;     /* s3://… of the result */
	struct sl manifest;   /* s3://… of UNLOAD's */
};

/* How long queries stay QUEUED, in microseconds. */
void athena_set_delay(int64_t us);

/* PostgreSQL for the processes that run queries. */
void athena_start(const char *conninfo);

/* Starts what has waited long enough and takes in what has ended. */
void athena_poll(void);
void athena_stop_all(void);

/*
 * In the process of a query: translates and runs it, writes its objects' files and describes it all
 * as JSON on `report`. Never returns.
 */
void athena_run(const struct athena_query *q, int report) NORETURN;

#endif
