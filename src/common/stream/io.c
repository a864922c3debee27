#include "stream/io.h"

#include "core/mem.h"
#include "core/msg.h"
#include "core/utf8.h"
#include "stream/in.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

static struct io *io_new(const struct io_opts *opts)
{
	struct io *io = mem_zalloc(sizeof *io);

	io->opts = opts;
	meter_start(&io->meter, opts);
	return io;
}

static struct rd_conf rd_conf_of(const struct io_opts *opts)
{
	return (struct rd_conf){ .format = (enum format)opts->in_format,
				 .max_record = opts->max_record,
				 .allow_no_newline = opts->allow_no_newline,
				 .iso = opts->iso };
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

	if (format_is_document((enum format)io->opts->out_format)) {
		if (io->opts->force_seal)
			opt_usage("--seal: a JSON array or package cannot be sealed");
		return false;
	}
	if (in_sealed || io->vouched)
		return decide_seal(io->opts, true);
	if (io->opts->force_seal && !in_is_regular(rd_in(io->rd)))
		die_hint(EX_STREAM, "'via --source -- COMMAND' seals what a command prints",
			 "--seal: the input is a pipe without a seal: is it whole?");
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

/* Opening it for output empties a file, and what is still to be read would be gone. */
static void refuse_own_input(const struct io *io)
{
	const char *path = io->opts->output;
	bool named = path && strcmp(path, "-") != 0;
	struct in *in = rd_in(io->rd);
	struct stat from, to;

	if (in_is_regular(in) && fstat(in_fd(in), &from) == 0 &&
	    (named ? stat(path, &to) : fstat(STDOUT_FILENO, &to)) == 0 &&
	    from.st_dev == to.st_dev && from.st_ino == to.st_ino)
		die_hint(EX_USAGE_, "write another file and rename it",
			 "%s is input and output at once", in_name(in));
}

void io_start_output(struct io *io)
{
	struct wr_conf conf = { .format = (enum format)io->opts->out_format,
				.sealed = output_is_sealed(io),
				.gzip = (int)io->opts->gzip,
				.iso = io->opts->iso };

	if (conf.format == FMT_AUTO)
		conf.format = rd_format(io->rd) == FMT_NDJSON ||
					      format_is_document(rd_format(io->rd))
				      ? FMT_NDJSON
				      : FMT_CSV;
	refuse_own_input(io);
	io->wr = wr_open(io->opts->output, &conf);
	if (!in_is_regular(rd_in(io->rd)))
		in_on_wait(rd_in(io->rd), flush_when_idle, io);
}

/* Begins what send_abort() in wr.c, registered by this very call, then ends. */
static void start_to_abort(void *ctx, int code, const char *message)
{
	struct io *io = ctx;

	(void)code;
	(void)message;
	if (!io->wr && !io->opts->output && rd_is_sealed(io->rd))
		io_start_output(io);
}

void io_promise_output(struct io *io)
{
	msg_on_exit(start_to_abort, io);
}

static void show_progress(struct io *io, bool last)
{
	const struct in *in = rd_in(io->rd);
	struct meter_place at = { .bytes = in_bytes_read(in), .total = in_bytes_total(in) };

	if (at.total)
		at.share = (double)at.bytes / (double)at.total;
	meter_show(&io->meter, &at, last);
}

void io_show(struct io *io, uint64_t behind, uint64_t expected)
{
	const struct in *in = rd_in(io->rd);
	struct meter_place at = { .bytes = in_bytes_read(in), .total = in_bytes_total(in),
				  .behind = behind };

	if (!meter_is_due(&io->meter))
		return;
	if (expected)
		at.share = (double)(io->meter.rows - behind) / (double)expected;
	else if (at.total)
		at.share = (double)at.bytes / (double)at.total;
	/* what was expected is an estimate */
	at.share = at.share > 0.999 ? 0.999 : at.share;
	meter_show(&io->meter, &at, false);
}

enum rd_event io_next_any(struct io *io, struct rec *rec)
{
	enum rd_event ev = rd_next(io->rd, rec);

	io->meter.rows += ev == RD_ROW || ev == RD_BAD;
	if (meter_tick(&io->meter) && !io->own_progress)
		show_progress(io, false);
	return ev;
}

bool io_next_like(struct io *io, struct sl name, struct field *last)
{
	if (!rd_next_like(io->rd, name, last))
		return false;
	io->meter.rows++;
	if (meter_tick(&io->meter) && !io->own_progress)
		show_progress(io, false);
	return true;
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
	die_hint(EX_DATA, "--rejects FILE keeps bad records and goes on",
		 "%s:%s: record %llu: %s%s%s", in_name(rd_in(io->rd)), where,
		 (unsigned long long)f->record, field, f->why, value);
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
	/* a record may have several bad values */
	meter_reject(&io->meter, &s, rec->record == io->last_rejected);
	io->last_rejected = rec->record;
	str_free(&s);
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

void io_seal(struct io *io, const struct seal *seal)
{
	if (seal->final)
		meter_check_percent(&io->meter);
	meter_flush_rejects(&io->meter);
	if (io->wr)
		wr_seal(io->wr, seal);
}

int io_close(struct io *io)
{
	meter_check_percent(&io->meter);
	meter_close_rejects(&io->meter);
	/* a regular file that --seal asked to seal has now been read to its end */
	if (io->wr && wr_is_sealed(io->wr) && !rd_is_sealed(io->rd))
		io_seal(io, &(struct seal){ .chunk = SL("1"), .src = SL(""), .final = true });
	meter_finish(&io->meter, &(struct meter_sums){ .in = rd_in(io->rd),
						       .out = io->wr,
						       .sealed = rd_is_sealed(io->rd) });
	show_progress(io, true);
	msg_off_exit(start_to_abort, io);
	wr_close(io->wr);
	rd_close(io->rd);
	mem_free(io);
	return EX_DONE;
}
