/*
 * channel_list.h - a list of channels as pg-narrow-schema writes it: ship_id, data_channel_id,
 * value_format, first_seen, last_seen, samples, as NDJSON or CSV; or as reformat makes it of a
 * DataChannelList of ISO 19848, with name and unit.
 */
#pragma once

#include "core/hash.h"
#include "core/mem.h"
#include "core/str.h"
#include "wide/widen.h"

struct channel_list {
	struct names ships;
	struct channels_of { /* by number of the ship, in the order of the list */
		struct widen_channel *channel;
		size_t n, cap;
	} * of;
	/* private */
	struct pg *target;
	size_t left_out;
	size_t cap;
	struct arena texts;
	struct str seen;
};

/*
 * Reads all of `path` (NULL: standard input) for this target. Dies with 65 where a record has no
 * ship or channel.
 */
struct channel_list *channel_list_read(const char *path, struct pg *target) NODISCARD;

/*
 * Keeps in ferry.channel when each was seen, and how often: the widest range ever reported; and
 * what is known about it, for the comment of its column.
 */
void channel_list_store(struct channel_list *list, struct pg *target, const char *schema);

void channel_list_free(struct channel_list *list);
