/*
 * sigv4.h - checks AWS Signature Version 4 as the services do: strictly, over the request as it
 * came on the wire. It shares no code with the signer in the room aws.
 *
 * Source: AWS documentation, "Authenticating requests (AWS Signature Version 4)"; the words of the
 * refusals are those the services answer with.
 */
#ifndef SANDBOX_SIGV4_H
#define SANDBOX_SIGV4_H

#include "creds.h"
#include "exchange.h"

/* The parts of an Authorization header. */
struct sigv4 {
	struct sl key, date, region, service, signed_headers, signature;
	const struct creds *who;
	struct str canonical, to_sign; /* what was computed here, for S3's detailed refusal */
};

/*
 * Takes the Authorization header apart; false when there is none or it is of another kind. Parts
 * that are missing have no bytes.
 */
bool sigv4_parse(const struct exchange *x, struct sigv4 *s);

/*
 * Checks everything and names the asker in `x`; `service` is what the signing scope must name. On a
 * refusal the answer is in `x` and the result false. `now` is Unix time in microseconds.
 */
bool sigv4_check(struct exchange *x, struct sigv4 *s, const char *service, int64_t now);

void sigv4_free(struct sigv4 *s);

#endif
