/*
 * iso.h - packages of ISO 19848 (ships' data): their JSON form as records, and back.
 *
 * A TimeSeriesData package holds values of one ship: EventData, a value of a channel at an instant
 * each, and TabularData, the values of a list of channels at each instant. A DataChannelList
 * package describes channels. Members as in the JSON schemas of DNV's vista-sdk.
 *
 * Records are narrow (ship, time, channel, value, quality) or wide (ship, time, a column per
 * channel); both kinds of data become either. Times become those of ferry's streams, in UTC, and
 * are taken as UTC where a record says nothing else.
 */
#pragma once

#include "core/hash.h"
#include "stream/rec.h"

enum iso_shape {
	ISO_AUTO, /* in: narrow; out: narrow where the records have columns for name and value */
	ISO_NARROW,
	ISO_WIDE,
};

/* Names of columns; NULL: ship_id, created_time, data_channel_id, value, quality. */
struct iso_opts {
	int shape; /* enum iso_shape */
	const char *by, *key, *name, *value, *quality;
	const char *ship;   /* in: instead of the package's; out: where records name none */
	const char *author; /* of packages that are written; may be NULL */
	bool names_only;    /* in: read for the names of columns; say nothing */
};

/* Puts in the names that were not given. */
void iso_defaults(struct iso_opts *o);

/* Writes packages. Rows and columns as for wr.h; errors of data end the program with 65. */
struct out;
struct wr_iso;

struct wr_iso *wr_iso_new(struct out *out, const struct iso_opts *opts) NODISCARD;
void wr_iso_cols(struct wr_iso *w, const struct names *cols);
void wr_iso_row(struct wr_iso *w, const struct field *f, size_t n);

/* Writes the end of the package; says how many records had no value. */
void wr_iso_close(struct wr_iso *w);
