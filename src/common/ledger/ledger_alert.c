#include "ledger/ledger_alert.h"

#include "core/child.h"
#include "ledger/ledger_alert.sql.h"
#include "ledger/ledger_disk.h"
#include "ledger/ledger_internal.h"
#include "ledger/ledger_report.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIES 3
#define SECONDS_MAX 60 /* of one run of the command */
#define WORDS_MAX 64
#define RUNS_MAX 8 /* of the command, beside each other */
#define SEEN_MAX (64 << 10)
#define OLD_NEWS (INT64_C(3600) * CLOCK_US_PER_SEC)
#define SHARE_MIN 5 /* failures that make a rate */

/* What can be wrong, and how bad it was when it was last looked at. */
enum trouble { LAG, SLOT, REJECTS, FAILURES, DISK, TROUBLES };

/* An event that somebody is to be told of. */
struct told {
	uint64_t id;
	struct sl at, level, ship, chunk, message;
};

struct watch {
	struct ledger_part of;
	const struct alert_opts *o;
	int level[TROUBLES]; /* enum ledger_level: LEDGER_INFO is well */
	bool followed;       /* a follower was at work, or is missed */
	bool ours;           /* the lock on telling */
	uint64_t rejects;    /* that an event has told of, when this was recalled */
	struct str why;
	struct run {
		pid_t pid; /* 0: none */
		uint64_t event;
	} runs[RUNS_MAX];
	struct str seen; /* events that are not handed to the command again, each with a comma */
};

/* ---- the command ----------------------------------------------------------------------------- */

/* Its words; the text lives in `copy`, to be freed. */
static void split(const char *command, char **copy, char *argv[WORDS_MAX + 1])
{
	size_t n = 0;
	char *rest;

	*copy = mem_strdup(command);
	for (char *word = strtok_r(*copy, " \t\n", &rest); word && n < WORDS_MAX;
		word = strtok_r(NULL, " \t\n", &rest))
		argv[n++] = word;
	argv[n] = NULL;
}

static bool is_there(const char *program)
{
	const char *path = getenv("PATH");
	AUTO_STR name = { 0 };
	bool found = false;

	if (strchr(program, '/'))
		return access(program, X_OK) == 0;
	for (const char *p = path; p && !found; p = *p ? p + 1 : NULL) {
		size_t n = strcspn(p, ":");

		str_set(&name, (struct sl){ p, n });
		str_addf(&name, "/%s", program);
		found = n > 0 && access(str_z(&name), X_OK) == 0;
		p += n;
	}
	return found;
}

void alert_check(const struct alert_opts *o)
{
	char *argv[WORDS_MAX + 1], *copy;

	if (!o->command)
		return;
	split(o->command, &copy, argv);
	if (!argv[0] || !is_there(argv[0]))
		die_hint(EX_CONFIGURATION,
			"a program and its arguments, divided by blanks; no shell reads it",
			"--alert-command: no such program: %s",
			msg_q(sl_of(argv[0] ? argv[0] : "")));
	mem_free(copy);
}

static void set_env(const char *name, struct sl value)
{
	AUTO_FREE char *text = mem_sldup(value);

	if (setenv(name, text, 1) != 0)
		die_errno(EX_TEMP, "cannot set %s", name);
}

/* In a process of its own: what goes wrong here must not end the watch. */
static NORETURN void run_command(const struct watch *w, const struct told *e)
{
	char *argv[WORDS_MAX + 1], *copy, why[100], text[4000];
	const char *job = ledger_u64(w->of.job);
	struct str line = { 0 };
	struct child child;
	int status;

	(void)alarm(SECONDS_MAX);
	split(w->o->command, &copy, argv);
	set_env("FERRY_ALERT_LEVEL", e->level);
	set_env("FERRY_ALERT_MESSAGE", e->message);
	set_env("FERRY_ALERT_JOB", sl_of(job));
	set_env("FERRY_ALERT_SHIP", e->ship);
	set_env("FERRY_ALERT_CHUNK", e->chunk);
	set_env("FERRY_ALERT_AT", e->at);
	str_addf(&line, "%.*s: ferry job %s", (int)e->level.n, e->level.p, job);
	if (e->ship.n)
		str_addf(&line, ", ship %s", msg_q(e->ship));
	if (e->chunk.n)
		str_addf(&line, ", chunk %.*s", (int)e->chunk.n, e->chunk.p);
	str_addf(&line, ": %s\n", msg_plain(text, sizeof text, e->message));
	child_start(&child, argv, CHILD_PIPE_IN);
	(void)!write(child.in, str_z(&line), line.n); /* it need not read */
	(void)close(child.in);
	if (!child_wait(&child, why, sizeof why, &status)) {
		if (status == EX_REFUSED)
			leave(EX_REFUSED);
		msg_warn("--alert-command: %s", why);
		leave(EX_TEMP);
	}
	leave(EX_DONE);
}

