/*
 * xml.h - the little XML that S3 takes: elements and text, with references; attributes,
 * declarations and comments are stepped over. No DTD, no CDATA.
 */
#ifndef SANDBOX_XML_H
#define SANDBOX_XML_H

#include "core/base.h"
#include "core/mem.h"

struct xml {
	struct sl name; /* without a prefix */
	struct sl text; /* of this element, references resolved */
	struct xml *child, *next;
};

/* The root element, in the arena; NULL when the text is not well-formed. */
struct xml *xml_parse(struct arena *mem, struct sl text) NODISCARD;

/* First child of that name, or NULL (also when `e` is NULL), and its text, or .p NULL. */
const struct xml *xml_get(const struct xml *e, const char *name);
struct sl xml_text(const struct xml *e, const char *name);

#endif
