/* athena_row.h - rows of PostgreSQL's COPY as Athena writes them. */
#ifndef SANDBOX_ATHENA_ROW_H
#define SANDBOX_ATHENA_ROW_H

#include "parquet.h"

enum athena_form { ATHENA_CSV, ATHENA_JSON, ATHENA_PARQUET };

/* Adds one row of COPY's text form (with its line end) to `out`; `parquet` is for that form only.
 */
void athena_add_row(struct str *out, enum athena_form form, struct parquet *parquet,
	const struct trino_statement *statement, struct sl row);

/* A value between quotes, as in the CSV of a result. */
void athena_add_csv_value(struct str *out, enum trino_type type, struct sl v);

#endif
