/*
 * io.h - what every filter has in common: input, output, sealing, rejects, progress, statistics.
 *
 * A program puts IO_IN_OPTS(struct conf, io) and its like into its option table and a
 * `struct io_opts io` into its configuration; then
 *
 *	io = io_open(&conf.io, argc > 0 ? argv[0] : NULL);
 *	while ((ev = io_next(io, &rec)) != RD_END) …
 *	io_close(io);
 *
 * io_next() is rd_next() with bad records dealt with (--rejects), beginnings of chunks passed on,
 * rows counted and progress shown.
 */
#pragma once

#include "core/opt.h"
#include "stream/meter.h"
#include "stream/wr.h"

struct io_opts {
	int in_format;	       /* enum format */
	int out_format;	       /* enum format; FMT_AUTO: as the input */
	int seal;	       /* 0 auto, 1 yes, 2 no: see io_wants_seal() */
	const char *output;    /* NULL or "-": standard output */
	uint64_t gzip;	       /* level */
	const char *rejects;   /* file for bad records, NULL: stop at the first */
	const char *max_rejects; /* "N" or "P%" */
	bool no_rejects;  /* the program has no --rejects */
	bool hide_values; /* of bad records nobody may see what is in them; the program says so */
	bool append_rejects;   /* to the file of earlier runs, or of others that run now */
	int progress;	       /* enum progress_mode */
	int64_t every;	       /* not 0: progress as a line of its own, that often (us) */
	const char *stats;     /* file for the JSON summary */
	bool strict;	       /* a filter that warns fails */
	bool own_stats;	       /* the program writes one of its own */
	bool allow_no_newline;
	uint64_t max_record;
	bool force_seal, force_no_seal;
	const char *delimiter, *comment, *null, *at, *encoding; /* see rd.h */
	bool no_header, rename_columns, lenient_quotes;
	struct opt_list names;
	uint64_t skip_lines;
	uint64_t zstd; /* level, 0: none */
	const struct iso_opts *iso; /* of a program that takes packages, else NULL */
};

#define IO_NOT_CSV "input-format=ndjson|json|iso19848"

/* The parts of the table; a program takes those that fit it. `T` the struct, `m` the io_opts. */
#define IO_IN_OPTS(T, m) IO_IN_OPTS_OF(T, m, "auto|csv|ndjson|tsv|json")
#define IO_IN_OPTS_OF(T, m, formats)                                                               \
	{ .kind = OPT_GROUP, .help = "Input" },                                                    \
	{ .name = "input-format", .letter = 'i', OPT_INTO(T, m.in_format), .choices = formats,     \
	  .help = "told from the first byte by default" },                                         \
	{ .name = "allow-no-newline", OPT_INTO(T, m.allow_no_newline),                             \
	  .help = "the last record may lack its end of line" },                                    \
	{ .name = "max-record", .kind = OPT_SIZE, .offset = offsetof(T, m.max_record),             \
	  .arg = "SIZE", .min = 1024, .max = UINT64_C(1) << 30,                                    \
	  .help = "refuse larger records (default 64M)" },                                         \
	{ .name = "delimiter", .not_with = IO_NOT_CSV "|tsv", OPT_INTO(T, m.delimiter),            \
	  .arg = "CHAR", .help = "CSV: between fields (default a comma)" },                        \
	{ .name = "no-header", .not_with = IO_NOT_CSV, OPT_INTO(T, m.no_header),                   \
	  .help = "CSV: the first line is data, columns are 1, 2, 3" },                            \
	{ .name = "names", .not_with = IO_NOT_CSV, OPT_INTO(T, m.names), .arg = "NAME,...",        \
	  .help = "CSV: the same, with these names" },                                             \
	{ .name = "rename-columns", .not_with = IO_NOT_CSV, OPT_INTO(T, m.rename_columns),         \
	  .help = "CSV: make names where the header has none, or one twice" },                     \
	{ .name = "lenient-quotes", .not_with = IO_NOT_CSV, OPT_INTO(T, m.lenient_quotes),         \
	  .help = "CSV: a quote within an unquoted field is text" },                               \
	{ .name = "skip-lines", OPT_INTO(T, m.skip_lines), .arg = "N",                             \
	  .help = "lines before the header to leave out" },                                        \
	{ .name = "comment", .not_with = IO_NOT_CSV, OPT_INTO(T, m.comment), .arg = "TEXT",        \
	  .help = "CSV: leave out lines that begin so" },                                          \
	{ .name = "null", .not_with = IO_NOT_CSV, OPT_INTO(T, m.null), .arg = "TEXT",              \
	  .help = "CSV: a field of this text is NULL" },                                           \
	{ .name = "at", .needs = "input-format=json", OPT_INTO(T, m.at), .arg = "NAME.NAME",       \
	  .help = "JSON: where in the document the array is" },                                    \
	{ .name = "encoding", OPT_INTO(T, m.encoding), .arg = "NAME",                              \
	  .help = "of the text, as iconv names it (default UTF-8)" }
