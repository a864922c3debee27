/*
 * reader.h - a process that reads pages from the ledger when it is asked to. It may lose the target
 * and end; then the next question starts another one, not more often than once in two seconds.
 */
#pragma once

#include "web/page.h"

struct reader {
	const char *conninfo;
	int fd;		       /* -1: there is none */
	pid_t pid;
	int64_t asked;	       /* when an answer has been waited for since, clock_monotonic() */
	unsigned open;	       /* pages that are asked for */
	int64_t next;	       /* before that it is not started again */
	struct str in;
	struct str why;	       /* why the target cannot be read; empty: it can */
};

/* Asks for a page: the number of a job, 0: that of all. False: the target is away. */
bool reader_ask(struct reader *r, uint64_t job) NODISCARD;

/*
 * Takes what has come: calls put(ctx, job, part, text) for each part, and with PAGE_END when the
 * page is there, PAGE_NONE when there is no such job. False when the reader has ended, or has not
 * answered for half a minute and was ended: `why` says it.
 */
enum { PAGE_END = PAGE_PARTS, PAGE_NONE, PAGE_AWAY };
typedef void reader_fn(void *ctx, uint64_t job, unsigned part, struct sl text);
bool reader_take(struct reader *r, reader_fn *put, void *ctx) NODISCARD;

void reader_end(struct reader *r);
