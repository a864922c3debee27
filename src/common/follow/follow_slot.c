#include "follow/follow_slot.h"

#include "core/kp.h"
#include "core/stop.h"
#include "follow/feeds.h"
#include "follow/live_chunk.h"
#include "follow/slot.h"
#include "follow/slot_rows.h"
#include "pg/repl.h"
#include "stream/out.h"

struct run {
	struct follow_slot *f;
	struct follow_slot_names names;
	struct ledger_follower me;
	struct feeds feeds;
	struct arena arena;
	struct str origin, why;
	struct pg *sql; /* patient; NULL while there is none */
	struct repl *repl;
	struct slot_rows *rows;
	struct live_chunk *live;
	struct pgo pgo;

	bool open, skip;    /* a transaction; one the target has */
	uint64_t truncated; /* of the chunk: see ledger_follow */
	uint32_t *unseen;  /* transactions of the chunk that other sessions may not see yet, the */
	size_t n_unseen, unseen_cap; /* open one last */
	uint64_t received;	    /* as far as the stream was read */
	uint64_t upto;	  /* end of the last complete transaction */
	uint64_t idle;	  /* nothing of ours is before it, while no transaction is open */
	int64_t commit, idle_time; /* times of the source that go with these */
	int64_t began;		   /* clock_monotonic() of the chunk's first COMMIT; 0: empty */
	int64_t sealed;		   /* of the last seal */
	uint64_t *way;		   /* ends of chunks that are on their way to the target */
	size_t n_way, way_cap;
	uint64_t acked;
	int64_t next_status, next_ack, next_watch;
	bool lost_is_said;
	bool unknown; /* of the chunk: a change that does not say which cell it is about */
	uint64_t wal_first, wal_last; /* ends of the source's WAL, as seen */
	int64_t wal_since;	      /* clock_monotonic() of wal_first */
};

#define LOOK_EVERY CLOCK_US_PER_SEC
#define ACK_EVERY (CLOCK_US_PER_SEC / 100) /* while chunks are on their way */
#define SEEN_BASE (CLOCK_US_PER_SEC / 1000)
#define SEEN_CAP (CLOCK_US_PER_SEC / 10)
#define SEEN_TRIES 10
#define SEEN_LATE (INT64_C(5) * CLOCK_US_PER_SEC)
#define BACKOFF_BASE (CLOCK_US_PER_SEC / 5)
#define BACKOFF_CAP (INT64_C(20) * CLOCK_US_PER_SEC)

/* ---- the slot and its server ----------------------------------------------------------------- */

/* A plain connection beside the stream; NULL, and r->why, while the server is not there. */
static struct pg *connect_sql(struct run *r)
{
	if (r->sql && pg_is_lost(r->sql)) {
		pg_close(r->sql);
		r->sql = NULL;
	}
	str_clear(&r->why);
	if (!r->sql) {
		r->sql = pg_connect_patient(r->f->conninfo, "source", false, &r->why);
		if (r->sql)
			pg_read_as(r->sql, r->f->narrow->encoding);
	}
	return r->sql;
}

/* With a job: setting it up again makes another slot, and puts all in doubt. */
static NORETURN void die_lost(struct run *r, const char *why)
{
	if (!r->f->job)
		die_hint(EX_REFUSED, "make another slot, and then read the table once more",
			"slot %s: %s", r->names.slot, tr(why));
	ledger_event(r->f->target, LEDGER_CRITICAL, r->f->job, SL(""), LEDGER_NO_TIME, why);
	die_hint(EX_NOINPUT_, "pg-wide-ledger follow makes another slot, and puts all in doubt",
		"slot %s: %s", r->names.slot, tr(why));
}

/* By hand the slot alone says where it is. */
static void check_slot(struct run *r, struct pg *pg, const struct slot_facts *facts)
{
	const char *why = slot_is_no_use(facts, r->f->job ? r->upto : facts->confirmed);
	struct str text = { 0 };

	if (why)
		die_lost(r, why);
	if (!r->f->job)
		r->acked = slot_by_hand(facts, r->names.slot, r->upto, r->acked);
	if (!slot_holds_too_much(facts, r->f->max_lag, &text))
		return;
	repl_close(r->repl);
	r->repl = NULL;
	slot_drop(pg, r->names.slot, NULL);
	die_lost(r, str_z(&text));
}

