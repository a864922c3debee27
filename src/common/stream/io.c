#include "stream/io.h"

#include "core/path.h"
#include "core/utf8.h"
#include "stream/in.h"
#include "stream/namelist.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

static struct io *io_new(const struct io_opts *opts)
{
	struct io *io = mem_zalloc(sizeof *io);

	io->opts = opts;
	meter_start(&io->meter, opts);
	meter_on_failure(opts, &io->meter);
	meter_open_rejects(&io->meter);
	return io;
}

static char delimiter_of(const char *text)
{
	if (!text)
		return 0;
	if (strcmp(text, "\\t") == 0 || strcmp(text, "tab") == 0)
		return '\t';
	if (strlen(text) != 1 || strchr("\"\r\n", *text) || (unsigned char)*text >= 0x80)
		opt_usage("--delimiter: one character of ASCII is needed, not %s",
			  msg_q(sl_of(text)));
	return *text;
}

static struct rd_conf rd_conf_of(struct io *io)
{
	const struct io_opts *opts = io->opts;

	for (size_t i = 0; i < opts->names.n; i++)
		namelist_split(&io->names, opts->names.v[i].p, "names");
	if (opts->comment && !*opts->comment)
		opt_usage("--comment: how do such lines begin?");
	return (struct rd_conf){ .format = (enum format)opts->in_format,
				 .max_record = opts->max_record,
				 .allow_no_newline = opts->allow_no_newline,
				 .encoding = opts->encoding,
				 .delimiter = delimiter_of(opts->delimiter),
				 .no_header = opts->no_header || io->names.n,
				 .columns = io->names.n ? &io->names : NULL,
				 .skip_lines = opts->skip_lines,
				 .comment = opts->comment,
				 .null = opts->null,
				 .rename_columns = opts->rename_columns,
				 .lenient_quotes = opts->lenient_quotes,
				 .at = opts->at,
				 .has_options = true,
				 .iso = opts->iso };
}

/* Of several inputs `paths` live as long as it does. */
static struct io *open_paths(const struct io_opts *opts, const char *const *paths, size_t n)
{
	struct rd_conf conf;
	struct io *io;

	for (size_t i = 0; i < n; i++)
		path_claim(PATH_READ, "the input", paths[i]);
	if (n == 0)
		path_claim(PATH_READ, "the input", NULL);
	io = io_new(opts);
	conf = rd_conf_of(io);
	io->rd = rd_open_all(paths, n, &conf);
	return io;
}

struct io *io_open_all(const struct io_opts *opts, char *const *paths, int n)
{
	return open_paths(opts, (const char *const *)paths, (size_t)n);
}

struct io *io_open(const struct io_opts *opts, const char *path)
{
	return open_paths(opts, &path, path != NULL);
}

struct io *io_from_fd(const struct io_opts *opts, int fd, const char *name, bool vouched)
{
	struct io *io = io_new(opts);
	struct rd_conf conf = rd_conf_of(io);

	io->rd = rd_from_fd(fd, name, &conf);
	io->vouched = vouched;
	return io;
}

bool io_writes_pipe(const struct io_opts *opts)
{
	bool named = opts->output && strcmp(opts->output, "-") != 0;
	struct stat st;

	if ((named ? stat(opts->output, &st) : fstat(STDOUT_FILENO, &st)) != 0)
		return false;
	return S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
}

/* --seal and --no-seal, then $FERRY_SEAL, which is 0 or 1 (meter_start()), then `otherwise`. */
static bool decide_seal(const struct io_opts *opts, bool otherwise)
{
	const char *env = getenv("FERRY_SEAL");

	if (opts->force_seal || opts->force_no_seal)
		return opts->force_seal;
	if (env && *env)
		return *env == '1';
	return otherwise && io_writes_pipe(opts);
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
			opt_usage("--seal: only CSV and NDJSON can be sealed, not %s",
				  format_traits((enum format)io->opts->out_format)->name);
		return false;
	}
	if (in_sealed || io->vouched)
		return decide_seal(io->opts, true);
	if (io->opts->force_seal && !rd_is_regular(io->rd))
		die_hint(EX_STREAM, "'via --source -- COMMAND' seals what a command prints",
			 "--seal: the input is a pipe without a seal: is it whole?");
	return io->opts->force_seal;
}

