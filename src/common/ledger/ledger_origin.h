/*
 * ledger_origin.h - which source a job reads: not its address, where another one may answer by now,
 * but the server (its system identifier), its timeline, the database and the table (their OIDs).
 *
 * The ledger keeps it with the job, and how far the source's WAL was seen. Whatever differs means
 * that what was carried over came from something else: nobody may go on, compare or repair before
 * somebody has said that this is meant (ledger_origin_accept).
 */
#pragma once

#include "ledger/ledger.h"
#include "narrow/narrow.h"

#define LEDGER_ACCEPT_HINT                                                                     \
	"where that is meant, narrow-to-wide --accept-source (pg-wide-ledger accept) takes it" \
	" and puts all that was carried over in doubt"

/*
 * Dies with 78, after a CRITICAL event, when the source is not the one of the job, or is older than
 * it was seen to be, which is then what is promised where nobody follows. What the job does not
 * know yet is kept. The connections are outside of transactions; a source of pg_connect_patient()
 * that is lost passes: ask again.
 */
void ledger_origin_check(
	struct pg *source, struct pg *target, uint64_t job, const struct narrow *n);

/* For who only looks: what differs and what is to be done goes to `why`, which is empty. */
void ledger_origin_differs(
	struct pg *source, struct pg *target, const struct ledger_job *job, struct str *why);

/* Has the name of the table another table now (true: yes, or none)? Without any job. */
bool ledger_origin_moved(struct pg *source, const struct narrow *n) NODISCARD;

/*
 * Takes the source for that of the job from now on, and all of the job is in doubt: at once, or
 * where it was followed when it is followed again, for which the follower is to be set up anew.
 */
void ledger_origin_accept(
	struct pg *source, struct pg *target, uint64_t job, const struct narrow *n);

/*
 * Dies with 78 when the ledger has a job of the same names whose source had the address of this
 * one, and was another one. To be asked before a job is made.
 */
void ledger_origin_check_new(struct pg *source, struct pg *target, const struct ledger_job *job);
