/* namelist.h - lists of names in a file, as people keep them. */
#pragma once

#include "core/hash.h"
#include "core/str.h"

/*
 * Adds the names of the file to `names`: one a line, blanks at the end dropped (`exact`: kept, for
 * they are of a value), empty lines
 * skipped; or NDJSON, then the text of the member data_channel_id of each object (as
 * pg-narrow-schema writes it), or of `channel`; or a DataChannelList package of ISO 19848, then the
 * local ids of its channels. A name that repeats counts once; a byte order mark is dropped. Dies
 * with 66 (cannot open) or 65, naming the line.
 */
void namelist_read(const char *path, struct names *names, bool exact);

/*
 * Adds the names of a comma-separated list, the value of --`option`. A name in double quotes may
 * hold commas, and quotes as "". One that is empty or there already ends the program with 64.
 */
void namelist_split(struct names *names, const char *list, const char *option);

/*
 * The name at *p, which is then behind it, at one of `ends` or the end: of the list, or in quotes,
 * then in `text`.
 */
struct sl namelist_next(const char **p, const char *ends, struct str *text, const char *option);

/* The name that `#3` stands for, the third column's, unless one is named so; else `name` itself. */
struct sl namelist_resolve(const struct names *cols, struct sl name);

/* Does it look like that, `#n`, so that it is mistaken where there are fewer columns? */
bool namelist_is_number(struct sl name, uint64_t *n);

/* Resolves each; a column that is named twice then ends the program with 64. */
void namelist_resolve_all(struct names *names, const struct names *cols);

/* Is the number of a column among these? */
static inline bool column_among(const size_t *at, size_t n, size_t column)
{
	while (n > 0 && at[n - 1] != column)
		n--;
	return n > 0;
}

/* In the order of their bytes. */
void namelist_sort(struct names *names);

/* ---- names that are taken -------------------------------------------------------------------- */

/*
 * Columns of a wide stream for names that are taken: a channel may be called as the
 * columns of ship or time are, or as that of the seals. Its column gets an "@" before its name, and
 * so does every name that is one of those but for the "@" before it, so that all can be told apart.
 */

/* Needs `name` an "@", where the stream has the columns `lead`? */
bool colname_is_taken(struct sl name, const struct sl *lead, size_t n_lead);

/* What the column stands for: its name, or that without the "@". A part of `column`. */
struct sl colname_of(struct sl column, const struct sl *lead, size_t n_lead);
