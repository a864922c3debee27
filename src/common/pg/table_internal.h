/* table_internal.h - what the files of table.h share. */
#pragma once

#include "pg/copybuf.h"
#include "pg/table.h"

/* A column of the table; texts are SQL, in table.texts. */
struct column {
	struct sl type;	    /* with its length and collation */
	struct sl sequence; /* that gives its values; empty: none */
	struct sl equal;    /* of a key: OPERATOR(schema.=) */
	bool json, nested;  /* json or jsonb; an array or a row type */
	bool nullable;
	bool computed;	    /* GENERATED ALWAYS AS (expression) */
	bool always;	    /* GENERATED ALWAYS AS IDENTITY */
	bool required;	    /* NOT NULL without a default */
	const char *absent; /* what a new row without it gets; NULL: only the server can say */
	int64_t least, greatest; /* values sent, where there is a sequence */
	bool any;	    /* of them */
};

/* A column that is written: of the stream, and its number in the table. */
struct written {
	uint32_t from, to;
	bool as_json; /* arrays and objects, for a column that is nested */
	bool optional; /* some record has no such member */
};

/* Of a row: where its text is, when kept; and, when it waits, whether for a row it refers to. */
struct raw {
	size_t at, n;
	bool refers;
};

/*
 * Records that are written to the same columns: their buffer. When they are `marked` some lack
 * members, which are NULL there, and a last field has '1' or '0' for each column: is it there?
 */
struct shape {
	bool marked;
	struct written *col; /* in the order of COPY */
	size_t n;
	struct batch {
		struct copybuf buf;
		struct str raw;	    /* texts of the records, when kept */
		struct raw *raw_of; /* by row */
		size_t raw_cap;
	} rows, late; /* late: rows that may wait for others, refused for a foreign key */
	bool late_is_full;
};

struct table {
	struct pg *pg;
	struct table_conf conf;
	struct str ident;
	struct str into; /* where rows go: ident, or the table that will replace its rows */
	struct str row;	 /* a name that no column has: of the number of a row */
	struct str has;	 /* another: of its mark */
	struct sl schema, name; /* in texts */
	struct arena texts;
	struct names columns; /* of the table */
	struct column *column;
	size_t columns_cap;
	struct names keys;
	bool nulls_equal; /* NULL is a value of the key like others */
	bool exists, created;
	bool by_insert; /* not by COPY */
	bool ruled;	/* a view or rule decides what absent columns get */
	bool drops;	/* a trigger may */
	bool stages;	/* temporary tables may be made */
	bool foreign;
	bool secured;	/* row-level security: 42501 is a row's fault */
	bool defers;
	bool renewed; /* `into` is there */
	bool unchecked; /* `into` does not check all that the table does */
	bool refused;	/* the exchange: what is wrong is sought row by row, in the table itself */
	bool immediate; /* constraints are not deferred: table_restart() */
	struct names types; /* of columns, for create: those of table_type() */
	const char **type;
	size_t types_cap;
	const struct names *cols; /* of the stream */
	bool json;
	size_t n_cols;
	uint32_t *to; /* by column of the stream: that of the table, or NOWHERE */
	size_t to_cap;
	size_t n_wanted;
	struct names shapes;
	struct shape *shape;
	size_t shapes_cap;
	size_t open;   /* the shape that takes rows, when there is one */
	bool combines; /* of the staged rows: some of one key have different members */
	bool mixed;    /* of them: some have different members */
	struct str scratch;
	struct str *hopeless; /* statements taking out rows that refer to nothing: table_wait.c */
	size_t n_hopeless;
	bool referring; /* they are known */
	bool *left_out; /* by row of the buffer, of those that should get in together */
	struct str staged_as; /* columns as JSON that the staging table was made for */
	bool stage_made, staged;
	bool last_chance; /* what is refused now does not wait any more */
	const char *why;  /* our own reason to refuse rows, instead of the server's */
	struct shape *sending;
	struct table_counts counts, before;
};

#define NOWHERE UINT32_MAX
#define NOT_IN 0 /* as the record of a buffered row: it was refused, or waits */
#define TABLE_LOADED "ferry_load" /* in pg_temp: what will replace the rows */

/* ---- table.c ---- */
/* Of a result whose first column says which key a row is of: rows [i, end) are of the same. */
size_t table_end_of_key(const struct pg_result *r, size_t i);

/* Dies with 65 when the input has no column of this name. */
void table_must_have(const struct table *t, struct sl key);
/* The exchange was refused, and undone: empties the table, which takes the rows itself now. */
void table_into_itself(struct table *t);

/* Hands a record that is not even sent to who gave it; `field` may be empty. */
void table_refuse(struct table *t, const struct rec *rec, struct sl field, const char *why);

/* ---- table_sql.c: statements ---- */

/* Where the rows of a merge come from. */
enum source { SOURCE_STAGE, SOURCE_VARIABLES /* of table_add_loop() */ };

enum merge_step {
	MERGE_LOCK,   /* SELECT: rows of the source, of them there, of these other; locks them */
	MERGE_FIXED,  /* SELECT: those that would change an identity that is GENERATED ALWAYS */
	MERGE_UPDATE, /* rows that are there */
	MERGE_INSERT, /* the others */
};

/* Appends a statement of the merge of this shape; false when there is nothing to do. */
bool table_add_merge(struct table *t, struct str *sql, const struct shape *s, enum source from,
	enum merge_step step) NODISCARD;

/* Appends `(a, b)`: the columns of a shape, and (`marks`) of its marks, if it has any. */
void table_add_columns(struct table *t, struct str *sql, const struct shape *s, bool marks);

/*
 * Appends the question which sets table.combines and table.mixed for the staged rows; false when
 * that makes no difference.
 */
bool table_add_marks(struct table *t, struct str *sql, const struct shape *s) NODISCARD;

/* Appends the statement that makes the staging table. */
void table_add_stage(struct table *t, struct str *sql, const struct shape *s);

/*
 * Appends the block (of PL/pgSQL) that goes through the rows of pg_temp.ferry_raw one by one and
 * puts those that are refused into pg_temp.ferry_bad: their values only, or (`write`) all of it.
 */
void table_add_loop(struct table *t, struct str *sql, const struct shape *s, bool write);

bool table_is_key(const struct table *t, uint32_t column);

/* ---- table_send.c: buffers to the server ---- */
void table_send(struct table *t, struct shape *s);

/* Gives rows that wait for others, or were refused with others, another chance. */
void table_retry(struct table *t);
