#include "ledger/ledger_report.h"

#include "ledger/ledger_internal.h"
#include "ledger/ledger_report.sql.h"
#include "wide/registry.h"

/* ---- what there is to report ----------------------------------------------------------------- */

const char *ledger_state_word(const struct ledger_status *s, const struct ledger_live *live)
{
	if (s->failed)
		return N_("failed");
	if (s->again && s->again == s->running + s->pending)
		return N_("retrying");
	if (s->running)
		return N_("running");
	if (s->pending || (s->open && !live->any))
		return N_("pending");
	if (s->waits)
		return N_("waiting");
	if (live->any)
		return live->alive && !s->away ? N_("live") : N_("stopped");
	return N_("completed");
}

static void count_events(struct ledger_state *s, struct pg *target)
{
	AUTO_RESULT *r = ledger_ask(target, of_day_sql, s->job.id);

	s->warnings = pg_count(r, 0, 0);
	s->criticals = pg_count(r, 0, 1);
	s->control = arena_dup(&s->arena, pg_value(r, 0, 2));
	s->paused = pg_true(r, 0, 3);
}

/* Counts the rows of each ship's first table, which has one for every instant. */
static void count_records(struct ledger_state *s, struct pg *target)
{
	AUTO_RESULT *tables = pg_ask(target, tables_sql, s->job.target_schema,
		s->job.target_prefix);

	s->record = arena_alloc(&s->arena, mem_mul(pg_rows(tables) + 1, sizeof *s->record));
	for (size_t i = 0; i < pg_rows(tables); i++) {
		AUTO_STR sql = { 0 };
		AUTO_RESULT *r = NULL;

		str_addf(&sql, "SELECT count(*) FROM %s",
			pg_table(target, sl_of(s->job.target_schema), pg_value(tables, i, 1)));
		r = pg_query(target, str_z(&sql), 0, NULL);
		s->record[s->n_records++] = (struct ledger_record){
			arena_dup(&s->arena, pg_value(tables, i, 0)), pg_count(r, 0, 0)};
	}
}

/* What is done is proven of what was sent, not of what such a trigger makes of it. */
static void look_for_meddlers(struct ledger_state *s, struct pg *target)
{
	AUTO_STR text = { 0 };

	if (registry_meddlers(target, s->job.target_schema, s->job.target_prefix, &text)) {
		s->lesser = arena_dup(&s->arena, sl_of(str_z(&text))).p;
		if (s->live.any && !*s->live.gap)
			s->live.gap = s->lesser;
	}
}

void ledger_state_take(struct ledger_state *s, const struct ledger_part *of,
	const struct ledger_job *job, bool count)
{
	*s = (struct ledger_state){ .job = *job };
	s->ship = ledger_status(of, &s->arena, &s->n);
	s->total = ledger_sum(s->ship, s->n);
	s->pace = ledger_pace(of, &s->total);
	ledger_live_get(of->target, job->id, &s->live, &s->arena);
	look_for_meddlers(s, of->target);
	if (job->cutoff > job->planned && !s->lesser)
		s->lesser = N_("not all up to the cutoff was planned, which was to come, or of "
			       "which --until left the end out: run again for that");
	s->total.open = job->cutoff > job->planned;
	for (size_t i = 0; i < s->n; i++)
		s->ship[i].open = s->total.open;
	count_events(s, of->target);
	if (count)
		count_records(s, of->target);
}

void ledger_state_free(struct ledger_state *s)
{
	arena_free(&s->arena);
}

/* ---- the table ------------------------------------------------------------------------------- */

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

#define BAR 5 /* characters */

/* People see how much it is before they read it: `███▌   70`. */
static void add_percent(struct report *r, uint64_t n, bool brief)
{
	static const char *const eighths[] = { " ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" };
	AUTO_STR s = { 0 };

	if (!brief) {
		report_count(r, n);
		return;
	}
	for (uint64_t i = 0, full = n * BAR * 8 / 100; i < BAR; i++)
		str_addz(&s, eighths[full < 8 * i ? 0 : full > 8 * i + 8 ? 8 : full - 8 * i]);
	str_addf(&s, " %3llu", (unsigned long long)n);
	report_text(r, str_sl(&s));
}

