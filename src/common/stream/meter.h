/*
 * meter.h - what every program counts and shows, whether it reads records (io.h) or makes them
 * (extract.h): how far it is, how many records were bad and whether that is too many, and the
 * summary of --stats.
 */
#pragma once

#include "core/str.h"

struct io_opts;

struct meter_count {
	const char *name; /* of a member of --stats */
	uint64_t n;
};

struct meter {
	uint64_t rows;	    /* records met, good and bad: the owner counts them */
	uint64_t n_rejects; /* the bad ones */
	bool keeps_rest;    /* all may be bad: --max-rejects 100%, or the owner says when not */
	const struct meter_count *counts; /* more for --stats; n_counts of them */
	size_t n_counts;
	/* private */
	const struct io_opts *opts;
	struct out *rejects;
	struct str lines; /* for a file of rejects that is shared, and its descriptor: */
	int shared;
	uint64_t max_rejects, max_percent;
	int64_t started, next;
	bool bar_shown;
	unsigned tick;
};

/* Refuses what is no limit in --max-rejects (64); starts the clock. */
void meter_start(struct meter *m, const struct io_opts *opts);

/*
 * Should the program fail from here on, --stats says so, with what the meter has counted: `exit`
 * and `error` are its code and message. For a program that has no meter yet, NULL.
 */
void meter_on_failure(const struct io_opts *opts, const struct meter *m);

/* Counts a call; now and then true: then meter_show() is due. */
static inline bool meter_tick(struct meter *m);
bool meter_is_due(const struct meter *m);

struct meter_place {
	uint64_t bytes, total; /* total: of a regular file, else 0 */
	double share;	       /* of the work that is done, 0 to 1; 0: unknown */
	uint64_t behind;       /* of the records met, those that are not done yet */
};

/*
 * The progress as --progress asks for it, on standard error; or, with an interval in the options, a
 * line of its own each time, for logs. `last` ends the line.
 */
void meter_show(struct meter *m, const struct meter_place *at, bool last);

/*
 * Begins the file of --rejects, if it was given: at the end it is there and empty, where all were
 * good, so that the one of an earlier run does not survive. With --rejects-append lines are added
 * to the one that is there, whole ones while nobody else adds any.
 */
void meter_open_rejects(struct meter *m);

/*
 * One more line for the file of --rejects, which must have been given. `again`: it is of a record
 * that is counted already. Ends the program with 65 when there are more bad records than
 * --max-rejects allows.
 */
void meter_reject(struct meter *m, const struct str *line, bool again);

/* The same of a record that is kept elsewhere, with --rejects or without. */
void meter_count_reject(struct meter *m);

/*
 * Ends with 65 when --max-rejects is a percentage and more are bad, or when all are. Call before a
 * final seal.
 */
void meter_check(struct meter *m);

/*
 * Puts what was rejected so far in its place, on the disk: before somebody takes the other records
 * for good. By itself where the program dies of its input (65, 69, 76).
 */
void meter_show_rejects(struct meter *m);
void meter_close_rejects(struct meter *m);

struct meter_sums {
	const struct in *in;  /* NULL where nothing is read */
	uint64_t rows_out;   /* or what became rows elsewhere */
	uint64_t bytes_out;
	bool sealed;
};

/* The end, the output being in its place: the file of --stats, and a note of rejected records. */
void meter_finish(const struct meter *m, const struct meter_sums *sums);

static inline bool meter_tick(struct meter *m)
{
	return UNLIKELY(++m->tick % 4096 == 0) && meter_is_due(m);
}
