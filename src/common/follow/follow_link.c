/* follow_link.c - the slot, its server, and what the target has of it. */
#include "follow/follow_internal.h"

#include "core/stop.h"

#define STATUS_EVERY CLOCK_US_PER_SEC
#define ACK_EVERY (CLOCK_US_PER_SEC / 100) /* while chunks are on their way */
#define SEEN_BASE (CLOCK_US_PER_SEC / 1000)
#define SEEN_CAP (CLOCK_US_PER_SEC / 10)
#define SEEN_TRIES 10
#define SEEN_LATE (INT64_C(5) * CLOCK_US_PER_SEC)
#define WATCH_EVERY CLOCK_US_PER_SEC
#define BACKOFF_BASE (CLOCK_US_PER_SEC / 5)
#define BACKOFF_CAP (INT64_C(20) * CLOCK_US_PER_SEC)

/* ---- the slot and its server ----------------------------------------------------------------- */

/* A plain connection beside the stream, while the server is there. */
struct pg *follow_sql(struct run *r)
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

void follow_is_lost(struct run *r, const char *why)
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
		follow_is_lost(r, why);
	if (!slot_holds_too_much(facts, r->f->max_lag, &text))
		return;
	repl_close(r->repl);
	r->repl = NULL;
	slot_drop(pg, r->names.slot, NULL);
	follow_is_lost(r, str_z(&text));
}

static void keep_wal(struct run *r, const struct slot_facts *facts)
{
	r->wal_last = facts->wal;
	if (r->wal_first == 0) {
		r->wal_first = facts->wal;
		r->wal_since = clock_monotonic();
	}
}

/* False: the server is not there now. */
bool follow_watch(struct run *r)
{
	struct pg *pg = follow_sql(r);
	struct slot_facts facts;
	enum feeds_found found;

	r->next_watch = clock_monotonic() + WATCH_EVERY;
	if (!pg)
		return false;
	found = feeds_look(&r->feeds, pg);
	if (found == FEEDS_GONE)
		follow_is_lost(r, SLOT_UNPUBLISHED);
	if (found == FEEDS_NOBODY || !slot_look(pg, r->names.slot, &facts))
		return false;
	check_slot(r, pg, &facts);
	keep_wal(r, &facts);
	if (r->f->job)
		ledger_follower_watch(r->f->target, r->f->job,
			&(struct ledger_watch){ .lag_bytes = facts.lag_bytes,
				.wal_status = facts.wal_status,
				.safe_wal_bytes = facts.safe_wal_bytes,
				.held_bytes = facts.held_bytes });
	return true;
}

void follow_drop_open(struct run *r)
{
	live_chunk_drop(r->live);
	if (r->open && !r->skip && r->n_unseen > 0)
		r->n_unseen--;
	r->open = r->skip = false;
}

void follow_disconnect(struct run *r)
{
	repl_close(r->repl);
	r->repl = NULL;
	follow_drop_open(r);
	slot_rows_forget(r->rows);
}

static bool connect_once(struct run *r)
{
	struct repl_conf conf = { .conninfo = r->f->conninfo,
		.slot = r->names.slot,
		.publication = r->names.publication,
		.from = r->upto,
		.encoding = r->f->narrow->encoding,
		.origin = r->origin.n > 0 ? str_z(&r->origin) : NULL };

	if (!follow_watch(r))
		return false;
	str_clear(&r->why);
	r->repl = repl_open(&conf, &r->why);
	return r->repl != NULL;
}

/* Until it is there, or we are to end. */
void follow_connect(struct run *r)
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

	while (text.n > 0 && text.p[text.n - 1] == '\n')
		text.n--;
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

bool follow_read_ack(const struct run *r, struct str *text)
{
	char line[64];
	FILE *file = fopen(r->f->ack, "re");
	bool ok = file && fgets(line, sizeof line, file);

	if (ok)
		str_addz(text, line);
	if (file)
		(void)fclose(file);
	return ok;
}

void follow_look_for_ack(struct run *r)
{
	AUTO_STR text = { 0 };

	r->next_ack = clock_monotonic() + ACK_EVERY;
	if (r->f->ack) {
		if (follow_read_ack(r, &text))
			take_ack(r, str_sl(&text));
	} else if (r->f->job) {
		if (!ledger_follower_upto(r->f->target, r->f->job, r->me.attempt, &text))
			die(EX_BUSY, "another follower has taken over");
		take_ack(r, str_sl(&text));
	}
}

void follow_send_status(struct run *r)
{
	r->next_status = clock_monotonic() + STATUS_EVERY;
	if (r->repl)
		(void)!repl_status(r->repl, r->received, r->acked);
}

void follow_tell(struct run *r)
{
	if (r->f->ack)
		follow_look_for_ack(r);
	follow_send_status(r);
}

/* ---- what others see of the source ----------------------------------------------------------- */

/* Also when we are to end, for what is seen at once as a rule. */
static bool is_in_vain(const struct run *r, unsigned tries)
{
	return r->n_unseen > 0 && tries >= SEEN_TRIES && stop_asked();
}

struct pg *follow_until_seen(struct run *r)
{
	int64_t late = clock_monotonic() + SEEN_LATE;
	struct pg *pg = follow_sql(r);

	for (unsigned tries = 0; pg && r->n_unseen > 0; tries++) {
		if (slot_shows(pg, r->names.slot, r->unseen, r->n_unseen))
			r->n_unseen = 0;
		if (is_in_vain(r, tries))
			return NULL;
		if (r->n_unseen > 0 && clock_monotonic() > late) {
			msg_warn("a transaction of the source is written, but nobody sees it: is "
				 "it waiting for a synchronous standby?");
			late = INT64_MAX;
		}
		if (r->n_unseen > 0) {
			follow_tell(r);
			clock_sleep(clock_backoff(tries, SEEN_BASE, SEEN_CAP));
			pg = follow_sql(r);
		}
	}
	return pg;
}