static uint64_t speed(const struct ledger_status *s, uint64_t n)
{
	return s->busy_us > 0 ? (uint64_t)((double)n * 1e6 / (double)s->busy_us) : 0;
}

static void add_records(struct report *r, const struct ledger_state *state, struct sl ship)
{
	for (size_t i = 0; i < state->n_records; i++)
		if (sl_eq(state->record[i].ship, ship)) {
			report_count(r, state->record[i].n);
			return;
		}
	report_textz(r, NULL);
}

enum need { ALWAYS, LIVE, COUNTED, NEVER };

static const struct column {
	struct report_column c;
	enum need need; /* when people see it; programs always see all */
} columns[] = {
	{ { N_("ship"), false }, ALWAYS }, { { N_("done"), true }, ALWAYS },
	{ { N_("failed"), true }, ALWAYS }, { { N_("left"), true }, ALWAYS },
	{ { N_("rows"), true }, ALWAYS }, { { N_("cells"), true }, ALWAYS },
	{ { N_("wide_rows"), true }, ALWAYS }, { { N_("repeated"), true }, ALWAYS },
	{ { N_("rejects"), true }, ALWAYS }, { { N_("first"), false }, ALWAYS },
	{ { N_("last"), false }, ALWAYS }, { { N_("rows_per_second"), true }, ALWAYS },
	{ { N_("cells_per_second"), true }, NEVER }, { { N_("percent"), true }, ALWAYS },
	{ { N_("status"), REPORT_WORDS }, ALWAYS }, { { N_("record_count"), true }, COUNTED },
	{ { N_("live_rows"), true }, LIVE }, { { N_("live_cells"), true }, LIVE },
	{ { N_("live_deleted"), true }, LIVE }, { { N_("live_last"), false }, LIVE },
	{ { N_("lag_seconds"), true }, LIVE }, { { N_("last_error"), false }, ALWAYS },
};

struct rows {
	const struct ledger_state *state;
	struct report shown, hidden;
	size_t n;   /* cells there are, in both */
	bool brief; /* for people */
};

static bool is_shown(const struct rows *w, size_t column)
{
	enum need need = columns[column].need;

	return !w->brief || need == ALWAYS || (need == LIVE && w->state->live.any) ||
	       (need == COUNTED && w->state->n_records > 0);
}

/* Where the next cell goes. */
static struct report *next(struct rows *w)
{
	return is_shown(w, w->n++ % ARRAY_LEN(columns)) ? &w->shown : &w->hidden;
}

/* A cell for each of the columns, in their order. */
static void add_ship(struct rows *w, const struct ledger_status *s)
{
	report_text(next(w), s->ship);
	report_count(next(w), s->done);
	report_count(next(w), s->failed);
	report_count(next(w), s->pending + s->running);
	report_count(next(w), s->rows);
	report_count(next(w), s->cells);
	report_count(next(w), s->wide_rows);
	report_count(next(w), s->dropped);
	report_count(next(w), s->rejects);
	add_time(next(w), s->first, w->brief);
	add_time(next(w), s->last, w->brief);
	report_count(next(w), speed(s, s->rows));
	report_count(next(w), speed(s, s->cells));
	add_percent(next(w), percent(s), w->brief);
	report_textz(next(w), ledger_state_word(s, &w->state->live));
	add_records(next(w), w->state, s->ship);
	report_count(next(w), s->live_rows);
	report_count(next(w), s->live_cells);
	report_count(next(w), s->live_deleted);
	add_time(next(w), s->live_last, w->brief);
	add_seconds(next(w), s->delay_us);
	report_text(next(w), s->last_error.n ? s->last_error : (struct sl){ NULL, 0 });
}

/* ---- for programs ---------------------------------------------------------------------------- */

