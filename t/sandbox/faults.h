/*
 * faults.h - faults on demand, and how often each operation was asked for. Settings have the same
 * names as command-line options and in the JSON of the control endpoint.
 */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include "exchange.h"

/* Faults that strike at random, each with a percentage. */
enum fault {
	FAULT_THROTTLE,    /* refused as too many */
	FAULT_ERROR,       /* 500 or 503, nothing done */
	FAULT_RESET,       /* connection reset, nothing done */
	FAULT_LOST,        /* done, but the connection is reset instead of an answer */
	FAULT_CUT,         /* done, but the body of the answer ends early */
	FAULT_EXPIRED,     /* the session's token is called expired */
	FAULT_UNPROCESSED, /* an entry of a batch is handed back */
	FAULT_ENTRY_ERROR, /* an entry of a batch fails with InternalFailure */
	FAULT_ODD,         /* done, but the answer of 200 is not one to the request */
	FAULT_KINDS
};

void faults_seed(uint64_t seed);
bool fault_happens(enum fault kind);

/* May one more record be written now, as "write-rate" has it? PutRecord and DeleteRecord were asked
 * before they run; a batch asks for each of its entries. */
bool fault_write_allowed(void);

/*
 * Sets one by its name: "throttle" … "odd" in percent; "latency" and "retry-after" in
 * milliseconds; "close-every" in answers; "only" (operations the faults are for), "deny"
 * (operations not allowed), "missing" (operations this endpoint does not know): names joined by
 * commas; "cut-at" a byte; "write-rate" records a second. False when name or value are not right.
 * "" or "0" switch off.
 */
bool faults_set(const char *name, struct sl value) NODISCARD;
void faults_reset(void);
void faults_describe(struct str *json);

/* Before the operation runs: true when a fault has answered, or not allowed or unknown. */
bool faults_before(struct exchange *x);

/* After it has run: may take the answer away; adds latency. */
void faults_after(struct exchange *x);

/* Counts the answer, under the operation's name; then the table as JSON. */
void counters_add(const struct exchange *x);
void counters_reset(void);
void counters_describe(struct str *json);

#endif
