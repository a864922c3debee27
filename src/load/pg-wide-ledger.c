/*
 * pg-wide-ledger - plan a migration from a narrow table, look at how far it is, try again.
 *
 * The ledger is the schema `ferry` of the target database (ledger/ledger.h). Every verb is one
 * question or one change; narrow-to-wide calls them in the right order. Standard output is the
 * answer, standard error is what there is to say about it.
 */
#include "core/stop.h"
#include "ledger/ledger_alert.h"
#include "ledger/ledger_opts.h"
#include "follow/follow_poll.h"
#include "follow/follow_slot.h"
#include "ledger/ledger_follow.h"
#include "ledger/ledger_offsets.h"
#include "ledger/ledger_origin.h"
#include "ledger/ledger_report.h"
#include "ledger/ledger_ships.h"
#include "follow/slot.h"
#include "stream/out.h"

#include <signal.h>
#include <unistd.h>

struct conf {
	const char *source, *slot, *publication;
	struct target_opts target;
	struct narrow_opts narrow;
	struct opt_list ships;
	struct opt_time cutoff, since, until;
	int64_t chunk;
	uint64_t job;
	int format, follow;
	bool live, count, all, once, new_ship;
	uint64_t limit, process, max_lag;
	struct alert_opts alert;
	struct ledger_control control;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "Input" },
	LEDGER_JOB_OPT(struct conf, job),
	NARROW_SHIPS_OPT(struct conf, ships),
	{ .name = "cutoff-time", .verbs = "plan|follow", .letter = 'c', CONF(cutoff), .arg = "TIME",
	  .help = "history ends here (UTC); kept in the ledger" },
	{ .name = "since", .verbs = "plan|follow", CONF(since), .arg = "TIME",
	  .help = "leave out what is earlier" },
	{ .name = "until", .verbs = "plan|follow", CONF(until), .arg = "TIME",
	  .help = "leave out what is from this time on, for now" },
	{ .name = "chunk", .verbs = "plan|follow", CONF(chunk), .arg = "DURATION",
	  .help = "length of a chunk (default 24h)" },
	{ .name = "live", .verbs = "plan", CONF(live),
	  .help = "all there is, whatever the cutoff; what comes is followed" },
	{ .name = "follow", .verbs = "follow", CONF(follow), .choices = "auto|slot|poll",
	  .help = "how the source tells what is new" },
	NARROW_NEW_SHIP_OPT(struct conf, new_ship, .verbs = "plan|follow|retry"),
	{ .name = "slot", .verbs = "follow", .not_with = "follow=poll", CONF(slot), .arg = "NAME",
	  .help = "name of the slot that is made (default: one of its own)" },
	{ .name = "publication", .verbs = "follow", .not_with = "follow=poll", CONF(publication),
	  .arg = "NAME", .help = "the publication; made where it is not there, and kept" },
	{ .name = "format", .letter = 'f', CONF(format), .choices = LEDGER_REPORT_CHOICES,
	  .help = "of what is printed; prometheus: status only (default table)" },
	{ .name = "count", .verbs = "status", CONF(count),
	  .help = "count the rows of the wide tables, too" },
	{ .name = "all", .verbs = "status", .not_with = "format=csv|prometheus job", CONF(all),
	  .help = "every job of the ledger, one after the other" },
	{ .name = "limit", .verbs = "events|failed", CONF(limit), .arg = "N", .min = 1,
	  .max = 1000000, .help = "so many (default 50)" },
	{ .kind = OPT_GROUP, .help = "Control (of who works on the job now; 0: as was started)" },
	{ .name = "workers", .verbs = "control", CONF(control.workers), .arg = "N", .max = 10000,
	  .help = "so many work at once at most" },
	{ .name = "pace", .verbs = "control", .kind = OPT_DURATION, .arg = "DURATION",
	  .offset = offsetof(struct conf, control.pace_us), .choices = "0",
	  .unit = CLOCK_US_PER_SEC,
	  .help = "aim for chunks of this duration; pause while the source is slow" },
	{ .name = "rate", .verbs = "control|plan", CONF(control.rate), .arg = "N",
	  .max = 1000000000, .help = "so many rows a second at most" },
	{ .name = "paused", .verbs = "control", CONF(control.paused), .choices = "false|true",
	  .help = "begin no chunk; live data goes on" },
	{ .kind = OPT_GROUP, .help = "Watch" },
	{ .name = "alert-command", .verbs = "watch", CONF(alert.command), .arg = "COMMAND",
	  .help = "run it for every warning and worse" },
	{ .name = "alert-recovery", .verbs = "watch", .needs = "alert-command",
	  CONF(alert.recovery), .help = "run it when what it was run for is over, too" },
	{ .name = "alert-lag", .verbs = "watch", CONF(alert.lag_us), .arg = "DURATION",
	  .unit = CLOCK_US_PER_SEC,
	  .help = "warn when the wide tables are so far behind (default 60s)" },
	{ .name = "alert-rejects", .verbs = "watch", CONF(alert.reject_percent), .arg = "PERCENT",
	  .max = 100, .help = "warn when more rows cannot be carried over (default 1)" },
	{ .name = "alert-disk", .verbs = "watch", CONF(alert.disk_percent), .arg = "PERCENT",
	  .max = 100, .help = "warn when less of the target's disk is free (default 10)" },
	FOLLOW_LAG_OPT(struct conf, max_lag, .verbs = "watch"),
	{ .name = "once", .verbs = "watch", CONF(once),
	  .help = "look and tell once; for cron or a timer" },
	{ .name = "every", CONF(alert.every_us), .arg = "DURATION", .unit = CLOCK_US_PER_SEC,
	  .help = "watch, progress: look so often (default 5s, 10s)" },
	{ .name = "while", CONF(process), .arg = "PROCESS", .max = INT32_MAX,
	  .help = "watch, progress: as long as it is there (default: who started this)" },
	LEDGER_SIDES_OPTS(struct conf),
	OPT_END,
};

