/*
 * wide.h - records of a wide stream into the tables of ships.
 *
 *	wide_cols  wide_row …                  the records of a chunk
 *	wide_how                               its end: how it is merged may be known only now
 *	  [wide_widen]                         when wide_has_aside() and not wide_has_sent()
 *	wide_begin wide_flush                  what is buffered goes to the server
 *	  [wide_commit wide_widen wide_begin]  when wide_has_aside() and it had sent
 *	  [wide_replay]                        when wide_has_aside()
 *	wide_commit wide_next_chunk
 *
 * Rows go by COPY straight into the tables, each group of columns on its own, alternating on one
 * connection within one transaction; a buffer whose rows meet rows that are there (23505) is sent
 * again through a staging table and merged (stage.h), and so are all later ones of that table in
 * this chunk.
 *
 * New channels. Names in a stream are proven only by its seal, and a table that is in use can be
 * altered only in a short transaction that holds nothing else. So cells of a channel the ship has
 * not had are set aside in a spool until the seal. A chunk that fits the buffers has sent nothing
 * by then: the tables are widened first, and all of it follows in one transaction. Of a larger
 * chunk the other rows are committed, the tables widened, and the spooled cells and the ledger's
 * entry follow in a transaction of their own. All of this happens after the seal has proven the
 * chunk, and a chunk cut short in between is simply loaded again. A ship without tables is simpler:
 * nobody else can see what this transaction makes, so they are made in it.
 *
 * Many ships. Each table costs locks, of which a server has some thousands for all of its sessions
 * together. So only the first ships of a chunk get rows before its seal; those of all others wait
 * in the spool, and follow in as many transactions as it takes.
 *
 * Deletions. A JSON null says that the cell is to be NULL, where the chunk overlays (MERGE_FILL
 * never erases); an empty field of CSV and an absent key say nothing. A row that has no value left
 * in any group goes away (wide_clear.c).
 */
#pragma once

#include "core/base.h"
#include "core/hash.h"
#include "core/spool.h"
#include "pg/stage.h"
#include "stream/digest.h"
#include "stream/rec.h"
#include "wide/registry.h"

/* A value or record that cannot be loaded. Slices live until the call returns. */
struct wide_fault {
	struct sl ship, key; /* as in the stream; may be empty */
	struct sl channel;   /* empty: the whole record, which is */
	struct sl raw;
	struct sl column;    /* and this the column of the stream that is why */
	struct sl value;
	uint64_t record, line;
	uint64_t rows;  /* 1: with it nothing of the instant is left, which was counted */
	uint64_t cells; /* of those that wide_total() counts, how many are lost by it */
	const char *why;
};

/* What to do with values of channels that a ship does not have; only WIDE_ADD makes a ship. */
enum wide_unknown { WIDE_ADD, WIDE_IGNORE, WIDE_ERROR, WIDE_CHANNELS };

struct wide_conf {
	struct sl by, key; /* names of the stream's columns: ship and instant */
	enum merge how;    /* MERGE_FILL or MERGE_OVERLAY; see wide_how() */
	size_t buffer;     /* bytes gathered per table before they are sent */
	enum wide_unknown unknown;
	size_t tables; /* that one transaction may have to do with; 0: any number */
	void (*turn)(void *ctx); /* commits, and begins the next; needed with `tables` */
	struct spool *erased; /* gets a line of COPY, ship and instant, for each explicit null */
	bool dry_run; /* only count what would change (wide_coverage.h); nothing is committed */
	/* called for each; when it returns, the cell is left NULL, or the record out */
	void (*bad)(void *ctx, const struct wide_fault *fault);
	/*
	 * The tables are not as they were made, or `locked`, where `why` is by whom; true: leave
	 * the ship out of this chunk. NULL, or false: die, or wait for the lock.
	 */
	bool (*broken)(void *ctx, struct sl ship, const char *why, bool locked);
	void *ctx;
};

struct wide;

struct wide *wide_open(struct registry *r, const struct wide_conf *conf) NODISCARD;
void wide_close(struct wide *w);

/*
 * The stream's columns, also when they have grown. Dies with 65 when `by` or `key` is missing.
 * `nulls`: a field that is F_NULL is an explicit null (NDJSON), not an empty field of CSV.
 */
void wide_cols(struct wide *w, const struct names *cols, bool nulls);

/* The name of a channel's column in the stream (namelist.h); may lie in `s`, which is emptied. */
struct sl wide_column_name(const struct wide *w, struct sl channel, struct str *s);

/* One record. May send buffers to the server, in a transaction that it begins itself. */
void wide_row(struct wide *w, const struct rec *rec);

/*
 * Rows of the ships' tables, of which an instant has one in each group that has values of it:
 * what became of them in transactions that are committed.
 */
struct wide_counts {
	uint64_t inserted, updated, equal, removed;
	uint64_t superseded; /* by other values that were there already and stay */
};
const struct wide_counts *wide_counts(const struct wide *w);
uint64_t wide_removed(const struct wide *w); /* rows, those of the transaction at hand too */

/* What arrived in this chunk, rejected cells included: .rows are wide ones. */
struct digest wide_total(const struct wide *w);
struct digest wide_of_ship(const struct wide *w, struct sl ship);

/*
 * How the chunk is merged from here on. False when rows of it have been merged another way already,
 * which only a chunk larger than the buffers can be.
 */
bool wide_how(struct wide *w, enum merge how) NODISCARD;

bool wide_has_sent(const struct wide *w); /* rows of this chunk, in the transaction at hand */
/*
 * Does PostgreSQL take this text for the type? Stricter than it is (no blanks, no "yes"), never
 * laxer: a value that it refuses costs the whole buffer a second time.
 */
bool wide_fits(struct sl s, enum column_type type);

/* Columns were made by widen_ship() since the last chunk: rows can go there now. */
void wide_columns_made(struct wide *w);

/* A follower writes these tables, too: what fills is to expect rows of its. */
void wide_beside(struct wide *w);

/* The seal has come and is good: from here on `turn` may be called. */
void wide_proven(struct wide *w);
void wide_begin(struct wide *w); /* a transaction, unless there is one */
void wide_flush(struct wide *w); /* sends all buffers */
bool wide_has_aside(const struct wide *w);
void wide_commit(struct wide *w); /* the transaction, if there is one */
/*
 * Makes columns for what was set aside, in transactions of their own, and before that commits; how
 * many that may be.
 */
size_t wide_widen(struct wide *w);
void wide_replay(struct wide *w); /* sends what was set aside */
void wide_next_chunk(struct wide *w);