/* At the slot and at what feeds the table. False: the server is not there now. */
static bool watch(struct run *r)
{
	struct pg *pg = connect_sql(r);
	struct slot_facts facts;
	enum feeds_found found;

	r->next_watch = clock_monotonic() + LOOK_EVERY;
	if (!pg)
		return false;
	found = feeds_look(&r->feeds, pg);
	if (found == FEEDS_GONE)
		die_lost(r, SLOT_UNPUBLISHED);
	if (found == FEEDS_NOBODY || !slot_look(pg, r->names.slot, &facts))
		return false;
	check_slot(r, pg, &facts);
	r->wal_last = facts.wal;
	if (r->wal_first == 0) {
		r->wal_first = facts.wal;
		r->wal_since = clock_monotonic();
	}
	if (r->f->job)
		ledger_follower_watch(r->f->target, r->f->job,
			&(struct ledger_watch){ .lag_bytes = facts.lag_bytes,
				.wal_status = facts.wal_status,
				.safe_wal_bytes = facts.safe_wal_bytes,
				.held_bytes = facts.held_bytes });
	return true;
}

/* The open transaction: it will come again. */
static void drop_open(struct run *r)
{
	live_chunk_drop(r->live);
	if (r->open && !r->skip && r->n_unseen > 0)
		r->n_unseen--;
	r->open = r->skip = false;
}

static bool connect_once(struct run *r)
{
	struct repl_conf conf = { .conninfo = r->f->conninfo,
		.slot = r->names.slot,
		.publication = r->names.publication,
		.from = r->upto,
		.encoding = r->f->narrow->encoding,
		.origin = r->origin.n > 0 ? str_z(&r->origin) : NULL };

	if (!watch(r))
		return false;
	str_clear(&r->why);
	r->repl = repl_open(&conf, &r->why);
	return r->repl != NULL;
}

/* Until it is there, or we are to end. */
static void connect_again(struct run *r)
{
	for (unsigned tries = 0; !stop_asked() && !connect_once(r); tries++) {
		if (tries == 0 || tries == 5)
			msg_warn("the source is not there%s%s; trying again",
				r->why.n > 0 ? ": " : "", str_z(&r->why));
		wr_check(r->f->x->wr);
		clock_sleep(clock_backoff(tries, BACKOFF_BASE, BACKOFF_CAP));
	}
	if (r->repl && r->lost_is_said)
		msg_note("the source is there again");
	r->lost_is_said = false;
}

/* ---- what the target has --------------------------------------------------------------------- */

static void take_ack(struct run *r, struct sl text)
{
	uint64_t lsn;

	if (!lsn_parse(text, &lsn))
		return;
	/* only what was written here counts: the file may be of another time */
	for (size_t i = r->n_way; i-- > 0;) {
		if (r->way[i] != lsn)
			continue;
		r->acked = lsn;
		r->n_way -= i + 1;
		memmove(r->way, r->way + i + 1, r->n_way * sizeof *r->way);
		return;
	}
}

static bool read_ack(const struct run *r, struct str *text)
{
	char line[64];
	FILE *file = fopen(r->f->ack, "re");
	bool ok = file && fgets(line, sizeof line, file);

	if (ok)
		str_add(text, sl_trim(sl_of(line), "\n"));
	if (file)
		(void)fclose(file);
	return ok;
}

/* Takes from r->way what the target has by now. */
static void look_for_ack(struct run *r)
{
	AUTO_STR text = { 0 };

	r->next_ack = clock_monotonic() + ACK_EVERY;
	if (r->f->ack) {
		if (read_ack(r, &text))
			take_ack(r, str_sl(&text));
	} else if (r->f->job) {
		if (!ledger_follower_upto(r->f->target, r->f->job, r->me.attempt, &text))
			die(EX_BUSY, "another follower has taken over");
		take_ack(r, str_sl(&text));
	}
}

static void send_status(struct run *r)
{
	r->next_status = clock_monotonic() + LOOK_EVERY;
	if (r->repl)
		(void)!repl_status(r->repl, r->received, r->acked);
}