struct run {
	struct conf conf;
	struct pg *target;
	struct arena arena;
	struct ledger_job job;
};

/* ---- finding the job ------------------------------------------------------------------------- */

static bool find_job(struct run *run)
{
	struct conf *c = &run->conf;

	return ledger_job_seek(
		run->target, c->job, &c->narrow, &c->target, &run->job, &run->arena);
}

static void need_job(struct run *run)
{
	if (!find_job(run))
		die_hint(EX_CONFIGURATION,
			ledger_offsets_any(run->target)
				? N_("topics of Kafka have no job: ferry.kafka_offset says how "
				     "far they are, ferry.event what went wrong")
				: N_("narrow-to-wide --mode migration-only plans one"),
			"no job in the ledger, target: nothing was planned for this table and "
			"target");
}

/* Of the job, what the ships that were named have of it. */
static struct ledger_part part_of(const struct run *run)
{
	return (struct ledger_part){ run->target, run->job.id, run->conf.ships.v,
		run->conf.ships.n };
}

/* ---- plan ------------------------------------------------------------------------------------ */

/* Appends where the chunks end. */
static void put_end(const struct run *run, struct str *s)
{
	char text[CLOCK_TEXT_MAX];

	if (run->conf.live)
		str_addz(s, tr("up to the latest row"));
	else
		str_addf(s, tr("history ends at %.*s UTC"),
			(int)clock_put(text, run->job.cutoff, false), text);
}

static void say_plan(const struct run *run, const struct ledger_plan *plan)
{
	char chunk[CLOCK_TEXT_MAX];
	AUTO_STR end = { 0 };

	put_end(run, &end);
	msg_note("job %llu: %llu new chunks of %.*s for %llu ships, %s",
		(unsigned long long)run->job.id, (unsigned long long)plan->added,
		(int)clock_put_duration(chunk, run->job.chunk_us), chunk,
		(unsigned long long)plan->ships, str_z(&end));
	if (run->conf.since.given && run->conf.since.instant < run->job.since)
		msg_warn("the job was made with a later --since, which stays: roll back to begin "
			 "earlier");
	if (run->conf.live)
		return;
	if (run->conf.cutoff.given && run->conf.cutoff.instant < run->job.cutoff)
		msg_warn("the cutoff of the job is later than --cutoff-time, and stays");
	if (run->job.cutoff > clock_now())
		msg_warn("the cutoff lies in the future, so this run ends now: run again for rows "
			 "that come until then");
}

/* Where history ends is the user's to say, once: by this option or at an earlier plan. */
static void need_cutoff(struct run *run)
{
	struct ledger_job job = run->job;

	if (run->conf.cutoff.given || run->conf.live)
		return;
	if (!ledger_job_find(run->target, &job, &run->arena) || job.cutoff == LEDGER_NO_TIME)
		die_hint(EX_CONFIGURATION, "--cutoff-time \"2024-10-02 17:00:00\" (UTC), for one",
			"no cutoff: say where history ends with --cutoff-time");
}

