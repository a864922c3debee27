/*
 * serve.h - the pages over HTTP: libmicrohttpd driven by one thread, with what a process of its own
 * reads of the ledger (reader.h): no browser waits for the target for ever, nor it for a browser.
 * The only module that includes <microhttpd.h>.
 *
 *	/  /job/N                      pages; /events, /job/N/events: sections as they change
 *	/metrics /status.json /job/N/… for programs; without N of the job of the command line
 *	/healthz                       200, or 503 while the target cannot be read
 */
#pragma once

#include "core/opt.h"

struct gate_opts {
	const char *listen;	/* ADDRESS:PORT, [ADDRESS]:PORT; port 0: any that is free */
	const char *token_file; /* NULL: no token is asked for */
	struct opt_list hosts;	/* NAME or NAME:PORT by which we are called, too */
};

/*
 * Says where, and serves until SIGTERM, SIGINT or SIGHUP. `job`: that of the command line, 0: none.
 * Dies with 64 (no address, or one that needs a token), 66, 77 or 78 (the file of the token cannot
 * be read, others may read it, it has none), 69 (the address cannot be had).
 */
void serve_run(const struct gate_opts *o, const char *conninfo, uint64_t job);
