#include "stream/io.h"

#include "core/clock.h"
#include "core/mem.h"
#include "core/msg.h"
#include "core/num.h"
#include "core/tmpf.h"
#include "core/utf8.h"
#include "stream/in.h"
#include "stream/out.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRESS_EVERY (CLOCK_US_PER_SEC / 4)

static void parse_max_rejects(struct io *io)
{
	const char *text = io->opts->max_rejects;
	struct sl s = text ? sl_of(text) : SL("");

	io->max_rejects = UINT64_MAX;
	io->max_percent = 100;
	if (!text)
		return;
	if (s.n && s.p[s.n - 1] == '%') {
		s.n--;
		if (!num_u64(s, &io->max_percent) || io->max_percent > 100)
			opt_usage("--max-rejects: not a percentage: %s", msg_q(sl_of(text)));
	} else if (!num_u64(s, &io->max_rejects)) {
		opt_usage("--max-rejects: not a number or percentage: %s", msg_q(s));
	}
}

static struct io *io_new(const struct io_opts *opts)
{
	struct io *io = mem_zalloc(sizeof *io);

	if (opts->force_seal && opts->force_no_seal)
		opt_usage("--seal and --no-seal exclude each other");
	io->opts = opts;
	parse_max_rejects(io);
	io->started = io->next_progress = clock_monotonic();
	return io;
}

static struct rd_conf rd_conf_of(const struct io_opts *opts)
{
	return (struct rd_conf){ .format = (enum format)opts->in_format,
				 .max_record = opts->max_record,
				 .allow_no_newline = opts->allow_no_newline };
}

struct io *io_open(const struct io_opts *opts, const char *path)
{
	struct rd_conf conf = rd_conf_of(opts);
	struct io *io = io_new(opts);

	io->rd = rd_open(path, &conf);
	return io;
}

struct io *io_from_fd(const struct io_opts *opts, int fd, const char *name, bool vouched)
{
	struct rd_conf conf = rd_conf_of(opts);
	struct io *io = io_new(opts);

	io->rd = rd_from_fd(fd, name, &conf);
	io->vouched = vouched;
	return io;
}

