/*
 * via - run a foreign command inside a sealed pipeline.
 *
 * The seal is checked and taken off, the command gets bare records on its standard input, and what
 * it prints is sealed anew, but only when everything it was given proved whole and it ended with
 * exit status 0. A command cannot know where a chunk ends, so it is run once per chunk, each time
 * with the CSV header; an unsealed input is one chunk.
 *
 * One thread serves both pipes: before each read of what the command prints, serve_command() waits
 * with poll(2) and meanwhile feeds it. So neither side can wait for the other for ever, and memory
 * is that of a buffer, whatever the command keeps back.
 *
 * contract: via -- cat
 */
#include "core/child.h"
#include "core/tmpf.h"
#include "stream/filter.h"
#include "stream/in.h"
#include "stream/out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define FEED_SIZE ((size_t)64 * 1024)

enum rows { ROWS_ANY, ROWS_SAME };

struct conf {
	struct io_opts io;
	int rows;
	bool source, sink, accept_unsealed, keep_header, new_header;
};

struct via {
	struct conf conf;
	char **argv;
	struct io *io;	  /* what comes in (--source: what the command prints), and the output */
	struct child child;
	const char *printed; /* name of its output in messages */

	/* the chunk being fed to the command */
	struct str feed;  /* bytes for it; the first `fed` are written */
	size_t fed;
	bool header_fed, chunk_over, deaf; /* deaf: it reads no more */
	bool told;			   /* that it left a process behind */
	uint64_t rows_in, rows_out;

	/* what it prints */
	struct rd *rd;
	struct names out; /* columns of the output */
	size_t *to;	  /* column the command prints -> column of the output */
	size_t to_cap;
	struct field *row;
	size_t row_cap;
	bool as_it_is;	  /* same columns in the same order */
};

static const struct opt options[] = {
	{ .name = "rows", .not_with = "source sink", CONF(rows), .choices = "any|same",
	  .help = "same: as many records must come out as went in" },
	{ .name = "source", .not_with = "sink", CONF(source),
	  .help = "the command makes the records; nothing is read" },
	{ .name = "sink", .not_with = "output output-format gzip zstd seal no-seal", CONF(sink),
	  .help = "the command ends the stream: start it when all is proven" },
	{ .name = "accept-unsealed", .needs = "sink", .weakens = true, CONF(accept_unsealed),
	  .help = "take a pipe without a seal" },
	{ .name = "keep-header", .not_with = "source sink new-header", CONF(keep_header),
	  .help = "CSV: the command gets the rows alone, as sort, grep and tail need it" },
	{ .name = "new-header", .not_with = "source sink", CONF(new_header),
	  .help = "CSV: the command prints a header of its own, as mlr and csvkit do" },
	IO_IN_OPTS(struct conf, io),
	IO_OUT_OPTS(struct conf, io),
	IO_REPORT_OPTS(struct conf, io),
	OPT_END,
};

static const struct opt_program program = {
	.name = "via",
	.summary = "run a foreign command inside a sealed pipeline",
	.synopsis = "[options] -- COMMAND [ARGUMENT...]\n"
		    "--source [options] -- COMMAND [ARGUMENT...]\n"
		    "--sink [options] -- COMMAND [ARGUMENT...]",
	.examples = "  pg-narrow-dump -o ndjson | via -- jq -c 'select(.value != 0)' | pivot-wide\n"
		    "  via --keep-header -- grep temp <narrow.csv\n"
		    "  via --source -- psql -c 'copy t to stdout csv header' | pivot-wide\n"
		    "  pivot-wide narrow.csv --seal | via --sink -- mlr --icsv --oxtab cat\n",
	.opts = options,
};

/* ---- feeding the command -------------------------------------------------------------------- */

static void feed_header(struct via *v)
{
	const struct names *cols = rd_cols(v->io->rd);
	bool bare; /* and would be taken for another thing: quotes that CSV itself does not need */

	v->header_fed = true;
	if (rd_format(v->io->rd) != FMT_CSV || cols->n == 0 || v->conf.keep_header)
		return;
	for (size_t i = 0; i < cols->n; i++) {
		if (i)
			str_addc(&v->feed, ',');
		bare = i == 0 && rd_mistakes(cols->name[i]) && field_is_plain(cols->name[i]);
		str_addz(&v->feed, bare ? "\"" : "");
		str_add_csv(&v->feed, cols->name[i]);
		str_addz(&v->feed, bare ? "\"" : "");
	}
	str_addc(&v->feed, '\n');
}

