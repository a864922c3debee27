/*
 * xml.h - the little XML that S3 and STS answer with: elements and texts, no more. The answers are
 * whole when they get here (aws/answer.h); attributes, comments and instructions are passed over.
 */
#ifndef FERRY_AWS_XML_H
#define FERRY_AWS_XML_H

#include "core/base.h"
#include "core/mem.h"

/* The next element of that name in *rest, at any depth: what is between its tags. *rest goes on
 * behind it. False when there is none (or it does not end). */
bool xml_next(struct sl *rest, const char *name, struct sl *inside) NODISCARD;

/* The text of the first element of that name, entities decoded, living in the arena or in `doc`;
 * an empty slice when there is none. */
struct sl xml_text(struct sl doc, const char *name, struct arena *mem);

#endif
