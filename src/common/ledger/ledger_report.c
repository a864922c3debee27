#include "ledger/ledger_report.h"

/* ---- the table --------------------------------------------------------------------------------
 */

/* What a column says of a ship. */
struct row {
	const struct ledger_state *state;
	const struct ledger_status *s;
	struct report *r;
	bool brief; /* for people */
};

/* Instants as text, with the fraction only where a program reads. */
static void add_time(struct report *r, int64_t instant, bool brief)
{
	char text[CLOCK_TEXT_MAX];
	size_t n;

	if (instant == LEDGER_NO_TIME) {
		report_textz(r, NULL);
		return;
	}
	n = clock_put(text, instant, false);
	report_text(r, (struct sl){ text, brief && n > 19 ? 19 : n });
}

static void add_seconds(struct report *r, int64_t us)
{
	if (us < 0)
		report_textz(r, NULL);
	else
		report_real(r, (double)us / 1e6, 3);
}

static uint64_t percent(const struct ledger_status *s)
{
	uint64_t all = s->done + s->failed + s->pending + s->running;

	return all ? s->done * 100 / all : 100;
}

static void add_ship(const struct row *w)
{
	report_text(w->r, w->s->ship);
}
static void add_word(const struct row *w)
{
	report_textz(w->r, ledger_state_word(w->s, &w->state->live));
}
static void add_percent(const struct row *w)
{
	report_count(w->r, percent(w->s));
}
static void add_left(const struct row *w)
{
	report_count(w->r, w->s->pending + w->s->running);
}
static void add_first(const struct row *w)
{
	add_time(w->r, w->s->first, w->brief);
}
static void add_last(const struct row *w)
{
	add_time(w->r, w->s->last, w->brief);
}
static void add_speed(const struct row *w)
{
	const struct ledger_status *s = w->s;

	report_count(
		w->r, s->busy_us > 0 ? (uint64_t)((double)s->rows * 1e6 / (double)s->busy_us) : 0);
}
static void add_cell_speed(const struct row *w)
{
	const struct ledger_status *s = w->s;

	report_count(
		w->r, s->busy_us > 0 ? (uint64_t)((double)s->cells * 1e6 / (double)s->busy_us) : 0);
}
static void add_live_last(const struct row *w)
{
	add_time(w->r, w->s->live_last, w->brief);
}
static void add_delay(const struct row *w)
{
	add_seconds(w->r, w->s->delay_us);
}
static void add_records(const struct row *w)
{
	const struct ledger_state *s = w->state;

	for (size_t i = 0; i < s->n_records; i++)
		if (sl_eq(s->record[i].ship, w->s->ship)) {
			report_count(w->r, s->record[i].n);
			return;
		}
	report_textz(w->r, NULL);
}
static void add_error(const struct row *w)
{
	report_text(w->r, w->s->last_error.n ? w->s->last_error : (struct sl){ NULL, 0 });
}

enum need { ALWAYS, LIVE, COUNTED, NEVER };

#define COUNT(member) .count = offsetof(struct ledger_status, member)

/* A count of the ship's, unless `add` says it otherwise. */
static const struct column {
	struct report_column c;
	void (*add)(const struct row *w);
	size_t count;
	enum need need; /* when people see it; programs always see all */
} columns[] = {
	{ { N_("ship"), false }, .add = add_ship },
	{ { N_("done"), true }, COUNT(done) },
	{ { N_("failed"), true }, COUNT(failed) },
	{ { N_("left"), true }, .add = add_left },
	{ { N_("rows"), true }, COUNT(rows) },
	{ { N_("cells"), true }, COUNT(cells) },
	{ { N_("wide_rows"), true }, COUNT(wide_rows) },
	{ { N_("repeated"), true }, COUNT(dropped) },
	{ { N_("rejects"), true }, COUNT(rejects) },
	{ { N_("first"), false }, .add = add_first },
	{ { N_("last"), false }, .add = add_last },
	{ { N_("rows_per_second"), true }, .add = add_speed },
	{ { N_("cells_per_second"), true }, .add = add_cell_speed, .need = NEVER },
	{ { N_("percent"), true }, .add = add_percent },
	{ { N_("status"), REPORT_WORDS }, .add = add_word },
	{ { N_("record_count"), true }, .add = add_records, .need = COUNTED },
	{ { N_("live_rows"), true }, COUNT(live_rows), .need = LIVE },
	{ { N_("live_cells"), true }, COUNT(live_cells), .need = LIVE },
	{ { N_("live_deleted"), true }, COUNT(live_deleted), .need = LIVE },
	{ { N_("live_last"), false }, .add = add_live_last, .need = LIVE },
	{ { N_("lag_seconds"), true }, .add = add_delay, .need = LIVE },
	{ { N_("last_error"), false }, .add = add_error },
};

