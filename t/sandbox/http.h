/*
 * http.h - the server: libmicrohttpd driven by one thread. The only module that includes
 * <microhttpd.h>.
 */
#ifndef SANDBOX_HTTP_H
#define SANDBOX_HTTP_H

#include "exchange.h"

/* Answers one request: reads the request members of `x` and fills the answer. */
typedef void http_handler(struct exchange *x);

/*
 * Listens on 127.0.0.1; port 0 takes a free one. Dies with 69 where the port is taken.
 * `max_body` bounds request bodies: longer ones are cut off with 413.
 */
void http_start(unsigned port, size_t max_body, http_handler *handler);
unsigned http_port(void);

/* Serves until *stop becomes true (a signal handler may set it). */
void http_run(const volatile bool *stop);
void http_stop(void);

#endif
