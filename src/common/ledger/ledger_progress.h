/* ledger_progress.h - how a job goes on, said while it does. */
#pragma once

#include "ledger/ledger.h"

/*
 * Says as notes, every so often, a line of how far the job is, which chunk was done last, and how
 * far behind its follower is; until no chunk is left and nobody follows, or `go_on` says no. `only`
 * restricts it to these ships (n_only 0: all).
 */
void ledger_progress(struct pg *target, uint64_t job, const struct sl *only, size_t n_only,
	int64_t every_us, bool (*go_on)(void));