static bool is_shown(const struct column *c, const struct ledger_state *s, bool brief)
{
	return !brief || c->need == ALWAYS || (c->need == LIVE && s->live.any) ||
	       (c->need == COUNTED && s->n_records > 0);
}

static void add_rows(
	const struct ledger_state *s, struct report *r, struct report_column *shown, bool brief)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		if (is_shown(&columns[i], s, brief))
			shown[n++] = columns[i].c;
	report_init(r, shown, n);
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < ARRAY_LEN(columns); k++) {
			const struct column *c = &columns[k];

			if (!is_shown(c, s, brief))
				continue;
			if (c->add)
				c->add(&(struct row){ s, &s->ship[i], r, brief });
			else
				report_count(r,
					*(const uint64_t *)(const void
							*)((const char *)&s->ship[i] + c->count));
		}
}

/* ---- for programs ---------------------------------------------------------------------------- */

static const char guarantee[] = N_("what was committed before its chunk was read is carried "
				   "over; later rows of that time are not");

static void put_member(struct str *out, const char *name, uint64_t n)
{
	str_addf(out, ",\"%s\":%llu", name, (unsigned long long)n);
}

const char *ledger_guarantee(const struct ledger_state *s)
{
	return s->live.any ? ledger_live_guarantee(&s->live) : s->lesser ? s->lesser : guarantee;
}

/* Seconds; null when they are not known. */
static void put_seconds(struct str *out, const char *name, int64_t us)
{
	if (us < 0)
		str_addf(out, ",\"%s\":null", name);
	else
		str_addf(out, ",\"%s\":%.3f", name, (double)us / 1e6);
}

static void put_bytes(struct str *out, const char *name, int64_t n)
{
	if (n < 0)
		str_addf(out, ",\"%s\":null", name);
	else
		put_member(out, name, (uint64_t)n);
}

static void put_text(struct str *out, const char *name, struct sl text)
{
	str_addf(out, ",\"%s\":", name);
	if (text.n)
		str_add_json(out, text);
	else
		str_addz(out, "null");
}

static void put_live(const struct ledger_live *l, struct str *out)
{
	char text[CLOCK_TEXT_MAX];

	if (!l->any) {
		str_addz(out, ",\"live\":null");
		return;
	}
	str_addf(out, ",\"live\":{\"kind\":\"%s\",\"alive\":%s", l->slot ? "slot" : "poll",
		l->alive ? "true" : "false");
	put_seconds(out, "lag_seconds", l->lag_us);
	put_bytes(out, "lag_bytes", l->lag_bytes);
	put_seconds(out, "silent_seconds", l->silent_us);
	put_text(out, "newest_commit",
		(struct sl){ text, l->newest_commit == LEDGER_NO_TIME
					  ? 0
					  : clock_put(text, l->newest_commit, false) });
	put_text(out, "upto", l->upto);
	put_text(out, "wal_status", l->wal_status);
	put_bytes(out, "safe_wal_bytes", l->safe_wal_bytes);
	put_bytes(out, "held_bytes", l->held_bytes);
	put_member(out, "rows", l->rows);
	put_member(out, "cells", l->cells);
	put_member(out, "wide_rows", l->wide_rows);
	put_member(out, "deleted", l->deleted);
	put_member(out, "rejects", l->rejects);
	put_member(out, "in_doubt", l->doubts);
	put_text(out, "guarantee", sl_of(ledger_live_guarantee(l)));
	put_text(out, "error", l->error);
	str_addc(out, '}');
}

static void put_json(const struct ledger_state *s, const struct report *ships, struct str *out)
{
	const struct ledger_status *t = &s->total;
	char text[CLOCK_TEXT_MAX];

	str_addf(out, "{\"job\":%llu", (unsigned long long)s->job.id);
	put_text(out, "source_table", sl_of(s->job.source_table));
	put_text(out, "target_schema", sl_of(s->job.target_schema));
	put_text(out, "target_prefix", sl_of(s->job.target_prefix));
	put_text(out, "types", sl_of(s->job.types));
	put_text(out, "cutoff",
		(struct sl){ text, s->job.cutoff == LEDGER_NO_TIME
					  ? 0
					  : clock_put(text, s->job.cutoff, false) });
	put_text(out, "status", sl_of(ledger_state_word(t, &s->live)));
	put_member(out, "done", t->done);
	put_member(out, "failed", t->failed);
	put_member(out, "left", t->pending + t->running);
	put_member(out, "percent", percent(t));
	put_member(out, "rows", t->rows);
	put_member(out, "cells", t->cells);
	put_member(out, "repeated", t->dropped);
	put_member(out, "rejects", t->rejects);
	str_addf(out, ",\"rows_per_second\":%.0f,\"cells_per_second\":%.0f", s->pace.rows_per_s,
		s->pace.cells_per_s);
	put_seconds(out, "eta_seconds", s->pace.eta_us);
	put_text(out, "guarantee", sl_of(s->lesser ? s->lesser : guarantee));
	put_live(&s->live, out);
	put_member(out, "warnings_last_day", s->warnings);
	put_member(out, "criticals_last_day", s->criticals);
	str_addf(out, ",\"control\":%.*s", (int)s->control.n, s->control.p);
	str_addz(out, ",\"ships\":");
	report_put(ships, REPORT_JSON, out);
	str_addz(out, "}\n");
}

