#include "ledger/ledger_origin.h"

#include "core/kp.h"
#include "ledger/ledger_internal.h"
#include "ledger/ledger_origin.sql.h"
#include "pg/relation.h"

struct origin {
	struct str name;    /* as ledger_source_name() has it */
	struct str place;   /* TIMELINE/DATABASE/TABLE */
	struct str lsn;     /* that is flushed, or replayed */
	struct str address; /* where it was asked for */
	bool behind;	    /* a standby that is only late */
};

static void origin_free(struct origin *o)
{
	str_free(&o->name);
	str_free(&o->place);
	str_free(&o->lsn);
	str_free(&o->address);
}

/* False: nobody could be asked. */
static bool read_origin(struct pg *source, const struct narrow *n, struct origin *o)
{
	AUTO_RESULT *r = NULL;

	*o = (struct origin){ .name = { 0 } };
	r = pg_try_query(source, place_sql, 1, &n->ident);
	if (!r)
		return false;
	str_add(&o->place, pg_value(r, 0, 0));
	str_add(&o->lsn, pg_value(r, 0, 1));
	ledger_source_name(source, &o->name);
	pg_add_address(source, &o->address);
	return true;
}

bool ledger_origin_moved(struct pg *source, const struct narrow *n)
{
	return pg_is_yes(pg_try_query(source,
		"SELECT to_regclass($1)::oid IS DISTINCT FROM $2::oid", 2,
		(const char *[]){ n->ident, n->oid }));
}

/* The piece of a place behind `slashes` of them. */
static struct sl piece(struct sl place, int slashes)
{
	struct sl one = SL("");

	while (slashes-- >= 0 && sl_cut(&place, '/', &one))
		;
	return one;
}

static void say_difference(
	const struct origin *o, struct sl name, struct sl place, const struct narrow *n,
	struct str *s)
{
	struct sl now = str_sl(&o->place), t0 = piece(place, 0), t1 = piece(now, 0);

	if (!sl_eq(name, str_sl(&o->name)))
		str_addf(s, "it reads another database: %.*s, not %s", (int)name.n, name.p,
			str_z(&o->name));
	else if (place.n == 0)
		return;
	else if (!sl_eq(piece(place, 1), piece(now, 1)))
		str_addz(s, "the database of the source was made anew");
	else if (sl_eq_str(piece(now, 2), "0"))
		str_addf(s, "the source has no table %s now", n->table);
	else if (!sl_eq(piece(place, 2), piece(now, 2)))
		str_addf(s, "the table %s of the source is another one, made anew or renamed",
			n->table);
	else if (!sl_eq(t0, t1) && !sl_eq_str(t0, "-") && !sl_eq_str(t1, "-"))
		str_addf(s,
			"the source is on timeline %.*s, not %.*s: it was restored, or another "
			"server was promoted",
			(int)t1.n, t1.p, (int)t0.n, t0.p);
}

static void keep(struct pg *target, const char *job, const struct origin *o)
{
	const char *lsn = str_z(&o->lsn);

	pg_clear(pg_try_query(target, keep_sql, 4,
		(const char *[]){ job, str_z(&o->place), lsn, str_z(&o->address) }));
	pg_clear(pg_try_query(target, seen_sql, 2, (const char *[]){ job, lsn }));
}

/* Adds to `why` what differs from what the job knows. True: only that its WAL ends too early. */
static bool compare(struct pg *target, const char *job, const struct origin *o,
	const struct narrow *n, struct str *why)
{
	AUTO_RESULT *r = pg_ask(target, known_sql, job, str_z(&o->lsn));
	bool set_back = false;

	if (pg_rows(r) > 0) {
		say_difference(o, pg_value(r, 0, 0), pg_value(r, 0, 1), n, why);
		set_back = why->n == 0 && pg_true(r, 0, 2);
		if (set_back)
			str_addf(why, "the %s %s, and was seen up to %s",
				*str_z(&o->place) == '-' /* place_sql */
					? "standby is behind: its WAL is replayed up to"
					: "source was set back: its WAL ends at",
				str_z(&o->lsn), pg_valuez(r, 0, 3));
	}
	return set_back;
}

/* What differs goes to `why`, into a zero origin who it is. False: nobody could be asked. */
static bool ask(struct pg *source, struct pg *target, const char *job, const struct narrow *n,
	struct origin *o, struct str *why)
{
	bool set_back = true;

	/* another run may have seen more since this one asked: ask behind it */
	for (int i = 0; i < 2 && set_back; i++) {
		str_clear(why);
		origin_free(o);
		if (!read_origin(source, n, o))
			return false;
		KP("origin");
		set_back = compare(target, job, o, n, why);
	}
	o->behind = set_back && *str_z(&o->place) == '-';
	return true;
}

void ledger_origin_check(struct pg *source, struct pg *target, uint64_t job, const struct narrow *n)
{
	const char *number = ledger_u64(job);
	struct origin o = { .behind = false };
	AUTO_STR why = { 0 };

	if (!ask(source, target, number, n, &o, &why) && !pg_is_lost(source))
		pg_die(source, "cannot ask which source this is");
	if (pg_is_lost(source))
		return;
	if (o.behind)
		die_hint(EX_TEMP, "one that was restarted, or another one of them, catches up",
			"job %s: %s", number, str_z(&why));
	if (why.n > 0) {
		/* said once, however often it is tried */
		pg_clear(pg_try_query(target, critical_sql, 3,
			(const char *[]){ number, str_z(&why), LEDGER_ACCEPT_HINT }));
		die_hint(EX_CONFIGURATION, LEDGER_ACCEPT_HINT, "job %s: %s", number, str_z(&why));
	}
	keep(target, number, &o);
	origin_free(&o);
}

void ledger_origin_differs(
	struct pg *source, struct pg *target, const struct ledger_job *job, struct str *why)
{
	struct narrow n = { .table = job->source_table };
	struct origin o = { .behind = false };
	AUTO_STR schema = { 0 }, table = { 0 };

	relation_split(n.table, &schema, &table);
	n.ident = pg_table(source, str_sl(&schema), str_sl(&table));
	if (!ask(source, target, ledger_u64(job->id), &n, &o, why) || o.behind)
		str_clear(why);
	if (why->n > 0)
		str_addz(why, "; " LEDGER_ACCEPT_HINT);
	origin_free(&o);
}

void ledger_origin_accept(
	struct pg *source, struct pg *target, uint64_t job, const struct narrow *n)
{
	struct origin o;

	if (!read_origin(source, n, &o))
		pg_die(source, "cannot ask which source this is");
	pg_run(target, accept_sql, ledger_u64(job), str_z(&o.name), str_z(&o.place), str_z(&o.lsn),
		str_z(&o.address));
	origin_free(&o);
}

void ledger_origin_check_new(struct pg *source, struct pg *target, const struct ledger_job *job)
{
	AUTO_STR address = { 0 };
	AUTO_RESULT *r = NULL;

	pg_add_address(source, &address);
	r = pg_ask(target, same_address_sql, job->source, job->source_table, job->target_schema,
		job->target_prefix, str_z(&address));
	if (pg_rows(r) > 0)
		die_hint(EX_CONFIGURATION, LEDGER_ACCEPT_HINT,
			"job %s: it reads another database: %s, and at the same address is %s now",
			pg_valuez(r, 0, 0), pg_valuez(r, 0, 1), job->source);
}
