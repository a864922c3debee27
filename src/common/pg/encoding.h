/*
 * encoding.h - encodings in which a server may hold its texts, and what they are in UTF-8.
 *
 * Only those of which iconv(3) and PostgreSQL have the same table: what our programs read and what
 * the server itself converts, in a comparison, is then the same.
 */
#pragma once

#include "stream/recode.h"

struct encoding {
	const char *name; /* PostgreSQL's */
	const char *iconv;
};

/* By either name, whatever the case; NULL for one that is not of the table. */
const struct encoding *encoding_find(const char *name);

/* Readers and writers of it; to be freed with recode_free(). */
struct recode *encoding_reader(const struct encoding *e) NODISCARD;
struct recode *encoding_writer(const struct encoding *e) NODISCARD;

/*
 * Appends a text that such a server can hold, NULL: one of UTF-8. Other characters are there as
 * their bytes, <f09f9aa2>, and so is what is no character, such as the rest of one that was cut.
 */
void encoding_add_storable(const struct encoding *e, struct str *s, struct sl text);
