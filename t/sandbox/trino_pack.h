/*
 * trino_pack.h - the list of a SELECT as PostgreSQL takes it.
 *
 * Its entries are columns o1, o2, … of the translated query. Where they are more than PostgreSQL
 * takes, only the first have columns of their own, and the others share them as pack.h has it.
 */
#ifndef SANDBOX_TRINO_PACK_H
#define SANDBOX_TRINO_PACK_H

#include "core/str.h"
#include "trino_parse.h"

/* Are n entries too many for columns of their own? */
bool is_packed(size_t n);

/* Has entry i of n a column of its own, which is o<i + 1>? */
bool has_column(size_t i, size_t n);

/* Adds entry i of n to the list: all of them, in order. */
void add_entry(struct str *list, size_t i, size_t n, struct sl sql);

/* The query as a relation of FROM. */
struct sl subquery(struct parser *p, struct sl sql, size_t n, struct sl alias);

/* Entry i of n, from the relation subquery() made. */
struct sl entry_sql(struct parser *p, struct sl alias, size_t i, size_t n, enum trino_type type);

/* An element of an array; 0: the cell itself, which is of that type. */
struct sl element_sql(struct parser *p, struct sl cell, size_t element, enum trino_type type);

#endif