/* While we wait for somebody: the source must not take us for dead. */
static void tell(void *run)
{
	struct run *r = run;

	if (r->f->ack)
		look_for_ack(r);
	send_status(r);
}

/* ---- what others see of the source ----------------------------------------------------------- */

/*
 * Waits until other sessions see what is in r->unseen, as slot_shows() tells. What they do not see
 * must not be in the target: whoever reads the source then to fill or to repair it would take what
 * was there before for the truth. NULL when the source is gone (r->why), or we are to end.
 */
static struct pg *until_seen(struct run *r)
{
	int64_t late = clock_monotonic() + SEEN_LATE;
	struct pg *pg = connect_sql(r);

	for (unsigned tries = 0; pg && r->n_unseen > 0; tries++) {
		if (slot_shows(pg, r->names.slot, r->unseen, r->n_unseen))
			r->n_unseen = 0;
		/* a few tries also when we are to end, for what is seen at once as a rule */
		if (r->n_unseen > 0 && tries >= SEEN_TRIES && stop_asked())
			return NULL;
		if (r->n_unseen > 0 && clock_monotonic() > late) {
			msg_warn("a transaction of the source is written, but nobody sees it: is "
				 "it waiting for a synchronous standby?");
			late = INT64_MAX;
		}
		if (r->n_unseen > 0) {
			tell(r);
			clock_sleep(clock_backoff(tries, SEEN_BASE, SEEN_CAP));
			pg = connect_sql(r);
		}
	}
	return pg;
}

#define IDLE_SEAL (INT64_C(3) * CLOCK_US_PER_SEC) /* also how soon a dead loader is noticed */
#define DEFAULT_INTERVAL (CLOCK_US_PER_SEC / 10)
#define CHUNK_CELLS 200000
#define CHUNK_BYTES ((uint64_t)4 << 20) /* fits the loader's buffers, so it appears at once */
#define CHUNK_COMMITS 20000 /* to ask whether they are seen */
#define UNKNOWN_CELLS                                                          \
	"rows were changed or deleted whose replica identity does not say of " \
	"which ship, channel and time they were"
#define AHEAD 2 /* chunks on their way; behind them a chunk grows instead */

/* ---- chunks ---------------------------------------------------------------------------------- */

/* Once all see what is in it. False: it waits, since nobody can be asked or we are to end. */
static bool seal(struct run *r, uint64_t upto, int64_t time)
{
	struct follow_slot *f = r->f;
	char text[LSN_TEXT_MAX];
	struct ledger_follow follow = { .kind = LEDGER_FOLLOW_SLOT,
		.upto = sl_of(lsn_text(text, upto)),
		.commit = time,
		.truncated = r->truncated };

	if (r->n_unseen > 0 && !until_seen(r))
		return false;
	if (r->unknown)
		ledger_doubt_add(f->target, f->job, 0, false, UNKNOWN_CELLS);
	r->unknown = false;
	if (f->job) {
		follow.worker = sl_of(ledger_worker());
		follow.attempt = r->me.attempt;
	}
	live_chunk_seal(r->live, &follow, time);
	mem_grow(&r->way, &r->way_cap, r->n_way + 1, sizeof *r->way);
	if (f->ack || f->job)
		r->way[r->n_way++] = upto;
	r->upto = upto;
	r->truncated = 0;
	r->began = 0;
	r->sealed = clock_monotonic();
	return true;
}

static bool is_large(const struct run *r)
{
	return live_chunk_cells(r->live) >= CHUNK_CELLS ||
	       live_chunk_bytes(r->live) >= CHUNK_BYTES || r->n_unseen >= CHUNK_COMMITS;
}

/*
 * Is the chunk to end now? When the user said how long it lasts, then. Otherwise at once while the
 * loader has nothing to do, and later the more it has: so it is never behind by more than two.
 */
static bool is_due(const struct run *r, bool drained)
{
	int64_t age = clock_monotonic() - r->began;

	if (r->began == 0)
		return false;
	if (is_large(r))
		return true;
	if (r->f->interval)
		return age >= r->f->interval;
	if (!r->f->ack)
		return age >= DEFAULT_INTERVAL;
	return (r->n_way == 0 && drained) || (r->n_way < AHEAD && age >= DEFAULT_INTERVAL);
}

