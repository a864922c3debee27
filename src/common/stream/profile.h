/*
 * profile.h - what values the columns of a stream have: their types, how many are NULL and
 * distinct, least and greatest, longest.
 *
 * Works in the memory of one value for each column, and 32 bytes for each distinct value, of at
 * most PROFILE_DISTINCT of a column; then "more" is all that is known of them.
 */
#pragma once

#include "core/hash.h"
#include "core/report.h"
#include "stream/rec.h"

#define PROFILE_DISTINCT 100000

struct profile;

struct profile *profile_new(void) NODISCARD;
void profile_free(struct profile *p);

/* A record of as many columns as there are so far; those that a record lacks count as missing. */
void profile_add(struct profile *p, const struct rec *rec);

/* Appends the report, a row for each column. */
void profile_put(const struct profile *p, const struct names *cols, enum report_format format,
		 struct str *out);
