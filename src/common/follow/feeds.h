/*
 * feeds.h - looks at which relations feed the narrow table (itself, its partitions at all levels,
 * tables that inherit from it), and whether whoever follows gets what is written to them.
 *
 * Nothing is taken for granted: partitions are attached with rows in them, detached, tables begin
 * to inherit, an administrator alters or drops the publication, a key is dropped. Each look
 * compares with the one before, which the ledger keeps, so that nothing that happens between two
 * looks or while nobody follows is overlooked: what was attached or published anew has another
 * stamp. What may be missing then is put in doubt (ledger_follow.h), held until the relation is in
 * the publication and all transactions that began before have ended: so it is compared neither too
 * early nor never.
 *
 * The publication is mended where that is possible: relations are added, and updates and deletions
 * are not published any more where PostgreSQL would refuse them to the application.
 */
#pragma once

#include "ledger/ledger_follow.h"
#include "narrow/narrow.h"

struct feeds {
	/* by the caller */
	const struct narrow *narrow;
	struct pg *target; /* with a job */
	uint64_t job;	   /* 0: by hand; then nothing is mended, and doubts are only said */
	const char *publication; /* NULL: by polling */
	/* our own */
	bool begun, holding; /* doubts, maybe */
	bool altered;	     /* the stamps, by this look: all is in doubt already */
	struct arena arena; /* of `known` */
	struct ledger_feeds known;
	uint64_t fence; /* transactions before it may not be over */
	uint64_t xmin;	/* of the latest look */
	int64_t next_try, next_changes;
};

enum feeds_found {
	FEEDS_GOOD,
	FEEDS_NOBODY, /* the source could not be asked: a patient connection that is lost */
	FEEDS_GONE,   /* the publication was dropped, also when there is another one now */
};

/*
 * One look, outside of transactions, on a connection that may write where something is to be
 * mended. Dies with 78 when the table's name is another one's now (also by hand), or the source is
 * another one (ledger_origin.h).
 */
enum feeds_found feeds_look(struct feeds *f, struct pg *source) NODISCARD;

/*
 * The look of the moment in which a follower is set up: what there is feeds it, and what is in it
 * is the past.
 */
void feeds_begin(struct feeds *f, struct pg *source);

/* Was the relation one of them at the latest look? */
bool feeds_has(const struct feeds *f, uint64_t relation) NODISCARD;

void feeds_free(struct feeds *f);
