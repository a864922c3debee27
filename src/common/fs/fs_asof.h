/*
 * fs_asof.h - events joined with the states that a feature group had then: for each identifier and
 * time of a file, the newest state until that time, as it is for training.
 *
 * Events and states are sorted together, by identifier and time, in a scratch file where memory
 * does not do; then by the place of the event in its file. A state that was deleted is none.
 */
#pragma once

#include "fs/fs_columns.h"
#include "stream/io.h"

struct fs_asof;

/*
 * Reads the events: records whose first two columns are identifier and time, the latter in the form
 * of the group's event time. Ends the program (65) at one that has not. `cols`: of the rows that
 * will come, with identifier, event time and is_deleted among them, and before `shown` those that
 * are wanted; borrowed, as the group is.
 */
struct fs_asof *fs_asof_new(const struct fs_group *g, const struct fs_columns *cols, size_t shown,
	const struct io_opts *opts, const char *path) NODISCARD;

/* Is this state, a field of each column, of an identifier that the events have? */
bool fs_asof_wants(struct fs_asof *a, const struct field *f);

/* Of one identifier and time there is one. `bare`: its collections are not known. */
void fs_asof_state(struct fs_asof *a, const struct field *f, bool bare);

/*
 * After the last state: writes columns and rows, the events in their order, each with its columns
 * as they were and then the features. A feature whose name an event's column has is called
 * GROUP_NAME. Returns how many of *events had a state, *bare of them one without collections.
 */
uint64_t fs_asof_end(struct fs_asof *a, struct wr *wr, uint64_t *events, uint64_t *bare);
