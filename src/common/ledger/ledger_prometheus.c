/* ledger_prometheus.c - the state of a job in the text format of Prometheus, version 0.0.4. */
#include "ledger/ledger_report.h"

/* A label's value: backslash, quote and line feed are escaped. */
static void add_label(struct str *out, const char *name, struct sl value)
{
	str_addf(out, "%s=\"", name);
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '\\' || value.p[i] == '"')
			str_addc(out, '\\');
		if (value.p[i] == '\n')
			str_addz(out, "\\n");
		else
			str_addc(out, value.p[i]);
	}
	str_addc(out, '"');
}

static void begin(struct str *out, const char *name, const char *type, const char *help)
{
	str_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* `name{job="7",` and a ship, if there is one. */
static void begin_sample(
	const struct ledger_state *s, struct str *out, const char *name, const struct sl *ship)
{
	str_addf(out, "%s{job=\"%llu\"", name, (unsigned long long)s->job.id);
	if (ship) {
		str_addc(out, ',');
		add_label(out, "ship", *ship);
	}
}

static void one(const struct ledger_state *s, struct str *out, const char *name, const char *type,
	const char *help, double value)
{
	begin(out, name, type, help);
	begin_sample(s, out, name, NULL);
	str_addf(out, "} %.15g\n", value);
}

#define AT(member) offsetof(struct ledger_status, member)

static const struct metric {
	const char *name, *help;
	size_t count;
} per_ship[] = {
	{ "ferry_rows_total", "Narrow rows in chunks that are done.", AT(rows) },
	{ "ferry_cells_total", "Values in chunks that are done.", AT(cells) },
	{ "ferry_wide_rows_total", "Wide rows made by chunks that are done.", AT(wide_rows) },
	{ "ferry_repeated_total", "Values that a later one of the same place replaced.",
		AT(dropped) },
	{ "ferry_rejects_total", "Rows that could not be carried over.", AT(rejects) },
	{ "ferry_live_rows_total", "Narrow rows that came live.", AT(live_rows) },
	{ "ferry_live_cells_total", "Values that came live.", AT(live_cells) },
	{ "ferry_live_deleted_total", "Values that were deleted live.", AT(live_deleted) },
};

static void put_ships(const struct ledger_state *s, struct str *out)
{
	for (size_t m = 0; m < ARRAY_LEN(per_ship); m++) {
		begin(out, per_ship[m].name, "counter", per_ship[m].help);
		for (size_t i = 0; i < s->n; i++) {
			begin_sample(s, out, per_ship[m].name, &s->ship[i].ship);
			str_addf(out, "} %llu\n",
				(unsigned long long)*(
					const uint64_t *)(const void *)((const char *)&s->ship[i] +
									per_ship[m].count));
		}
	}
}

static void put_chunks(const struct ledger_state *s, struct str *out)
{
	static const char *const states[] = { "done", "running", "pending", "failed" };

	begin(out, "ferry_chunks", "gauge", "Chunks by state.");
	for (size_t i = 0; i < s->n; i++) {
		const struct ledger_status *t = &s->ship[i];
		uint64_t n[] = { t->done, t->running, t->pending, t->failed };

		for (size_t k = 0; k < ARRAY_LEN(states); k++) {
			begin_sample(s, out, "ferry_chunks", &t->ship);
			str_addf(out, ",state=\"%s\"} %llu\n", states[k], (unsigned long long)n[k]);
		}
	}
}

/* Instants of the ships' newest rows, as seconds since 1970. */
static void put_last(const struct ledger_state *s, struct str *out)
{
	const char *name = "ferry_last_row_timestamp_seconds";

	begin(out, name, "gauge", "Time of the newest row carried over.");
	for (size_t i = 0; i < s->n; i++) {
		const struct ledger_status *t = &s->ship[i];
		int64_t last = t->live_last > t->last ? t->live_last : t->last;

		if (last == LEDGER_NO_TIME)
			continue;
		begin_sample(s, out, name, &t->ship);
		str_addf(out, "} %.6f\n", (double)(last - CLOCK_UNIX_EPOCH) / 1e6);
	}
}

static void put_live(const struct ledger_state *s, struct str *out)
{
	const struct ledger_live *l = &s->live;
	const struct {
		const char *name, *help;
		bool known;
		double value;
	} gauges[] = {
		{ "ferry_follower_up", "1 while a follower is at work.", true, l->alive },
		{ "ferry_follower_slot", "1 when it follows a slot, 0 when it polls.", true,
			l->slot },
		{ "ferry_lag_seconds", "From a commit of the source to that of the target.",
			l->lag_us >= 0, (double)l->lag_us / 1e6 },
		{ "ferry_lag_bytes", "WAL that the target has not got yet.", l->lag_bytes >= 0,
			(double)l->lag_bytes },
		{ "ferry_slot_safe_wal_bytes", "WAL that may be written before the slot is lost.",
			l->safe_wal_bytes >= 0, (double)l->safe_wal_bytes },
		{ "ferry_last_commit_timestamp_seconds",
			"Newest commit of the source that the target has.",
			l->newest_commit != LEDGER_NO_TIME,
			((double)l->newest_commit - (double)CLOCK_UNIX_EPOCH) / 1e6 },
		{ "ferry_doubts", "Ranges that are to be compared again.", true,
			(double)l->doubts },
	};

	for (size_t i = 0; l->any && i < ARRAY_LEN(gauges); i++)
		if (gauges[i].known)
			one(s, out, gauges[i].name, "gauge", gauges[i].help, gauges[i].value);
}

void ledger_prometheus(const struct ledger_state *s, struct str *out)
{
	begin(out, "ferry_build_info", "gauge", "The version that wrote this.");
	str_addz(out, "ferry_build_info{version=\"" FERRY_VERSION "\"} 1\n");
	begin(out, "ferry_job_info", "gauge", "What the job carries where.");
	begin_sample(s, out, "ferry_job_info", NULL);
	str_addc(out, ',');
	add_label(out, "source_table", sl_of(s->job.source_table));
	str_addc(out, ',');
	add_label(out, "target_schema", sl_of(s->job.target_schema));
	str_addc(out, ',');
	add_label(out, "target_prefix", sl_of(s->job.target_prefix));
	str_addz(out, "} 1\n");
	put_chunks(s, out);
	put_ships(s, out);
	put_last(s, out);
	one(s, out, "ferry_rows_per_second", "gauge", "Narrow rows carried over, of late.",
		s->pace.rows_per_s);
	one(s, out, "ferry_cells_per_second", "gauge", "Values carried over, of late.",
		s->pace.cells_per_s);
	if (s->pace.eta_us >= 0)
		one(s, out, "ferry_eta_seconds", "gauge", "Until all chunks are done.",
			(double)s->pace.eta_us / 1e6);
	one(s, out, "ferry_paused", "gauge", "1 while an operator has paused it.", s->paused);
	put_live(s, out);
	begin(out, "ferry_events_last_day", "gauge", "Events of the last 24 hours.");
	begin_sample(s, out, "ferry_events_last_day", NULL);
	str_addf(out, ",level=\"CRITICAL\"} %llu\n", (unsigned long long)s->criticals);
	begin_sample(s, out, "ferry_events_last_day", NULL);
	str_addf(out, ",level=\"WARNING\"} %llu\n", (unsigned long long)s->warnings);
}
