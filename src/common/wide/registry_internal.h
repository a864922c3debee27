/* registry_internal.h - what the files of the registry share; nobody else includes it. */
#pragma once

#include "core/mem.h"
#include "wide/registry.h"

struct registry {
	struct pg *pg;
	const struct target_opts *opts;
	struct sl key;
	size_t limit;
	bool zoned;
	struct names texts; /* every name and format, kept once however often it is read */
	struct names ships;
	struct ship **ship; /* by number in ships */
	size_t ships_cap;
	const struct names *expected; /* those that are asked for one after the other, or NULL */
	struct names lists;  /* names of the --groups files, in bytewise order */
	struct names listed; /* channels named in them */
	size_t *list_of;     /* by number in listed: the list */
	size_t list_of_cap;
};

/* A terminated copy that lives as long as the registry. */
struct sl registry_keep(struct registry *r, struct sl s);

/* Forgets all assignments and tables of a ship, keeping the numbers of its channels. */
void registry_reset(struct registry *r, struct ship *s);

/* The channel of this id, added when new; its number. */
size_t registry_channel(struct ship *s, struct sl id);

/* Makes group `number` exist in memory. */
struct group *registry_group(struct ship *s, uint32_t number);

/* Notes the owner of a column, a channel or NAMES_NONE (reserved); false when it has one. */
bool registry_take_column(struct ship *s, struct sl column, size_t owner) NODISCARD;

/* The --groups list of a channel, or NAMES_NONE. */
size_t registry_list_of(const struct registry *r, struct sl channel);

/* The n-th name (0, 1, …: another each time) tried for the ship's table or view. */
struct sl registry_base_name(struct registry *r, struct sl ship, unsigned n);

/* The name of the table of a group of a ship with several. */
struct sl registry_group_name(struct registry *r, struct sl base, uint32_t number, unsigned salt);
