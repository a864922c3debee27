/*
 * extract.h - what every extractor has in common, as io.h is for filters: a program whose records
 * come from a database or a service. Output, sealing, rejects, progress, statistics.
 *
 *	extract_check(&conf.io);
 *	x = extract_open(&conf.io, io_wants_seal(&conf.io));
 *	wr_cols(x->wr, …);
 *	for each chunk: wr_row(x->wr, …)…, extract_tick(x), extract_seal(x, …)
 *	extract_close(x);
 *
 * Its option table has EXTRACT_OPTS of a `struct io_opts`, or those of its parts that fit.
 */
#pragma once

#include "stream/io.h"

#define EXTRACT_OUT_OPTS(T, m, otherwise)                                                          \
	IO_FILE_OPTS(T, m, "auto|csv|ndjson", "auto is " otherwise)
#define EXTRACT_SEAL_OPTS(T, m) IO_SEAL_OPTS(T, m, "into a pipe")
#define EXTRACT_OPTS(T, m)                                                                         \
	EXTRACT_OUT_OPTS(T, m, "CSV"), EXTRACT_SEAL_OPTS(T, m),                                    \
	IO_KEEP_REJECT_OPTS(T, m, NULL),                                                           \
		IO_REPORT_OPTS(T, m)

struct extract {
	struct wr *wr;
	/* private */
	const struct io_opts *opts;
	struct meter meter; /* .rows: read, good and bad */
	double share;	    /* done, 0 to 1 */
};

/* Refuses options that contradict each other (64): before anything is connected or opened. */
void extract_check(const struct io_opts *opts);

/* Opens the output, FMT_AUTO being CSV; what is never sealed gives false for `sealed`. */
struct extract *extract_open(const struct io_opts *opts, bool sealed) NODISCARD;

/* To be called for each record read; now and then it shows the progress. */
static inline void extract_tick(struct extract *x);
void extract_ticks(struct extract *x, uint64_t n); /* for n at once */

/* How much is done, 0 to 1, for the progress. */
void extract_share(struct extract *x, double share);

/*
 * A record that cannot be carried over; counted by extract_tick() too. With --rejects it goes there
 * as one NDJSON object {"record","field","value","why","row"}, `row` being a JSON text. Without,
 * the program ends with 65, unless `kept`: somebody else keeps it. Ends with 65 as well when there
 * are more than --max-rejects.
 */
void extract_reject(struct extract *x, struct sl field, struct sl value, const char *why,
	struct sl row, bool kept);

/*
 * Makes a seal. What was kept of bad records is written first, and a final seal is only made within
 * --max-rejects.
 */
void extract_seal(struct extract *x, const struct seal *seal);

/* Output closed and checked, statistics written, last progress line; returns EX_DONE. */
int extract_close(struct extract *x);

void extract_progress(struct extract *x, bool last);

static inline void extract_tick(struct extract *x)
{
	x->meter.rows++;
	if (meter_tick(&x->meter))
		extract_progress(x, false);
}
