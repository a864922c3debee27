/*
 * pack.h - more columns than PostgreSQL takes.
 *
 * A table has at most 1,600 columns, and no more than fit a page: 339 texts in the worst case. The
 * list of a SELECT has at most 1,664 entries. So of many columns the first are cells of their own,
 * and those behind them share cells: arrays of text, whose elements are cast to their types where
 * they are used. Tables are always made so; the lists of queries only when they must.
 */
#ifndef SANDBOX_PACK_H
#define SANDBOX_PACK_H

#include "core/str.h"

#define PACK_PLAIN 256 /* with 36 arrays they fit a page, whatever they hold */
#define PACK_ARRAY 64  /* elements of an array: each is found by stepping over those before */

/* Where a column is: cells count from 0, elements of a cell from 1; 0: the cell is the column. */
struct place {
	size_t cell, element;
};

struct place pack_place(size_t column);
bool pack_ends(size_t column, size_t n); /* is it the last in its cell, of n columns? */
size_t pack_cells(size_t n);             /* that n columns take */

/*
 * The text of an array, element by element: writing adds the brace or comma before the element, and
 * the brace behind the last. .p NULL is NULL.
 */
void pack_add(struct str *array, size_t column, size_t n, struct sl value);

/*
 * Reading: the element that begins at *at (behind the first brace), its escapes undone in place;
 * *at moves to the next one.
 */
struct sl pack_take(char **at);

#endif
