/* follow_setup.c - the part of follow_slot.h that sets up and removes. */
#include "follow/follow_slot.h"

#include "core/kp.h"
#include "follow/feeds.h"
#include "follow/slot.h"
#include "ledger/ledger_origin.h"
#include "pg/repl.h"

void follow_slot_find(struct pg *source, const struct follow_slot *f, struct arena *a,
	struct follow_slot_names *out)
{
	struct ledger_follower now;
	uint64_t oid;

	*out = (struct follow_slot_names){ .slot = f->slot, .publication = f->publication };
	if (f->job) {
		if (!ledger_follower_get(f->target, f->job, &now, a) ||
			now.kind != LEDGER_FOLLOW_SLOT)
			die_hint(EX_CONFIGURATION, "pg-wide-ledger follow --follow slot makes one",
				"job %llu has no slot", (unsigned long long)f->job);
		out->slot = now.slot;
		out->publication = now.publication;
	}
	if (f->job)
		ledger_follower_want_slot(f->target, f->job);
	if (slot_is_published(source, out->publication, &oid, &out->deletions))
		return;
	if (!f->job)
		die(EX_CONFIGURATION, "there is no publication %s, source",
			msg_q(sl_of(out->publication)));
	ledger_event(f->target, LEDGER_CRITICAL, f->job, SL(""), LEDGER_NO_TIME, SLOT_UNPUBLISHED);
	die_hint(EX_NOINPUT_, "pg-wide-ledger follow makes another one, and puts all in doubt",
		"slot %s: " SLOT_UNPUBLISHED, out->slot);
}

/* Why the slot cannot go on where the target is; NULL when it can, or is not made yet. */
static const char *what_is_lost(
	struct pg *source, struct pg *target, uint64_t job, const struct ledger_follower *now)
{
	struct slot_facts facts;
	struct ledger_feeds known;
	AUTO_ARENA a = { 0 };
	uint64_t upto, oid;
	bool deletions, there;

	if (strcmp(now->upto, LEDGER_FOLLOW_BEGUN) == 0)
		return NULL;
	there = slot_is_published(source, now->publication, &oid, &deletions);
	ledger_feeds_get(target, job, &known, &a);
	/* a slot that is older than its publication can never be read */
	if (!there || (known.publication && known.publication != oid))
		return SLOT_UNPUBLISHED;
	if (!slot_look(source, now->slot, &facts))
		pg_die(source, "cannot look at the slot");
	return slot_is_no_use(&facts, lsn_parse(sl_of(now->upto), &upto) ? upto : 0);
}

void follow_lost(
	const char *conninfo, struct pg *target, const struct ledger_job *job, struct str *why)
{
	AUTO_ARENA a = { 0 };
	struct ledger_follower now;
	AUTO_STR name = { 0 };
	struct pg *source = pg_connect_patient(conninfo, "source", false, NULL);
	const char *lost;

	if (source)
		ledger_source_name(source, &name);
	if (source && sl_eq_str(str_sl(&name), job->source) &&
		ledger_follower_get(target, job->id, &now, &a)) {
		ledger_origin_differs(source, target, job, why);
		if (why->n == 0 && now.kind == LEDGER_FOLLOW_SLOT &&
			(lost = what_is_lost(source, target, job->id, &now)))
			str_addf(why, "slot: %s; following again makes another, and compares all",
				lost);
	}
	pg_close(source);
}

static void say_lost(struct pg *target, uint64_t job, const char *why)
{
	AUTO_STR line = { 0 };

	str_addf(&line, "%s; a new one is made, and all that was carried over is to be compared",
		why);
	msg_warn("%s", str_z(&line));
	ledger_event(target, LEDGER_CRITICAL, job, SL(""), LEDGER_NO_TIME, str_z(&line));
}

/* Is it a name that slot_name() makes? Others are the user's. */
static bool is_own_name(const char *name)
{
	return strncmp(name, "ferry_", 6) == 0;
}

#define READ_TRIES 60 /* of 50 ms: one that was our follower's has no reader any more by then */