/* A record of other text: commands get that of CSV, whatever came in. */
static void feed_fields(struct via *v, const struct rec *rec)
{
	for (size_t i = 0; i < rec->n; i++) {
		if (i)
			str_addc(&v->feed, ',');
		if (!field_is_null(&rec->f[i]))
			str_add_csv(&v->feed, field_sl(&rec->f[i]));
	}
	str_addc(&v->feed, '\n');
}

/* The record as it was read, less the empty field of the seal and a CR before the line end. */
static void feed_row(struct via *v, const struct rec *rec)
{
	const struct rd *rd = v->io->rd;
	struct sl raw = rec->raw;

	v->rows_in++;
	if (v->deaf)
		return;
	if (!v->header_fed)
		feed_header(v);
	/* grep and sort take lines for records, and would part this one */
	if (v->conf.keep_header && memchr(raw.p, '\n', raw.n))
		die_hint(EX_DATA,
			"convert it first: reformat -o ndjson, or take the line break out",
			"record %llu: a field has a line break, and --keep-header is for commands "
			"that work by line",
			(unsigned long long)v->rows_in);
	if (rd_format(rd) == FMT_CSV &&
		(rd_delimiter(rd) != ',' || v->conf.io.lenient_quotes || v->conf.io.null)) {
		feed_fields(v, rec);
		return;
	}
	if (raw.n && raw.p[raw.n - 1] == '\r')
		raw.n--;
	if (rd_format(rd) == FMT_CSV && rd_is_sealed(rd) && rd_cols(rd)->n)
		raw.n--;
	str_add(&v->feed, raw);
	str_addc(&v->feed, '\n');
}

/* Reads one event of what comes in. */
static void take_event(struct via *v)
{
	struct rec rec;

	switch (io_next(v->io, &rec)) {
	case RD_COLS:
		if (v->header_fed && rd_format(v->io->rd) == FMT_CSV)
			die_hint(EX_DATA, "NDJSON has no header: use -o ndjson upstream",
				 "column %s appeared behind record %llu, but %s was given the "
				 "CSV header already",
				 msg_q(rd_cols(v->io->rd)->name[rd_cols(v->io->rd)->n - 1]),
				 (unsigned long long)v->rows_in, msg_q(sl_of(v->argv[0])));
		break;
	case RD_ROW:
		feed_row(v, &rec);
		break;
	case RD_SEAL:
	case RD_END:
		v->chunk_over = true;
		break;
	case RD_BAD:
	case RD_BEGIN:
		bug("io_next() lets bad records and beginnings through");
	}
}

static void close_feed(struct via *v)
{
	if (v->child.in >= 0)
		(void)close(v->child.in); /* a pipe has nothing to tell at its end */
	v->child.in = -1;
}

static void write_feed(struct via *v)
{
	ssize_t n = write(v->child.in, v->feed.p + v->fed, v->feed.n - v->fed);

	if (n >= 0) {
		v->fed += (size_t)n;
	} else if (errno == EPIPE) {
		v->deaf = true; /* it has seen enough, as head(1) does; its exit status will tell */
		close_feed(v);
	} else if (errno != EAGAIN && errno != EINTR) {
		die_errno(EX_IO, "cannot write to %s", msg_q(sl_of(v->child.name)));
	}
	if (v->deaf || v->fed == v->feed.n) {
		str_clear(&v->feed);
		v->fed = 0;
	}
}

/* Is `fd` readable, or at its end, now? */
static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* Refills the empty buffer; returns early when the command has printed something meanwhile. */
static void refill(struct via *v)
{
	struct in *in = rd_in(v->io->rd);

	while (!v->chunk_over && v->feed.n < FEED_SIZE) {
		if (in_window(in).n == 0 && !in_at_end(in)) {
			struct pollfd p[2] = { { .fd = v->child.out, .events = POLLIN },
					       { .fd = in_fd(in), .events = POLLIN } };

			if (v->feed.n > 0)
				return; /* hand over what there is: more may take long to come */
			if (poll(p, 2, -1) > 0 && p[0].revents && !p[1].revents)
				return;
		}
		take_event(v);
	}
}

