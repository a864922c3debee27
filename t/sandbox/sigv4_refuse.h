/*
 * sigv4_refuse.h - the refusals of authentication, in the codes and words of each kind of service.
 * All return false, with the answer in `x`.
 */
#ifndef SANDBOX_SIGV4_REFUSE_H
#define SANDBOX_SIGV4_REFUSE_H

#include "sigv4.h"

bool refuse_missing(struct exchange *x); /* no Authorization header at all */
bool refuse_incomplete(struct exchange *x, const struct sigv4 *s);
bool refuse_key(struct exchange *x, const struct sigv4 *s);
bool refuse_token(struct exchange *x);
bool refuse_expired(struct exchange *x);
bool refuse_service(struct exchange *x, const char *service);
bool refuse_date(struct exchange *x, struct sl date);
bool refuse_scope_date(struct exchange *x, const struct sigv4 *s, struct sl date);
bool refuse_skew(struct exchange *x, int64_t signed_at, int64_t now, int64_t allowed);
bool refuse_unsigned(struct exchange *x, struct sl header);
bool refuse_no_payload_hash(struct exchange *x);
bool refuse_payload_hash(struct exchange *x, struct sl claimed, struct sl computed);
bool refuse_signature(struct exchange *x, const struct sigv4 *s);

#endif