static void warn_of_scans(const struct run *run, const struct narrow *n,
	const struct ledger_ship *ships, size_t count)
{
	int64_t first = INT64_MAX, last = INT64_MIN;

	for (size_t i = 0; i < count; i++) {
		first = ships[i].first < first ? ships[i].first : first;
		last = ships[i].last > last ? ships[i].last : last;
	}
	narrow_warn_scans(n, first, last, run->job.chunk_us);
}

struct source {
	struct pg *pg;
	struct narrow *narrow;
	struct str name;
};

/* Connects to the source of run->job, which is named so far, and not known to the ledger yet. */
static void open_source(struct run *run, struct source *s)
{
	struct narrow_opts *reads = &run->conf.narrow;
	struct ledger_job known;

	s->pg = pg_connect(run->conf.source, "source");
	s->name = (struct str){ 0 };
	ledger_source_name(s->pg, &s->name);
	known = ledger_job_named(reads, &run->conf.target, &run->arena);
	known.source = str_z(&s->name);
	if (ledger_exists(run->target) && ledger_job_find(run->target, &known, &run->arena))
		ledger_job_reads(&known, reads, &run->arena);
	pg_read_raw(s->pg, reads->encoding);
	s->narrow = narrow_detect(s->pg, reads);
	narrow_goes_to(s->narrow, run->target);
	ledger_init(run->target);
	run->job = ledger_job_named(reads, &run->conf.target, &run->arena);
	run->job.source = str_z(&s->name);
	ledger_origin_check_new(s->pg, run->target, &run->job);
	run->job.chunk_us = run->conf.chunk;
	if (run->conf.since.given)
		run->job.since = run->conf.since.instant;
}

/* A ship that does not exist would be followed for ever, or called done. `s` may be NULL. */
static void want_ships(const struct run *run, const struct source *s)
{
	if (!run->conf.new_ship)
		ledger_want_ships(s ? s->narrow : NULL, s ? s->pg : NULL, run->target, &run->job,
			&run->conf.ships);
}

static void refuse_shared(struct run *run, struct source *s)
{
	const struct opt_list *only = &run->conf.ships;
	AUTO_FREE struct sl *all = NULL;
	size_t n = only->n;

	if (!ledger_has_neighbours(run->target, &run->job))
		return;
	if (n == 0)
		n = narrow_ships(s->narrow, s->pg, &all);
	ledger_refuse_shared(run->target, &run->job, all ? all : only->v, n);
}

/* The job of the source that was opened; made where there is none. */
static void open_job(struct run *run, struct source *s)
{
	refuse_shared(run, s);
	ledger_job_open(run->target, &run->job, &run->arena);
	ledger_origin_check(s->pg, run->target, run->job.id, s->narrow);
}

static void close_source(struct source *s)
{
	narrow_free(s->narrow);
	pg_close(s->pg);
	str_free(&s->name);
}

/* The cutoff to plan to: with --live it is only kept. */
static int64_t plan_end(const struct run *run)
{
	if (run->conf.live)
		return LEDGER_NO_TIME;
	return run->conf.cutoff.given ? run->conf.cutoff.instant : run->job.cutoff;
}

/* Rows that no chunk of a ship would read. */
static void plan_outcasts(struct run *run, struct source *s)
{
	struct narrow_part part = { .outcasts = true, .shipless = s->narrow->by_ship_time };

	if (run->conf.ships.n > 0 || !narrow_has_outcasts(s->narrow, s->pg, &part))
		return;
	msg_warn("%s has rows without a ship, or without a time of the years 0001-9999: they go to "
		 "ferry.reject",
		s->narrow->table);
	ledger_plan_outcasts(run->target, &run->job);
}

/*
 * All ships of a job end at the same cutoff: a later one that comes with --ship-id is for the
 * others, too, or they would be called completed. They are only planned. No ships: all there are.
 */
static void ships_to_plan(const struct run *run, struct names *out)
{
	const struct opt_list *only = &run->conf.ships;

	for (size_t i = 0; i < only->n; i++)
		(void)names_add(out, only->v[i], NULL);
	if (only->n == 0 || run->job.cutoff == LEDGER_NO_TIME || plan_end(run) <= run->job.cutoff)
		return;
	ledger_ships_planned(run->target, run->job.id, out);
	if (out->n > only->n)
		msg_note("the cutoff is later than before: the other ships are planned to it, too");
}