/* What is complete stays with us: the chunk goes on where the stream was lost. */
static void lost(struct run *r, const char *why)
{
	msg_warn("connection lost, source: %s", why);
	r->lost_is_said = true;
	repl_close(r->repl);
	r->repl = NULL;
	drop_open(r);
	slot_rows_forget(r->rows);
}

static void seal_if_due(struct run *r, bool drained)
{
	bool ok = true;

	if (r->open || !r->repl)
		return;
	if (is_due(r, drained))
		ok = seal(r, r->upto, r->commit);
	else if (r->began == 0 && r->idle > r->upto &&
		 clock_monotonic() - r->sealed >= IDLE_SEAL)
		ok = seal(r, r->idle, r->idle_time);
	if (!ok && !stop_asked())
		lost(r, str_z(&r->why));
}

/* ---- messages -------------------------------------------------------------------------------- */

static void put(void *ctx, const struct narrow_reader *reader, const struct narrow_row *row)
{
	struct run *r = ctx;

	KP("slot_row");
	live_chunk_put(r->live, reader, row);
}

static void erase(void *ctx, const struct narrow_row *row)
{
	struct run *r = ctx;

	if (!r->f->chunk->ops)
		die_hint(EX_TEMP, "run the same command again",
			"the publication has begun to tell of deletions");
	live_chunk_erase(r->live, row);
}

/* The cell's value as it is in the source now; what changes it later comes later. */
static void read_cell(struct run *r, struct pg *pg, const struct narrow_row *cell)
{
	struct narrow_part part = { .from = cell->time,
		.to = cell->time + 1,
		.ships = &cell->ship,
		.n_ships = 1 };
	struct narrow_reader reader;
	struct narrow_row row;

	narrow_begin(r->f->narrow, pg);
	narrow_reader_copy(&reader, r->f->narrow, pg, &part);
	while (narrow_reader_next(&reader, pg, &row))
		if (!row.why && sl_eq(row.channel, cell->channel))
			live_chunk_put(r->live, &reader, &row);
	pg_exec(pg, "COMMIT");
}

static void fetch(void *ctx, const struct narrow_row *cell)
{
	struct run *r = ctx;
	struct pg *pg = until_seen(r);

	if (!pg && stop_asked())
		return; /* the transaction stays open: it will come again */
	if (!pg)
		die(EX_TEMP, "a value is to be read from the table, and the source is gone: %s",
			str_z(&r->why));
	erase(r, cell);
	read_cell(r, pg, cell);
}

/*
 * A partition, or a table that inherits. What made it one may be in the open transaction, which
 * others do not see yet.
 */
static bool is_part(void *ctx, uint32_t relid, bool as_table)
{
	struct run *r = ctx;
	bool seen = until_seen(r);

	/* what is taken for a part is known to be one, so that its end is noticed */
	if (seen && !feeds_has(&r->feeds, relid))
		seen = watch(r);
	if (!seen && !stop_asked())
		die(EX_TEMP, "a relation is to be looked up, and the source is gone: %s",
			str_z(&r->why));
	if (seen && as_table && !feeds_has(&r->feeds, relid))
		r->truncated = r->truncated ? r->truncated : LEDGER_PART_GONE;
	return feeds_has(&r->feeds, relid);
}

/* A job goes on, and compares; what is published so is looked after by the next watch. */
static bool unknown(void *ctx)
{
	struct run *r = ctx;

	if (r->f->job && !r->unknown)
		msg_warn("%s: all is to be compared", UNKNOWN_CELLS);
	r->unknown = r->f->job != 0;
	return r->unknown;
}

static void begin(struct run *r, const struct pgo_message *m)
{
	if (r->open)
		die(EX_STREAM, "the source began a transaction within another");
	r->open = true;
	/* a server that was asked to begin behind it does not send it, but may come to */
	r->skip = m->lsn < r->upto;
	if (r->skip)
		return;
	mem_grow(&r->unseen, &r->unseen_cap, r->n_unseen + 1, sizeof *r->unseen);
	r->unseen[r->n_unseen++] = m->xid;
}

