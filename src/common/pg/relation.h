/* relation.h - names of tables as people write them on a command line. */
#ifndef FERRY_PG_RELATION_H
#define FERRY_PG_RELATION_H

#include "core/base.h"
#include "core/str.h"
#include "pg/conn.h"

/*
 * Takes SCHEMA.TABLE apart, `public` being the schema where none is named. A name stands as it is,
 * case included, up to the dot; or in double quotes as in SQL. Dies with 64 when malformed.
 */
void relation_split(const char *text, struct str *schema, struct str *table);

/* Appends both as a quoted, qualified name. */
void relation_ident(struct pg *pg, struct str *sql, struct sl schema, struct sl table);

#endif
