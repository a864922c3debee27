/*
 * message_rows.h - messages of JSON made into rows of the narrow table.
 *
 * flat: {"ship":"S1","t":"2024-01-01 00:00:15","ch":"c","v":1.5}; wide: {"ship":…,"ts":…,
 * "values":{"c":1.5,…}}; debezium: what that reads from a narrow table, before and after. An array
 * stands for each of its elements.
 */
#pragma once

#include "narrow/narrow_row.h"

enum message_shape { MESSAGE_FLAT, MESSAGE_WIDE, MESSAGE_DEBEZIUM };

struct message_opts {
	int shape; /* enum message_shape */
	int unit;  /* of times that are numbers: auto, s, ms, us, ns */
	const char *at;	/* NAME.NAME: where in the message the object or array is; or NULL */
	const char *ship, *time, *channel, *value; /* names of members; NULL: those above */
};

struct message_row {
	struct narrow_row row;
	bool erased; /* the cell was deleted, or its value is null */
	bool kept;   /* the cell is as it was: the message does not tell its value */
};

/*
 * Reads a message; rows and texts are in the arena, or point into `text`. NULL, or why none of it
 * can be read: static, with the member in *field.
 */
const char *message_rows(const struct message_opts *opts, struct arena *a, struct sl text,
	struct message_row **rows, size_t *n, struct sl *field) NODISCARD;