#define IO_OUT_OPTS(T, m) IO_OUT_OPTS_OF(T, m, "auto|csv|ndjson|tsv|json|table|markdown")
#define IO_OUT_OPTS_OF(T, m, formats)                                                              \
	IO_FILE_OPTS(T, m, formats, "as the input by default"),                                    \
	{ .name = "zstd", .not_with = "gzip", OPT_INTO(T, m.zstd), .arg = "LEVEL", .min = 1,       \
	  .max = 19, .help = "compress it with zstd" },                                            \
	IO_SEAL_OPTS(T, m, "sealed input into a pipe")
#define IO_FILE_OPTS(T, m, formats, otherwise)                                                     \
	{ .kind = OPT_GROUP, .help = "Output" },                                                   \
	{ .name = "output-format", .letter = 'o', OPT_INTO(T, m.out_format), .choices = formats,   \
	  .help = otherwise },                                                                     \
	{ .name = "output", .letter = 'O', OPT_INTO(T, m.output), .arg = "FILE",                   \
	  .file = OPT_WRITES, .help = "write here instead of standard output" },                   \
	{ .name = "gzip", .letter = 'z', OPT_INTO(T, m.gzip), .arg = "LEVEL", .min = 1, .max = 9,  \
	  .help = "compress the output" }
#define IO_SEAL_OPTS(T, m, otherwise)                                                              \
	{ .name = "seal", .not_with = "no-seal", OPT_INTO(T, m.force_seal),                        \
	  .help = "seal the output (default: " otherwise ")" },                                    \
	{ .name = "no-seal", OPT_INTO(T, m.force_no_seal),                                         \
	  .help = "do not seal the output [$FERRY_SEAL=0|1]" }
#define IO_REJECT_OPTS(T, m) IO_KEEP_REJECT_OPTS(T, m, "rejects")
/* Where bad records may be kept elsewhere, too: `limits` is what --max-rejects needs, or NULL. */
#define IO_KEEP_REJECT_OPTS(T, m, limits)                                                          \
	{ .kind = OPT_GROUP, .help = "Bad records" },                                              \
	{ .name = "rejects", OPT_INTO(T, m.rejects), .arg = "FILE", .file = OPT_APPENDS,           \
	  .help = "keep bad records here and go on (default: stop at the first)" },                \
	{ .name = "rejects-append", .needs = "rejects", OPT_INTO(T, m.append_rejects),             \
	  .help = "add to that file, which others may do at the same time" },                      \
	{ .name = "max-rejects", .needs = limits, OPT_INTO(T, m.max_rejects), .arg = "N|P%",       \
	  .help = "stop when there are more" }
#define IO_STRICT_OPT(T, m)                                                                        \
	{ .name = "strict", OPT_INTO(T, m.strict),                                                 \
	  .help = "what is warned of, such as a name that no record has, is an error" }
#define IO_REPORT_OPTS(T, m)                                                                       \
	{ .kind = OPT_GROUP, .help = "Report" },                                                   \
	{ .name = "progress", OPT_INTO(T, m.progress), .choices = "auto|bar|json|none",            \
	  .help = "on standard error" },                                                           \
	{ .name = "stats", OPT_INTO(T, m.stats), .arg = "FILE", .file = OPT_WRITES,                \
	  .help = "write a JSON summary here" }

enum progress_mode { PROGRESS_AUTO, PROGRESS_BAR, PROGRESS_JSON, PROGRESS_NONE };

struct io {
	struct rd *rd;
	struct wr *wr; /* NULL until io_start_output() */
	bool own_progress; /* the owner calls io_show(); io_next() does not show any */
	bool asks_whole; /* the owner calls io_need_whole(), which says why a pipe is empty */
	const char *reject_hint; /* what else than --rejects helps the owner's user; or NULL */
	uint64_t rows_out; /* of a program without `wr`: what --stats says */
	/*
	 * Of an owner that keeps bad records himself (NULL: none): is given what io_reject() writes
	 * to a file, without its end of line, and they are counted with --rejects or without.
	 */
	void (*keep)(void *ctx, const struct rec *rec, const struct fault *fault, struct sl json);
	void *keep_ctx;
	/* private */
	const struct io_opts *opts;
	struct meter meter;
	uint64_t last_rejected; /* record */
	bool promised; /* io_promise_output() */
	bool vouched;
	struct names names; /* of --names */
};

