#include "follow/follow_poll.h"

#include "core/kp.h"
#include "core/stop.h"
#include "follow/feeds.h"

/* A source that is silent still moves on: an empty chunk tells the target how far. */
#define WATCH_EVERY CLOCK_US_PER_SEC /* what feeds the table */
#define IDLE_SEAL (INT64_C(3) * CLOCK_US_PER_SEC) /* also how soon a dead loader is noticed */

struct run {
	struct follow_poll *f;
	struct narrow_poll *poll;
	struct arena arena;
	struct ledger_follower me;
	struct ledger_rejects rejects;
	struct str position;
	struct feeds feeds;
	int64_t sealed; /* clock_monotonic() of the latest seal */
	int64_t next_watch;
};

/* ---- what is said of a chunk ---------------------------------------------------------------- */

/* The range of a live chunk is that of its rows; of an empty one, where the next look begins. */
static void set_range(struct run *r)
{
	struct ledger_facts *facts = &r->f->chunk->facts;

	facts->from = narrow_poll_edge(r->poll);
	facts->to = facts->from + 1;
	narrow_chunk_spread(facts);
}

/* What its facts say of the chunk itself, as far as that is known. */
static void identify(struct run *r, int64_t commit)
{
	struct follow_poll *f = r->f;
	struct ledger_facts *facts = &f->chunk->facts;

	set_range(r);
	facts->follow = (struct ledger_follow){ .kind = LEDGER_FOLLOW_POLL,
		.upto = str_sl(&r->position),
		.commit = commit };
	if (f->job) {
		facts->job = f->job;
		facts->worker = facts->follow.worker = sl_of(ledger_worker());
		facts->follow.attempt = r->me.attempt;
	}
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void reject(struct run *r, struct narrow_reader *reader, const struct narrow_row *row)
{
	const struct follow_poll *f = r->f;
	const struct ledger_facts_ship *ship = narrow_chunk_reject(f->chunk, row);
	AUTO_STR json = { 0 };

	narrow_row_put_json(reader, !f->job, &json);
	if (f->job)
		ledger_reject(&r->rejects, ship->ship, row->time, 0, str_sl(&json),
			sl_of(row->why));
	extract_reject(f->x, f->poll.narrow->col[row->bad].name, reader->raw[row->bad], row->why,
		str_sl(&json), f->job != 0);
}

static void take_row(void *ctx, struct narrow_reader *reader, const struct narrow_row *row)
{
	struct run *r = ctx;

	if (UNLIKELY(r->f->chunk->facts.n == 0)) {
		identify(r, LEDGER_NO_TIME);
		narrow_chunk_announce(r->f->chunk, r->f->x->wr);
	}
	extract_tick(r->f->x);
	KP("poll_row");
	if (LIKELY(!row->why))
		narrow_chunk_put(r->f->chunk, r->f->x->wr, row);
	else
		reject(r, reader, row);
}

/* ---- chunks ---------------------------------------------------------------------------------- */

static void seal(struct run *r, int64_t commit)
{
	struct follow_poll *f = r->f;

	str_clear(&r->position);
	narrow_poll_position(r->poll, &r->position);
	identify(r, commit);
	if (f->job)
		ledger_reject_flush(&r->rejects);
	narrow_chunk_seal(f->chunk, f->x, SL(""));
	r->sealed = clock_monotonic();
}

static void look(struct run *r)
{
	struct narrow_chunk *chunk = r->f->chunk;
	int64_t commit, now = clock_monotonic();

	if (now >= r->next_watch) {
		(void)!feeds_look(&r->feeds, r->f->poll.source);
		r->next_watch = now + WATCH_EVERY;
	}
	narrow_chunk_begin(chunk, 0, 0);
	commit = narrow_poll_tick(r->poll, take_row, r);
	KP("poll_seal");
	if (chunk->facts.n > 0 || chunk->facts.rejects > 0 ||
		clock_monotonic() - r->sealed >= IDLE_SEAL)
		seal(r, commit);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void failed(void *ctx, int code, const char *message)
{
	struct run *r = ctx;

	if (code != EX_BUG)
		ledger_follower_fail(r->f->target, r->f->job, r->me.attempt, message, code);
}

static void begin(struct run *r)
{
	struct follow_poll *f = r->f;

	r->feeds = (struct feeds){
		.narrow = f->poll.narrow, .target = f->target, .job = f->job };
	if (!f->job) {
		r->poll = f->since == LEDGER_NO_TIME ? narrow_poll_open(&f->poll, SL(""))
						     : narrow_poll_since(&f->poll, f->since);
		return;
	}
	ledger_follower_become(
		&(struct ledger_part){ f->target, f->job, f->poll.ships, f->poll.n_ships },
		LEDGER_FOLLOW_POLL, f->standby, &r->me, &r->arena);
	r->rejects = (struct ledger_rejects){ .target = f->target, .job = f->job, .once = true };
	r->poll = narrow_poll_open(&f->poll, sl_of(r->me.upto));
	msg_on_exit(failed, r);
}

void follow_poll(struct follow_poll *f)
{
	struct run r = { .f = f, .sealed = clock_monotonic() };

	begin(&r);
	while (!stop_asked()) {
		int64_t next = clock_monotonic() + f->interval, left;

		look(&r);
		while (!stop_asked() && (left = next - clock_monotonic()) > 0)
			clock_sleep(left);
	}
	if (f->job) {
		msg_off_exit(failed, &r);
		ledger_follower_release(f->target, f->job, r.me.attempt);
	}
	narrow_poll_close(r.poll);
	feeds_free(&r.feeds);
	str_free(&r.position);
	str_free(&r.rejects.rows);
	arena_free(&r.arena);
}

void follow_poll_setup(const struct narrow_poll_conf *conf, struct pg *target, uint64_t job)
{
	AUTO_ARENA a = { 0 };
	struct ledger_follower now;
	bool there = ledger_follower_get(target, job, &now, &a);
	struct narrow_poll *poll;
	AUTO_STR position = { 0 };
	struct feeds feeds = { .narrow = conf->narrow, .target = target, .job = job };

	if (!there || now.kind != LEDGER_FOLLOW_POLL) {
		if (!ledger_follower_may_set(target, job))
			die(EX_CONFIGURATION, "job %llu was rolled back", (unsigned long long)job);
		feeds_begin(&feeds, conf->source);
		poll = narrow_poll_open(conf, SL(""));
		narrow_poll_position(poll, &position);
		/* the slot of before is known until it is gone */
		ledger_follower_set(target, job, LEDGER_FOLLOW_POLL, there ? now.slot : NULL,
			there ? now.publication : NULL, str_z(&position),
			there ? LEDGER_OTHER_WAY : NULL);
		narrow_poll_close(poll);
		feeds_free(&feeds);
	}
}
