/* Sources of credentials, for creds.c alone. Each fills *k (zeroed) or returns false with *e set.
 */
#pragma once

#include "aws/creds.h"

/* Copies, with NULL or an empty token as none. */
void keys_set(
	struct aws_keys *k, struct sl id, struct sl secret, struct sl token, const char *source);

/* Takes the keys from JSON text with AccessKeyId, SecretAccessKey, the token under `token_key` and
 * Expiration; its copies are wiped. */
bool keys_from_json(struct aws_keys *k, struct sl text, const char *token_key, const char *source,
	struct aws_error *e) NODISCARD;

bool creds_from_container(struct aws_keys *k, struct aws_error *e) NODISCARD;
bool creds_from_instance(struct aws_keys *k, struct aws_error *e) NODISCARD;

/* What a role is assumed with; texts are borrowed, NULL = not given. */
struct creds_role {
	const char *arn, *session, *external_id, *seconds;
};
bool creds_assume_role(struct aws_config *c, const struct creds_role *r, const struct aws_keys *by,
	struct aws_keys *k, struct aws_error *e) NODISCARD;
bool creds_web_identity(struct aws_config *c, const struct creds_role *r, const char *token_file,
	struct aws_keys *k, struct aws_error *e) NODISCARD;
