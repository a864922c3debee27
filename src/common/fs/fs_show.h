/*
 * fs_show.h - what can be told of feature groups, as table, JSON, CSV or Markdown on standard
 * output.
 */
#pragma once

#include "aws/client.h"
#include "core/report.h"

/* Every group whose name contains `contains` ("" for all), each described. */
void fs_show_list(struct aws *a, const char *contains, enum report_format format);

/* Only their names, one a line: with a request for each page of them, not one for each group. */
void fs_show_names(struct aws *a, const char *contains);

/* The description: for people, its facts and features; JSON is the service's answer. */
void fs_show_group(struct aws *a, const char *name, enum report_format format);

/* The features; JSON is the array that creating a group takes. */
void fs_show_schema(struct aws *a, const char *name, enum report_format format);

/*
 * Size and monthly price (at `price` US dollars per GiB) of one group's offline store, or of all
 * that lies under s3://bucket/prefix, by its next level. A copy as CSV goes to `export` if not
 * NULL.
 */
void fs_show_size(struct aws *a, const char *name, double price, enum report_format format,
	const char *export);
void fs_show_prefix(struct aws *a, const char *bucket, const char *prefix, double price,
	enum report_format format, const char *export);
