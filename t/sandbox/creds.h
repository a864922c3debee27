/*
 * creds.h - the keys the sandbox knows: two users with keys of their own, in two accounts, and the
 * temporary sessions that STS and the metadata services hand out.
 */
#ifndef SANDBOX_CREDS_H
#define SANDBOX_CREDS_H

#include "core/base.h"
#include "core/str.h"

struct creds {
	char key[21]; /* AKIA… a user's, ASIA… a session's */
	char secret[41];
	char token[361]; /* "" for a user */
	char account[13];
	char arn[256], user_id[160];
	int64_t expires; /* Unix microseconds; 0 never */
};

/* The user whose keys the sandbox prints, and one in another account. */
const struct creds *creds_user(size_t which); /* NULL beyond the last */

/* NULL when there is no such key. */
const struct creds *creds_find(struct sl key);

/*
 * A new session of `role_arn` ("arn:aws:iam::123456789012:role/name"), valid for `seconds` or for
 * what creds_set_life() said; NULL when the ARN is malformed.
 */
const struct creds *creds_assume(struct sl role_arn, struct sl session, int64_t seconds);

/* Seconds every session made from now on lives, 0: as long as was asked for. */
void creds_set_life(int64_t seconds);

/* A JSON array of the secrets and tokens of all sessions. */
void creds_describe(struct str *out);

/* All sessions made so far are expired from now on, whatever their holders were told. */
void creds_expire_all(void);

#endif
