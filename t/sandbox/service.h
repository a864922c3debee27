/*
 * service.h - the services: each has a table of operations, and each operation fills the answer of
 * an exchange whose asker is known. Errors are answered with exchange_fail().
 */
#ifndef SANDBOX_SERVICE_H
#define SANDBOX_SERVICE_H

#include "exchange.h"

struct operation {
	const char *name;
	void (*run)(struct exchange *x);
};

#define OPERATION_END      \
	{                  \
		NULL, NULL \
	}

extern const struct operation sagemaker_operations[]; /* by X-Amz-Target "SageMaker.…" */
extern const struct operation athena_operations[];    /* "AmazonAthena.…" */
extern const struct operation glue_operations[];      /* "AWSGlue.…" */
extern const struct operation sts_operations[];       /* by form parameter Action */

/* By method and path; NULL when there is no such route. */
const struct operation *runtime_route(struct exchange *x);
const struct operation *s3_route(struct exchange *x);

/* Answers a request that needs no signature, if it is one for the metadata services. */
bool metadata_serve(struct exchange *x);

/* Answers requests for /_sandbox/…: faults, counters, state. */
void control_serve(struct exchange *x);

/* Finds out what a request asks for, checks its signature and answers it. */
void route(struct exchange *x);

#endif