/*
 * Opens the input, one file or several as one (rd_open_all()); with none it is standard input. The
 * first io_next() decides whether the stream is sealed. Where nothing is read, not even a header,
 * the program ends with 65, unless the format is NDJSON by option.
 */
struct io *io_open(const struct io_opts *opts, const char *path) NODISCARD;
struct io *io_open_all(const struct io_opts *opts, char *const *paths, int n) NODISCARD;

/*
 * The same over a descriptor. `vouched`: the caller proves by other means that the input is whole,
 * and dies otherwise; so the output is sealed like an extractor's.
 */
struct io *io_from_fd(const struct io_opts *opts, int fd, const char *name, bool vouched) NODISCARD;

/*
 * What is bad is rejected; but a record within which the input ends says that more is missing, so
 * it ends the program with 65, whatever is done with other bad ones.
 */
enum rd_event io_next(struct io *io, struct rec *rec) NODISCARD;

/*
 * A pipe may end because the program before it died, and only a seal tells: one that has none, seen
 * after the first io_next(), ends the program with 76. Regular files are what they are.
 */
void io_need_whole(const struct io *io, bool accept_unsealed);

/* rd_next_like(), with the row counted. */
bool io_next_like(struct io *io, struct sl name, struct field *last) NODISCARD;

/*
 * The progress, now and then, of a program that goes on with records after it has read them: how
 * many of them are not done yet, and how many are expected in all (0: nobody knows).
 */
void io_show(struct io *io, uint64_t behind, uint64_t expected);

/* Like io_next(), but RD_BAD is the caller's business. */
enum rd_event io_next_any(struct io *io, struct rec *rec) NODISCARD;

/*
 * Opens the output: format as asked or as the input's; sealed when the input is sealed and the
 * output is a pipe or socket, unless --seal, --no-seal or $FERRY_SEAL say otherwise (--seal on an
 * unsealed input is for a regular file or a program that makes records itself; io_close() then
 * writes one final seal). Call after the first io_next().
 */
void io_start_output(struct io *io);

/*
 * For programs that have an output: should this one fail before io_start_output(), the reader
 * downstream is told why all the same. Call after opening.
 */
void io_promise_output(struct io *io);

/* Before the seal, or the output's name: so nothing of what was warned of is taken for good. */
void io_check_strict(const struct io *io);

/*
 * Passes a seal on, or makes one. What was kept of bad records is written first, and a final seal
 * is only made within --max-rejects: nothing that can fail may come behind it. A loader, which
 * has no output, calls it before it commits.
 */
void io_seal(struct io *io, const struct seal *seal);

/* Is the output a pipe? A FIFO is, by whatever way it was named. */
bool io_writes_pipe(const struct io_opts *opts);

/* Should a program that makes its own records (an extractor) seal its output? */
bool io_wants_seal(const struct io_opts *opts);

/*
 * Deals with a bad record: without --rejects the program ends with 65 and one line
 * `prog: error: FILE:LINE:COLUMN: field "x": WHY: "value"`; else it is written to the file, as one
 * NDJSON object {"file","record","line","column","field","value","why","raw"}, with "raw_hex"
 * where that is no UTF-8, counted, and reading goes on until --max-rejects.
 */
void io_reject(struct io *io, const struct rec *rec, const struct fault *fault);

/* Appends bytes as a JSON string; what is not UTF-8, which that must be, becomes U+FFFD. */
void io_add_text(struct str *s, struct sl t);

/* The same of a value of the record that is at fault, "" where it has none. */
void io_reject_value(struct io *io, const struct rec *rec, struct sl field, struct sl value,
	const char *why);

/* A fault in field `i` of `rec`; the value is taken from there. */
void io_reject_field(struct io *io, const struct rec *rec, size_t i, const char *why);

/*
 * Ends it: final seal where io promised one, output closed and checked, statistics written, last
 * progress line. Dies with 74 and the like; returns EX_DONE.
 */
int io_close(struct io *io);
void io_drop(struct io *io); /* frees one that was only read, without a word */