static void do_plan(struct run *run)
{
	struct source s;
	AUTO_FREE struct ledger_ship *ships = NULL;
	AUTO_NAMES only = { .n = 0 };
	struct ledger_plan plan;
	size_t count;

	open_source(run, &s);
	need_cutoff(run);
	want_ships(run, &s);
	open_job(run, &s);
	ships_to_plan(run, &only);
	count = ledger_ships_find(s.pg, s.narrow, only.name, only.n, run->job.chunk_us, &run->arena,
		&ships);
	warn_of_scans(run, s.narrow, ships, count);
	/* one plan at a time, and once more: another may have been made since */
	pg_exec(run->target,
		"BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('ferry.plan', 0))");
	refuse_shared(run, &s);
	ledger_plan(run->target, &run->job, plan_end(run),
		run->conf.until.given ? run->conf.until.instant : LEDGER_NO_TIME, ships, count,
		&plan);
	plan_outcasts(run, &s);
	ledger_run_rate(run->target, run->job.id,
		run->conf.control.rate == LEDGER_SAME ? 0 : run->conf.control.rate);
	say_plan(run, &plan);
	(void)printf("%llu\n", (unsigned long long)run->job.id);
	close_source(&s);
}

/* As it is followed already, or as the server can do it. */
static enum ledger_follow_kind choose_kind(struct run *run, struct source *s)
{
	struct ledger_follower now;
	const char *why;

	if (run->conf.follow)
		return (enum ledger_follow_kind)run->conf.follow;
	if (run->conf.slot || run->conf.publication)
		return LEDGER_FOLLOW_SLOT;
	if (ledger_follower_get(run->target, run->job.id, &now, &run->arena))
		return now.kind;
	why = slot_why_not(s->pg, s->narrow);
	if (why)
		msg_note("%s, so it is polled: rows that come late and deletions may wait for the "
			 "next comparison", tr(why));
	return why ? LEDGER_FOLLOW_POLL : LEDGER_FOLLOW_SLOT;
}

static void check_name(const char *name)
{
	if (name && strncmp(name, "ferry_", 6) == 0)
		opt_usage("names that begin with ferry_ are those that slots get by themselves");
}

/* Before the past is planned: the follower begins at this moment, and what is there now is past. */
static void do_follow(struct run *run)
{
	struct source s;
	struct narrow_poll_conf poll = { .overlap = NARROW_POLL_OVERLAP };
	const char *named;
	struct follow_slot_names asked = { .slot = run->conf.slot,
		.publication = run->conf.publication };
	struct ledger_follower now;
	enum ledger_follow_kind kind;
	bool ours;

	check_name(asked.slot);
	check_name(asked.publication);

	open_source(run, &s);
	want_ships(run, &s);
	open_job(run, &s);
	kind = choose_kind(run, &s);
	poll.narrow = s.narrow;
	poll.source = s.pg;
	if (kind == LEDGER_FOLLOW_POLL) {
		named = ledger_follower_get(run->target, run->job.id, &now, &run->arena)
			? now.slot : NULL;
		ours = named && ledger_follower_reads(run->target, run->job.id, named);
		follow_poll_setup(&poll, run->target, run->job.id);
		/* of before */
		if (follow_slot_cleanup(s.pg, run->target, run->job.id, named, ours) && named &&
			*named)
			ledger_follower_forget(run->target, run->job.id, named);
	} else {
		follow_slot_setup(s.pg, s.narrow, run->target, run->job.id, &asked);
	}
	(void)printf("%llu %s\n", (unsigned long long)run->job.id,
		kind == LEDGER_FOLLOW_SLOT ? "slot" : "poll");
	close_source(&s);
}

/* The source forgets that it was followed. */
static void do_unfollow(struct run *run)
{
	need_job(run);
	if (!follow_slot_remove(run->conf.source, run->target, &run->job))
		msg_note("job %llu had no follower", (unsigned long long)run->job.id);
}