/*
 * The command has ended, but a process that it left behind may still print. To take that for the
 * end of the output could cut it: so it is waited for, but not without a word.
 */
static void tell_of_heir(struct via *v)
{
	struct pollfd p[2] = { { .fd = v->child.out, .events = POLLIN },
			       { .fd = pidfd_open(v->child.pid, 0), .events = POLLIN } };

	/* what only the command had open is closed when it has ended */
	if (p[1].fd >= 0 && poll(p, 2, -1) > 0 && !p[0].revents && !readable(v->child.out)) {
		msg_note("%s has ended: waiting for a process that it left behind with its output",
			 msg_q(sl_of(v->argv[0])));
		v->told = true;
	}
	if (p[1].fd >= 0)
		(void)close(p[1].fd);
}

/* Called before each read of what the command prints: feeds it until there is something to read. */
static void serve_command(void *ctx)
{
	struct via *v = ctx;

	while (v->child.in >= 0 && !readable(v->child.out)) {
		if (v->io->wr)
			wr_flush(v->io->wr); /* this may wait long */
		if (v->feed.n == 0 && !v->chunk_over)
			refill(v);
		if (v->feed.n == 0) {
			if (v->chunk_over)
				close_feed(v);
			continue;
		}
		struct pollfd p[2] = { { .fd = v->child.out, .events = POLLIN },
				       { .fd = v->child.in, .events = POLLOUT } };

		if (poll(p, 2, -1) > 0 && p[1].revents)
			write_feed(v);
	}
	if (v->told || readable(v->child.out))
		return;
	if (v->io->wr)
		wr_flush(v->io->wr);
	tell_of_heir(v);
}

/* ---- what the command prints ---------------------------------------------------------------- */

/* It ended; a failure of its own comes before any fault of what it printed. */
static void must_have_succeeded(struct via *v)
{
	char why[80];
	int status;

	close_feed(v);
	if (v->child.pid > 0 && !child_wait(&v->child, why, sizeof why, &status))
		die_hint(status == EX_TEMP ? EX_TEMP : EX_REFUSED,
			 status == 1 && strstr(v->argv[0], "grep")
				 ? N_("it ends with 1 where nothing matches: "
				      "-- sh -c 'grep … || [ $? = 1 ]' takes that for success")
				 : NULL,
			 "%s failed: %s, after %llu records",
		    msg_q(sl_of(v->argv[0])), why, (unsigned long long)v->rows_out);
}

static NORETURN void bad_output(struct via *v)
{
	const struct fault *f = rd_fault(v->rd);

	if (in_at_end(rd_in(v->rd)))
		must_have_succeeded(v);
	die(EX_DATA, "%s:%llu: %s", v->printed, (unsigned long long)f->line, f->why);
}

static bool same_names(const struct names *a, const struct names *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = sl_eq(a->name[i], b->name[i]);
	return same;
}

/*
 * The first line of CSV that comes back is the header only where it is the one that went in: behind
 * grep, sort or tail it is a record, which would be lost, and name the columns besides.
 */
static void must_be_header(const struct via *v, const struct rd *rd)
{
	if (v->conf.source || v->conf.keep_header || v->conf.new_header ||
	    rd_format(rd) != FMT_CSV || same_names(rd_cols(rd), rd_cols(v->io->rd)))
		return;
	die_hint(EX_DATA,
		 "--keep-header gives the command the rows alone and puts the header back (sort, "
		 "grep, tail); --new-header takes what it prints for the header (mlr, csvkit)",
		 "the first line that %s printed is not the header of the input: it begins with %s",
		 msg_q(sl_of(v->argv[0])), msg_q(rd_cols(rd)->name[0]));
}

/* Behind sort or cat(1) of two files the header stands among the records. */
static bool is_header_of(const struct names *cols, const struct rec *rec)
{
	bool same = rec->n == cols->n && cols->n > 0;

	for (size_t i = 0; same && i < cols->n; i++)
		same = sl_eq(field_sl(&rec->f[i]), cols->name[i]);
	return same;
}

