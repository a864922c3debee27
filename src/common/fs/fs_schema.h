/*
 * fs_schema.h - feature definitions as people give them: a JSON file, NAME:TYPE words, JSON words.
 *
 * Whatever is wrong with one (name, type, collection, a repeated name) ends the program before
 * anything is sent: 65 for a file, 64 for a word of the command line.
 */
#pragma once

#include "fs/fs_group.h"

/* What they are called where nobody says otherwise. */
#define FS_ID_NAME   "id"
#define FS_TIME_NAME "event_time"

struct fs_schema {
	struct fs_feature *features;
	struct sl *descriptions; /* empty: none */
	size_t n, cap, cap_descriptions;
	const char *id, *time; /* the features that a Role says to be them; NULL: none does */
	struct arena arena;
};

/*
 * A JSON array of {FeatureName, FeatureType, CollectionType?, CollectionConfig?, Description?,
 * Role?}; "-" is standard input. A Role is "record identifier" or "event time".
 */
void fs_schema_file(struct fs_schema *s, const char *path);

/* NAME:TYPE[:list[:DIM]|:set|:vector:DIM][:DESCRIPTION]; `list:DIM` means a vector of DIM, as the
 * command line this one replaces has it. */
void fs_schema_word(struct fs_schema *s, const char *word);

/* One JSON object as in the file. */
void fs_schema_json(struct fs_schema *s, const char *text);

/* Appends the features from..to (exclusive) as the API's FeatureDefinitions. */
void fs_schema_put(const struct fs_schema *s, size_t from, size_t to, struct str *out);

/* Appends one feature as the API writes it, and its description and role, which may be empty. */
void fs_feature_put(
	const struct fs_feature *f, struct sl description, struct sl role, struct str *out);

/* Is there one of this name? Its number, or SIZE_MAX. */
size_t fs_schema_find(const struct fs_schema *s, struct sl name);
void fs_schema_free(struct fs_schema *s);

/* A file to start from: every kind of feature, with descriptions. */
extern const char *const fs_schema_template;