static void commit(struct run *r, const struct pgo_message *m)
{
	uint64_t cells = live_chunk_cells(r->live);

	if (!r->open)
		die(EX_STREAM, "the source ended a transaction that never began");
	r->open = false;
	if (r->skip)
		return;
	live_chunk_commit(r->live);
	KP("slot_commit");
	/* one that brings nothing need not be seen */
	if (live_chunk_cells(r->live) == cells && !r->truncated && !r->unknown && r->n_unseen > 0)
		r->n_unseen--;
	/* there was nothing of our table, or of our ships, in the chunk so far */
	if (r->began == 0 && live_chunk_cells(r->live) == 0 && r->f->chunk->facts.rejects == 0 &&
		!r->truncated && !r->unknown) {
		r->idle = m->end_lsn;
		r->idle_time = m->time;
		return;
	}
	if (r->began == 0)
		r->began = clock_monotonic();
	r->upto = m->end_lsn;
	r->commit = m->time;
}

static void take_message(struct run *r, struct sl data)
{
	struct pgo_message m;
	const char *why = pgo_parse(&r->pgo, data, &m);

	if (why)
		die(EX_STREAM, "the source sent %s", why);
	if (m.kind == PGO_BEGIN) {
		begin(r, &m);
	} else if (m.kind == PGO_COMMIT) {
		commit(r, &m);
	} else if (m.kind == PGO_RELATION) {
		slot_rows_take(r->rows, &m);
	} else if (m.kind != PGO_OTHER && !r->open) {
		die(EX_STREAM, "the source sent a change outside a transaction");
	} else if (m.kind == PGO_TRUNCATE) {
		if (r->skip || !slot_rows_truncates(r->rows, &m))
			return;
		r->truncated = LEDGER_TRUNCATED;
		msg_warn("the source table was truncated: its rows stay in the wide tables until "
			 "validate --repair --delete");
	} else if (m.kind != PGO_OTHER && !r->skip) {
		slot_rows_take(r->rows, &m);
	}
}

