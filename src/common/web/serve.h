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

#include "web/gate.h"

/*
 * Says where, and serves until SIGTERM, SIGINT or SIGHUP. `job`: that of the command line, 0: none.
 * Dies as gate_open() does.
 */
void serve_run(const struct gate_opts *o, const char *conninfo, uint64_t job);
