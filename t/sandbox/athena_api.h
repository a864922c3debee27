/* athena_api.h - what the files of Athena share. */
#ifndef SANDBOX_ATHENA_API_H
#define SANDBOX_ATHENA_API_H

#include "athena.h"

struct work_group {
	const char *name, *description;
	const char *location; /* of results, or NULL */
	bool enforced;        /* whatever the request says */
};

/* NULL when there is none of that name. */
const struct work_group *athena_work_group(struct sl name);

/* NULL after the answer that there is no such query. */
struct athena_query *athena_find(struct exchange *x, struct sl id);

void athena_start_query(struct exchange *x);
void athena_stop_query(struct exchange *x);
void athena_get_results(struct exchange *x);

#endif