/* The source is another one, or was set back, and that is meant. */
static void do_accept(struct run *run)
{
	struct narrow *narrow;
	struct pg *source;

	need_job(run);
	ledger_job_reads(&run->job, &run->conf.narrow, &run->arena);
	source = narrow_connect(run->conf.source, &run->conf.narrow);
	narrow = narrow_detect(source, &run->conf.narrow);
	ledger_origin_accept(source, run->target, run->job.id, narrow);
	msg_note("job %llu reads this source from here on; all that was carried over is to be "
		 "compared: validate --repair, which a follower does beside it",
		(unsigned long long)run->job.id);
	narrow_free(narrow);
	pg_close(source);
}

static void do_cutoff(struct run *run)
{
	char text[CLOCK_TEXT_MAX];

	need_job(run);
	if (run->job.cutoff == LEDGER_NO_TIME)
		die(EX_CONFIGURATION, "job %llu has no cutoff yet",
			(unsigned long long)run->job.id);
	(void)printf("%.*s\n", (int)clock_put(text, run->job.cutoff, false), text);
}

static void do_control(struct run *run)
{
	AUTO_STR now = { 0 };

	if (run->conf.ships.n > 0)
		opt_usage("control is of the whole job, not of --ship-id");
	need_job(run);
	ledger_control_set(run->target, run->job.id, &run->conf.control, &now);
	(void)printf("%s\n", str_z(&now));
}

static void do_retry(struct run *run)
{
	uint64_t n = 0;

	need_job(run);
	want_ships(run, NULL);
	for (size_t i = 0; i < run->conf.ships.n; i++)
		n += ledger_retry(run->target, run->job.id, run->conf.ships.v[i]);
	if (run->conf.ships.n == 0)
		n = ledger_retry(run->target, run->job.id, SL(""));
	msg_note("%llu failed chunks are pending again", (unsigned long long)n);
}

/* ---- status ---------------------------------------------------------------------------------- */

static void add_status(struct run *run, struct str *text)
{
	struct ledger_part of = part_of(run);
	struct ledger_state state;
	AUTO_STR gap = { 0 };

	if (run->conf.all && run->conf.format != REPORT_JSON)
		str_addf(text, "%s to %s.%s…\n", run->job.source_table, run->job.target_schema,
			run->job.target_prefix);
	/* one state of the ledger, not of several moments */
	pg_exec(run->target, LEDGER_ONE_STATE);
	ledger_state_take(&state, &of, &run->job, run->conf.count);
	pg_exec(run->target, "COMMIT");
	/* who follows looks himself */
	if (state.live.any && !state.live.alive)
		follow_lost(run->conf.source, run->target, &run->job, &gap);
	if (gap.n > 0)
		state.live.gap = str_z(&gap);
	ledger_report(&state, run->conf.format, text);
	ledger_state_free(&state);
}

static void do_status(struct run *run)
{
	AUTO_STR text = { 0 };
	uint64_t *jobs;
	size_t n = run->conf.all ? ledger_jobs(run->target, &run->arena, &jobs) : 0;

	if (n == 0) {
		need_job(run);
		want_ships(run, NULL);
		add_status(run, &text);
	}
	for (size_t i = 0; i < n; i++)
		if (ledger_job_get(run->target, jobs[i], &run->job, &run->arena))
			add_status(run, &text);
	out_print(str_sl(&text));
}

typedef void list_fn(const struct ledger_part *, uint64_t, enum report_format, struct str *);

static void do_list(struct run *run, list_fn *report)
{
	struct ledger_part of;
	AUTO_STR text = { 0 };

	if (run->conf.format == LEDGER_PROMETHEUS)
		opt_usage("--format prometheus is for status");
	need_job(run);
	want_ships(run, NULL);
	of = part_of(run);
	report(&of, run->conf.limit, (enum report_format)run->conf.format, &text);
	out_print(str_sl(&text));
}

/*
 * Waits while others are at work. 0: all is done; 75: there is something to claim (again); 65: what
 * is left has failed for good.
 */
static int do_wait(struct run *run)
{
	struct ledger_part of;

	need_job(run);
	of = part_of(run);
	for (;;) {
		struct ledger_status sum;

		if (ledger_claimable(&of))
			return EX_TEMP;
		sum = ledger_total(&of);
		if (sum.pending + sum.running == 0)
			return sum.failed ? EX_DATA : EX_DONE;
		clock_sleep(CLOCK_US_PER_SEC);
	}
}

/* ---- going on -------------------------------------------------------------------------------- */

