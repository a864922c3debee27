#include "pg/ledger_report.h"

static const struct report_column status_columns[] = {
	{ "ship", false },
	{ "done", true },
	{ "failed", true },
	{ "left", true },
	{ "rows", true },
	{ "cells", true },
	{ "wide_rows", true },
	{ "repeated", true },
	{ "rejects", true },
	{ "first", false },
	{ "last", false },
	{ "rows_per_second", true },
	{ "last_error", false },
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

static void add_status(struct report *r, const struct ledger_status *s, bool brief)
{
	report_text(r, s->ship);
	report_count(r, s->done);
	report_count(r, s->failed);
	report_count(r, s->pending + s->running);
	report_count(r, s->rows);
	report_count(r, s->cells);
	report_count(r, s->wide_rows);
	report_count(r, s->dropped);
	report_count(r, s->rejects);
	add_time(r, s->first, brief);
	add_time(r, s->last, brief);
	report_count(
		r, s->busy_us > 0 ? (uint64_t)((double)s->rows * 1e6 / (double)s->busy_us) : 0);
	report_text(r, s->last_error.n ? s->last_error : (struct sl){ NULL, 0 });
}

static const char guarantee[] = "what was committed before its chunk was read is carried over; "
				"later rows of that time are not";

static void put_json(const struct ledger_job *job, const struct report *ships,
	const struct ledger_status *t, struct str *out)
{
	char text[CLOCK_TEXT_MAX];

	str_addf(out, "{\"job\":%llu,\"source_table\":", (unsigned long long)job->id);
	str_add_json(out, sl_of(job->source_table));
	str_addz(out, ",\"target_schema\":");
	str_add_json(out, sl_of(job->target_schema));
	str_addz(out, ",\"target_prefix\":");
	str_add_json(out, sl_of(job->target_prefix));
	str_addf(out, ",\"types\":\"%s\",\"cutoff\":", job->types);
	if (job->cutoff == LEDGER_NO_TIME)
		str_addz(out, "null");
	else
		str_add_json(out, (struct sl){ text, clock_put(text, job->cutoff, false) });
	str_addf(out,
		",\"done\":%llu,\"failed\":%llu,\"left\":%llu,\"rows\":%llu,\"cells\":%llu,"
		"\"repeated\":%llu,\"rejects\":%llu,\"guarantee\":\"%s\",\"ships\":",
		(unsigned long long)t->done, (unsigned long long)t->failed,
		(unsigned long long)(t->pending + t->running), (unsigned long long)t->rows,
		(unsigned long long)t->cells, (unsigned long long)t->dropped,
		(unsigned long long)t->rejects, guarantee);
	report_put(ships, REPORT_JSON, out);
	str_addz(out, "}\n");
}

static void put_summary(
	const struct ledger_job *job, const struct ledger_status *t, struct str *out)
{
	char text[CLOCK_TEXT_MAX];
	size_t n = job->cutoff == LEDGER_NO_TIME ? 0 : clock_put(text, job->cutoff, false);

	str_addf(out,
		"\njob %llu: %llu of %llu chunks done, %llu failed; %llu rows, %llu cells, "
		"%llu repeated, %llu rejected; history ends at %.*s UTC\nguarantee: %s\n",
		(unsigned long long)job->id, (unsigned long long)t->done,
		(unsigned long long)(t->done + t->failed + t->pending + t->running),
		(unsigned long long)t->failed, (unsigned long long)t->rows,
		(unsigned long long)t->cells, (unsigned long long)t->dropped,
		(unsigned long long)t->rejects, (int)n, text, guarantee);
}

void ledger_report(struct pg *target, const struct ledger_job *job, enum report_format format,
	const struct sl *only, size_t n_only, struct str *out)
{
	bool brief = format == REPORT_TABLE || format == REPORT_MARKDOWN;
	struct ledger_status *list, total = ledger_total(target, job->id, only, n_only);
	struct arena arena = { 0 };
	struct report report;
	size_t n;

	list = ledger_status(target, job->id, only, n_only, &arena, &n);
	report_init(&report, status_columns, ARRAY_LEN(status_columns));
	for (size_t i = 0; i < n; i++)
		add_status(&report, &list[i], brief);
	if (format == REPORT_JSON)
		put_json(job, &report, &total, out);
	else
		report_put(&report, format, out);
	if (brief)
		put_summary(job, &total, out);
	report_free(&report);
	arena_free(&arena);
}
