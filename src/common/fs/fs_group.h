/*
 * fs_group.h - a feature group as DescribeFeatureGroup tells of it.
 */
#pragma once

#include "fs/fs_value.h"
#include "stream/json.h"

struct fs_feature {
	struct sl name;
	enum fs_type type;
	enum fs_collection collection;
	uint64_t dimension; /* FS_VECTOR */
};

/* Texts that the service left out are empty slices. All of it lives in the arena. */
struct fs_group {
	struct arena arena;
	const struct json *doc; /* the whole answer, its features those of all pages */
	struct sl name, arn, status, failure, description, role;
	struct sl called; /* as the caller does; ARNs have names in lower case, which are of two */
	struct sl update_status, update_failure; /* LastUpdateStatus */
	struct fs_feature *features;
	size_t n;
	size_t id, time; /* numbers of the record identifier and the event time */
	bool online, offline;
	struct sl storage_type; /* Standard, InMemory, or what the service will call others */
	struct sl ttl_unit;     /* Seconds … Weeks */
	uint64_t ttl;           /* 0: records do not expire */
	struct sl offline_status, offline_blocked; /* Active, Blocked, Disabled; and why */
	struct sl table_format;                    /* Glue, Iceberg */
	struct sl s3_uri, resolved_uri;
	struct sl catalog, database, table; /* table empty: Athena cannot see the group */
	bool own_table; /* the table was there before the group, and is not its own to drop */
	double created;                     /* Unix seconds */
};

/*
 * Fills *g, which is zeroed, from the text of an answer (copied). NULL when it is one, else why
 * not. A feature type this program does not know is an error: its values could not be checked.
 */
const char *fs_group_parse(struct fs_group *g, struct sl answer) NODISCARD;
void fs_group_free(struct fs_group *g);
#define AUTO_FS_GROUP __attribute__((cleanup(fs_group_free))) struct fs_group

static inline enum fs_type fs_time_type(const struct fs_group *g)
{
	return g->features[g->time].type;
}

/*
 * The number of the feature a column of this name is: exactly so named, or the only one that
 * differs in case (Glue and Athena have lower case only). SIZE_MAX when there is none.
 */
size_t fs_group_feature(const struct fs_group *g, struct sl name);
