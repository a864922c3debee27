/*
 * fs_fill.h - what the online store knows better, put into records of the offline store:
 * collections (List, Set, Vector), which never get there, and all values of a record that has
 * several rows of one event time there.
 *
 * They are those of a record only where identifier and event time are equal. Where the online store
 * has a newer one, that is taken whole, with its own time. Records that are older there, or not
 * there at all, and states of the past go without; they are counted and named.
 */
#pragma once

#include "aws/client.h"
#include "fs/fs_group.h"
#include "stream/rec.h"

struct fs_fill_conf {
	const struct aws_opts *opts; /* a client of its own: it may be in another thread */
	const struct fs_group *group;
	const size_t *feature; /* by column of a row; SIZE_MAX where it is none */
	size_t n;
	size_t deleted; /* column of is_deleted; SIZE_MAX: there is none */
	size_t ties;    /* the same of FS_SQL_TIES */
	bool collections; /* else only ties are looked up */
	bool latest;    /* a row is the newest of its identifier: a newer one stands in for it */
	bool newer;     /* take newer ones at all */
	bool *bare; /* NULL; or where each row is told to be without, instead of counting them */
	void (*row)(void *ctx, const struct field *f, size_t n);
	void *ctx;
};

/*
 * Where the online store cannot be asked it ends the program (65) if there are collections.
 * Identifier and event time must be among the columns.
 */
struct fs_fill *fs_fill_new(const struct fs_fill_conf *conf) NODISCARD;

/* Takes a row (copied); rows come out in their order, some thousand later. */
void fs_fill_row(struct fs_fill *fill, const struct field *f);

bool fs_fill_is_tie(const struct fs_fill_conf *conf, const struct field *f);

/* The last rows; says what went without collections. Frees it. Returns how many ties were found. */
uint64_t fs_fill_end(struct fs_fill *fill);
