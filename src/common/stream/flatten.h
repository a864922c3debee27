/*
 * flatten.h - members of nested JSON objects as fields of their own: {"a":{"b":1}} is a.b.
 *
 * Arrays stay what they are, and so does an object without members. Works in the memory of one
 * record and of the names.
 */
#pragma once

#include "core/hash.h"
#include "stream/rec.h"

struct flatten {
	struct names names; /* of all fields so far, in the order in which they were met */
	/* private */
	struct field *f;
	size_t f_cap;
	struct arena arena;
	struct str name;
};

/*
 * The record with its nested members as fields, which live until the next call, in the order of
 * ->names; columns of `rec` are those of `cols`. NULL, or what is wrong with the field *at of rec.
 */
const char *flatten_record(struct flatten *t, const struct names *cols, const struct rec *rec,
			   struct rec *flat, size_t *at) NODISCARD;
void flatten_free(struct flatten *t);
