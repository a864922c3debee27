/*
 * pgoutput.h - what a logical slot tells: messages of the output plugin pgoutput, protocol 1, as
 * PostgreSQL 10 and later send them (documentation, "Logical Replication Message Formats").
 *
 * Nothing of a message is believed: lengths are checked, and a message must end where it says. With
 * protocol 1 a transaction is sent whole, behind its COMMIT, so there is nothing to take back.
 */
#pragma once

#include "core/base.h"

enum pgo_kind {
	PGO_BEGIN,    /* lsn: of the COMMIT record; time, xid */
	PGO_COMMIT,   /* lsn, end_lsn: where the next transaction may begin; time */
	PGO_RELATION, /* before the first change of a relation, and again when it has changed */
	PGO_INSERT,   /* now */
	PGO_UPDATE,   /* now; before: the key when it changed, or all of the row before */
	PGO_DELETE,   /* before */
	PGO_TRUNCATE, /* relids */
	PGO_OTHER,    /* of types, origins and messages: nothing to do */
};

enum pgo_value_kind {
	PGO_NULL,
	PGO_TEXT,
	PGO_UNCHANGED, /* stored out of line and not changed: not sent again */
};

struct pgo_value {
	enum pgo_value_kind kind;
	struct sl text;
};

struct pgo_column {
	struct sl name;
	bool key; /* of the replica identity */
};

struct pgo_message {
	enum pgo_kind kind;
	uint64_t lsn, end_lsn;
	int64_t time; /* of the COMMIT, an instant of core/clock.h */
	uint32_t xid;

	uint32_t relid;
	struct sl schema, table;
	char identity; /* d default, n nothing, f full, i index */
	const struct pgo_column *column;
	size_t n_columns;

	/* in the order of the columns; n_before 0: nothing is said of the row before */
	const struct pgo_value *now, *before;
	size_t n_now, n_before;
	bool before_is_key; /* columns of the replica identity only, the others are PGO_NULL */

	const uint32_t *relids;
	size_t n_relids;
};

/* Holds what messages point to; a zeroed struct is ready. */
struct pgo {
	struct pgo_column *column;
	struct pgo_value *now, *before;
	uint32_t *relids;
	size_t column_cap, now_cap, before_cap, relids_cap;
};

/*
 * Reads one message. NULL, or why it is none. Slices point into `raw`, the rest into `p`, until the
 * next call.
 */
const char *pgo_parse(struct pgo *p, struct sl raw, struct pgo_message *out) NODISCARD;

void pgo_free(struct pgo *p);