/* Of a follower that is there. */
static const char *live_guarantee(const struct ledger_live *live)
{
	if (*live->gap)
		return live->gap;
	if (live->slot && live->rejects)
		return live->doubts
			? N_("slot: nothing that was committed is lost but what was rejected, once "
			     "what is in doubt is compared; ferry.reject has it")
			: N_("slot: nothing that was committed is lost but what was rejected; "
			     "ferry.reject has it");
	if (live->slot)
		return live->doubts
			? N_("slot: nothing that was committed is lost, whenever and for "
			     "whatever time, once what is in doubt is compared")
			: N_("slot: nothing that was committed is lost, whenever and for "
			     "whatever time");
	return live->doubts
		? N_("poll: rows older than the window wait for the next comparison of both "
		     "sides, and so does what is in doubt")
		: N_("poll: rows older than the window wait for the next comparison of both "
		     "sides");
}

static const char guarantee[] = N_("what was committed before its chunk was read is carried "
				   "over; later rows of that time are not");

static void put_member(struct str *out, const char *name, uint64_t n)
{
	str_addf(out, ",\"%s\":%llu", name, (unsigned long long)n);
}

const char *ledger_guarantee(const struct ledger_state *s)
{
	return s->live.any ? live_guarantee(&s->live) : s->lesser ? s->lesser : guarantee;
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
	put_text(out, "guarantee", sl_of(live_guarantee(l)));
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
	str_addf(out,
		",\"rows_per_second\":%.0f,\"cells_per_second\":%.0f,\"bytes_per_second\":%.0f",
		s->pace.rows_per_s, s->pace.cells_per_s, s->pace.bytes_per_s);
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

/* ---- for people ------------------------------------------------------------------------------ */

/* A number, or a size, as people read it; it lives as long as seven others. */
static const char *shown(uint64_t n, bool bytes)
{
	static struct str ring[8];
	static size_t at;
	struct str *s = &ring[at++ % ARRAY_LEN(ring)];

	str_clear(s);
	if (bytes)
		report_add_bytes(s, (double)n);
	else
		str_add_grouped(s, n);
	return str_z(s);
}

static const char *count(uint64_t n)
{
	return shown(n, false);
}

static void put_pace(const struct ledger_state *s, struct str *out)
{
	if (s->total.pending + s->total.running == 0)
		return;
	if (s->paused) {
		str_addz(out, tr("paused by an operator: no chunk begins until paused=false\n"));
		return;
	}
	str_addf(out, tr("pace: %s rows/s, %s values/s, %s/s"), count((uint64_t)s->pace.rows_per_s),
		count((uint64_t)s->pace.cells_per_s), shown((uint64_t)s->pace.bytes_per_s, true));
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
	str_addf(out, tr("live (%s): %s; %s rows, %s values, %s deleted"),
		l->slot ? "slot" : "poll",
		tr(l->alive ? N_("following") : N_("nobody is following")), count(l->rows),
		count(l->cells), count(l->deleted));
	if (l->lag_us >= 0)
		str_addf(out, tr("; %.3f s behind"), (double)l->lag_us / 1e6);
	if (l->alive && l->unseen_us > 0)
		str_addf(out, tr("; the follower has not looked for %.0f s"),
			(double)l->unseen_us / 1e6);
	if (l->lag_bytes >= 0)
		str_addf(out, tr(", %s of WAL"), shown((uint64_t)l->lag_bytes, true));
	if (l->wal_status.n)
		str_addf(out, tr("; slot %.*s"), (int)l->wal_status.n, l->wal_status.p);
	if (l->held_bytes >= 0)
		str_addf(out, tr(", for which the source keeps %s of WAL"),
			shown((uint64_t)l->held_bytes, true));
	str_addc(out, '\n');
	if (l->doubts)
		str_addf(out, tr("%s ranges are in doubt: validate --repair looks at them\n"),
			count(l->doubts));
	if (l->error.n)
		str_addf(out, tr("last error: %s\n"), msg_q(l->error));
	str_addf(out, tr("guarantee: %s\n"), tr(live_guarantee(l)));
}

static void put_summary(const struct ledger_state *s, struct str *out)
{
	const struct ledger_status *t = &s->total;
	uint64_t chunks = t->done + t->failed + t->pending + t->running;
	char text[CLOCK_TEXT_MAX];

	str_addf(out,
		tr("\njob %llu: %s of %s chunks done, %s failed (%.3g %%); %s rows, %s cells, "
		   "%s repeated, %s rejected"),
		(unsigned long long)s->job.id, count(t->done), count(chunks), count(t->failed),
		chunks ? (double)t->failed * 100 / (double)chunks : 0, count(t->rows),
		count(t->cells), count(t->dropped), count(t->rejects));
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
	struct rows w = { .state = s,
		.shown = { .columns = shown },
		.brief = format == REPORT_TABLE || format == REPORT_MARKDOWN };

	if (format == LEDGER_PROMETHEUS) {
		ledger_prometheus(s, out);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		if (is_shown(&w, i))
			shown[w.shown.n_columns++] = columns[i].c;
	for (size_t i = 0; i < s->n; i++)
		add_ship(&w, &s->ship[i]);
	if (format == REPORT_JSON)
		put_json(s, &w.shown, out);
	else
		report_put(&w.shown, (enum report_format)format, out);
	if (w.brief)
		put_summary(s, out);
	report_free(&w.shown);
	report_free(&w.hidden);
}

/* ---- while it goes on ------------------------------------------------------------------------ */

struct progress {
	const struct ledger_part *of;
	struct ledger_status now, before;
	struct ledger_live live;
};

/* Appends which chunk was the last that was done. */
static void add_last(const struct progress *p, struct str *s)
{
	AUTO_RESULT *r = ledger_ask_part(p->of, last_sql);

	if (pg_rows(r) > 0)
		str_addf(s, tr("; last ship %s, %s to %s"), msg_q(pg_value(r, 0, 0)),
			pg_valuez(r, 0, 1), pg_valuez(r, 0, 2));
}

/* Less than before: it was rolled back meanwhile. */
static double pace_of(uint64_t now, uint64_t before, double s)
{
	return now > before ? (double)(now - before) / s : 0.0;
}

static void say_totals(const struct progress *p, double s)
{
	const struct ledger_status *now = &p->now;
	uint64_t all = now->done + now->failed + now->pending + now->running;
	AUTO_STR last = { 0 };

	if (now->pending + now->running == 0 && now->rows == p->before.rows)
		return;
	add_last(p, &last);
	msg_note("%llu of %llu chunks done, %llu at work, %llu failed, %llu rows, %.0f rows/s%s",
		(unsigned long long)now->done, (unsigned long long)all,
		(unsigned long long)now->running, (unsigned long long)now->failed,
		(unsigned long long)now->rows, pace_of(now->rows, p->before.rows, s),
		str_z(&last));
}

static void say_live(const struct progress *p, double s)
{
	const struct ledger_live *l = &p->live;
	double came = pace_of(p->now.live_rows, p->before.live_rows, s);

	if (!l->any || (!l->alive && came <= 0))
		return;
	msg_note("live: %llu rows, %.0f rows/s, %.3f s behind%s",
		(unsigned long long)p->now.live_rows, came,
		l->lag_us < 0 ? 0.0 : (double)l->lag_us / 1e6, l->alive ? "" : "; nobody follows");
}

static void look_again(struct progress *p)
{
	AUTO_ARENA arena = { 0 }; /* of its texts nothing is said */

	p->now = ledger_total(p->of);
	ledger_live_get(p->of->target, p->of->job, &p->live, &arena);
}

void ledger_progress(const struct ledger_part *of, int64_t every_us, bool (*go_on)(void))
{
	struct progress p = { .of = of };

	look_again(&p);
	while (go_on() && (p.now.pending + p.now.running > 0 || p.live.alive)) {
		int64_t began = clock_monotonic();

		p.before = p.now;
		clock_sleep(every_us);
		look_again(&p);
		say_totals(&p, (double)(clock_monotonic() - began + 1) / 1e6);
		say_live(&p, (double)(clock_monotonic() - began + 1) / 1e6);
	}
}
