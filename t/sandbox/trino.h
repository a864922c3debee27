/*
 * trino.h - Athena's SQL (the dialect of Trino), as much of it as Feature Store's users need,
 * turned into SQL for PostgreSQL with the same meaning.
 *
 * Every expression has the type Trino gives it, so mistakes Trino refuses (text compared with a
 * date, unknown columns and tables) are refused in its words, and where both differ (order of
 * NULLs, escapes of LIKE, rounding, text of numbers) the SQL says what Trino means. What is not
 * known here is answered with SANDBOX_UNSUPPORTED, never passed on in the hope that it will do.
 */
#ifndef SANDBOX_TRINO_H
#define SANDBOX_TRINO_H

#include "core/base.h"
#include "core/mem.h"

enum trino_type {
	TYPE_UNKNOWN, /* of NULL */
	TYPE_BOOLEAN,
	TYPE_INTEGER,
	TYPE_BIGINT,
	TYPE_DECIMAL,
	TYPE_DOUBLE,
	TYPE_VARCHAR,
	TYPE_DATE,
	TYPE_TIMESTAMP,
	TYPE_TIMESTAMP_TZ,
	TYPE_INTERVAL, /* day to second, or year to month */
};

enum trino_kind { TRINO_SELECT, TRINO_UNLOAD, TRINO_DELETE, TRINO_MAINTENANCE };

struct trino_column {
	struct sl name;
	enum trino_type type;
};

struct trino_statement {
	enum trino_kind kind;
	struct sl sql; /* for PostgreSQL; of a query every output column is text, or boolean */
	bool packed;   /* the output columns are as pack.h has them */
	struct trino_column *columns;
	size_t n_columns;
	struct sl location;            /* of UNLOAD: s3://… */
	struct sl format, compression; /* of UNLOAD, in lower case */
	struct offline **tables;       /* that are read or changed, each once */
	size_t n_tables;
	struct sl error; /* set instead of all else: what Athena says, or SANDBOX_UNSUPPORTED: … */
};

/* Where names without a database lead to, and whose tables there are. */
struct trino_context {
	struct sl account, region, database;
	const struct sl *parameters; /* for ?, each a literal of SQL */
	size_t n_parameters;
};

/* Everything in the result lives in the arena. False: `error` says why. */
bool trino_translate(struct arena *mem, const struct trino_context *context, struct sl sql,
	struct trino_statement *out);

/* "bigint", "timestamp(3) with time zone"…; and the name Athena gives a column's type. */
const char *trino_type_name(enum trino_type type);
const char *trino_athena_type(enum trino_type type);

/* SQL that creates the functions translated statements use, in the schema of offline stores. */
extern const char trino_functions[];

#endif
