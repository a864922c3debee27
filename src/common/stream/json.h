/*
 * json.h - JSON in (RFC 8259). The only module that includes yajl.
 *
 * yajl by itself turns lone surrogates into "?" or invalid UTF-8, lets keys repeat and rounds
 * numbers; so escapes are checked here first, numbers stay text, a repeated key, U+0000 and
 * nesting deeper than 512 are errors, and nothing may follow the value.
 */
#pragma once

#include "core/str.h"

enum json_kind { J_NULL, J_TRUE, J_FALSE, J_NUM, J_STR, J_ARR, J_OBJ };

/* A value; children are linked by `next`. Lives in the arena given to json_parse(). */
struct json {
	enum json_kind kind;
	struct sl text; /* J_STR decoded, J_NUM as written */
	struct sl raw;	/* J_NUM, J_ARR, J_OBJ: the text as it stood in the input (in place) */
	struct sl key;	/* member of an object: its name */
	struct json *child, *next;
	size_t n;	/* members or elements */
};

/*
 * Parses the whole text. NULL on failure, *why then says the reason (static or in the arena) and
 * *at the byte offset. Nodes and decoded strings live in the arena, `raw` points into `text`.
 */
struct json *json_parse(struct arena *a, struct sl text, const char **why, size_t *at) NODISCARD;

/* The same for those who need not say what is wrong with it. */
struct json *json_read(struct arena *a, struct sl text) NODISCARD;

/* Appends the value as JSON text, less the members of these names (ended by NULL), at any depth. */
void json_put_without(struct str *s, const struct json *j, const char *const *names);

/* Member of an object by name, or NULL (also when `o` is NULL or no object). */
const struct json *json_get(const struct json *o, const char *key);

/* The first element or member of a member of an object, or NULL; is a member true? */
const struct json *json_first(const struct json *o, const char *key);
bool json_is_true(const struct json *o, const char *key);

/* Conveniences for control records and facts: false when absent or of another kind or range. */
bool json_get_str(const struct json *o, const char *key, struct sl *out);
struct sl json_text(const struct json *o, const char *key); /* "" where there is none */
bool json_get_u64(const struct json *o, const char *key, uint64_t *out);
bool json_get_i64(const struct json *o, const char *key, int64_t *out);