/* ---- for people -------------------------------------------------------------------------------
 */

static void put_pace(const struct ledger_state *s, struct str *out)
{
	if (s->total.pending + s->total.running == 0)
		return;
	if (s->paused) {
		str_addz(out, tr("paused by an operator: no chunk begins until paused=false\n"));
		return;
	}
	str_addf(out, tr("pace: %.0f rows/s, %.0f values/s"), s->pace.rows_per_s,
		s->pace.cells_per_s);
	if (s->pace.eta_us >= 0) {
		str_addz(out, tr("; done in about "));
		report_add_span(out, s->pace.eta_us);
	}
	str_addc(out, '\n');
}

static void put_live_line(const struct ledger_live *l, struct str *out)
{
	if (!l->any)
		return;
	str_addf(out, tr("live (%s): %s; %llu rows, %llu values, %llu deleted"),
		l->slot ? "slot" : "poll",
		tr(l->alive ? N_("following") : N_("nobody is following")),
		(unsigned long long)l->rows, (unsigned long long)l->cells,
		(unsigned long long)l->deleted);
	if (l->lag_us >= 0)
		str_addf(out, tr("; %.3f s behind"), (double)l->lag_us / 1e6);
	if (l->alive && l->unseen_us > 0)
		str_addf(out, tr("; the follower has not looked for %.0f s"),
			(double)l->unseen_us / 1e6);
	if (l->lag_bytes >= 0)
		str_addf(out, tr(", %lld bytes of WAL"), (long long)l->lag_bytes);
	if (l->wal_status.n)
		str_addf(out, tr("; slot %.*s"), (int)l->wal_status.n, l->wal_status.p);
	if (l->held_bytes >= 0)
		str_addf(out, tr(", for which the source keeps %lld bytes of WAL"),
			(long long)l->held_bytes);
	str_addc(out, '\n');
	if (l->doubts)
		str_addf(out, tr("%llu ranges are in doubt: validate --repair looks at them\n"),
			(unsigned long long)l->doubts);
	if (l->error.n)
		str_addf(out, tr("last error: %s\n"), msg_q(l->error));
	str_addf(out, tr("guarantee: %s\n"), tr(ledger_live_guarantee(l)));
}

static void put_summary(const struct ledger_state *s, struct str *out)
{
	const struct ledger_status *t = &s->total;
	char text[CLOCK_TEXT_MAX];

	str_addf(out,
		tr("\njob %llu: %llu of %llu chunks done, %llu failed; %llu rows, %llu cells, "
		   "%llu repeated, %llu rejected"),
		(unsigned long long)s->job.id, (unsigned long long)t->done,
		(unsigned long long)(t->done + t->failed + t->pending + t->running),
		(unsigned long long)t->failed, (unsigned long long)t->rows,
		(unsigned long long)t->cells, (unsigned long long)t->dropped,
		(unsigned long long)t->rejects);
	if (s->job.cutoff != LEDGER_NO_TIME)
		str_addf(out, tr("; history ends at %.*s UTC"),
			(int)clock_put(text, s->job.cutoff, false), text);
	str_addc(out, '\n');
	put_pace(s, out);
	put_live_line(&s->live, out);
	if (s->control.n > 2)
		str_addf(out, tr("under control: %.*s\n"), (int)s->control.n, s->control.p);
	if (s->warnings + s->criticals)
		str_addf(out, tr("events of the last day: %llu critical, %llu warnings\n"),
			(unsigned long long)s->criticals, (unsigned long long)s->warnings);
	if (!s->live.any)
		str_addf(out, tr("guarantee: %s\n"), tr(ledger_guarantee(s)));
}

void ledger_report(const struct ledger_state *s, int format, struct str *out)
{
	struct report_column shown[ARRAY_LEN(columns)];
	bool brief = format == REPORT_TABLE || format == REPORT_MARKDOWN;
	AUTO_REPORT report = { .n = 0 };

	if (format == LEDGER_PROMETHEUS) {
		ledger_prometheus(s, out);
		return;
	}
	add_rows(s, &report, shown, brief);
	if (format == REPORT_JSON)
		put_json(s, &report, out);
	else
		report_put(&report, (enum report_format)format, out);
	if (brief)
		put_summary(s, out);
}
