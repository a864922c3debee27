/*
 * sigv4.h - AWS Signature Version 4.
 *
 * Path and query are signed as they go on the wire, already percent-encoded by aws/uri.h. The
 * canonical path is the wire's own for S3 (encoded once, not normalised) and encoded once more for
 * every other service, so that an ARN in a path (%3A) is signed as %253A.
 */
#pragma once

#include "core/str.h"

#define SIGV4_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"
#define SIGV4_SKEW_US INT64_C(240000000) /* clocks further apart may be why it was refused */

struct sigv4_header {
	struct sl name, value; /* name in any case; value as sent */
};

struct sigv4_keys {
	struct sl id, secret, token; /* token empty: none */
};

struct sigv4_request {
	struct sl method, path, query;      /* query without "?" */
	const struct sigv4_header *headers; /* those to be signed, in order of sending: host and
					       x-amz-date at least */
	size_t n_headers;
	struct sl payload; /* SHA-256 of the body in hex, SIGV4_EMPTY or SIGV4_UNSIGNED */
	bool normalize;    /* fold ".", ".." and "//" in the path: every service but S3 */
	bool encode;       /* encode the path once more: every service but S3 */
};

/* A signer keeps the signing key of its last (secret, day, region, service). */
struct sigv4;
struct sigv4 *sigv4_new(void) NODISCARD;
void sigv4_free(struct sigv4 *s); /* wipes the key */

/* Sets scope and keys; cheap when nothing changed. `date` is `YYYYMMDDTHHMMSSZ`. */
void sigv4_scope(struct sigv4 *s, const struct sigv4_keys *k, const char date[16], struct sl region,
	struct sl service);

/* Appends the value of the Authorization header. */
void sigv4_sign(struct sigv4 *s, const struct sigv4_request *r, struct str *authorization);

/* For tests; of the last sigv4_sign(). */
struct sl sigv4_canonical(const struct sigv4 *s);
struct sl sigv4_string_to_sign(const struct sigv4 *s);

/*
 * Many requests that differ only in their body: what is common is worked out once per second.
 * sigv4_prepare() takes the request without its payload (x-amz-content-sha256 must not be among its
 * headers); sigv4_sign_body() signs it for one payload, while the scope is that of the former.
 */
struct sigv4_template;
struct sigv4_template *sigv4_template_new(void) NODISCARD;
void sigv4_template_free(struct sigv4_template *t);
void sigv4_prepare(struct sigv4 *s, const struct sigv4_request *r, struct sigv4_template *t);
void sigv4_sign_body(
	struct sigv4 *s, struct sigv4_template *t, struct sl payload, struct str *authorization);

/* `YYYYMMDDTHHMMSSZ` of an instant (core/clock.h); exactly 16 bytes, no NUL. */
void sigv4_date(char dst[16], int64_t instant);