void io_need_whole(const struct io *io, bool accept_unsealed)
{
	struct in *in = rd_in(io->rd);

	if (rd_is_sealed(io->rd) || rd_is_regular(io->rd) || accept_unsealed)
		return;
	if (in_bytes_read(in) == 0)
		die_hint(EX_STREAM, "what that says tells why",
			 "%s ended before its first byte: the program before it did not begin",
			 in_name(in));
	die_hint(EX_STREAM,
		 "'via --source -- CMD' seals what a foreign program writes, 'via -- CMD' leads a "
		 "sealed stream through one; --accept-unsealed takes it as it is",
		 "%s is a pipe without a seal: were it cut short nobody would know, "
		 "so nothing is loaded",
		 in_is_regular(in) ? tr("one of the files") : in_name(in));
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
				.gzip = (int)io->opts->gzip,
				.zstd = (int)io->opts->zstd,
				.iso = io->opts->iso };

	if (io->wr)
		return; /* for a seal that came before all columns */
	if (conf.format == FMT_AUTO)
		conf.format = format_traits(rd_format(io->rd))->as;
	io->wr = wr_open(io->opts->output, &conf);
	wr_begin(io->wr, rd_chunk(io->rd));
	if (!in_is_regular(rd_in(io->rd)))
		in_on_wait(rd_in(io->rd), flush_when_idle, io);
}

/* Begins what send_abort() in wr.c, registered by this very call, then ends. */
static void start_to_abort(void *ctx, int code UNUSED, const char *message UNUSED)
{
	struct io *io = ctx;

	if (!io->wr && !io->opts->output && rd_is_sealed(io->rd))
		io_start_output(io);
}

void io_promise_output(struct io *io)
{
	if (!io->opts->output)
		path_claim(PATH_WRITE, "the output", NULL);
	msg_on_exit(start_to_abort, io);
	io->promised = true;
}

static struct meter_place place_of(const struct io *io)
{
	const struct in *in = rd_in(io->rd);
	struct meter_place at = { .bytes = in_bytes_read(in), .total = in_bytes_total(in) };

	at.share = at.total ? (double)at.bytes / (double)at.total : 0;
	return at;
}

static void show_progress(struct io *io, bool last)
{
	struct meter_place at = place_of(io);

	meter_show(&io->meter, &at, last);
}

void io_show(struct io *io, uint64_t behind, uint64_t expected)
{
	struct meter_place at = place_of(io);

	if (!meter_is_due(&io->meter))
		return;
	at.behind = behind;
	if (expected)
		at.share = (double)(io->meter.rows - behind) / (double)expected;
	/* what was expected is an estimate */
	at.share = at.share > 0.999 ? 0.999 : at.share;
	meter_show(&io->meter, &at, false);
}

/* Nothing at all is what a program leaves that failed; only NDJSON may be empty. */
static void must_not_be_empty(const struct io *io)
{
	const char *name;
	bool all;
	size_t n = rd_empty(io->rd, &name, &all);

	if (n == 0 || io->vouched)
		return;
	if (!all)
		msg_warn(n == 1 ? "%s: nothing was read, not even a header"
				: N_("%s: nothing was read, not even a header "
				     "(more such files: %zu)"),
			 name, n - 1);
	if (!all || (io->asks_whole && !in_is_regular(rd_in(io->rd))))
		return;
	die_hint(EX_DATA, "did the program before this one fail? --input-format ndjson takes an "
			  "empty stream",
		 "%s: nothing was read, not even a header", in_name(rd_in(io->rd)));
}

enum rd_event io_next_any(struct io *io, struct rec *rec)
{
	enum rd_event ev;

	while (UNLIKELY((ev = rd_next(io->rd, rec)) == RD_BEGIN))
		if (io->wr)
			wr_begin(io->wr, rd_chunk(io->rd));
	if (UNLIKELY(ev == RD_END))
		must_not_be_empty(io);
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

static NORETURN void stop_at(const struct io *io, const struct fault *f)
{
	char where[80], field[160] = "", value[160] = "", both[300];
	const char *hint = io->reject_hint	  ? io->reject_hint
			   : io->opts->no_rejects ? NULL
						  : "--rejects FILE keeps bad records and goes on";

	if (f->column)
		(void)snprintf(where, sizeof where, "%llu:%llu", (unsigned long long)f->line,
			       (unsigned long long)f->column);
	else
		(void)snprintf(where, sizeof where, "%llu", (unsigned long long)f->line);
	if (f->field.n)
		(void)snprintf(field, sizeof field, " %s: ", msg_q(f->field));
	if (f->value.n)
		(void)snprintf(value, sizeof value, ": %s", msg_q(f->value));
	(void)snprintf(both, sizeof both, "%s%s%s", f->hint ? tr(f->hint) : "",
		       f->hint && hint ? "; " : "", hint ? tr(hint) : "");
	die_hint(EX_DATA,
		 f->cut ? "send it again whole: a record that was cut is never kept as a reject"
			: *both ? both : NULL,
		 "%s:%s: record %llu: %s%s%s%s", in_name(rd_in(io->rd)), where,
		 (unsigned long long)f->record, f->field.n ? tr("field") : "", field, tr(f->why),
		 value);
}

enum rd_event io_next(struct io *io, struct rec *rec)
{
	enum rd_event ev;

