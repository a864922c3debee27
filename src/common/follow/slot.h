/*
 * slot.h - the publication of the narrow table and the logical slot behind it: made, looked after,
 * removed.
 *
 * The publication comes first: decoding uses the catalog as it was at each change, and a slot that
 * is older than its publication can never be read. Both have one name, of lower case letters,
 * digits and _, which is unique on the source's server: ferry_JOB_HASH, the hash being of the
 * target.
 *
 * Updates and deletions are published only where they say which cell they are about: where the
 * replica identity has ship, channel and time, or is FULL; of a partitioned table where that is a
 * primary key of all of it, since a new partition inherits no other identity. Without one
 * PostgreSQL would refuse the updates themselves, in the application that writes the table.
 */
#pragma once

#include "narrow/narrow.h"

/* Appends the name of a job's slot; `target` is ledger_source_name() of the target. */
void slot_name(struct str *s, uint64_t job, struct sl target);

/*
 * Why a slot cannot tell of the table, NULL when it can: no wal_level = logical, a view, an
 * unlogged or foreign table, a hypertable of TimescaleDB. The second form dies with 78 then.
 */
const char *slot_why_not(struct pg *source, const struct narrow *n);
void slot_check_source(struct pg *source, const struct narrow *n);

/* Makes the publication unless it is there; one that is there must have the table (78). */
void slot_publish(struct pg *source, const struct narrow *n, const char *name);

/*
 * Makes the slot and appends its consistent point: every transaction that commits behind it will be
 * sent, and every other one is seen by whoever reads the source from here on. Waits for all
 * transactions that are writing now; says so when that takes time. False when there is one of this
 * name.
 */
bool slot_create(struct pg *source, const char *name, struct str *point) NODISCARD;

/*
 * Removes slot and publication (NULL: not that) where they are there, and ends who reads the slot.
 */
void slot_drop(struct pg *source, const char *name, const char *publication);

enum slot_state { SLOT_GOOD, SLOT_ABSENT, SLOT_LOST };

struct slot_facts {
	enum slot_state state;
	bool read; /* by a stream */
	uint64_t confirmed;	/* LSN: the server has forgotten what is before */
	uint64_t wal;		/* LSN: the end of the server's WAL */
	int64_t lag_bytes;	/* of WAL behind `confirmed`; -1: not known */
	int64_t safe_wal_bytes; /* until it is lost; -1: no limit */
	int64_t held_bytes;	/* of WAL that the server keeps for it; -1: not known */
	char wal_status[16];	/* reserved, extended, unreserved, lost */
};

/*
 * Why the slot cannot go on where its reader has come to, at `upto`; NULL when it can. A source
 * that was set back sends nothing before it has written as much again.
 */
const char *slot_is_no_use(const struct slot_facts *facts, uint64_t upto);

/*
 * Of a slot that is read by hand from `upto`, which a file says: it may be of another source, so
 * dies with 78 where this one has not come to that, and what the file says is not told to it. What
 * is: `acked`, at first what the server has itself.
 */
uint64_t slot_by_hand(
	const struct slot_facts *facts, const char *name, uint64_t upto, uint64_t acked);

#define SLOT_UNPUBLISHED "the publication of the source is gone" /* the same for it */

/* Does it hold more than `max` bytes (0: any)? Then a sentence is appended that says so. */
bool slot_holds_too_much(const struct slot_facts *facts, uint64_t max, struct str *why) NODISCARD;

/* What the server says of a slot. False when it could not be asked, on a patient connection. */
bool slot_look(struct pg *source, const char *name, struct slot_facts *out) NODISCARD;

/*
 * Do other sessions see what these transactions (as pgoutput numbers them, 32 bits) committed? They
 * are sent when their COMMIT is in the WAL, and seen a little later: when they leave the list of
 * running ones, for which they first wait for a synchronous standby, if there is one (PostgreSQL
 * 15, CommitTransaction in xact.c). True also when the one that is waited for may be the reader of
 * the slot `name`, who must not wait in turn. False also when the server could not be asked, on a
 * patient connection.
 */
bool slot_shows(struct pg *source, const char *name, const uint32_t *xid, size_t n) NODISCARD;

/* Is there a publication of this name; does it say what was updated and deleted? */
bool slot_is_published(
	struct pg *source, const char *publication, uint64_t *oid, bool *deletions) NODISCARD;

/* May updates and deletions be published? See above. False also when nobody answers. */
bool slot_has_identity(struct pg *source, const struct narrow *n) NODISCARD;

/* The number that pg_control_system() has of the source; empty when it may not be asked. */
void slot_origin(struct pg *source, struct str *s);
