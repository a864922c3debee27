/*
 * ledger_feed.h - which relations feed the narrow table of a job (ferry.feed), as its follower saw
 * them last, and doubts about them.
 *
 * A doubt that is held is not to be settled yet: its cause goes on, or a transaction is still open
 * that nobody will tell of. It is released when all that comes is followed (again); that of a ship,
 * which was rolled back, when rows of it come.
 */
#pragma once

#include "core/hash.h"
#include "ledger/ledger.h"

struct ledger_feed {
	uint64_t relation, file; /* OIDs: pg_class.oid, pg_relation_filenode() */
	struct sl name;		 /* quoted for SQL, for people too */
	struct sl stamp;	 /* another one when it was attached or published anew */
	bool covered;		 /* the follower gets what is written to it */
};

struct ledger_feeds {
	struct ledger_feed *feed; /* by relation */
	size_t n;
	uint64_t publication; /* OID; 0: polling */
	uint64_t changes;     /* updates and deletions the server has counted */
	struct sl gap;	      /* what is promised less than usual; .n 0: nothing */
};

/* In the arena; .n 0 when nobody has looked yet. */
void ledger_feeds_get(struct pg *target, uint64_t job, struct ledger_feeds *out, struct arena *a);

/* Replaces them. In a transaction of the caller's. */
void ledger_feeds_set(struct pg *target, uint64_t job, const struct ledger_feeds *f);

/* Puts all of the job in doubt, or with `relation` what that one has. */
void ledger_doubt_add(
	struct pg *target, uint64_t job, uint64_t relation, bool held, const char *why);

/* Was any of the ship carried over since it has one of the channels; `live`: by a follower? */
bool ledger_had_rows(struct pg *target, uint64_t job, struct sl ship, const struct names *channels,
	bool live) NODISCARD;

/* All of a ship is in doubt; said once, also as an event. False when it was before. */
bool ledger_doubt_ship(struct pg *target, uint64_t job, enum ledger_level level, struct sl ship,
	const char *why);

struct ledger_held {
	uint64_t id, relation; /* 0: all of the job */
	struct sl why;
};

/* Those of no ship that are held, in the arena; their number. */
size_t ledger_doubts_held(
	struct pg *target, uint64_t job, struct arena *a, struct ledger_held **out);

/* It may be settled: [from, to) as texts, NULL where open. */
void ledger_doubt_release(struct pg *target, uint64_t id, const char *from, const char *to);
