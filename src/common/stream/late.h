/*
 * late.h - a plain CSV whose columns become known while its rows are written.
 *
 * The header must name every column, and comes first. So rows wait in a scratch file until the end.
 * Where the output is a regular file they need not: once no new column has come for as many bytes
 * as are waiting (and a MiB at least), the header is written and rows go right behind it; should a
 * new column come after all, the output is taken back, and they wait again. Nothing is moved more
 * often than it was written.
 */
#pragma once

#include "stream/wr.h"

struct late;

/*
 * `out` is an unsealed CSV writer that nothing was written to; it stays the caller's. `fill`, which
 * may be NULL and stays too, is what rows have in columns that came later.
 */
struct late *late_new(struct wr *out, const struct field *fill) NODISCARD;

/* As wr_cols() and wr_row(), but columns may be added (at the end) at any time. */
void late_cols(struct late *l, const struct sl *names, size_t n);
void late_row(struct late *l, const struct field *f, size_t n);

/* Everything goes to the output; to be called once, before it is closed. */
void late_end(struct late *l);
void late_free(struct late *l); /* NULL is fine */
