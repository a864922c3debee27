#include "stream/extract.h"

#include "core/clock.h"
#include "core/mem.h"
#include "core/msg.h"
#include "core/num.h"
#include "core/tmpf.h"
#include "stream/out.h"

#include <unistd.h>

#define PROGRESS_EVERY (CLOCK_US_PER_SEC / 4)

static void parse_limit(struct extract *x, const char *text)
{
	struct sl s = text ? sl_of(text) : SL("");
	bool percent = s.n > 0 && s.p[s.n - 1] == '%';

	x->max_rejects = UINT64_MAX;
	x->max_percent = 100;
	if (!text)
		return;
	s.n -= percent;
	if (!num_u64(s, percent ? &x->max_percent : &x->max_rejects) || x->max_percent > 100)
		opt_usage("--max-rejects: not a number or percentage: %s", msg_q(sl_of(text)));
}

void extract_check(const struct io_opts *opts)
{
	struct extract x;

	if (opts->force_seal && opts->force_no_seal)
		opt_usage("--seal and --no-seal exclude each other");
	parse_limit(&x, opts->max_rejects);
}

struct extract *extract_open(const struct io_opts *opts, bool sealed)
{
	struct wr_conf conf = { .format = (enum format)opts->out_format,
		.sealed = sealed,
		.gzip = (int)opts->gzip };
	struct extract *x = mem_zalloc(sizeof *x);

	x->opts = opts;
	parse_limit(x, opts->max_rejects);
	if (conf.format == FMT_AUTO)
		conf.format = FMT_CSV;
	x->wr = wr_open(opts->output, &conf);
	x->started = x->next_progress = clock_monotonic();
	return x;
}

static void put_bar(struct extract *x, struct str *s, double sec, bool last)
{
	double mb = (double)wr_bytes(x->wr) / 1e6;

	str_addf(s, "\r%s: %llu rows, %.1f MB, %.1f MB/s", msg_prog(),
		(unsigned long long)x->rows, mb, mb / sec);
	if (x->share > 0 && !last)
		str_addf(s, ", %.0f %%, %.0f s left", 100 * x->share,
			sec * (1 - x->share) / x->share);
	str_addf(s, "\033[K%s", last ? "\n" : "");
	x->bar_shown = true;
}

static void show_progress(struct extract *x, bool last)
{
	int64_t now = clock_monotonic(), us = now - x->started;
	double sec = (double)(us > 0 ? us : 1) / 1e6;
	int mode = x->opts->progress;
	struct str s = { 0 };

	x->next_progress = now + PROGRESS_EVERY;
	if (mode == PROGRESS_AUTO)
		mode = isatty(STDERR_FILENO) ? PROGRESS_BAR : PROGRESS_NONE;
	/* nobody wants a bar for what is done before it can be read */
	if (mode == PROGRESS_NONE || (mode == PROGRESS_BAR && !x->bar_shown && sec < 1))
		return;
	if (mode == PROGRESS_JSON)
		str_addf(&s,
			"{\"program\":\"%s\",\"rows\":%llu,\"bytes\":%llu,\"share\":%.4f,"
			"\"rejects\":%llu,\"seconds\":%.3f,\"done\":%s}\n",
			msg_prog(), (unsigned long long)x->rows,
			(unsigned long long)wr_bytes(x->wr), x->share,
			(unsigned long long)x->n_rejects, sec, last ? "true" : "false");
	else
		put_bar(x, &s, sec, last);
	if (write(STDERR_FILENO, s.p, s.n) < 0)
		x->bar_shown = false; /* progress is a courtesy: its loss is no error */
	str_free(&s);
}

void extract_progress(struct extract *x)
{
	if (clock_monotonic() >= x->next_progress)
		show_progress(x, false);
}

void extract_share(struct extract *x, double share)
{
	x->share = share;
}

static void keep_reject(struct extract *x, struct sl field, struct sl value, const char *why,
	struct sl row)
{
	struct str s = { 0 };

	if (!x->rejects)
		x->rejects = out_open(x->opts->rejects, 0);
	str_addf(&s, "{\"record\":%llu,\"field\":", (unsigned long long)x->rows);
	str_add_json(&s, field);
	str_addz(&s, ",\"value\":");
	if (value.p)
		str_add_json(&s, value);
	else
		str_addz(&s, "null");
	str_addz(&s, ",\"why\":");
	str_add_json(&s, sl_of(why));
	str_addz(&s, ",\"row\":");
	str_add(&s, row);
	str_addz(&s, "}\n");
	out_put(x->rejects, str_sl(&s));
	str_free(&s);
}

void extract_reject(struct extract *x, struct sl field, struct sl value, const char *why,
	struct sl row, bool kept)
{
	x->n_rejects++;
	if (x->opts->rejects)
		keep_reject(x, field, value, why, row);
	else if (!kept)
		die_hint(EX_DATA, "--rejects FILE keeps bad records and goes on",
			"record %llu: column %s: %s: %.*s", (unsigned long long)x->rows,
			msg_q(field), why, (int)(row.n < 1500 ? row.n : 1500), row.p);
	if (x->n_rejects > x->max_rejects)
		die(EX_DATA, "more than %llu bad records%s%s",
			(unsigned long long)x->max_rejects, x->opts->rejects ? ", see " : "",
			x->opts->rejects ? x->opts->rejects : "");
}

static void write_stats(const struct extract *x)
{
	struct str s = { 0 };

	str_addf(&s,
		"{\"program\":\"%s\",\"version\":\"%s\",\"rows_in\":%llu,\"rows_out\":%llu,"
		"\"bytes_out\":%llu,\"rejects\":%llu,\"seconds\":%.3f,\"sealed\":%s}\n",
		msg_prog(), FERRY_VERSION, (unsigned long long)x->rows,
		(unsigned long long)wr_rows(x->wr), (unsigned long long)wr_bytes(x->wr),
		(unsigned long long)x->n_rejects, (double)(clock_monotonic() - x->started) / 1e6,
		wr_is_sealed(x->wr) ? "true" : "false");
	if (!tmpf_replace(x->opts->stats, str_sl(&s), 0644))
		die_errno(EX_CANTCREATE, "cannot write %s", msg_q(sl_of(x->opts->stats)));
	str_free(&s);
}

void extract_check_percent(const struct extract *x)
{
	if (x->n_rejects && x->n_rejects * 100 > x->max_percent * x->rows)
		die(EX_DATA, "more than %llu %% of the records are bad (%llu of %llu)",
			(unsigned long long)x->max_percent, (unsigned long long)x->n_rejects,
			(unsigned long long)x->rows);
}

int extract_close(struct extract *x)
{
	if (x->rejects)
		out_close(x->rejects);
	if (x->opts->stats)
		write_stats(x);
	if (x->n_rejects)
		msg_note("%llu of %llu records rejected%s%s", (unsigned long long)x->n_rejects,
			(unsigned long long)x->rows, x->opts->rejects ? ", see " : "",
			x->opts->rejects ? x->opts->rejects : "");
	show_progress(x, true);
	wr_close(x->wr);
	mem_free(x);
	return EX_DONE;
}
