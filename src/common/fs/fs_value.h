/*
 * fs_value.h - values of features as the Feature Store takes them, checked before they are sent.
 *
 * Sources: FeatureValue in the service's model (scalars and elements of collections are texts);
 * "Integral" is a 64-bit decimal, "Fractional" an IEEE double; event times are Unix seconds in a
 * Fractional feature or ISO 8601 in UTC, with T and Z, in a String one.
 */
#pragma once

#include "core/str.h"

enum fs_type { FS_STRING, FS_INTEGRAL, FS_FRACTIONAL };
enum fs_collection { FS_SCALAR, FS_LIST, FS_SET, FS_VECTOR };

#define FS_MAX_NAME 64
#define FS_MAX_FEATURES 2500
#define FS_MAX_TEXT 358400   /* characters of one value */
#define FS_MAX_ID 2048       /* bytes of a record identifier */
#define FS_MAX_RECORD 358400 /* bytes of a record, names and values: 350 KB */

/* Names as the API writes them: "Integral", "Vector"; false when it is none. */
bool fs_type_parse(struct sl text, enum fs_type *type) NODISCARD;
bool fs_collection_parse(struct sl text, enum fs_collection *collection) NODISCARD;
const char *fs_type_name(enum fs_type type);
const char *fs_collection_name(enum fs_collection collection); /* NULL for a scalar */

/* NULL when `text` can be a value of the type, else why not: "is not a 64-bit integer". */
const char *fs_value_check(enum fs_type type, struct sl text);

/* The same for the event time of a record. */
const char *fs_event_time_check(enum fs_type type, struct sl text);

/*
 * An instant (microseconds, core/clock.h) as an event time: 2024-01-01T00:00:15.250Z in a String
 * feature (milliseconds), seconds with three decimals in a Fractional one.
 */
void fs_event_time_put(struct str *s, enum fs_type type, int64_t instant);

/* Reads an event time to the microsecond, rounding up: what is later than it is later than the
 * text. False when it is no event time or lies outside of the years 1 to 9999. */
bool fs_event_time_parse(enum fs_type type, struct sl text, int64_t *instant) NODISCARD;

/* The text of a String feature without what makes no difference to the instant: the part of
 * 2024-01-01T00:00:00.500Z that is 2024-01-01T00:00:00.5. */
struct sl fs_event_time_bare(struct sl text);

/*
 * Appends the event time just behind `text`: a nanosecond later in a String feature, a microsecond
 * (or the next double) in a Fractional one. NULL, or why there is none; then nothing is appended.
 * What happens at that time replaces a record of `text`, and nothing that is newer.
 */
const char *fs_event_time_next(struct str *s, enum fs_type type, struct sl text);

/*
 * Appends a number with its exponent written out: 1.7617169464774606E9 as 1761716946.4774606.
 * What is not such a number is appended unchanged.
 */
void fs_plain_decimal(struct str *s, struct sl text);

/* NULL when a group or feature may have this name, else why not. */
const char *fs_name_check(struct sl name);

/* The same for a feature, whose name must also not be one of the store's own columns. */
const char *fs_feature_name_check(struct sl name);
bool fs_is_store_column(struct sl name); /* write_time, api_invocation_time, is_deleted */

/* A time to live in seconds; 0 when there is none or the unit is unknown. */
uint64_t fs_ttl_seconds(struct sl unit, uint64_t value);