/*
 * By whom no follower of this ledger is: that of another one, of which it may be a copy. Ours reads
 * the slot that the ledger names, and no other.
 */
static bool is_read(struct pg *source, struct pg *target, uint64_t job, const char *slot)
{
	struct slot_facts facts;

	for (int i = 0; i < READ_TRIES; i++) {
		if (ledger_follower_reads(target, job, slot) ||
			!slot_look(source, slot, &facts) || !facts.read)
			return false;
		clock_sleep(CLOCK_US_PER_SEC / 20);
	}
	return true;
}

static NORETURN void being_read(const char *slot)
{
	die_hint(EX_CONFIGURATION,
		"end that reader first; where this target is a copy, --slot NAME makes another "
		"slot, and rollback --leave-slot leaves this one",
		"slot %s is being read, and not by a follower of this ledger", slot);
}

static void refuse_read(struct pg *source, struct pg *target, uint64_t job, const char *slot)
{
	if (is_read(source, target, job, slot))
		being_read(slot);
}

static NORETURN void taken(const char *name)
{
	AUTO_STR hint = { 0 };

	str_addf(&hint,
		"give --slot another name, or, if nobody needs it: "
		"SELECT pg_drop_replication_slot('%s')",
		name);
	die_hint(EX_CONFIGURATION, str_z(&hint),
		"the source has a slot %s already, which is none of this job", name);
}

/*
 * `now`: who followed, or NULL. The name stands in the ledger before the slot does, so that one
 * that is left behind is found by it: beside who polls, who goes on until then.
 */
static void make_anew(struct pg *source, const struct narrow *narrow, struct pg *target,
	uint64_t job, struct follow_slot_names names, const struct ledger_follower *now,
	const char *doubt)
{
	const char *before = now && *now->slot ? now->slot : NULL;
	AUTO_STR of = { 0 }, own = { 0 }, point = { 0 };
	struct slot_facts facts;
	struct feeds feeds = { .narrow = narrow, .target = target, .job = job };

	slot_check_source(source, narrow);
	ledger_source_name(target, &of);
	slot_name(&own, job, str_sl(&of));
	if (names.slot && (!before || strcmp(names.slot, before) != 0) &&
		slot_look(source, names.slot, &facts) && facts.state != SLOT_ABSENT)
		taken(names.slot);
	names.slot = names.slot ? names.slot : str_z(&own);
	names.publication = names.publication ? names.publication : str_z(&own);
	refuse_read(source, target, job, names.slot);
	/* what an earlier try may have left */
	(void)follow_slot_cleanup(source, target, job, before, false);
	ledger_follower_begin(target, job, names.slot, names.publication);
	slot_publish(source, narrow, names.publication);
	KP("slot_published");
	if (!slot_create(source, names.slot, &point)) {
		ledger_follower_forget(target, job, names.slot);
		taken(names.slot);
	}
	KP("slot_made");
	if (!ledger_follower_may_set(target, job)) {
		slot_drop(source, names.slot,
			is_own_name(names.publication) ? names.publication : NULL);
		die(EX_CONFIGURATION, "job %llu was rolled back", (unsigned long long)job);
	}
	feeds.publication = names.publication;
	feeds_begin(&feeds, source);
	ledger_follower_set(target, job, LEDGER_FOLLOW_SLOT, names.slot, names.publication,
		str_z(&point), doubt);
	msg_note("slot %s is made, from %s on", names.slot, str_z(&point));
	feeds_free(&feeds);
}

/* What the user named once stays so; is it another name now than the ledger has? */
static bool choose_name(const char **asked, const char *now)
{
	bool other = *asked && strcmp(*asked, now) != 0;

	if (!*asked && !is_own_name(now))
		*asked = now;
	return other;
}