	while ((ev = io_next_any(io, rec)) == RD_BAD) {
		/* nobody knows how much is missing behind it, so it is more than one bad record */
		if (rd_fault(io->rd)->cut)
			stop_at(io, rd_fault(io->rd));
		io_reject(io, rec, rd_fault(io->rd));
	}
	return ev;
}

void io_add_text(struct str *s, struct sl t)
{
	AUTO_STR clean = { 0 };

	while (t.n > 0) {
		size_t n = utf8_valid_to(t.p, t.n);

		str_add(&clean, (struct sl){ t.p, n });
		if (n < t.n) {
			str_addz(&clean, "\xef\xbf\xbd");
			n++;
		}
		sl_skip(&t, n);
	}
	str_add_json(s, str_sl(&clean));
}

/* JSON holds no other bytes than UTF-8; but the record can be mended only from those it had. */
static void add_raw(struct str *s, struct sl raw)
{
	str_addz(s, ",\"raw\":");
	io_add_text(s, raw);
	if (utf8_valid_to(raw.p, raw.n) == raw.n)
		return;
	str_addz(s, ",\"raw_hex\":\"");
	for (size_t i = 0; i < raw.n; i++)
		str_addf(s, "%02X", (unsigned char)raw.p[i]);
	str_addc(s, '"');
}

void io_reject(struct io *io, const struct rec *rec, const struct fault *f)
{
	struct fault hidden = *f;
	AUTO_STR s = { 0 };

	if (io->opts->hide_values) {
		hidden.value = SL("");
		f = &hidden;
	}
	if (!io->opts->rejects && !io->keep)
		stop_at(io, f);
	str_addz(&s, "{\"file\":");
	io_add_text(&s, sl_of(strcmp(in_name(rd_in(io->rd)), tr("standard input")) == 0
				    ? "standard input" /* for programs in every language */
				    : in_name(rd_in(io->rd))));
	str_addf(&s, ",\"record\":%llu,\"line\":%llu,\"column\":%llu,\"field\":",
		 (unsigned long long)f->record, (unsigned long long)f->line,
		 (unsigned long long)f->column);
	io_add_text(&s, f->field);
	str_addz(&s, ",\"value\":");
	io_add_text(&s, f->value);
	str_addz(&s, ",\"why\":");
	io_add_text(&s, sl_of(f->why));
	add_raw(&s, io->opts->hide_values ? SL("") : rec->raw);
	str_addc(&s, '}');
	if (io->keep)
		io->keep(io->keep_ctx, rec, f, str_sl(&s));
	str_addc(&s, '\n');
	/* a record may have several bad values */
	if (io->opts->rejects)
		meter_reject(&io->meter, &s, rec->record == io->last_rejected);
	else if (rec->record != io->last_rejected)
		meter_count_reject(&io->meter);
	io->last_rejected = rec->record;
}

void io_reject_value(struct io *io, const struct rec *rec, struct sl field, struct sl value,
	const char *why)
{
	struct fault f = { .record = rec->record, .line = rec->line, .field = field,
		.value = value, .why = why };

	io_reject(io, rec, &f);
}

void io_reject_field(struct io *io, const struct rec *rec, size_t i, const char *why)
{
	const struct names *cols = rd_cols(io->rd);

	io_reject_value(io, rec, i < cols->n ? cols->name[i] : SL(""),
			i < rec->n ? field_sl(&rec->f[i]) : SL(""), why);
}

void io_check_strict(const struct io *io)
{
	if (io->opts->strict && *msg_warning)
		die(EX_DATA, "%s: there was a warning, and --strict takes none: %s",
		    in_name(rd_in(io->rd)), msg_warning);
}

void io_seal(struct io *io, const struct seal *seal)
{
	if (!io->wr && io->promised)
		io_start_output(io);
	if (seal->final)
		meter_check(&io->meter);
	meter_show_rejects(&io->meter);
	if (io->wr)
		wr_seal(io->wr, seal);
}

void io_drop(struct io *io)
{
	rd_close(io->rd);
	names_free(&io->names);
	mem_free(io);
}

int io_close(struct io *io)
{
	struct meter_sums sums;

	meter_check(&io->meter);
	meter_close_rejects(&io->meter);
	/* a regular file that --seal asked to seal has now been read to its end */
	if (io->wr && wr_is_sealed(io->wr) && !rd_is_sealed(io->rd))
		io_seal(io, &(struct seal){ .chunk = SL("1"), .src = SL(""), .final = true });
	sums = (struct meter_sums){ .in = rd_in(io->rd),
				    .rows_out = io->wr ? wr_rows(io->wr) : io->rows_out,
				    .bytes_out = io->wr ? wr_bytes(io->wr) : 0,
				    .sealed = rd_is_sealed(io->rd) };
	show_progress(io, true);
	msg_off_exit(start_to_abort, io);
	wr_close(io->wr);
	meter_finish(&io->meter, &sums);
	io_drop(io);
	return EX_DONE;
}
