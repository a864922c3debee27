/* gate.h - where the pages are served, and who is let in. */
#pragma once

#include "core/opt.h"

struct gate_opts {
	const char *listen;	/* ADDRESS:PORT, [ADDRESS]:PORT; port 0: any that is free */
	const char *token_file; /* NULL: no token is asked for */
	struct opt_list hosts;	/* NAME or NAME:PORT by which we are called, too */
};

/*
 * A socket that listens; `url` gets how it is called. Dies with 64 (no address, or one that needs a
 * token), 66, 77 or 78 (the file of the token cannot be read, others may read it, it has none), 69
 * (the address cannot be had). `o` is to live as long as the process.
 */
int gate_open(const struct gate_opts *o, char *url, size_t cap) NODISCARD;

/*
 * Is a request to this Host (NULL: none was named) meant for us? One to a foreign name comes from
 * a page of somebody else, whose name leads to our address (DNS rebinding).
 */
bool gate_knows(const char *host) NODISCARD;

/* Has he the token, as password of HTTP's basic authentication (NULL: none was sent)? */
bool gate_lets_in(const char *said) NODISCARD;
