/*
 * rights.h - what the role of a connection may do, asked before it is tried: a refusal names the
 * statement that an administrator runs. All of them die with 77.
 */
#pragma once

#include "pg/conn.h"

/* Reading of a table that is there, or of some of its columns. */
void rights_to_read(struct pg *pg, const char *schema, const char *table);

/*
 * Makes the schema unless it is there; only then the right to make one is needed. Outside of a
 * transaction also where another makes it at the same moment.
 */
void rights_make_schema(struct pg *pg, const char *schema);

/* Making tables in a schema that is there. */
void rights_to_make(struct pg *pg, const char *schema);

/* Making temporary tables. */
void rights_to_stage(struct pg *pg);

/* Reading all tables of a schema that is there. */
void rights_to_read_all(struct pg *pg, const char *schema);

/* Reading and changing all tables of a schema that is there. */
void rights_to_change(struct pg *pg, const char *schema);