/* Its exit code, or -1 when it did not end by itself. */
static int run_once(const struct watch *w, const struct told *e)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		run_command(w, e);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static NORETURN void try_command(const struct watch *w, const struct told *e)
{
	int tries = 0, code;

	msg_forked();
	while ((code = run_once(w, e)) != EX_DONE && code != EX_REFUSED && ++tries < TRIES)
		clock_sleep(clock_backoff(
			(unsigned)tries, CLOCK_US_PER_SEC / 2, 5 * CLOCK_US_PER_SEC));
	if (tries == TRIES)
		msg_warn("--alert-command failed, nobody was told: %s", msg_q(e->message));
	leave(code == EX_DONE ? EX_DONE : EX_TEMP);
}

/*
 * The oldest that is a warning or worse and was not told yet, nor handed to the command; false when
 * there is none.
 */
static bool find_untold(const struct watch *w, struct told *out, struct arena *a)
{
	AUTO_RESULT *r = pg_ask(w->of.target, untold_sql, ledger_u64(w->of.job), str_z(&w->seen));
	struct sl *const text[] = { &out->at, &out->level, &out->ship, &out->chunk, &out->message };

	if (pg_rows(r) == 0)
		return false;
	out->id = pg_count(r, 0, 0);
	for (int i = 0; i < (int)ARRAY_LEN(text); i++)
		*text[i] = arena_dup(a, pg_value(r, 0, i + 1));
	return true;
}

/* Counts old ones as told: nobody wants to hear of them now. */
static void forget_old(const struct watch *w)
{
	pg_run(w->of.target, forget_sql, ledger_u64(w->of.job), ledger_interval(OLD_NEWS));
}

/* Begins to tell, beside the watch, for which no command may take too long. False: not now. */
static bool begin_telling(struct watch *w, const struct told *e)
{
	for (size_t i = 0; i < RUNS_MAX; i++) {
		struct run *r = &w->runs[i];

		if (r->pid > 0)
			continue;
		r->event = e->id;
		r->pid = fork();
		if (r->pid == 0)
			try_command(w, e);
		return r->pid > 0;
	}
	return false;
}

