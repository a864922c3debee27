#include "stream/meter.h"

#include "core/clock.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/stats.h"
#include "stream/in.h"
#include "stream/io.h"
#include "stream/out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
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
	m->keeps_rest = percent && m->max_percent == 100;
}

void meter_start(struct meter *m, const struct io_opts *opts)
{
	const char *seal = getenv("FERRY_SEAL");

	*m = (struct meter){ .opts = opts };
	parse_limit(m, opts->max_rejects);
	if (seal && *seal && strcmp(seal, "0") != 0 && strcmp(seal, "1") != 0)
		opt_usage("FERRY_SEAL: 0 or 1 is needed, not %s", msg_q(sl_of(seal)));
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
		 "\"share\":%.6f,\"rejects\":%llu,\"seconds\":%.3f,\"seconds_left\":%.3f,"
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

	str_addf(s, "%llu rows in %.0f s, %.0f rows/s", (unsigned long long)rows, sec,
		 (double)rows / sec);
	if (at->share > 0 && !last)
		str_addf(s, ", %.0f %%, %.0f s left", 100 * at->share, left(at, sec));
	log_line(LEVEL_NOTE, str_z(s), NULL);
}

void meter_show(struct meter *m, const struct meter_place *at, bool last)
{
	int64_t now = clock_monotonic(), us = now - m->started;
	double sec = (double)(us > 0 ? us : 1) / 1e6;
	int mode = m->opts->progress;
	AUTO_STR s = { 0 };

	m->next = now + (m->opts->every ? m->opts->every : SHOW_EVERY);
	if (m->opts->every) {
		put_line(m, at, sec, last, &s);
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
	if (write(STDERR_FILENO, s.p, s.n) < 0)
		m->bar_shown = false; /* progress is a courtesy: its loss is no error */
}

/* ---- bad records ----------------------------------------------------------------------------- */

#define SHARED_ROOM ((size_t)1 << 16) /* what is gathered for a shared file */

static NORETURN void fail_rejects(const struct meter *m, enum exit_code code, const char *what)
{
	die_errno(code, "cannot %s %s", what, msg_q(sl_of(m->opts->rejects)));
}

/* Whoever mends what the input is refused for mends these with it, and does not meet old ones. */
static void show_refused(void *ctx, int code, const char *message UNUSED)
{
	if (code == EX_DATA || code == EX_REFUSED || code == EX_STREAM)
		meter_show_rejects(ctx);
}

void meter_open_rejects(struct meter *m)
{
	if (!m->opts->rejects)
		return;
	msg_on_exit(show_refused, m);
	if (!m->opts->append_rejects) {
		m->rejects = out_open(m->opts->rejects, 0);
		return;
	}
	m->shared = open(m->opts->rejects, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (m->shared < 0)
		fail_rejects(m, EX_CANTCREATE, "append to");
}

/* Is the last line there without its end? Whoever wrote it was killed at it. */
static bool ends_in_half(const struct meter *m, const struct stat *st)
{
	int fd = S_ISREG(st->st_mode) && st->st_size > 0
			 ? open(m->opts->rejects, O_RDONLY | O_CLOEXEC) : -1;
	char last = '\n';

	if (fd >= 0) {
		(void)!pread(fd, &last, 1, st->st_size - 1);
		(void)close(fd);
	}
	return last != '\n';
}

/* All lines or none, and nobody's in between. */
static void append_lines(struct meter *m)
{
	struct sl s = str_sl(&m->lines);
	struct stat st;
	bool half;

	if (s.n == 0)
		return;
	while (flock(m->shared, LOCK_EX) != 0)
		if (errno != EINTR)
			fail_rejects(m, EX_IO, "lock");
	half = fstat(m->shared, &st) == 0 && ends_in_half(m, &st);
	if (half)
		msg_warn("%s: a run was killed in its last line, half of which is there",
			m->opts->rejects);
	if (half && write(m->shared, "\n", 1) < 0)
		fail_rejects(m, EX_IO, "append to");
	if (!fd_write(m->shared, s)) {
		int why = errno;

		(void)!ftruncate(m->shared, st.st_size); /* it is a failure anyway */
		errno = why;
		fail_rejects(m, EX_IO, "append to");
	}
	(void)flock(m->shared, LOCK_UN); /* the lock ends with the descriptor */
	str_clear(&m->lines);
}

/* `, see FILE`, or nothing where they are in none. */
static const char *see(const struct meter *m)
{
	static char text[PATH_MAX + 40];

	if (!m->opts->rejects)
		return "";
	(void)snprintf(text, sizeof text, "%s%s", tr(", see "), m->opts->rejects);
	return text;
}

void meter_count_reject(struct meter *m)
{
	if (++m->n_rejects <= m->max_rejects)
		return;
	die(EX_DATA, "more than %llu bad records%s", (unsigned long long)m->max_rejects, see(m));
}

void meter_reject(struct meter *m, const struct str *line, bool again)
{
	if (m->rejects)
		out_put(m->rejects, str_sl(line));
	else
		str_add(&m->lines, str_sl(line));
	if (m->lines.n > SHARED_ROOM)
		append_lines(m);
	if (!again)
		meter_count_reject(m);
}

void meter_check(struct meter *m)
{
	unsigned long long rejected = m->n_rejects, rows = m->rows;

	if (m->n_rejects == 0)
		return;
	if (m->max_percent < 100 && m->n_rejects * 100 > m->max_percent * m->rows)
		die(EX_DATA, "more than %llu %% of the records are bad (%llu of %llu)%s",
		    (unsigned long long)m->max_percent, rejected, rows, see(m));
	if (m->n_rejects >= m->rows && !m->keeps_rest)
		die(EX_DATA, "all records were rejected (%llu)%s", rows, see(m));
}

void meter_show_rejects(struct meter *m)
{
	if (m->rejects)
		out_show(m->rejects);
	append_lines(m);
}

void meter_close_rejects(struct meter *m)
{
	if (m->rejects)
		out_close(m->rejects);
	m->rejects = NULL;
	append_lines(m);
	msg_off_exit(show_refused, m);
	if (m->opts->append_rejects && m->opts->rejects && close(m->shared) != 0)
		fail_rejects(m, EX_IO, "append to");
	str_free(&m->lines);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void put_counts(const struct meter *m, struct str *s)
{
	for (size_t i = 0; i < m->n_counts; i++)
		str_addf(s, "\"%s\":%llu,", m->counts[i].name,
			 (unsigned long long)m->counts[i].n);
}

static bool tells(const struct io_opts *opts)
{
	return !opts->own_stats && stats_wanted(opts->stats);
}

static void write_stats(const struct meter *m, const struct meter_sums *sums)
{
	AUTO_STR s = { 0 };

	str_addf(&s, "{\"program\":\"%s\",\"version\":\"%s\",\"rows_in\":%llu,", msg_prog(),
		 FERRY_VERSION, (unsigned long long)m->rows);
	if (sums->in)
		str_addf(&s, "\"bytes_in\":%llu,", (unsigned long long)in_bytes_read(sums->in));
	put_counts(m, &s);
	str_addf(&s,
		 "\"rows_out\":%llu,\"bytes_out\":%llu,\"rejects\":%llu,\"seconds\":%.3f,"
		 "\"sealed\":%s}\n",
		 (unsigned long long)sums->rows_out, (unsigned long long)sums->bytes_out,
		 (unsigned long long)m->n_rejects, (double)(clock_monotonic() - m->started) / 1e6,
		 sums->sealed ? "true" : "false");
	if (!stats_write(m->opts->stats, str_sl(&s)))
		die_errno(EX_CANTCREATE, "cannot write --stats");
}

/* Of a run that failed. */
static void put_so_far(const void *ctx, struct str *s)
{
	const struct meter *m = ctx;

	str_addf(s, "\"rows_in\":%llu,", (unsigned long long)m->rows);
	put_counts(m, s);
	str_addf(s, "\"rejects\":%llu,\"seconds\":%.3f,", (unsigned long long)m->n_rejects,
		 (double)(clock_monotonic() - m->started) / 1e6);
}

void meter_on_failure(const struct io_opts *opts, const struct meter *m)
{
	if (!tells(opts))
		return;
	stats_failing(m ? put_so_far : NULL, m);
}

void meter_finish(const struct meter *m, const struct meter_sums *sums)
{
	if (tells(m->opts))
		write_stats(m, sums);
	if (m->n_rejects)
		msg_note("%llu of %llu records rejected%s", (unsigned long long)m->n_rejects,
			 (unsigned long long)m->rows, see(m));
}
