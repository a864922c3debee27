/* wide_internal.h - what the files of the wide loader share; nobody else includes it. */
#pragma once

#include "wide/wide.h"

#include "core/mem.h"
#include "core/spool.h"
#include "pg/copybuf.h"

/* Rows of a buffer, from `row` on, that have the first `n` columns of the rack. */
struct segment {
	size_t row, n;
};

/* Rows of one group of one ship, on their way. */
struct rack {
	struct copybuf buf;
	struct rack_column {
		uint32_t col;     /* of the stream */
		uint32_t channel; /* of the ship */
		uint8_t type;     /* enum column_type */
		uint8_t used;     /* the buffer holds a value of it */
	} * column;               /* in the order of COPY */
	size_t n, cap;
	struct segment *seg;
	size_t n_segs, segs_cap;
	bool staged; /* rows of this chunk met rows that were there */
	struct rack_count {
		uint64_t rows, there, cells, filled, changed;
	} count; /* of a dry run */
	struct stage stage;
	struct str clears; /* packed: cells to be NULL, of rows on their way (wide_clear.c) */
};

/* One ship of the stream. */
struct lane {
	struct ship *ship;
	struct rack *rack; /* by number of the group - 1 */
	size_t n_racks, racks_cap;
	struct loose {
		uint32_t col; /* of the stream; no column of this ship, as far as is known */
		bool aside;   /* its values are set aside in this chunk */
	} * loose;
	size_t n_loose, loose_cap;
	uint64_t unknown; /* values of loose columns that were left out, or only counted */
	size_t seen; /* columns of the stream that were sorted into racks and loose */
	bool own;    /* this transaction makes the ship's tables */
	bool sent;   /* rows were sent in this chunk */
	bool has_aside;
	bool met;      /* has records in this chunk */
	bool deferred; /* all of them wait for the seal */
	bool touched; /* by the transaction at hand */
	bool broken;  /* left out of this chunk */
	struct str locked_by; /* transactions for whose locks it was left out, as an array */
	bool looked; /* in this chunk for columns others have made, because of a null */
	/* instants of the buffered rows: no two rows of a buffer may have the same */
	bool any, unordered;
	int64_t last;
	struct names instants; /* when unordered */
	bool filled;	       /* the buffer has instants: the earliest and the latest one */
	int64_t from, to;
	bool follows;	       /* live instants were sent before, the latest of them: */
	int64_t newest;
	struct digest total;
};

struct wide {
	struct registry *r;
	struct pg *pg;
	struct wide_conf conf;
	const struct names *cols;
	size_t in_by, in_key, n_cols;
	uint64_t *name_hash; /* by column */
	size_t name_hash_cap;
	bool *odd; /* by column: the server cannot name its channel */
	size_t odd_cap;
	struct names ships;
	struct lane *lane; /* by number in ships */
	size_t lanes_cap, last_lane;
	struct wide_counts counts, pending; /* pending: of the transaction at hand */
	bool in_transaction, zone_known;
	bool stores_all;   /* the server holds any text */
	bool any_odd;
	bool nulls;        /* F_NULL is an explicit null */
	enum merge before; /* how a chunk is merged unless wide_how() says otherwise */
	bool merged;       /* rows of this chunk were, with what was there */
	bool beside;       /* see wide_beside() */
	bool has_clears;   /* the server has the staging table of wide_clear.c */
	size_t buffered; /* bytes in all racks, roughly */
	unsigned n_stages;
	size_t n_met, n_touched; /* tables of this chunk's ships, and of this transaction's */
	bool proven;		 /* see wide_proven() */
	struct spool aside;
	struct str scratch;
};

/* Is there a table of this ship to send rows to (or will flushing make it)? */
static inline bool lane_is_ready(const struct lane *l)
{
	return l->own || (l->ship->n_groups > 0 && l->ship->group[0].made);
}

/*
 * Writes a record to the ship's buffers. Group 1 gets a row for every instant, even an empty one
 * when `spine` says so; the others only where they have a value.
 */
void wide_put(struct wide *w, struct lane *l, const struct rec *rec, int64_t instant, bool spine);

/* A second row of an instant goes into another buffer: a merge can change a row only once. */
void wide_part_instants(struct wide *w, struct lane *l, int64_t instant);

/* The tables of a ship, as far as is known. */
static inline size_t lane_tables(const struct lane *l)
{
	return l->ship->n_groups > 0 ? l->ship->n_groups : 1;
}

/* Sets a whole record aside, and notes the columns it needs. */
void wide_defer(struct wide *w, struct lane *l, const struct rec *rec);

/* The channel that a column of the stream is of (wide.c). */
struct sl wide_channel(const struct wide *w, size_t col);

/* Moves columns that the ship has by now from the loose ones to the racks. */
void wide_sort_loose(struct wide *w, struct lane *l);

/*
 * Where unknown channels are not added: ends the program when the ship has no tables (78), or when
 * they are not ignored either and there are some (65).
 */
void wide_judge_unknown(struct wide *w, struct lane *l);

/* What rows [lo, hi) of the staging table would change, added to the rack's count. */
void wide_count_staged(struct wide *w, struct lane *l, struct rack *k, const char *target,
	size_t n);

/* Deals with values in columns the ship does not have; true when some are to be set aside. */
bool wide_meet_unknown(struct wide *w, struct lane *l, const struct rec *rec);

/* Sets values aside: those of loose columns, or all of them when the record was not `put`. */
void wide_set_aside(struct wide *w, const struct lane *l, const struct rec *rec, bool put);

/* Has the record a value, or has it only nulls? Then it makes no row of its own. */
bool wide_has_values(const struct wide *w, const struct rec *rec);

/* Has the record explicit nulls? If so, looks for columns of them that others have made. */
bool wide_look_for_nulls(struct wide *w, struct lane *l, const struct rec *rec);

/* Notes the nulls of a record, for each group that has columns of them. */
void wide_note_nulls(struct wide *w, struct lane *l, const struct rec *rec, int64_t instant);

/* Clears what was noted, behind the rows; and removes rows that have nothing left. */
void wide_clear(struct wide *w, struct lane *l);

/*
 * Others hold locks on the ship's tables: is it left out of this chunk, if the caller of wide.h
 * agrees? And of the next ones, as long as these transactions last (wide_still_locked()).
 */
bool wide_is_locked(struct wide *w, struct lane *l);
bool wide_still_locked(struct wide *w, struct lane *l);

/*
 * Did the server refuse because the ship's tables are not as they were made, NOT NULL, say, or are
 * locked? Then it is left out of this chunk, if the caller of wide.h agrees: others need not wait.
 */
bool wide_is_broken(struct wide *w, struct lane *l);

/* Sends a ship's buffers; or, wide_flush_full(), those of all when there is enough in them. */
void wide_flush_lane(struct wide *w, struct lane *l);
void wide_flush_full(struct wide *w, struct lane *l);
