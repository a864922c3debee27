/*
 * filter.h - the loop of a filter that turns records into records, once for all of them.
 *
 * The filter gets its hooks called; it never opens, reads, writes or ends anything itself:
 *
 *	start  columns are known (again when they grow): look up what is needed, set the output's
 *	row    one record: call filter_emit() any number of times
 *	seal   a chunk ends, or a stream without seals: emit what is held back
 *	end    the input ended well; behind that of the last chunk, before the loop seals it
 *
 * `st` is the filter's own zeroed struct, which the option table describes; `st->io` options live
 * where `io_offset` says.
 */
#pragma once

#include "stream/io.h"

#define STATE(m) OPT_INTO(struct state, m) /* see core/opt.h */

/* What all filters offer, and the end of the table; `formats` of input and of output. */
#define FILTER_OPTS FILTER_OPTS_OF("auto|csv|ndjson|tsv|json", \
	"auto|csv|ndjson|tsv|json|table|markdown")
#define FILTER_OPTS_OF(in, out)                                                                    \
	IO_IN_OPTS_OF(struct state, io, in), IO_OUT_OPTS_OF(struct state, io, out),                \
		IO_REJECT_OPTS(struct state, io), IO_STRICT_OPT(struct state, io),                 \
		IO_REPORT_OPTS(struct state, io), OPT_END

/* Where the options are in the state, and how large that is. */
#define FILTER_STATE .state_size = sizeof(struct state), .io_offset = offsetof(struct state, io)

struct state;	   /* each filter has its own */
struct filter_run; /* the running loop, for filter_emit() and friends */

struct filter {
	struct opt_program program;
	size_t state_size;
	size_t io_offset; /* of struct io_opts in the state */
	bool names; /* options name columns: start() is called also where there were no objects */
	void (*check)(struct state *st); /* options are parsed: refuse bad ones (may be NULL) */
	void (*start)(struct state *st, struct filter_run *run, const struct names *cols);
	void (*row)(struct state *st, struct filter_run *run, const struct rec *rec);
	void (*seal)(struct state *st, struct filter_run *run); /* may be NULL */
	void (*end)(struct state *st, struct filter_run *run);  /* may be NULL */
	void (*release)(struct state *st);			       /* may be NULL */
};

/* Runs it; returns the exit code of the program. Operands are files, read as one input. */
int filter_main(const struct filter *f, int argc, char **argv);

/* For the hooks. */
void filter_cols(struct filter_run *run, const struct sl *names, size_t n); /* output columns */
void filter_emit(struct filter_run *run, const struct field *f, size_t n);
void filter_reject(struct filter_run *run, const struct rec *rec, size_t field, const char *why);
struct io *filter_io(struct filter_run *run);

/*
 * Says, once its options and the columns are known, that the filter hands on every value as it
 * came, under its name. Otherwise what seals say of the source's values (seal_forget_values()) is
 * not handed on: a loader would compare them, and find them lost.
 */
void filter_keeps_values(struct filter_run *run);

/*
 * Number of the input's column `name`; #3 is the third one. NAMES_NONE while an NDJSON stream has
 * not shown it yet; a CSV header that lacks it ends the program with 65, hinting at --`option`,
 * which names another. So does a stream that never shows it, at its end, with filter_column(): for
 * what decides about the result. filter_header_column() leaves that to the filter, where records
 * may well lack it.
 */
size_t filter_column(struct filter_run *run, struct sl name, const char *option);
size_t filter_header_column(struct filter_run *run, struct sl name, const char *option);

/* Adds the names of lists, the values of --`option`: see namelist_split(). */
void filter_names(struct names *names, const struct opt_list *lists, const char *option);

/* The columns that separate rows beside the key: --by of the programs that know wide streams. */
#define FILTER_MAX_BY 8
struct filter_by {
	struct names names;
	size_t at[FILTER_MAX_BY]; /* numbers in the input, see filter_column() */
	bool known;
};

/* Finds them: those of `list`, "" for none; NULL stands for ship_id if the input has it. */
void filter_find_by(struct filter_run *run, struct filter_by *by, const char *list);
