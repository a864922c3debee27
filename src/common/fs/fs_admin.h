/*
 * fs_admin.h - what changes feature groups: create, add features, delete, clear the offline store.
 *
 * Each function refuses what the service would refuse before it sends anything, says on standard
 * output what it did (or, with dry_run, would do), and ends the program when it fails.
 */
#pragma once

#include "aws/client.h"
#include "fs/fs_schema.h"

enum fs_table_kind { FS_KIND_GLUE, FS_KIND_ICEBERG };
enum fs_throughput { FS_ON_DEMAND, FS_PROVISIONED };

struct fs_admin {
	/* create */
	const char *role, *description, *id_name, *time_name, *s3_uri, *kms_key, *storage_type;
	bool online, offline, encryption;
	uint64_t ttl_days; /* 0: records do not expire */
	int table_kind;    /* enum fs_table_kind */
	int throughput;    /* enum fs_throughput */
	uint64_t read_units, write_units;
	struct opt_list tags; /* NAME=VALUE */
	/* clear */
	const char *where; /* these rows only, of an Iceberg table; NULL: all */
	const char *copied; /* no object that is not below this URI; NULL: all */
	const char *backup, *athena_output, *workgroup;
	/* delete */
	bool keep_data;
	/* all */
	bool wait, dry_run, try_deleting;
	int64_t wait_timeout;
};

void fs_admin_create(
	struct aws *a, const char *name, const struct fs_schema *s, const struct fs_admin *o);
/* Features that the group has just so are left out of the schema, with a warning. */
void fs_admin_add(
	struct aws *a, const char *name, struct fs_schema *s, const struct fs_admin *o);
void fs_admin_delete(struct aws *a, const char *name, const struct fs_admin *o);
void fs_admin_clear(struct aws *a, const char *name, const struct fs_admin *o);
void fs_admin_backup(struct aws *a, const char *name, const struct fs_admin *o);
/* Sets the tags, if there are any, and prints those that the ARN has then, NAME=VALUE a line. */
void fs_admin_tags(struct aws *a, const char *arn, const struct fs_admin *o);
