/* verify_watch.c - comparing and repairing again and again, beside a follower. */
#include "compare/verify_internal.h"

/*
 * Chunks remember in the ledger when they were compared; what only the follower brings has no chunk
 * and is remembered here.
 */
struct verify_watch {
	int64_t every;
	bool doubts; /* this pass is for those */
	struct names tried; /* doubts, by number, of this hour */
	int64_t next_hour;
	struct names live;  /* ranges, by their beginning */
	int64_t *looked;    /* when, by number in `live`; of clock_monotonic() */
	size_t looked_cap;
	uint64_t said; /* ranges that differed at the last pass */
};

void verify_watch_choose(const struct verify_watch *w, struct ledger_ranges_opts *what)
{
	what->due_us = w->doubts ? 0 : w->every;
}

static struct sl name_of(char id[24], uint64_t doubt)
{
	return (struct sl){ id, (size_t)snprintf(id, 24, "%llu", (unsigned long long)doubt) };
}

bool verify_watch_was_tried(const struct verify_watch *w, uint64_t doubt)
{
	char id[24];

	return names_find(&w->tried, name_of(id, doubt)) != NAMES_NONE;
}

void verify_watch_tried(struct verify_watch *w, uint64_t doubt)
{
	char id[24];

	(void)names_add(&w->tried, name_of(id, doubt), NULL);
}

/* As the ledger has it for chunks: the older, the longer it may wait. */
static bool is_due(struct verify_watch *w, const struct ledger_range *r)
{
	int64_t now = clock_monotonic(), age = clock_now() - r->to, wait = age / 8;
	bool added;
	size_t i = names_add(
		&w->live, (struct sl){ (const char *)&r->from, sizeof r->from }, &added);

	mem_grow(&w->looked, &w->looked_cap, w->live.n, sizeof *w->looked);
	if (wait < w->every)
		wait = w->every;
	if (!added && now - w->looked[i] < wait)
		return false;
	w->looked[i] = now;
	return true;
}

void verify_watch_thin(struct verify_watch *w, struct verify *v)
{
	for (size_t i = 0; i < v->n_ranges && !w->doubts; i++) {
		struct ledger_range *r = &v->range[i];
		bool due = memchr(r->cover, LEDGER_COVER_LIVE, v->ships.n) && is_due(w, r);

		r->counts = false;
		for (size_t s = 0; s < v->ships.n; s++) {
			if (r->cover[s] == LEDGER_COVER_LIVE && !due)
				r->cover[s] = LEDGER_COVER_SKIP;
			r->counts |= ledger_cover_counts(r->cover[s]);
		}
	}
}

static void say_left(struct verify_watch *w, struct verify *v, const char *conninfo)
{
	AUTO_STR text = { 0 };
	struct pg *target;

	if (v->bad_ranges > 0 && v->bad_ranges != w->said) {
		str_addf(&text,
			"%zu ranges differ from the source and were not repaired: "
			"validate shows them",
			v->bad_ranges);
		msg_warn("%s", str_z(&text));
		target = pg_connect(conninfo, "target");
		ledger_event(target, LEDGER_WARNING, v->job.id, SL(""), LEDGER_NO_TIME,
			str_z(&text));
		pg_close(target);
	}
	w->said = v->bad_ranges;
}

static void pass(struct verify_watch *w, struct verify_opts *opts, bool doubts)
{
	struct verify v;

	w->doubts = opts->doubt = doubts;
	verify_run(&v, opts);
	if (!doubts)
		say_left(w, &v, opts->target->conninfo);
	verify_free(&v);
}

void verify_watch(const struct verify_opts *given, int64_t every, bool (*go_on)(void))
{
	struct verify_watch w = { .every = every };
	struct verify_opts opts = *given;

	opts.watch = &w;
	while (go_on()) {
		int64_t began = clock_monotonic();

		if (began >= w.next_hour) {
			names_clear(&w.tried);
			w.next_hour = began + 3600 * CLOCK_US_PER_SEC;
		}
		pass(&w, &opts, true);
		if (go_on() && !given->doubt)
			pass(&w, &opts, false);
		while (go_on() && clock_monotonic() < began + every)
			clock_sleep(CLOCK_US_PER_SEC / 5);
	}
	names_free(&w.tried);
	names_free(&w.live);
	mem_free(w.looked);
}