/* Notes who was told, and how many commands still run. */
static size_t end_telling(struct watch *w, bool wait)
{
	size_t busy = 0;

	for (size_t i = 0; i < RUNS_MAX; i++) {
		struct run *r = &w->runs[i];
		pid_t ended = 0;
		int status = 0;

		while (r->pid > 0 && (ended = waitpid(r->pid, &status, wait ? 0 : WNOHANG)) < 0 &&
			errno == EINTR)
			;
		busy += r->pid > 0 && ended == 0;
		if (r->pid == 0 || ended == 0)
			continue;
		r->pid = 0;
		if (ended > 0 && r->event > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
			pg_run(w->of.target, told_sql, ledger_u64(r->event));
	}
	return busy;
}

/* ---- what can be wrong ----------------------------------------------------------------------- */

/*
 * How far behind. Nothing is expected of a follower that was never there, or had ended in order
 * when this watch began.
 */
static int look_at_lag(struct watch *w, const struct ledger_live *l)
{
	w->followed |= l->expected;
	if (!w->followed)
		return w->level[LAG];
	if (l->lag_us <= w->o->lag_us)
		return LEDGER_INFO;
	str_addf(&w->why, "the wide tables are %.1f s behind", (double)l->lag_us / 1e6);
	if (l->lag_bytes >= 0)
		str_addf(&w->why, ", %lld bytes of WAL", (long long)l->lag_bytes);
	if (!l->alive)
		str_addz(&w->why, ", and nobody follows");
	else if (l->unseen_us > 0)
		str_addf(&w->why, ", and the follower has not looked for %.0f s",
			(double)l->unseen_us / 1e6);
	return l->lag_us / 10 > w->o->lag_us ? LEDGER_CRITICAL : LEDGER_WARNING;
}

/* How near the slot is to being lost: its limit is what it holds and what it still may. */
static int look_at_slot(struct watch *w, const struct ledger_live *l)
{
	int64_t limit = l->safe_wal_bytes + (l->lag_bytes > 0 ? l->lag_bytes : 0);

	if (sl_eq_str(l->wal_status, "lost")) {
		str_addz(&w->why, "the slot is lost: rows have to be copied again");
		return LEDGER_CRITICAL;
	}
	if (sl_eq_str(l->wal_status, "unreserved") ||
		(l->safe_wal_bytes >= 0 && l->safe_wal_bytes <= limit / 10)) {
		str_addz(&w->why, "the slot is about to be lost: WAL is running out");
		return LEDGER_CRITICAL;
	}
	if (l->safe_wal_bytes >= 0 && l->safe_wal_bytes <= limit / 4) {
		str_addf(&w->why, "the slot may hold only %lld bytes of WAL more",
			(long long)l->safe_wal_bytes);
		return LEDGER_WARNING;
	}
	return LEDGER_INFO;
}

static int look_at_rejects(struct watch *w, const struct ledger_status *t)
{
	uint64_t all = t->rows + t->live_rows + t->rejects;

	if (t->rejects == 0 || t->rejects * 100 <= w->o->reject_percent * all)
		return LEDGER_INFO;
	if (t->rejects > w->rejects)
		w->level[REJECTS] = LEDGER_INFO; /* more of them are news */
	w->rejects = UINT64_MAX;
	str_addf(&w->why, "%llu of %llu rows could not be carried over",
		(unsigned long long)t->rejects, (unsigned long long)all);
	return LEDGER_WARNING;
}

/* Of the chunks that ended lately, how many failed? */
static int look_at_failures(struct watch *w)
{
	AUTO_RESULT *r = ledger_ask(w->of.target, failures_sql, w->of.job);
	uint64_t failed = pg_count(r, 0, 0), done = pg_count(r, 0, 1);

	if (failed < SHARE_MIN || failed * 5 < failed + done)
		return LEDGER_INFO;
	str_addf(&w->why, "%llu of %llu tries of chunks failed in ten minutes",
		(unsigned long long)failed, (unsigned long long)(failed + done));
	return LEDGER_WARNING;
}

/* The fullest of them counts; all that are too full are named. */
static int look_at_disk(struct watch *w)
{
	struct ledger_disk disks[LEDGER_DISKS_MAX];
	AUTO_ARENA a = { 0 };
	struct ledger_job job;
	AUTO_STR list = { 0 };
	uint64_t least = 100;
	size_t n = !ledger_job_get(w->of.target, w->of.job, &job, &a) ? 0
		: ledger_disks(w->of.target, job.target_schema, job.target_prefix, disks);

	for (size_t i = 0; i < n; i++) {
		uint64_t percent = (uint64_t)(disks[i].bytes_free * 100 / disks[i].bytes);

		least = percent < least ? percent : least;
		if (percent < w->o->disk_percent)
			str_addf(&list, "%s %s %llu %%", list.n ? "," : "", disks[i].what,
				(unsigned long long)percent);
	}
	if (list.n > 0)
		str_addf(&w->why, "only %llu %% of the target's disk are free:%s",
			(unsigned long long)least, str_z(&list));
	return least >= w->o->disk_percent ? LEDGER_INFO
		: least * 2 < w->o->disk_percent ? LEDGER_CRITICAL : LEDGER_WARNING;
}

/* What is said of each, as a regular expression, and when it is over. */
static const struct {
	const char *said, *over;
} words[] = {
	[LAG] = { "^the wide tables are .* behind", "the wide tables have caught up" },
	[SLOT] = { "^the slot (is|may hold)", "the slot has room again" },
	[REJECTS] = { "rows could not be carried", "rejected rows are below the limit again" },
	[FAILURES] = { "tries of chunks failed in ten", "chunks succeed again" },
	[DISK] = { "of the target's disk are free", "the target's disk has room again" },
};

/* What was told before, by an earlier watch perhaps: looks of every night tell it once. */
static void recall(struct watch *w)
{
	for (int i = 0; i < TROUBLES; i++) {
		AUTO_RESULT *r = pg_ask(w->of.target, last_told_sql, ledger_u64(w->of.job),
			words[i].over, words[i].said);

		if (pg_rows(r) > 0) {
			w->level[i] = (int)pg_count(r, 0, 0);
			w->rejects = i == REJECTS ? pg_count(r, 0, 1) : w->rejects;
		}
	}
}

static void event(const struct watch *w, enum ledger_level level, const char *text)
{
	ledger_event(w->of.target, level, w->of.job, SL(""), LEDGER_NO_TIME, text);
}

/* An event when it has become worse, and one when it is over. */
static void note(struct watch *w, enum trouble which, int level)
{
	if (level > w->level[which])
		event(w, (enum ledger_level)level, str_z(&w->why));
	else if (level == LEDGER_INFO && w->level[which] > LEDGER_INFO) {
		event(w, LEDGER_INFO, words[which].over);
		(void)end_telling(w, false);
		if (w->o->recovery && w->o->command &&
			!begin_telling(w, &(struct told){ .level = SL("INFO"),
						  .message = sl_of(words[which].over) }))
			msg_warn("--alert-command is still at work, nobody was told: %s",
				words[which].over);
	}
	w->level[which] = level;
	str_clear(&w->why);
}

static void look(struct watch *w)
{
	AUTO_ARENA arena = { 0 };
	struct ledger_status total = ledger_total(&w->of);
	struct ledger_live live;

	pg_run(w->of.target, forgotten_sql, ledger_u64(w->of.job));
	ledger_live_get(w->of.target, w->of.job, &live, &arena);
	if (live.any) {
		note(w, LAG, look_at_lag(w, &live));
		note(w, SLOT, look_at_slot(w, &live));
	}
	note(w, REJECTS, look_at_rejects(w, &total));
	note(w, FAILURES, look_at_failures(w));
	note(w, DISK, look_at_disk(w));
}

/* ---- watching -------------------------------------------------------------------------------- */

/*
 * Whether there was anything. What nobody wants to hear stays untold: a later watch may have
 * somebody who does.
 */
static bool tell(struct watch *w)
{
	AUTO_ARENA arena = { 0 };
	struct told event;
	bool any = false;

	if (end_telling(w, false) == 0 && w->seen.n > SEEN_MAX) {
		forget_old(w);
		str_clear(&w->seen);
	}
	while (w->o->command && find_untold(w, &event, &arena) && begin_telling(w, &event)) {
		str_addf(&w->seen, "%llu,", (unsigned long long)event.id);
		arena_reset(&arena);
		any = true;
	}
	return any;
}

/* All there is, to its end. */
static void tell_all(struct watch *w)
{
	while (tell(w))
		(void)end_telling(w, true);
	(void)end_telling(w, true);
}

/* The lock is the session's: it goes with the watch. */
static bool is_ours(struct watch *w)
{
	if (w->ours)
		return true;
	w->ours = pg_is_yes(ledger_ask(w->of.target,
		"SELECT pg_try_advisory_lock(hashtextextended('ferry.alert', $1::bigint))",
		w->of.job));
	if (w->ours) {
		forget_old(w);
		recall(w);
	}
	return w->ours;
}

void alert_run(struct pg *target, uint64_t job, const struct alert_opts *o, bool (*go_on)(void))
{
	struct watch w = { .of = { target, job, NULL, 0 }, .o = o };

	do {
		if (is_ours(&w)) {
			look(&w);
			(void)tell(&w);
		}
		if (go_on())
			clock_sleep(o->every_us);
	} while (go_on());
	if (w.ours) { /* what was written, and left out, in the last moment */
		struct ledger_status total = ledger_total(&w.of);

		recall(&w);
		note(&w, REJECTS, look_at_rejects(&w, &total));
		tell_all(&w);
	}
	str_free(&w.why);
	str_free(&w.seen);
}
