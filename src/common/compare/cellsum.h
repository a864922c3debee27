/*
 * cellsum.h - counts and checksums of cells, computed by the servers on both sides of a migration.
 *
 * It shares no code with the programs that carried the data over: each server reads its own tables
 * and hashes its own texts. A cell's hash depends on instant, channel and value; hashes are shifted
 * and added up, so the order does not matter and a repeated cell counts twice. Names of columns are
 * replaced by the channels they stand for, so a value in the wrong column is seen.
 *
 * The narrow side follows the rules of the migration: a value is in the column of its format, a row
 * where it is not is left out (bad), NULL is no value, and of a repeated (ship, channel, instant)
 * the row with the highest id, or without an id the last one in the table, counts.
 */
#pragma once

#include "narrow/narrow.h"
#include "wide/registry.h"

#define CELLSUM_ALWAYS INT64_MIN /* as `from`: from the beginning of time */

/* Hash functions of PostgreSQL are promised to agree within one major version only. */
enum cellsum_hash {
	CELLSUM_FAST,     /* hashtextextended */
	CELLSUM_PORTABLE, /* md5: five times slower */
};

/* The fastest that gives the same on both servers. */
enum cellsum_hash cellsum_choose(struct pg *source, struct pg *target);

struct cellsum {
	uint64_t rows;   /* of the narrow table, or of the first wide table of the ship */
	uint64_t bad;    /* narrow: rows left out */
	uint64_t values; /* narrow: rows with a value, repeated ones included */
	uint64_t cells, cell_sum;
	uint64_t instants, instant_sum;
	int64_t first, last; /* narrow: of those */
	uint64_t orphans; /* wide: rows of further tables whose instant is not in the first */
	bool locked;      /* wide: others have locked a table, and nothing is known */
};

bool cellsum_same(const struct cellsum *narrow, const struct cellsum *wide) NODISCARD;

/* Adds up the counts; sums of hashes and orphans are left alone. */
void cellsum_add(struct cellsum *to, const struct cellsum *s);

/* So many of the values are none that can be carried over: rows that are bad. */
void cellsum_leave_out(struct cellsum *s, uint64_t n);

/* ---- narrow ---------------------------------------------------------------------------------- */

struct cellsum_source {
	struct pg *pg;
	const struct narrow *n;
	enum cellsum_hash hash;
	const char *value; /* SQL: the value as text; NULL where there is none or the row is bad */
	const char *present; /* SQL: there is one */
	const char *bad;     /* SQL: the row is left out */
	const char *channel; /* SQL: as it is compared; anything where the row is bad */
	const char *by;      /* SQL: what there is one sum of; NULL: ships */
	struct names no_text; /* bytes that are none in the encoding of the source */
	struct arena arena;
};

/*
 * Texts are compared as UTF-8, whatever the source holds. Dies with 78 for a server
 * whose texts of doubles are not the shortest (before 12).
 */
void cellsum_source_open(
	struct cellsum_source *s, struct pg *pg, const struct narrow *n, enum cellsum_hash hash);
/*
 * A source of another encoding converts its texts itself, and one that is none ends its statement.
 * This reads the rows and leaves those texts out from now on; false when there are no more of them.
 */
bool cellsum_source_learn(struct cellsum_source *s, int64_t from, int64_t to,
	const struct sl *ships, size_t n_ships);
void cellsum_source_close(struct cellsum_source *s);

struct cellsum_of {
	struct sl name; /* ship, or channel */
	struct cellsum sum;
};

/* Per ship of [from, to); `ships` as in narrow_part. The list is in the arena. */
size_t cellsum_narrow(struct cellsum_source *s, int64_t from, int64_t to, const struct sl *ships,
	size_t n_ships, struct arena *a, struct cellsum_of **out);

/* Of one ship, per range: `border` has from and to of each of n > 0, in order. In the arena. */
const struct cellsum *cellsum_narrow_pieces(struct cellsum_source *s, const int64_t *border,
	size_t n, struct sl ship, struct arena *a);

/* Per channel of one ship: .cells and .cell_sum only. */
size_t cellsum_narrow_channels(struct cellsum_source *s, int64_t from, int64_t to, struct sl ship,
	struct arena *a, struct cellsum_of **out);

/* Appends a SELECT of (instant, value) of one channel's cells, or of all instants, in order. */
void cellsum_add_narrow_cells(struct cellsum_source *s, struct str *sql, int64_t from, int64_t to,
	struct sl ship, struct sl channel);
void cellsum_add_narrow_instants(
	struct cellsum_source *s, struct str *sql, int64_t from, int64_t to, struct sl ship);

/* The same of these instants only, which are in order. */
void cellsum_add_narrow_cells_at(struct cellsum_source *s, struct str *sql, const int64_t *at,
	size_t n, struct sl ship, struct sl channel);
void cellsum_add_narrow_instants_at(
	struct cellsum_source *s, struct str *sql, const int64_t *at, size_t n, struct sl ship);

/* ---- wide ------------------------------------------------------------------------------------ */

struct cellsum_target {
	struct registry *r;
	enum cellsum_hash hash;
	bool sparse;  /* rows are not expected where is asked */
	bool patient; /* a table that others have locked is `locked`, and not the end */
};

/* Of a ship's tables in [from, to); all zero when there are none. */
void cellsum_wide(
	struct cellsum_target *t, struct ship *ship, int64_t from, int64_t to, struct cellsum *out);

/* Has any table of these ships a row in [from, to)? False, too, when `locked` says one is. */
bool cellsum_wide_any(struct cellsum_target *t, struct ship *const *list, size_t n, int64_t from,
	int64_t to, bool *locked);

/* Per channel, by its number in ship->channels; the list is in the arena. */
struct cellsum *cellsum_wide_channels(
	struct cellsum_target *t, struct ship *ship, int64_t from, int64_t to, struct arena *a);

/* As for the narrow side; orphans are the instants of `group` that the first table has not. */
void cellsum_add_wide_cells(struct cellsum_target *t, struct str *sql, int64_t from, int64_t to,
	struct ship *ship, size_t channel);
void cellsum_add_wide_instants(
	struct cellsum_target *t, struct str *sql, int64_t from, int64_t to, struct ship *ship);
void cellsum_add_wide_orphans(struct cellsum_target *t, struct str *sql, int64_t from, int64_t to,
	struct ship *ship, size_t group);