#define GUARD_EVERY (INT64_C(60) * CLOCK_US_PER_SEC)

static pid_t whose;   /* the process this one is for */
static bool is_child; /* it is our parent */

static struct run *guarded; /* whose slot is looked at between two looks, too */

/* The source may be away: then there is nothing to be done. */
static void guard(struct run *run)
{
	struct ledger_follower now;
	AUTO_STR why = { 0 };
	struct pg *source;

	if (!ledger_follower_get(run->target, run->job.id, &now, &run->arena) ||
		!*now.slot)
		return;
	source = pg_connect_patient(run->conf.source, "source", false, &why);
	if (source)
		(void)!follow_slot_guard(source, run->target, run->job.id, run->conf.max_lag);
	else
		msg_detail("the source is not there: %s", str_z(&why));
	pg_close(source);
}

static bool go_on(void)
{
	int64_t now = clock_monotonic();
	static int64_t next;

	if (guarded && guarded->conf.once)
		return false;
	if (guarded && now >= next) {
		if (next != 0)
			guard(guarded);
		next = now + GUARD_EVERY;
	}
	return !stop_asked() && (is_child ? getppid() == whose : kill(whose, 0) == 0);
}

static void begin_going_on(const struct run *run)
{
	is_child = run->conf.process == 0;
	whose = is_child ? getppid() : (pid_t)run->conf.process;
	stop_catch(NULL, NULL);
}

static void do_watch(struct run *run)
{
	struct alert_opts *o = &run->conf.alert;

	alert_check(o);
	if (o->every_us == 0)
		o->every_us = 5 * CLOCK_US_PER_SEC;
	need_job(run);
	want_ships(run, NULL);
	begin_going_on(run);
	guarded = run;
	guard(run);
	alert_run(run->target, run->job.id, o, go_on);
}

/* Says which chunks are done and how far the job is, until nothing is left or nobody asks. */
static void do_progress(struct run *run)
{
	int64_t every = run->conf.alert.every_us;
	struct ledger_part of;

	need_job(run);
	begin_going_on(run);
	of = part_of(run);
	ledger_progress(&of, every ? every : 10 * CLOCK_US_PER_SEC, go_on);
}

/* ---- main ------------------------------------------------------------------------------------ */

#define VERBS \
	"plan|status|failed|events|wait|progress|watch|retry|cutoff|follow|unfollow|accept|control"

/* In the order of VERBS; the exit code of one is its answer. */
static const struct verb {
	void (*run)(struct run *run);
	int (*answer)(struct run *run);
	list_fn *list; /* what do_list() prints */
} verbs[] = {
	{ .run = do_plan },
	{ .run = do_status },
	{ .list = ledger_failed_report },
	{ .list = ledger_events_report },
	{ .answer = do_wait },
	{ .run = do_progress },
	{ .run = do_watch },
	{ .run = do_retry },
	{ .run = do_cutoff },
	{ .run = do_follow },
	{ .run = do_unfollow },
	{ .run = do_accept },
	{ .run = do_control },
};

static const struct opt_program program = {
	.name = "pg-wide-ledger",
	.summary = "plan a migration to wide tables and look at how far it is",
	.synopsis = VERBS " [options]",
	.examples = "  job=$(pg-wide-ledger plan --cutoff-time '2024-10-02 17:00:00')\n"
		    "  pg-wide-ledger status -f markdown\n",
	.opts = options,
};

int main(int argc, char **argv)
{
	struct run run = { .conf = { .limit = 50,
				   .control = { -1, LEDGER_SAME, LEDGER_SAME, LEDGER_SAME, 0 },
				   .max_lag = FOLLOW_LAG,
				   .alert = { .lag_us = 60 * CLOCK_US_PER_SEC,
					   .reject_percent = 1,
					   .disk_percent = 10 } } };
	const struct verb *verb;
	int code = EX_DONE;

	opt_parse(&program, &run.conf, &argc, &argv);
	verb = &verbs[opt_verb(VERBS, argc, argv)];
	target_defaults(&run.conf.target);
	run.target = pg_connect(run.conf.target.conninfo, "target");
	if (verb->run)
		verb->run(&run);
	else if (verb->list)
		do_list(&run, verb->list);
	else
		code = verb->answer(&run);
	pg_close(run.target);
	arena_free(&run.arena);
	if (fflush(stdout) != 0)
		die_errno(EX_IO, "standard output");
	return code;
}
