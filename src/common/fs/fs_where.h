/*
 * fs_where.h - conditions that users give; of those on the event time, whatever its type.
 *
 * Athena compares nothing of different types: neither `event_time >= current_date` (a text with a
 * date) nor `event_time < '2024-01-01'` of a Fractional event time (a number with a text).
 */
#pragma once

#include "core/str.h"
#include "fs/fs_group.h"

/* Ends the program with 64 where a text would leave the parentheses that are put around it. */
void fs_where_check(const char *option, const char *sql);

/*
 * The same where `as_of` is no event time of the group; without one, where it is none of any. NULL
 * passes.
 */
void fs_where_check_as_of(const struct fs_group *g, const char *as_of);

/*
 * Appends the condition with every mention of the event time read as an instant, and so the texts
 * it is compared with (=, <, BETWEEN, IN …) where they are dates or times. Anything else stays as
 * it is. False when the event time is not mentioned: then it would be the same condition.
 */
bool fs_where_parse_time(const struct fs_group *g, const char *where, struct str *out) NODISCARD;

/* Is this what Athena says when a condition mixes types? */
bool fs_where_is_mismatch(struct sl reason);
