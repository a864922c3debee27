/*
 * widen.h - tables, columns and the view of a ship, made as its registry says (registry.h).
 *
 * A ship of one group has one table of the seeds' name. When it outgrows it, one transaction
 * renames the table to …_1, makes …_2 and puts a view in its place, with the grants of the table: a
 * reader that names its columns waits a moment and goes on. In the view group 1 is the spine (it
 * has a row for every instant) and the other groups are joined to it on the left, so that the
 * planner skips those a query does not use. New columns are appended to the view. A view holds
 * 1,600 columns: a ship that has more from the start gets none; where there is one already, it
 * stays as it is, and further channels are in the group tables only.
 *
 * Locks: tables in use are altered in short transactions of their own. A statement that waits for a
 * lock makes all later readers wait behind it, so it gives up after a fraction of a second and
 * comes back; the view is locked before its tables, the order in which a reader locks them.
 */
#pragma once

#include "wide/registry.h"

/*
 * Makes what the ships lack, in the transaction at hand, which holds their locks, and stores their
 * registry. False when a lock was not to be had, or of several ships one could not be made (the
 * transaction is then to be rolled back and the ships to be read again); other errors end the
 * program.
 */
bool widen_make(struct registry *r, struct ship *const *list, size_t n) NODISCARD;

/* A channel that is to be there. */
struct widen_channel {
	struct sl id;
	struct sl format; /* may be empty */
	struct sl seen;	  /* members of JSON: first, last, samples, about; or empty */
};

/* A ship that is to have these. */
struct widen {
	struct ship *ship;
	const struct widen_channel *channel;
	size_t n;
};

/*
 * In transactions of their own, of as many ships as there are locks for: takes the ships' locks,
 * reads again, assigns the channels that are new and makes what is missing; with `tables` false
 * only registers. A ship whose tables are locked by others is tried again for up to ten minutes;
 * then the program ends with 75. Call it outside a transaction.
 */
void widen_ships(struct registry *r, const struct widen *of, size_t n, bool tables);

/*
 * The same of one ship, for a caller that has others to care for: where tables are still locked
 * after two seconds, give_up() is asked, once. False when it says yes; then nothing was made.
 */
bool widen_ship_unless(struct registry *r, const struct widen *of, bool tables,
	bool (*give_up)(void *ctx), void *ctx) NODISCARD;

/*
 * Who else holds locks on the tables of a ship: appends a list for people, with names of
 * applications, and unless NULL the transactions as the text of an array, which is what `only`
 * (NULL: any) takes. False when nobody does.
 */
bool widen_holders(struct registry *r, const struct ship *s, const char *only, struct str *people,
	struct str *transactions);

/*
 * Drops the tables and the view of a ship, keeping its registry; in a transaction of its own.
 * `cascade`: and what others have made of them.
 */
void widen_drop(struct registry *r, struct ship *s, bool cascade);

/*
 * Appends the names of views that others have made of a ship's tables or its view. `beside_names`:
 * those that applications read it by (ferry_narrow, ferry_wide) are none, but what is made of them
 * is.
 */
void widen_views_of_others(
	struct registry *r, const struct ship *s, bool beside_names, struct str *list);
