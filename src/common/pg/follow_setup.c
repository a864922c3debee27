/* follow_setup.c - the part of follow_slot.h that sets up and removes. */
#include "pg/follow_slot.h"

#include "core/kp.h"
#include "pg/ledger_follow.h"
#include "pg/repl.h"
#include "pg/slot.h"

void follow_slot_find(struct pg *source, const struct follow_slot *f, struct arena *a,
	struct follow_slot_names *out)
{
	struct ledger_follower now;

	*out = (struct follow_slot_names){ .slot = f->slot, .publication = f->publication };
	if (f->job) {
		if (!ledger_follower_get(f->target, f->job, &now, a) ||
			now.kind != LEDGER_FOLLOW_SLOT)
			die_hint(EX_CONFIGURATION, "pg-wide-ledger follow --follow slot makes one",
				"job %llu has no slot", (unsigned long long)f->job);
		out->slot = now.slot;
		out->publication = now.publication;
	}
	out->deletions = slot_has_deletions(source, out->publication);
}

/* Why the follower's slot cannot go on where the target is; NULL when it can. */
static const char *what_is_lost(struct pg *source, const struct ledger_follower *now)
{
	struct slot_facts facts;
	uint64_t upto;

	if (!slot_look(source, now->slot, &facts))
		pg_die(source, "cannot look at the slot");
	return slot_is_no_use(&facts, lsn_parse(sl_of(now->upto), &upto) ? upto : 0);
}

static void say_lost(struct pg *target, uint64_t job, const char *why)
{
	struct str line = { 0 };

	str_addf(&line, "%s; a new one is made, and all that was carried over is to be compared",
		why);
	msg_warn("%s", str_z(&line));
	ledger_event(target, LEDGER_CRITICAL, job, SL(""), LEDGER_NO_TIME, str_z(&line));
	str_free(&line);
}

static void make_anew(struct pg *source, const struct narrow *narrow, struct pg *target,
	uint64_t job, const char *doubt)
{
	struct str of = { 0 }, name = { 0 }, point = { 0 };

	slot_check_source(source, narrow);
	follow_slot_cleanup(source, target, job); /* what an earlier try may have left */
	ledger_source_name(target, &of);
	slot_name(&name, job, str_sl(&of));
	slot_publish(source, narrow, str_z(&name));
	KP("slot_published");
	slot_create(source, str_z(&name), &point);
	KP("slot_made");
	ledger_follower_set(target, job, LEDGER_FOLLOW_SLOT, str_z(&name), str_z(&name),
		str_z(&point), doubt);
	msg_note("slot %s is made, from %s on", str_z(&name), str_z(&point));
	str_free(&of);
	str_free(&name);
	str_free(&point);
}

void follow_slot_setup(struct pg *source, const struct narrow *narrow, struct pg *target,
	uint64_t job, const char *late)
{
	struct arena a = { 0 };
	struct ledger_follower now;
	bool there = ledger_follower_get(target, job, &now, &a);
	const char *why = NULL;

	if (there && now.kind == LEDGER_FOLLOW_SLOT)
		why = what_is_lost(source, &now);
	if (why)
		say_lost(target, job, why);
	if (!there)
		make_anew(source, narrow, target, job, late);
	else if (now.kind != LEDGER_FOLLOW_SLOT)
		make_anew(source, narrow, target, job, LEDGER_OTHER_WAY);
	else if (why)
		make_anew(source, narrow, target, job, why);
	arena_free(&a);
}

void follow_slot_cleanup(struct pg *source, struct pg *target, uint64_t job)
{
	struct str of = { 0 }, name = { 0 };

	ledger_source_name(target, &of);
	slot_name(&name, job, str_sl(&of));
	slot_drop(source, str_z(&name));
	str_free(&of);
	str_free(&name);
}

bool follow_slot_remove(const char *conninfo, struct pg *target, const struct ledger_job *job)
{
	struct pg *source = pg_connect(conninfo, "source");
	struct arena a = { 0 };
	struct ledger_follower now;
	bool there = ledger_follower_get(target, job->id, &now, &a);
	struct str name = { 0 };

	ledger_source_name(source, &name);
	if (!sl_eq_str(str_sl(&name), job->source))
		die(EX_CONFIGURATION, "job %llu reads another database: %s, not %s",
			(unsigned long long)job->id, job->source, str_z(&name));
	/* also where the ledger knows of none: setting it up may have been cut short */
	follow_slot_cleanup(source, target, job->id);
	ledger_follower_drop(target, job->id);
	pg_close(source);
	str_free(&name);
	arena_free(&a);
	return there;
}
