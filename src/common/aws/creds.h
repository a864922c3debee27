/*
 * creds.h - credentials: found in the order of the SDKs, refreshed before they expire.
 *
 * Order: environment (passed over when --profile names one), profile with role_arn (source_profile
 * or credential_source: AssumeRole; web_identity_token_file), web identity of the environment,
 * keys of the profile, its credential_process, container, instance (IMDSv2). The first source
 * that is configured decides: when it fails, no other is tried. SSO is left to a credential_process
 * such as `aws configure export-credentials`.
 *
 * Secrets are never printed, and wiped when replaced or freed.
 */
#pragma once

#include "aws/config.h"

struct aws_keys {
	char *id, *secret;
	char *token;        /* NULL: long-term keys */
	int64_t expires;    /* instant (core/clock.h); INT64_MAX: never */
	const char *source; /* static text for messages: "environment", "instance" … */
};

struct creds;
struct creds *creds_new(struct aws_config *c) NODISCARD; /* borrows c */
void creds_free(struct creds *cr);

/*
 * The keys to sign with now. Fetches them at the first call, again from 15 minutes before they
 * expire (keeping the old ones when that fails) and at the latest 10 minutes before (failing then).
 * May block for seconds. NULL with *e set. The keys live until the next call.
 */
const struct aws_keys *creds_get(struct creds *cr, struct aws_error *e) NODISCARD;

/* Another number whenever other keys were fetched. */
unsigned creds_serial(const struct creds *cr);

/* The service said that they expired: the next creds_get() fetches anew. False when they cannot
 * change (static keys), so that trying again is pointless. */
bool creds_expire(struct creds *cr) NODISCARD;

/*
 * Replaces the secret key and the session token, should they be in `text`, by stars: services quote
 * the request they refuse, and in it the token.
 */
void creds_redact(const struct creds *cr, struct str *text);

/*
 * Splits a command line as a POSIX shell does (blanks, quotes, backslash), without expansions:
 * botocore's compat_shell_split. The words, NULL-terminated, in one allocation to be freed with
 * mem_free(); NULL when a quote is not closed.
 */
char **creds_split_command(const char *line) NODISCARD;

/* No core file and no tracing by the same user: called by aws_open() before a secret is read. */
void creds_protect_process(void);