void follow_slot_setup(struct pg *source, const struct narrow *narrow, struct pg *target,
	uint64_t job, const struct follow_slot_names *asked)
{
	AUTO_ARENA a = { 0 };
	struct ledger_follower now;
	struct follow_slot_names names = *asked;
	bool there = ledger_follower_get(target, job, &now, &a), other = false;
	bool slot = there && now.kind == LEDGER_FOLLOW_SLOT;
	bool cut = slot && strcmp(now.upto, LEDGER_FOLLOW_BEGUN) == 0;
	const char *why = slot ? what_is_lost(source, target, job, &now) : NULL;

	/* who polls may have one, too, that could not be removed */
	if (there && *now.slot)
		other = choose_name(&names.slot, now.slot);
	if (slot)
		other |= choose_name(&names.publication, now.publication);
	if (why)
		say_lost(target, job, why);
	if (!there || cut)
		make_anew(source, narrow, target, job, names, there ? &now : NULL, NULL);
	else if (!slot || other)
		make_anew(source, narrow, target, job, names, &now, LEDGER_OTHER_WAY);
	else if (why)
		make_anew(source, narrow, target, job, names, &now, why);
}

static bool drop_unread(struct pg *source, struct pg *target, uint64_t job, const char *slot,
	const char *publication, bool ours)
{
	bool read = !ours && is_read(source, target, job, slot);

	if (read)
		msg_warn("slot %s is left: it is being read, and not by a follower of this ledger",
			slot);
	else
		slot_drop(source, slot, publication);
	return !read;
}

bool follow_slot_cleanup(
	struct pg *source, struct pg *target, uint64_t job, const char *named, bool ours)
{
	AUTO_STR of = { 0 }, name = { 0 };
	bool other = named && *named && !is_own_name(named), alone = true, gone;

	ledger_source_name(target, &of);
	slot_name(&name, job, str_sl(&of));
	/* not one of another ledger, of which this one may be a copy; nor what its slot needs */
	if (other)
		alone = drop_unread(source, target, job, named, NULL, ours);
	ours = ours && strcmp(named, str_z(&name)) == 0;
	gone = drop_unread(source, target, job, str_z(&name), alone ? str_z(&name) : NULL, ours);
	return other ? alone : gone;
}

struct pg *follow_slot_source(const char *conninfo, const struct ledger_job *job)
{
	struct pg *source = pg_connect(conninfo, "source");
	AUTO_STR name = { 0 };

	ledger_source_name(source, &name);
	if (!sl_eq_str(str_sl(&name), job->source))
		die(EX_CONFIGURATION, "job %llu reads another database: %s, not %s",
			(unsigned long long)job->id, job->source, str_z(&name));
	return source;
}

bool follow_slot_remove(const char *conninfo, struct pg *target, const struct ledger_job *job)
{
	struct pg *source = follow_slot_source(conninfo, job);
	AUTO_ARENA a = { 0 };
	struct ledger_follower now;
	bool there = ledger_follower_get(target, job->id, &now, &a);

	if (there && *now.slot)
		refuse_read(source, target, job->id, now.slot);
	/* also where the ledger knows of none: setting it up may have been cut short */
	if (!follow_slot_cleanup(source, target, job->id, there ? now.slot : NULL, false) &&
		there && *now.slot)
		being_read(now.slot);
	ledger_follower_drop(target, job->id);
	pg_close(source);
	return there;
}

bool follow_slot_guard(struct pg *source, struct pg *target, uint64_t job, uint64_t max_lag)
{
	AUTO_ARENA a = { 0 };
	struct ledger_follower now;
	struct slot_facts facts;
	AUTO_STR why = { 0 };
	bool there = ledger_follower_get(target, job, &now, &a) && *now.slot &&
		     slot_look(source, now.slot, &facts);
	bool slot = there && now.kind == LEDGER_FOLLOW_SLOT; /* or he polls, and needs none */

	if (there && slot_holds_too_much(&facts, max_lag, &why) &&
		!is_read(source, target, job, now.slot)) {
		slot_drop(source, now.slot, NULL);
		msg_warn("slot %s: %s", now.slot, str_z(&why));
		ledger_event(target, LEDGER_CRITICAL, job, SL(""), LEDGER_NO_TIME, str_z(&why));
		if (slot)
			ledger_doubt_add(target, job, 0, true, "the slot was dropped");
	} else if (slot) {
		ledger_follower_held(target, job, facts.held_bytes, facts.wal_status);
	}
	return there;
}
