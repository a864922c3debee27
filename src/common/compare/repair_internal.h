/* repair_internal.h - what the files of repair share; nobody else includes it. */
#pragma once

#include "compare/repair.h"

/* Reads [from, to) of a ship again and fills what is NULL, in one transaction (repair_fill.c). */
void repair_fill(struct repair *r, struct ship *ship, int64_t from, int64_t to);

/*
 * Sets values of one channel: those of list[0..n), which are CELL_DIFFERS or CELL_EXTRA
 * (repair_set.c).
 */
void repair_set(struct repair *r, struct ship *ship, const struct celldiff_cell *list, size_t n);

/* Makes the first row of ROW_ORPHAN, and takes ROW_EXTRA away (repair_rows.c). */
void repair_orphans(
	struct repair *r, struct ship *ship, const struct celldiff_cell *list, size_t n);
void repair_rows(struct repair *r, struct ship *ship, const struct celldiff_cell *list, size_t n);

/* Appends the condition that what was in row `t` may go when the source has it no more. */
void repair_add_license(struct repair *r, struct str *sql, const struct ship *ship);

/* ---- statements ----------------------------------------------------------------------------- */

#define REPAIR_AT_ONCE 500 /* rows locked by one transaction */

/* The instants as the text of an array, for a parameter of the key's type. */
const char *repair_instants(
	struct str *s, const struct ship *ship, const struct celldiff_cell *list, size_t n);

/*
 * Begins a transaction that does not wait long for locks. After a statement failed: rolls it back
 * when it was for a lock that another holds on some of these rows; other errors end the program.
 */
void repair_begin(struct repair *r);
void repair_give_way(struct repair *r, size_t rows);
