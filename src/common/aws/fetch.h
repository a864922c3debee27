/*
 * fetch.h - one HTTP exchange, waited for: what credentials and metadata need. No retries, no
 * signing.
 */
#pragma once

#include "aws/error.h"
#include "aws/http.h"

#define FETCH_MAX_BODY (1u << 20)

struct fetch {
	const char *method, *scheme, *host; /* "GET", "http", "169.254.169.254" */
	struct sl target;                   /* path and query */
	struct sl headers; /* whole lines, each ended by CR LF; Host and Content-Length are added */
	struct sl body;
	struct http_opts limits;

	struct answer answer; /* the caller's to forget, also after a failure */
};

/* True: an answer came, of whatever status. False with *e set. What was sent is wiped. */
bool fetch_run(struct fetch *f, struct aws_error *e) NODISCARD;

/* Wipes the answer and frees it. */
void fetch_forget(struct fetch *f);

/* Sets *e from the end of an exchange that brought no whole answer. */
void fetch_error(struct aws_error *e, enum http_end end, const char *host, const char *why);

/* Takes "scheme://host[:port][/path]" apart; texts are allocated. The port is left out where it is
 * the scheme's own. False when it is no such URL (user names, queries and fragments are refused).
 */
bool fetch_parse_url(const char *url, char **scheme, char **host, char **path) NODISCARD;

/* ---- the metadata service -------------------------------------------------------------------- */

/*
 * The metadata service of an EC2 instance, version 2 (a session token first), never
 * through a proxy. Environment: AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_SERVICE_ENDPOINT and
 * _ENDPOINT_MODE, AWS_METADATA_SERVICE_TIMEOUT (1 s), AWS_METADATA_SERVICE_NUM_ATTEMPTS (1).
 */

bool imds_enabled(void);

/* Appends what /latest/<path> says. False with *e set: AWS_CONFIG where there is no such service.
 */
bool imds_get(const char *path, struct str *dst, struct aws_error *e) NODISCARD;
