/*
 * featurestore.h - feature groups: the control plane (SageMaker) and their records (Feature Store
 * Runtime). Requests of the record calls are built here and answers taken apart, so that they can
 * go through aws_do() or a pool alike.
 */
#pragma once

#include "aws/client.h"
#include "stream/json.h"

#define FS_BATCH_WRITE_MAX 25
#define FS_BATCH_GET_MAX 100
#define FS_LIST_MAX 100

/* ---- control plane ------------------------------------------------------------------------- */

/*
 * Makes a SageMaker call with a JSON body: CreateFeatureGroup, UpdateFeatureGroup,
 * DeleteFeatureGroup, Search, ListTags … The parsed answer lives in `mem`; NULL with *e set on
 * failure.
 */
const struct json *fs_control(struct aws *a, const char *operation, struct sl body,
	struct arena *mem, struct aws_error *e) NODISCARD;

struct fs_group; /* fs/fs_group.h */

/* Describes a group, all pages of its features, into *g (zeroed; fs_group_free() it). A missing
 * group is false with e->class AWS_NOT_FOUND. */
bool fs_describe(struct aws *a, struct sl group, struct fs_group *g, struct aws_error *e) NODISCARD;

/* The description of one feature (DescribeFeatureMetadata), in `mem`; empty with e->class AWS_FINE
 * when it has none. */
struct sl fs_feature_description(struct aws *a, struct sl group, struct sl feature,
	struct arena *mem, struct aws_error *e);

/* Takes one FeatureGroupSummary; false ends the listing. It may make calls on the same client. */
typedef bool fs_summary_fn(void *ctx, const struct json *summary);

/* Every group whose name contains `contains` (empty: all), page by page. */
bool fs_list(struct aws *a, struct sl contains, fs_summary_fn *each, void *ctx,
	struct aws_error *e) NODISCARD;

/* ---- records ------------------------------------------------------------------------------- */

/* A target group's fixed parts, worked out once: the encoded path. Strings are owned. */
struct fs_target {
	struct sl group; /* name or ARN, borrowed */
	struct str path; /* /FeatureGroup/NAME */
};
void fs_target_init(struct fs_target *t, struct sl group); /* t is zeroed before, or freed */
void fs_target_free(struct fs_target *t);

/* How records are stored; zeroed = every store of the group, no TTL of its own. */
struct fs_how {
	bool online_only, offline_only;
	struct sl ttl_unit;
	uint64_t ttl;
};

/*
 * Bodies: fs_put_begin(), {"FeatureName":…,"ValueAsString":…} for each feature with a value, commas
 * between them, fs_put_end(). A batch: the same per entry, with fs_entry_begin(), in an empty body.
 */
void fs_put_begin(struct str *body);
void fs_entry_begin(struct str *body, struct sl group);
void fs_put_end(struct str *body, const struct fs_how *how);

/* Calls. Bodies and paths stay the caller's. All may be repeated: the same record with the same
 * event time leaves the online store as it is (offline gets one more row). */
void fs_put_call(struct aws_call *c, const struct fs_target *t, struct sl body);
void fs_batch_write_call(struct aws_call *c, struct str *entries); /* which it ends */

/* DeleteRecord; `query` receives the query string. event_time is in the group's own format. */
void fs_delete_call(struct aws_call *c, const struct fs_target *t, struct sl id,
	struct sl event_time, const struct fs_how *how, bool hard, struct str *query);

/* GetRecord; no names = all features. The answer is {"Record":[…],"ExpiresAt":…}, without Record
 * when there is none. */
void fs_get_call(struct aws_call *c, const struct fs_target *t, struct sl id,
	const struct sl *names, size_t n_names, struct str *query);

/* BatchGetRecord of one group, at most FS_BATCH_GET_MAX ids; `body` receives the request. */
void fs_batch_get_call(struct aws_call *c, struct sl group, const struct sl *ids, size_t n_ids,
	const struct sl *names, size_t n_names, struct str *body);

/* ListRecords; `token` empty for the first page; `path` and `body` receive the request. */
void fs_list_records_call(struct aws_call *c, const struct fs_target *t, struct sl token,
	bool soft_deleted, struct str *path, struct str *body);

/* Does the error say that the endpoint does not have the call, or that it is not for this user? */
bool fs_call_is_missing(const struct aws_error *e);

/* Makes *token that of the page behind, or empty. False with *e set when it is no text, or the one
 * we came by: such a listing never ends. */
bool fs_next_page(const char *operation, const struct json *page, struct str *token,
	struct aws_error *e) NODISCARD;

/* Of one element of a Record: name, and text value (or the list, then *list is not NULL). */
bool fs_feature_value(const struct json *fv, struct sl *name, struct sl *value,
	const struct json **list) NODISCARD;

/* The value of feature `name` in a Record array; false when it is not there or a list. */
bool fs_record_value(const struct json *record, struct sl name, struct sl *value) NODISCARD;
