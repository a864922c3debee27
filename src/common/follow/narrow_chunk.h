/*
 * narrow_chunk.h - rows of the narrow table on their way into a narrow stream: what is counted of
 * them while a chunk lasts, and the seal that says it.
 */
#pragma once

#include "ledger/ledger.h"
#include "narrow/narrow_row.h"
#include "stream/extract.h"

/* A zeroed struct, but for `zone`, is ready for narrow_chunk_begin(). */
struct narrow_chunk {
	bool zone;		    /* times are written with their zone */
	bool ops;		    /* records have a fifth field, `op` */
	bool rare_ops;		    /* NDJSON: only those that are deletions have it */
	bool outcasts;		    /* rejects of this chunk are counted for no ship */
	struct ledger_facts facts; /* ships by number; the sums are filled in by the seal */

	/* private */
	struct names names; /* of ships, by number */
	struct narrow_ship *ships;
	size_t facts_cap, ships_cap;
	size_t current; /* number of the ship of the latest row */
	int64_t time;	/* of the latest row */
	char time_text[CLOCK_TEXT_MAX];
	struct field time_field;
};

void narrow_chunk_begin(struct narrow_chunk *c, int64_t from, int64_t to);

/* Makes the range of a chunk that of its rows, too. */
void narrow_chunk_spread(struct ledger_facts *facts);

/* Writes before its first row which chunk of a job it is, as far as its facts are known. */
void narrow_chunk_announce(const struct narrow_chunk *c, struct wr *wr);

/* The number of a ship in this chunk, which gets one if it has none; at most 2^32 of them. */
size_t narrow_chunk_ship(struct narrow_chunk *c, struct sl name);

/* Writes a good row as `ship_id,created_time,data_channel_id,value` and counts it. */
void narrow_chunk_put(struct narrow_chunk *c, struct wr *wr, const struct narrow_row *row);

/*
 * Writes that the cell of ship, time and channel was deleted (the value does not matter), and
 * counts it. Needs `ops`.
 */
void narrow_chunk_delete(struct narrow_chunk *c, struct wr *wr, const struct narrow_row *row);

/* Counts a bad one, for its ship; the ship "" is that of rows without one. */
const struct ledger_facts_ship *narrow_chunk_reject(struct narrow_chunk *c,
	const struct narrow_row *row);

/* Appends ` behind ship "S1", time …`, of the latest row if there is one. */
void narrow_chunk_put_place(const struct narrow_chunk *c, struct str *s);

/*
 * Seals the chunk. Its name is `20240101T000000Z/20240102T000000Z`, with `SHIP:` before it when it
 * is one ship's.
 */
void narrow_chunk_seal(struct narrow_chunk *c, struct extract *x, struct sl ship);

void narrow_chunk_free(struct narrow_chunk *c);
