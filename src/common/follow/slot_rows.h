/*
 * slot_rows.h - changes of the narrow table, as a slot tells them, made into cells: a value of a
 * cell, or its deletion.
 *
 * An update is the new value, and where it moved the row to another ship, channel or time, the
 * deletion of the cell it left. A row that has no value any more, or one that cannot be carried
 * over, empties its cell. A long text that an update did not touch is not sent: it is fetched where
 * the row has moved. So is the value of a cell of which a row was updated or deleted, where the
 * table may have several rows of one cell.
 */
#pragma once

#include "narrow/narrow_row.h"
#include "pg/pgoutput.h"

struct slot_rows_conf {
	const struct narrow *narrow;
	const struct sl *ships; /* these only; n_ships 0: all */
	size_t n_ships;
	/*
	 * Is this relation, which is not the narrow table itself, a part of it? `as_table`: what
	 * comes of it comes as the table's own, so it was one.
	 */
	bool (*is_part)(void *ctx, uint32_t relid, bool as_table);
	/* in order; slices live until it returns. row->why: a reject; `reader` knows more */
	void (*put)(void *ctx, const struct narrow_reader *reader, const struct narrow_row *row);
	void (*erase)(void *ctx, const struct narrow_row *row);
	/* puts the value the cell has in the source now, or erases it: only its key is known */
	void (*fetch)(void *ctx, const struct narrow_row *row);
	/* a change that does not say which cell it is about; true: leave it out, false: die */
	bool (*unknown)(void *ctx);
	void *ctx;
};

struct slot_rows;

struct slot_rows *slot_rows_open(const struct slot_rows_conf *conf) NODISCARD;
void slot_rows_close(struct slot_rows *s);

/* Forgets all relations: a new connection sends them anew. */
void slot_rows_forget(struct slot_rows *s);

/*
 * A relation, an insert, an update, a deletion: calls put, erase and fetch. Dies with 75 when the
 * columns of the table are not any more what narrow_detect() saw, 78 when a change does not say
 * which cell it is about, 76 when the message does not fit its relation.
 */
void slot_rows_take(struct slot_rows *s, const struct pgo_message *m);

/* Does this truncate the narrow table? */
bool slot_rows_truncates(const struct slot_rows *s, const struct pgo_message *m);
