/*
 * inifile.h - files of settings: ferry.conf, and config and credentials of the AWS tools.
 *
 * `[section]`, `key = value` (or `key: value`), comments in lines of their own beginning with # or
 * ;. A line with blanks before it belongs to the key above: `key =` and below it `  sub = value`
 * give the key "key.sub". Section names are as written between the brackets, blanks folded.
 */
#pragma once

#include "core/base.h"

struct inifile_entry {
	char *section, *key, *value; /* key NULL: the section's own line */
};

struct inifile {
	struct inifile_entry *v;
	size_t n, cap;
};

/* Adds the entries of a file; a missing file has none. False with *line set when a line is neither
 * of the above (0: the file cannot be read, see errno). */
bool inifile_read(struct inifile *f, const char *path, unsigned *line) NODISCARD;

/* The last value of a key, or NULL. */
const char *inifile_get(const struct inifile *f, const char *section, const char *key);
bool inifile_has(const struct inifile *f, const char *section);
void inifile_free(struct inifile *f); /* wipes the values */