/* Columns are matched by name: a later run may print them in another order, or others. */
static void take_columns(struct via *v, const struct rd *rd)
{
	const struct names *cols = rd_cols(rd);

	must_be_header(v, rd);
	if (!v->io->wr) {
		if (v->conf.io.out_format == FMT_AUTO)
			v->conf.io.out_format = (int)format_traits(rd_format(rd))->as;
		io_start_output(v->io);
		if (v->conf.source)
			in_on_wait(rd_in(v->rd), serve_command, v);
	}
	mem_grow(&v->to, &v->to_cap, cols->n, sizeof *v->to);
	for (size_t i = 0; i < cols->n; i++)
		v->to[i] = names_add(&v->out, cols->name[i], NULL);
	v->as_it_is = true;
	for (size_t i = 0; i < cols->n; i++)
		v->as_it_is = v->as_it_is && v->to[i] == i;
	mem_grow(&v->row, &v->row_cap, v->out.n, sizeof *v->row);
	wr_cols(v->io->wr, v->out.name, v->out.n);
}

static void take_row(struct via *v, const struct rec *rec)
{
	v->rows_out++;
	if (UNLIKELY(!v->conf.source && rd_format(v->rd) == FMT_CSV &&
		     is_header_of(rd_cols(v->io->rd), rec)))
		die_hint(EX_DATA, "--keep-header gives the command the rows alone",
			 "%s:%llu: the header stands among the records", v->printed,
			 (unsigned long long)rec->line);
	if (v->as_it_is) {
		wr_row(v->io->wr, rec->f, rec->n);
		return;
	}
	fields_clear(v->row, v->out.n);
	for (size_t i = 0; i < rec->n; i++)
		v->row[v->to[i]] = rec->f[i];
	wr_row(v->io->wr, v->row, v->out.n);
}

/* Reads what the command prints to the end, and its exit status. */
static void read_output(struct via *v)
{
	struct rec rec;
	enum rd_event ev;

	do {
		ev = v->conf.source ? io_next_any(v->io, &rec) : rd_next(v->rd, &rec);
		if (ev != RD_END && rd_is_sealed(v->rd))
			die_hint(EX_USAGE_, "it belongs into the pipeline without via",
				 "%s seals its output itself", msg_q(sl_of(v->argv[0])));
		if (ev == RD_COLS)
			take_columns(v, v->rd);
		else if (ev == RD_ROW)
			take_row(v, &rec);
		else if (ev == RD_BAD)
			bad_output(v);
	} while (ev != RD_END);
	must_have_succeeded(v);
}

/* An error of our own must not leave the command at work. */
static void stop_command(void *ctx, int code UNUSED, const char *message UNUSED)
{
	struct via *v = ctx;
	char why[80];
	int status;

	close_feed(v);
	/* where its output ended badly, its own end may be the reason */
	if (v->child.pid > 0 && v->rd && in_at_end(rd_in(v->rd))) {
		if (!child_wait(&v->child, why, sizeof why, &status))
			msg_warn("%s failed: %s", msg_q(sl_of(v->argv[0])), why);
	}
	child_stop(&v->child);
}

/* ---- the three ways of use ------------------------------------------------------------------ */

static void pass_seal(struct via *v)
{
	struct seal seal = *rd_seal(v->io->rd);
	AUTO_ARENA arena = { 0 };

	seal_forget_values(&seal, &arena);
	io_seal(v->io, &seal);
}

/* A command that printed nothing, not even a header: the columns are those it was given. */
static void ensure_output(struct via *v)
{
	if (!v->io->wr)
		take_columns(v, v->io->rd);
}

static void run_chunk(struct via *v)
{
	struct rd_conf conf = { .allow_no_newline = v->conf.io.allow_no_newline,
				.blanks_count = true, /* one may stand for each record */
				.max_record = v->conf.io.max_record,
				/* a record in its place may have one twice: must_be_header() */
				.rename_columns = !v->conf.new_header };
	int fd;

	if (v->conf.keep_header && rd_format(v->io->rd) == FMT_CSV) {
		conf.format = FMT_CSV;
		conf.columns = rd_cols(v->io->rd);
	}

	child_start(&v->child, v->argv, CHILD_PIPE_IN | CHILD_PIPE_OUT);
	if (fcntl(v->child.in, F_SETFL, O_NONBLOCK) != 0)
		die_errno(EX_BUG, "cannot prepare a pipe");
	fd = v->child.out; /* stays known for poll(2); rd_close() closes it */
	v->rd = rd_from_fd(fd, v->printed, &conf);
	in_on_wait(rd_in(v->rd), serve_command, v);
	read_output(v);
	rd_close(v->rd);
	v->rd = NULL;
	v->deaf = true; /* what the command left unread must still prove whole, or be counted */
	while ((rd_is_sealed(v->io->rd) || v->conf.rows == ROWS_SAME) && !v->chunk_over)
		take_event(v);
	if (v->conf.rows == ROWS_SAME && v->rows_in != v->rows_out)
		die(EX_DATA, "%s was given %llu records and printed %llu", msg_q(sl_of(v->argv[0])),
		    (unsigned long long)v->rows_in, (unsigned long long)v->rows_out);
	ensure_output(v);
}

