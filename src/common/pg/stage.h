/*
 * stage.h - staging tables and the merge of their rows: the upsert behind COPY.
 *
 * A staging table is a temporary table shaped as its target, made once per session and emptied at
 * every COMMIT; rows go there by COPY and from there into the target by one INSERT … ON CONFLICT.
 * Rows that would change nothing are not written: they cost 57 bytes of WAL instead of a row's.
 */
#pragma once

#include "pg/conn.h"

/* What happens to a value that is there already. */
enum merge {
	MERGE_FILL,    /* it stays; only NULLs are filled */
	MERGE_OVERLAY, /* a new value replaces it, NULL does not */
};

struct stage {
	unsigned number; /* its name is STAGE_NAME with it */
	bool made;
	size_t shape; /* caller's version of the target's columns it was made for */
};

#define STAGE_NAME "pg_temp.ferry_stage_%u"

/*
 * Makes sure the staging table is there, is empty, and has the columns of `target` (qualified and
 * quoted); `shape` changes whenever those do. Inside a transaction, outside savepoints that may be
 * rolled back. False when the server refuses, and tells why (pg_sqlstate()).
 */
bool stage_prepare(struct pg *pg, struct stage *stage, const char *target, size_t shape) NODISCARD;

/* What became of rows: written, or not. The others are equal to what is there. */
struct merged {
	uint64_t inserted, updated;
	uint64_t superseded; /* another value was there and stays */
	uint64_t dropped;    /* should have been written, and are not: a trigger dropped them */
};

/* Where rows go. */
struct stage_target {
	const char *name;      /* qualified and quoted */
	struct sl key;	       /* the column of its unique key */
	const struct sl *cols; /* the others that are set */
	size_t n;
	enum merge how;
};

/*
 * Merges all its rows, `rows` of them, into the target, in the order of the key, so that two
 * loaders cannot lock each other out; keys must be unique among the rows. Rows that are there are
 * locked, also without columns to set. Adds to *merged. False on an error of the server.
 */
bool stage_merge(struct pg *pg, const struct stage *stage, const struct stage_target *to,
	uint64_t rows, struct merged *merged) NODISCARD;
