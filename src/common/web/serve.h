/*
 * serve.h - the pages over HTTP: libmicrohttpd driven by one thread, with what a process of its own
 * has read of the ledger (reader.h), so that no browser waits for the target, nor it for a browser.
 * The only module that includes <microhttpd.h>.
 *
 *	/  /job/N                      a page; /events and /job/N/events its sections as they change
 *	/job/N/metrics  /metrics       for Prometheus; without a number of the job of the command line
 *	/job/N/status.json  /status.json
 *	/healthz                       200, or 503 while the target cannot be read
 */
#ifndef FERRY_WEB_SERVE_H
#define FERRY_WEB_SERVE_H

#include "core/opt.h"

struct serve_opts {
	const char *listen;	/* ADDRESS:PORT, [ADDRESS]:PORT; port 0: any that is free */
	const char *token_file; /* NULL: none is asked for */
	struct opt_list hosts;	/* by which names we are called, beside the address */
};

/*
 * Serves until SIGTERM, SIGINT or SIGHUP, and says where. `job` is that of the command line, 0:
 * none. Dies with 64 for an address, 69 when it cannot be listened at, 77 or 78 for the token file.
 */
void serve_run(const struct serve_opts *o, const char *conninfo, uint64_t job);

#endif