static void alive(struct run *r, const struct repl_message *m)
{
	if (!r->open) {
		r->idle = m->end;
		r->idle_time = m->time;
	}
	if (m->hurry)
		send_status(r);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int64_t next_deadline(const struct run *r)
{
	int64_t now = clock_monotonic(), next = r->next_status;

	if (r->next_watch < next)
		next = r->next_watch;
	if (r->n_way > 0 && r->f->ack && r->next_ack < next)
		next = r->next_ack;
	if (r->began && r->f->interval && r->began + r->f->interval < next)
		next = r->began + r->f->interval;
	if (r->began && !r->f->interval && r->began + DEFAULT_INTERVAL > now &&
		r->began + DEFAULT_INTERVAL < next)
		next = r->began + DEFAULT_INTERVAL;
	return next;
}

static void keep_up(struct run *r)
{
	int64_t now = clock_monotonic();

	if (r->n_way > 0 && now >= (r->f->ack ? r->next_ack : r->next_status))
		look_for_ack(r);
	if (now >= r->next_status) {
		wr_check(r->f->x->wr); /* there may be nothing to write for long */
		send_status(r);
	}
	if (now >= r->next_watch)
		(void)!watch(r);
}

static void follow(struct run *r)
{
	struct repl_message m = { .end = 0 };

	while (!stop_asked()) {
		enum repl_event ev;

		if (!r->repl) {
			connect_again(r);
			continue;
		}
		/* what is at hand first: only when there is nothing more the chunk may end early */
		ev = repl_next(r->repl, 0, &m);
		if (ev == REPL_NOTHING) {
			seal_if_due(r, true);
			ev = repl_next(r->repl, next_deadline(r), &m);
		}
		if (ev == REPL_MESSAGE || ev == REPL_ALIVE)
			r->received = m.end > r->received ? m.end : r->received;
		if (ev == REPL_MESSAGE)
			take_message(r, m.data);
		else if (ev == REPL_ALIVE)
			alive(r, &m);
		else if (ev == REPL_LOST && m.undefined)
			die_lost(r, r->f->job ? SLOT_UNPUBLISHED : str_z(&m.why));
		else if (ev == REPL_LOST)
			lost(r, str_z(&m.why));
		seal_if_due(r, false);
		keep_up(r);
	}
	str_free(&m.why);
}

static void failed(void *ctx, int code, const char *message)
{
	struct run *r = ctx;

	if (code != EX_BUG)
		ledger_follower_fail(r->f->target, r->f->job, r->me.attempt, message, code);
}

static void claim(struct run *r)
{
	struct follow_slot *f = r->f;
	unsigned long long job = f->job;

	ledger_follower_become(&(struct ledger_part){ f->target, job, f->ships, f->n_ships },
		LEDGER_FOLLOW_SLOT, f->standby, &r->me, &r->arena);
	if (!lsn_parse(sl_of(r->me.upto), &r->upto))
		die(EX_CONFIGURATION, "job %llu: not a position in the WAL: %s", job,
			msg_q(sl_of(r->me.upto)));
	msg_on_exit(failed, r);
}

/* By hand: where the loader has come to, if it ever ran; otherwise where the slot is. */
static void begin_by_hand(struct run *r)
{
	AUTO_STR text = { 0 };

	if (r->f->ack && read_ack(r, &text) && !lsn_parse(str_sl(&text), &r->upto))
		die(EX_CONFIGURATION, "%s holds no position in the WAL: %s",
			msg_q(sl_of(r->f->ack)), msg_q(str_sl(&text)));
	if (!r->f->ack)
		msg_warn("without --ack nothing is confirmed: the source keeps its WAL, and the "
			 "next run begins where this one did");
}

static void open_run(struct run *r)
{
	struct follow_slot *f = r->f;
	struct pg *pg = connect_sql(r);

	if (!pg)
		die(EX_TEMP, "cannot connect, source: %s", str_z(&r->why));
	follow_slot_find(pg, f, &r->arena, &r->names);
	slot_origin(pg, &r->origin);
	if (f->job)
		claim(r);
	else
		begin_by_hand(r);
	r->acked = f->job ? r->upto : 0; /* by hand: as the slot has it */
	r->rows = slot_rows_open(&(struct slot_rows_conf){ .narrow = f->narrow,
		.ships = f->ships,
		.n_ships = f->n_ships,
		.is_part = is_part,
		.put = put,
		.erase = erase,
		.fetch = fetch,
		.unknown = unknown,
		.ctx = r });
	r->feeds = (struct feeds){ .narrow = f->narrow,
		.target = f->target,
		.job = f->job,
		.publication = r->names.publication };
	r->live = live_chunk_open(f->chunk, f->x, f->target, f->job);
	r->sealed = clock_monotonic();
	out_while_waiting(tell, r, LOOK_EVERY); /* for the reader of our output */
}

static void close_run(struct run *r)
{
	out_while_waiting(NULL, NULL, 0);
	repl_close(r->repl);
	pg_close(r->sql);
	slot_rows_close(r->rows);
	live_chunk_close(r->live);
	feeds_free(&r->feeds);
	pgo_free(&r->pgo);
	arena_free(&r->arena);
	mem_free(r->way);
	mem_free(r->unseen);
	str_free(&r->origin);
	str_free(&r->why);
}

static void say_held(const struct run *r)
{
	int64_t us = clock_monotonic() - r->wal_since;
	uint64_t wal = r->wal_last - r->wal_first;

	if (r->wal_first == 0 || us <= 0)
		return;
	msg_note("the slot stays, and the source keeps its WAL for it from here on: at the pace of "
		 "this run %.0f bytes an hour",
		(double)wal * 3600e6 / (double)us);
}

void follow_slot(struct follow_slot *f)
{
	struct run r = { .f = f };

	open_run(&r);
	follow(&r);
	/* an open transaction comes again; complete ones are handed on, unless nobody sees them */
	drop_open(&r);
	if (r.began && !seal(&r, r.upto, r.commit))
		msg_note("the last transactions of the source are not seen by others yet: they are "
			 "for the next run");
	if (f->job) {
		msg_off_exit(failed, &r);
		ledger_follower_release(f->target, f->job, r.me.attempt);
		say_held(&r);
	}
	close_run(&r);
}
