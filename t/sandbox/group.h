/*
 * group.h - the feature groups there are. A group is found by account, region and name; it becomes
 * Created, updated or gone when the configured delay has passed, without anybody doing anything.
 */
#ifndef SANDBOX_GROUP_H
#define SANDBOX_GROUP_H

#include "core/hash.h"
#include "exchange.h"

enum feature_type { FEATURE_INTEGRAL, FEATURE_FRACTIONAL, FEATURE_STRING };

struct feature {
	struct sl name;
	enum feature_type type;
	struct sl collection;  /* "List", "Set", "Vector" or nothing */
	int64_t dimension;     /* of a Vector */
	struct sl description; /* of the feature's metadata */
	int64_t created, changed;
};

enum table_format { TABLE_GLUE, TABLE_ICEBERG };

struct ttl {
	struct sl unit; /* "Days" …; nothing: no TTL */
	int64_t value;
};

struct group {
	struct arena mem;
	struct sl account, region, name, arn;
	int64_t created; /* Unix microseconds, as are all times here */
	int64_t ready;   /* Creating until then */
	int64_t changed;
	int64_t update_done; /* 0: never updated */
	int64_t gone;        /* 0: not being deleted */
	struct sl failure;   /* why creation fails, or nothing */
	struct feature *features;
	size_t n_features, features_cap;
	struct names feature_names; /* number = place in `features` */
	size_t id, event_time;      /* places in `features` */
	struct sl role, description;
	struct fields tags;
	struct sl throughput; /* ThroughputConfig as JSON, or nothing */

	bool has_online;
	struct sl storage_type, online_kms;
	struct ttl ttl;
	struct online *online;

	bool has_offline;
	struct sl s3_uri, resolved_uri, offline_kms;
	bool no_glue_table;
	struct sl catalog, database, table; /* no table: no bytes */
	enum table_format format;
	struct sl format_name; /* as asked for: "Glue", "Iceberg", or nothing */
	struct offline *offline;
	struct sl blocked; /* why the offline store takes nothing, or nothing */
};

/*
 * Delays, in microseconds, of creation, updates and deletion, which bring forward the end of what
 * is under way, too; and why creations fail from now on.
 */
void group_set_delays(int64_t create, int64_t update, int64_t delete_us);
void group_set_create_failure(const char *why); /* copied; NULL or "": they succeed */
int64_t group_update_delay(void);
int64_t group_delete_delay(void);

/*
 * A new group of that name, to be filled by the caller; NULL when the name is taken (also while the
 * old one is being deleted).
 */
struct group *group_new(struct sl account, struct sl region, struct sl name);
/* Takes a group back that group_new() made and that turned out to be invalid. */
void group_discard(struct group *g);

/* By name or ARN; NULL when there is none or it has gone. */
struct group *group_find(const struct exchange *x, struct sl name_or_arn);

/* All groups in order of creation, with holes (NULL) where some have gone. */
struct group **group_all(size_t *n);

/* Adds a feature; the name must be new. */
void group_add_feature(struct group *g, struct feature f);

const char *group_status(const struct group *g); /* "Creating" … */
const char *group_update_status(const struct group *g);

struct sl group_keep(struct group *g, struct sl s);

#endif
