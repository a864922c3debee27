#include "stream/meter.h"

#include "core/clock.h"
#include "core/msg.h"
#include "core/num.h"
#include "core/tmpf.h"
#include "stream/in.h"
#include "stream/io.h"
#include "stream/out.h"

#include <unistd.h>

#define SHOW_EVERY (CLOCK_US_PER_SEC / 4)

static void parse_limit(struct meter *m, const char *text)
{
	struct sl s = text ? sl_of(text) : SL("");
	bool percent = s.n > 0 && s.p[s.n - 1] == '%';

	m->max_rejects = UINT64_MAX;
	m->max_percent = 100;
	if (!text)
		return;
	s.n -= percent;
	if (!num_u64(s, percent ? &m->max_percent : &m->max_rejects) || m->max_percent > 100)
		opt_usage("--max-rejects: not a number or percentage: %s", msg_q(sl_of(text)));
}

void meter_start(struct meter *m, const struct io_opts *opts)
{
	*m = (struct meter){ .opts = opts };
	if (opts->force_seal && opts->force_no_seal)
		opt_usage("--seal and --no-seal exclude each other");
	parse_limit(m, opts->max_rejects);
	m->started = clock_monotonic();
	m->next = m->started + opts->every;
}

bool meter_is_due(const struct meter *m)
{
	return clock_monotonic() >= m->next;
}

/* ---- progress -------------------------------------------------------------------------------- */

static uint64_t rows_done(const struct meter *m, const struct meter_place *at)
{
	return at->behind < m->rows ? m->rows - at->behind : 0;
}

/* Seconds, where it is known how much is done. */
static double left(const struct meter_place *at, double sec)
{
	return at->share > 0 ? sec * (1 - at->share) / at->share : 0;
}

static void put_json(const struct meter *m, const struct meter_place *at, double sec, bool last,
		     struct str *s)
{
	str_addf(s,
		 "{\"program\":\"%s\",\"rows\":%llu,\"bytes\":%llu,\"total_bytes\":%llu,"
		 "\"share\":%.4f,\"rejects\":%llu,\"seconds\":%.3f,\"seconds_left\":%.3f,"
		 "\"done\":%s}\n",
		 msg_prog(), (unsigned long long)rows_done(m, at), (unsigned long long)at->bytes,
		 (unsigned long long)at->total, at->share, (unsigned long long)m->n_rejects, sec,
		 last ? 0 : left(at, sec), last ? "true" : "false");
}

static void put_bar(const struct meter *m, const struct meter_place *at, double sec, bool last,
		    struct str *s)
{
	double mb = (double)at->bytes / 1e6;
	uint64_t rows = rows_done(m, at);

	str_addf(s, "\r%s: %llu rows, %.0f rows/s, %.1f MB, %.1f MB/s", msg_prog(),
		 (unsigned long long)rows, (double)rows / sec, mb, mb / sec);
	if (at->share > 0 && !last)
		str_addf(s, ", %.0f %%, %.0f s left", 100 * at->share, left(at, sec));
	str_addf(s, "\033[K%s", last ? "\n" : "");
}

static void put_line(const struct meter *m, const struct meter_place *at, double sec, bool last,
		     struct str *s)
{
	uint64_t rows = rows_done(m, at);

	str_addf(s, "%s: %llu rows in %.0f s, %.0f rows/s", msg_prog(), (unsigned long long)rows,
		 sec, (double)rows / sec);
	if (at->share > 0 && !last)
		str_addf(s, ", %.0f %%, %.0f s left", 100 * at->share, left(at, sec));
	str_addc(s, '\n');
}

static void write_out(struct meter *m, struct str *s)
{
	if (write(STDERR_FILENO, s->p, s->n) < 0)
		m->bar_shown = false; /* progress is a courtesy: its loss is no error */
	str_free(s);
}

void meter_show(struct meter *m, const struct meter_place *at, bool last)
{
	int64_t now = clock_monotonic(), us = now - m->started;
	double sec = (double)(us > 0 ? us : 1) / 1e6;
	int mode = m->opts->progress;
	struct str s = { 0 };

	m->next = now + (m->opts->every ? m->opts->every : SHOW_EVERY);
	if (m->opts->every) {
		put_line(m, at, sec, last, &s);
		write_out(m, &s);
		return;
	}
	if (mode == PROGRESS_AUTO)
		mode = isatty(STDERR_FILENO) ? PROGRESS_BAR : PROGRESS_NONE;
	/* nobody wants a bar for what is done before it can be read */
	if (mode == PROGRESS_NONE || (mode == PROGRESS_BAR && !m->bar_shown && sec < 1))
		return;
	if (mode == PROGRESS_JSON) {
		put_json(m, at, sec, last, &s);
	} else {
		put_bar(m, at, sec, last, &s);
		m->bar_shown = true;
	}
	write_out(m, &s);
}

/* ---- bad records ----------------------------------------------------------------------------- */

void meter_count_reject(struct meter *m)
{
	const char *file = m->opts->rejects;

	if (++m->n_rejects > m->max_rejects)
		die(EX_DATA, "more than %llu bad records%s%s", (unsigned long long)m->max_rejects,
		    file ? ", see " : "", file ? file : "");
}

void meter_reject(struct meter *m, const struct str *line, bool again)
{
	if (!m->rejects)
		m->rejects = out_open(m->opts->rejects, 0);
	out_put(m->rejects, str_sl(line));
	if (!again)
		meter_count_reject(m);
}

void meter_check_percent(const struct meter *m)
{
	if (m->max_percent < 100 && m->n_rejects * 100 > m->max_percent * m->rows)
		die(EX_DATA, "more than %llu %% of the records are bad (%llu of %llu)",
		    (unsigned long long)m->max_percent, (unsigned long long)m->n_rejects,
		    (unsigned long long)m->rows);
}

void meter_flush_rejects(struct meter *m)
{
	if (m->rejects)
		out_flush(m->rejects);
}

void meter_close_rejects(struct meter *m)
{
	if (m->rejects)
		out_close(m->rejects);
	m->rejects = NULL;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void write_stats(const struct meter *m, const struct meter_sums *sums)
{
	struct str s = { 0 };

	str_addf(&s, "{\"program\":\"%s\",\"version\":\"%s\",\"rows_in\":%llu,", msg_prog(),
		 FERRY_VERSION, (unsigned long long)m->rows);
	if (sums->in)
		str_addf(&s, "\"bytes_in\":%llu,", (unsigned long long)in_bytes_read(sums->in));
	str_addf(&s,
		 "\"rows_out\":%llu,\"bytes_out\":%llu,\"rejects\":%llu,\"seconds\":%.3f,"
		 "\"sealed\":%s}\n",
		 (unsigned long long)(sums->out ? wr_rows(sums->out) : 0),
		 (unsigned long long)(sums->out ? wr_bytes(sums->out) : 0),
		 (unsigned long long)m->n_rejects, (double)(clock_monotonic() - m->started) / 1e6,
		 sums->sealed ? "true" : "false");
	if (!tmpf_replace(m->opts->stats, str_sl(&s), 0644))
		die_errno(EX_CANTCREATE, "cannot write %s", msg_q(sl_of(m->opts->stats)));
	str_free(&s);
}

void meter_finish(const struct meter *m, const struct meter_sums *sums)
{
	const char *file = m->opts->rejects;

	if (m->opts->stats)
		write_stats(m, sums);
	if (m->n_rejects)
		msg_note("%llu of %llu records rejected%s%s", (unsigned long long)m->n_rejects,
			 (unsigned long long)m->rows, file ? ", see " : "", file ? file : "");
}
