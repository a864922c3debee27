/*
 * s3_store.h - buckets and objects. Contents are files in a directory; names, which may hold any
 * byte, are kept in memory only, sorted as S3 lists them.
 */
#ifndef SANDBOX_S3_STORE_H
#define SANDBOX_S3_STORE_H

#include "exchange.h"

struct s3_object {
	struct sl key;
	uint64_t size, file; /* number of the file */
	int64_t modified;    /* Unix microseconds */
	char etag[48];       /* without the quotes */
	struct fields meta;  /* Content-Type, x-amz-meta-… as they were sent */
	struct arena mem;
};

struct s3_bucket {
	struct sl name, account, region;
	int64_t created;
	struct s3_object **v; /* in order of keys */
	size_t n, cap;
	struct arena mem;
};

/* Where contents go; what is there from an earlier run is left alone. */
void s3_store_start(const char *dir);

/* In a new process: the folder's descriptor gets this number. */
void s3_store_move_dir(int fd);

/* NULL when there is no such bucket; s3_bucket_get() makes it. */
struct s3_bucket *s3_bucket_find(struct sl name);
struct s3_bucket *s3_bucket_get(struct sl name, struct sl account, struct sl region);
bool s3_bucket_delete(struct s3_bucket *b); /* false when it is not empty */
struct s3_bucket **s3_buckets(size_t *n);

/* NULL when there is none. */
struct s3_object *s3_store_find(const struct s3_bucket *b, struct sl key);

/* Place of the first key >= `key`, or n. */
size_t s3_store_lower_bound(const struct s3_bucket *b, struct sl key);

/* Stores bytes, or a file made by s3_store_file() that is complete, under a key; replaces what was.
 */
struct s3_object *s3_store_put(struct s3_bucket *b, struct sl key, struct sl data);
struct s3_object *s3_store_put_file(
	struct s3_bucket *b, struct sl key, uint64_t file, const char *etag);
bool s3_store_delete(struct s3_bucket *b, struct sl key); /* was there */

/* A new empty file: its number, open for writing in *fd. */
uint64_t s3_store_file(int *fd);
int s3_store_open(uint64_t file); /* for reading; dies with 74 when it has gone */
void s3_store_drop_file(uint64_t file);

#endif
