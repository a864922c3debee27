/*
 * offline.h - the offline store of a group: its whole history, as a table of the private PostgreSQL
 * and as objects in S3. Like Glue table and objects it outlives its group.
 *
 * A record waits in memory until the configured delay has passed. Then offline_settle() writes it:
 * a row in PostgreSQL, and, for the rows of one hour of event time that settle together, one object
 * under the group's ResolvedOutputS3Uri. The object is a stand-in (it begins and ends like Parquet,
 * the rows between are text); rows know their object, and go when it is deleted.
 */
#ifndef SANDBOX_OFFLINE_H
#define SANDBOX_OFFLINE_H

#include "core/mem.h"
#include "online.h"

enum column_type { COLUMN_BIGINT, COLUMN_DOUBLE, COLUMN_VARCHAR };

/*
 * Names in PostgreSQL: of the store's own columns; those of features, whose names may be too long,
 * are "c0", "c1" … for the cells of pack.h.
 */
#define OFFLINE_SCHEMA "ferry_offline"
#define OFFLINE_OBJECT_COLUMN "object"

struct offline_column {
	struct sl name; /* in lower case, as Glue has it */
	enum column_type type;
};

struct offline {
	struct arena mem;
	struct sl account, region;
	struct sl database, table; /* table without bytes: there is none in Glue */
	struct sl bucket, prefix;  /* of the objects, without a slash at the end */
	bool iceberg;
	struct sl event_time; /* name of the feature, for Iceberg's partitions */
	int64_t created;      /* Unix microseconds */
	struct offline_column *columns;
	size_t n_columns, columns_cap;
	struct sl pg_table; /* qualified name in PostgreSQL */
	struct sl missing;  /* an object an Iceberg table lost, or nothing: its queries fail */
	uint64_t settled;   /* rows written so far */
	size_t made;	    /* so many of the columns are in PostgreSQL; 0: there is no table */
	bool dropped;       /* from Glue */
	struct waiting_row *rows; /* not written yet, oldest first */
	size_t n_rows, rows_cap;
};

/* Connects to the private PostgreSQL and empties what an earlier sandbox left. */
void offline_start(const char *conninfo);
void offline_set_delay(int64_t us);

/*
 * Registers `o`, made with mem_zalloc() and filled by the caller up to `created`. Its
 * table, with no columns yet but the store's own, is made when the store settles next.
 */
void offline_add(struct offline *o);

/* Adds a column; its name is copied in lower case. */
void offline_add_column(struct offline *o, struct sl name, enum column_type type);

/*
 * Takes over one record: `values` by column, .p NULL where it has none. `deleted` marks the row a
 * deletion leaves.
 */
void offline_append(struct offline *o, const struct sl *values, struct event_time t, bool deleted);

/* Makes the tables of all groups, and writes what has waited long enough. */
void offline_settle(void);

/* The table of that name in Glue, whatever its case; NULL if there is none. */
struct offline *offline_find(
	struct sl account, struct sl region, struct sl database, struct sl table);
bool offline_has_database(struct sl account, struct sl region, struct sl database);

/* An object was deleted: the rows it held go, or an Iceberg table breaks. */
void offline_object_deleted(struct sl bucket, struct sl key);

struct pg *offline_pg(void); /* the connection, for statements between two requests */

#endif
