/*
 * xml.h - the little XML that S3 and STS answer with, read by expat: elements and their texts.
 * Attributes, comments and instructions are passed over; a document with a DTD is refused. Only
 * the arena keeps what was in it.
 */
#pragma once

#include "core/base.h"

struct xml {
	const char *name;
	struct sl text; /* of an element with no other inside; else empty */
	unsigned depth;
	struct xml *next; /* in the order of their start tags */
};

/* The root of the document, living in the arena; NULL when it is not well-formed, or refused. */
const struct xml *xml_parse(struct sl doc, struct arena *mem) NODISCARD;

/* The first element of that name inside `in` (may be NULL), at any depth. NULL: there is none. */
const struct xml *xml_find(const struct xml *in, const char *name);

/* The next element of the document with the name of this one. */
const struct xml *xml_next(const struct xml *e);

/* The text of the first element of that name; an empty slice when there is none. */
struct sl xml_text(const struct xml *in, const char *name);