/* Begins with the next chunk, up to its first record: then all columns it has are known. */
static void next_chunk(struct via *v)
{
	v->rows_in = v->rows_out = v->fed = 0;
	v->header_fed = v->chunk_over = v->deaf = false;
	str_clear(&v->feed);
	while (v->rows_in == 0 && !v->chunk_over)
		take_event(v);
	if (!v->header_fed)
		feed_header(v);
}

static void run_filter(struct via *v)
{
	v->io = io_open(&v->conf.io, NULL);
	io_promise_output(v->io);
	do {
		next_chunk(v);
		run_chunk(v);
		if (rd_is_sealed(v->io->rd))
			pass_seal(v);
	} while (rd_is_sealed(v->io->rd) && !rd_seal(v->io->rd)->final);
}

static void run_source(struct via *v)
{
	const char *name;
	bool all;

	child_start(&v->child, v->argv, CHILD_PIPE_OUT);
	v->io = io_from_fd(&v->conf.io, v->child.out, v->printed, true);
	v->rd = v->io->rd;
	read_output(v);
	if (!v->io->wr && rd_format(v->rd) == FMT_CSV && in_bytes_read(rd_in(v->rd)) > 0)
		die(EX_DATA, "%s: header: %s", v->printed, tr("an empty line"));
	/* who says that it prints CSV says that there is a header */
	if (v->conf.io.in_format != FMT_AUTO && rd_empty(v->rd, &name, &all) > 0)
		die_hint(EX_DATA, "--input-format ndjson takes an empty stream",
			"%s: nothing was read, not even a header", v->printed);
	ensure_output(v);
}

/*
 * The command cannot know a cut pipe from a whole one, and what it did with half a stream cannot be
 * taken back. So all of it goes to disk, and the command gets the file.
 */
static NORETURN void run_sink(struct via *v)
{
	int fd = tmpf_scratch();
	struct out *out = out_from_fd(dup(fd), "scratch file", 0);
	const struct rd *rd;

	v->io = io_open(&v->conf.io, NULL);
	v->io->asks_whole = !v->conf.accept_unsealed;
	rd = v->io->rd;
	do {
		v->chunk_over = false;
		take_event(v);
		io_need_whole(v->io, v->conf.accept_unsealed);
		out_put(out, str_sl(&v->feed));
		str_clear(&v->feed);
	} while (!v->chunk_over || (rd_is_sealed(rd) && !rd_seal(rd)->final));
	if (!v->header_fed) {
		feed_header(v);
		out_put(out, str_sl(&v->feed));
	}
	out_close(out);
	if (lseek(fd, 0, SEEK_SET) != 0)
		die_errno(EX_IO, "scratch file");
	(void)io_close(v->io);
	v->io = NULL;
	child_become(v->argv, fd);
}

int main(int argc, char **argv)
{
	struct via v = { .child = { .in = -1, .out = -1 }, .conf.io.no_rejects = true };
	AUTO_STR printed = { 0 };
	int code;

	opt_parse(&program, &v.conf, &argc, &argv);
	if (argc == 0)
		opt_usage("which command? Say: via -- COMMAND [ARGUMENT...]");
	argv[argc] = NULL;
	v.argv = argv;
	str_addf(&printed, "output of %s", argv[0]);
	v.printed = printed.p;
	msg_on_exit(stop_command, &v);
	if (v.conf.sink)
		run_sink(&v);
	else if (v.conf.source)
		run_source(&v);
	else
		run_filter(&v);
	code = io_close(v.io);
	names_free(&v.out);
	mem_free(v.to);
	mem_free(v.row);
	str_free(&v.feed);
	return code;
}
