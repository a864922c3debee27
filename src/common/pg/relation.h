/* relation.h - names of tables as people write them on a command line. */
#pragma once

#include "core/hash.h"
#include "pg/conn.h"

/*
 * Takes SCHEMA.TABLE apart, `public` being the schema where none is named. A name stands as it is,
 * case included, up to the dot; or in double quotes as in SQL. Dies with 64 when malformed.
 */
void relation_split(const char *text, struct str *schema, struct str *table);
void relation_check(const char *text); /* only that; NULL is well */

/* The name as PostgreSQL keeps it: at most 63 bytes, whole characters. */
struct sl relation_cut(struct sl name);