static bool stdout_is_pipe(const struct io_opts *opts)
{
	struct stat st;

	if (opts->output && strcmp(opts->output, "-") != 0)
		return false;
	return fstat(STDOUT_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

/* --seal and --no-seal, then $FERRY_SEAL, then `otherwise`. */
static bool decide_seal(const struct io_opts *opts, bool otherwise)
{
	const char *env = getenv("FERRY_SEAL");

	if (opts->force_seal || opts->force_no_seal)
		return opts->force_seal;
	if (env && strcmp(env, "0") == 0)
		return false;
	if (env && strcmp(env, "1") == 0)
		return true;
	return otherwise && stdout_is_pipe(opts);
}

bool io_wants_seal(const struct io_opts *opts)
{
	return decide_seal(opts, true);
}

/*
 * An unsealed pipe may have been cut by a program that died: such data is never given a seal,
 * whatever the environment says. A regular file is what it is.
 */
static bool output_is_sealed(const struct io *io)
{
	bool in_sealed = rd_is_sealed(io->rd);

	if (io->opts->out_format == FMT_JSON) {
		if (io->opts->force_seal)
			opt_usage("--seal: a JSON array cannot be sealed");
		return false;
	}
	if (in_sealed || io->vouched)
		return decide_seal(io->opts, true);
	if (io->opts->force_seal && !in_is_regular(rd_in(io->rd)))
		die_hint(EX_STREAM, "'via --source -- COMMAND' seals what a command prints",
			 "--seal: the input is a pipe without a seal, nobody knows whether it is whole");
	return io->opts->force_seal;
}

/* Nobody waits for a record because its writer waits for the next one. */
static void flush_when_idle(void *ctx)
{
	struct io *io = ctx;
	struct pollfd p = { .fd = in_fd(rd_in(io->rd)), .events = POLLIN };

	if (poll(&p, 1, 0) == 0)
		wr_flush(io->wr);
}

void io_start_output(struct io *io)
{
	struct wr_conf conf = { .format = (enum format)io->opts->out_format,
				.sealed = output_is_sealed(io),
				.gzip = (int)io->opts->gzip };

	if (conf.format == FMT_AUTO)
		conf.format = rd_format(io->rd) == FMT_NDJSON || rd_format(io->rd) == FMT_JSON
				      ? FMT_NDJSON
				      : FMT_CSV;
	io->wr = wr_open(io->opts->output, &conf);
	if (!in_is_regular(rd_in(io->rd)))
		in_on_wait(rd_in(io->rd), flush_when_idle, io);
}

static void show_progress(struct io *io, bool last)
{
	int64_t now = clock_monotonic(), us = now - io->started;
	struct in *in = rd_in(io->rd);
	double sec = (double)(us > 0 ? us : 1) / 1e6, mb = (double)in_bytes_read(in) / 1e6;
	uint64_t total = in_bytes_total(in);
	int mode = io->opts->progress;
	struct str s = { 0 };

	io->next_progress = now + PROGRESS_EVERY;
	if (mode == PROGRESS_AUTO)
		mode = isatty(STDERR_FILENO) ? PROGRESS_BAR : PROGRESS_NONE;
	/* nobody wants a bar for what is done before it can be read */
	if (mode == PROGRESS_NONE || (mode == PROGRESS_BAR && !io->bar_shown && sec < 1))
		return;
	if (mode == PROGRESS_JSON) {
		str_addf(&s,
			 "{\"program\":\"%s\",\"rows\":%llu,\"bytes\":%llu,\"total_bytes\":%llu,"
			 "\"rejects\":%llu,\"seconds\":%.3f,\"done\":%s}\n",
			 msg_prog(), (unsigned long long)io->rows_in,
			 (unsigned long long)in_bytes_read(in), (unsigned long long)total,
			 (unsigned long long)io->n_rejects, sec, last ? "true" : "false");
	} else {
		str_addf(&s, "\r%s: %llu rows, %.1f MB, %.1f MB/s", msg_prog(),
			 (unsigned long long)io->rows_in, mb, mb / sec);
		if (total && !last)
			str_addf(&s, ", %.0f %%, %.0f s left", 1e8 * mb / (double)total,
				 sec * ((double)total / 1e6 - mb) / (mb > 0 ? mb : 1));
		str_addf(&s, "\033[K%s", last ? "\n" : "");
		io->bar_shown = true;
	}
	if (write(STDERR_FILENO, s.p, s.n) < 0)
		io->bar_shown = false; /* progress is a courtesy: its loss is no error */
	str_free(&s);
}

enum rd_event io_next_any(struct io *io, struct rec *rec)
{
	enum rd_event ev = rd_next(io->rd, rec);

	io->rows_in += ev == RD_ROW || ev == RD_BAD;
	if (UNLIKELY(++io->tick % 4096 == 0) && clock_monotonic() >= io->next_progress)
		show_progress(io, false);
	return ev;
}

enum rd_event io_next(struct io *io, struct rec *rec)
{
	enum rd_event ev;

	while ((ev = io_next_any(io, rec)) == RD_BAD)
		io_reject(io, rec, rd_fault(io->rd));
	return ev;
}

static NORETURN void stop_at(const struct io *io, const struct fault *f)
{
	char where[80], field[160] = "", value[160] = "";

	if (f->column)
		(void)snprintf(where, sizeof where, "%llu:%llu", (unsigned long long)f->line,
			       (unsigned long long)f->column);
	else
		(void)snprintf(where, sizeof where, "%llu", (unsigned long long)f->line);
	if (f->field.n)
		(void)snprintf(field, sizeof field, "field %s: ", msg_q(f->field));
	if (f->value.n)
		(void)snprintf(value, sizeof value, ": %s", msg_q(f->value));
	die_hint(EX_DATA, "--rejects FILE keeps bad records and goes on", "%s:%s: record %llu: %s%s%s",
		 in_name(rd_in(io->rd)), where, (unsigned long long)f->record, field, f->why, value);
}

/* Raw bytes of a bad record may not be UTF-8, which JSON must be: others become U+FFFD. */
static void add_lossy(struct str *s, struct sl t)
{
	struct str clean = { 0 };

	while (t.n > 0) {
		size_t n = utf8_valid_to(t.p, t.n);

		str_add(&clean, (struct sl){ t.p, n });
		if (n < t.n) {
			str_addz(&clean, "\xef\xbf\xbd");
			n++;
		}
		t.p += n;
		t.n -= n;
	}
	str_add_json(s, str_sl(&clean));
	str_free(&clean);
}

void io_reject(struct io *io, const struct rec *rec, const struct fault *f)
{
	struct str s = { 0 };

	if (!io->opts->rejects)
		stop_at(io, f);
	if (!io->rejects)
		io->rejects = out_open(io->opts->rejects, 0);
	io->n_rejects++;
	str_addf(&s, "{\"record\":%llu,\"line\":%llu,\"column\":%llu,\"field\":",
		 (unsigned long long)f->record, (unsigned long long)f->line,
		 (unsigned long long)f->column);
	add_lossy(&s, f->field);
	str_addz(&s, ",\"value\":");
	add_lossy(&s, f->value);
	str_addz(&s, ",\"why\":");
	add_lossy(&s, sl_of(f->why));
	str_addz(&s, ",\"raw\":");
	add_lossy(&s, rec->raw);
	str_addz(&s, "}\n");
	out_put(io->rejects, str_sl(&s));
	str_free(&s);
	if (io->n_rejects > io->max_rejects)
		die(EX_DATA, "more than %llu bad records (they are in %s)",
		    (unsigned long long)io->max_rejects, io->opts->rejects);
}

void io_reject_field(struct io *io, const struct rec *rec, size_t i, const char *why)
{
	const struct names *cols = rd_cols(io->rd);
	struct fault f = { .record = rec->record,
			   .line = rec->line,
			   .field = i < cols->n ? cols->name[i] : SL(""),
			   .value = i < rec->n ? field_sl(&rec->f[i]) : SL(""),
			   .why = why };

	io_reject(io, rec, &f);
}

static void write_stats(const struct io *io)
{
	struct str s = { 0 };

	str_addf(&s,
		 "{\"program\":\"%s\",\"version\":\"%s\",\"rows_in\":%llu,\"bytes_in\":%llu,"
		 "\"rows_out\":%llu,\"bytes_out\":%llu,\"rejects\":%llu,\"seconds\":%.3f,"
		 "\"sealed\":%s}\n",
		 msg_prog(), FERRY_VERSION, (unsigned long long)io->rows_in,
		 (unsigned long long)in_bytes_read(rd_in(io->rd)),
		 (unsigned long long)(io->wr ? wr_rows(io->wr) : 0),
		 (unsigned long long)(io->wr ? wr_bytes(io->wr) : 0),
		 (unsigned long long)io->n_rejects,
		 (double)(clock_monotonic() - io->started) / 1e6,
		 rd_is_sealed(io->rd) ? "true" : "false");
	if (!tmpf_replace(io->opts->stats, str_sl(&s), 0644))
		die_errno(EX_CANTCREATE, "cannot write %s", msg_q(sl_of(io->opts->stats)));
	str_free(&s);
}

static void check_percent(const struct io *io)
{
	if (io->n_rejects * 100 > io->max_percent * io->rows_in && io->n_rejects)
		die(EX_DATA, "more than %llu %% of the records are bad (%llu of %llu)",
		    (unsigned long long)io->max_percent, (unsigned long long)io->n_rejects,
		    (unsigned long long)io->rows_in);
}

void io_seal(struct io *io, const struct seal *seal)
{
	if (seal->final)
		check_percent(io);
	if (io->rejects)
		out_flush(io->rejects);
	if (io->wr)
		wr_seal(io->wr, seal);
}

int io_close(struct io *io)
{
	check_percent(io);
	if (io->rejects)
		out_close(io->rejects);
	io->rejects = NULL;
	/* a regular file that --seal asked to seal has now been read to its end */
	if (io->wr && wr_is_sealed(io->wr) && !rd_is_sealed(io->rd))
		io_seal(io, &(struct seal){ .chunk = SL("1"), .src = SL(""), .final = true });
	if (io->opts->stats)
		write_stats(io);
	if (io->n_rejects)
		msg_note("%llu of %llu records rejected, see %s", (unsigned long long)io->n_rejects,
			 (unsigned long long)io->rows_in, io->opts->rejects);
	show_progress(io, true);
	wr_close(io->wr);
	rd_close(io->rd);
	mem_free(io);
	return EX_DONE;
}
