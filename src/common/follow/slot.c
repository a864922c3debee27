#include "follow/slot.h"

#include "follow/slot.sql.h"
#include "pg/repl.h"

void slot_name(struct str *s, uint64_t job, struct sl target)
{
	str_addf(s, "ferry_%llu_%08x", (unsigned long long)job,
		(unsigned)(hash64(target, 0) & UINT32_MAX));
}

static bool ask(struct pg *source, const char *sql, const char *param)
{
	return pg_is_yes(pg_query(source, sql, param ? 1 : 0, &param));
}

/* ---- can it be followed? --------------------------------------------------------------------- */

/* Is a column that is needed computed by the server? Publications leave those out. */
static bool has_generated(struct pg *source, const struct narrow *n)
{
	AUTO_STR sql = { 0 };

	if (pg_server_version(source) < 120000)
		return false;
	str_addz(&sql, "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = $1::oid"
		       " AND attgenerated <> '' AND attname IN (");
	for (int role = NARROW_SHIP; role <= NARROW_VALUE; role++) {
		if (n->col[role].name.n == 0 || role == NARROW_ID)
			continue;
		str_addf(&sql, "%s%s", role ? ", " : "", pg_literal(source, n->col[role].name));
	}
	str_addz(&sql, "))");
	return ask(source, str_z(&sql), n->oid);
}

const char *slot_why_not(struct pg *source, const struct narrow *n)
{
	if (pg_is_pooled(source))
		return N_("the source is reached through a connection pooler, and a slot's "
		       "connection must go past it");
	if (ask(source, "SELECT pg_is_in_recovery()", NULL))
		return "the source is a standby, where neither slot nor publication can be made";
	if (ask(source, "SELECT current_setting('transaction_read_only') = 'on'", NULL))
		return N_("transactions of this role only read (default_transaction_read_only), "
		       "and a slot needs a publication to be made");
	if (narrow_is_hypertable(n, source))
		return N_("the table is a hypertable of TimescaleDB, whose rows are in tables of "
		       "their own: a publication of it says nothing of them, nor of those to come");
	if (!ask(source,
		    "SELECT relkind IN ('r', 'p') AND relpersistence = 'p' FROM pg_class"
		    " WHERE oid = $1::oid",
		    n->oid))
		return N_("the table is a view, or a foreign or unlogged table, whose changes are "
		       "not in the WAL");
	if (narrow_is_computed(n))
		return "a column that is read is an expression, which is not in the WAL";
	if (has_generated(source, n))
		return "a column that is read is a generated one, which no publication tells of";
	if (!ask(source, "SELECT current_setting('wal_level') = 'logical'", NULL))
		return "the source has no wal_level = logical";
	return NULL;
}

void slot_check_source(struct pg *source, const struct narrow *n)
{
	const char *why = slot_why_not(source, n);

	if (why)
		die_hint(EX_CONFIGURATION,
			strstr(why, "wal_level")
				? "ALTER SYSTEM SET wal_level = 'logical' and a restart of the "
				  "server; or --follow poll"
			: pg_is_pooled(source)
				? "give --source the address of the server itself; or --follow poll"
				: "--follow poll",
			"%s cannot be followed by a slot: %s", n->table, tr(why));
}

/* ---- the publication ------------------------------------------------------------------------- */

bool slot_has_identity(struct pg *source, const struct narrow *n)
{
	struct pg_result *r = pg_try_query(source, identity_sql, 4,
		(const char *[]){ n->oid, n->col[NARROW_SHIP].name.p,
			n->col[NARROW_CHANNEL].name.p, n->col[NARROW_TIME].name.p });

	if (!r && !pg_is_lost(source))
		pg_die(source, "cannot look at the identity of rows");
	return pg_is_yes(r);
}

static void create_publication(struct pg *source, const struct narrow *n, const char *name)
{
	bool all = slot_has_identity(source, n);
	AUTO_STR sql = { 0 };

	if (!all)
		msg_warn("%s: updates and deletions are not followed, since its replica identity "
			 "does not have ship, channel and time%s; only a comparison (validate) "
			 "finds them",
			n->table,
			n->several_tables ? " in a primary key, which alone new partitions inherit"
					  : "");
	str_addf(&sql, "CREATE PUBLICATION %s FOR TABLE %s WITH (publish = '%s'%s)",
		pg_ident(source, sl_of(name)), n->ident,
		all ? "insert, update, delete, truncate" : "insert, truncate",
		n->several_tables && pg_server_version(source) >= 130000
			? ", publish_via_partition_root = true"
			: "");
	if (!pg_try_exec(source, str_z(&sql))) {
		struct str hint = { 0 };

		if (strcmp(pg_sqlstate(source), "42501") != 0)
			pg_die(source, "cannot make the publication");
		str_addf(&hint, "an administrator runs: %s", str_z(&sql));
		die_hint(EX_NOTALLOWED, str_z(&hint), "cannot make the publication, source: %s",
			pg_error(source));
	}
}

void slot_publish(struct pg *source, const struct narrow *n, const char *name)
{
	struct pg_result *r;

	if (!ask(source, "SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1)", name))
		create_publication(source, n, name);
	r = pg_ask(source, published_sql, name, n->oid);
	if (!pg_is_yes(r))
		die(EX_CONFIGURATION, "the publication %s does not have the table %s, source", name,
			n->table);
}

bool slot_is_published(struct pg *source, const char *publication, uint64_t *oid, bool *deletions)
{
	AUTO_RESULT *r = pg_ask(source,
		"SELECT oid, pubupdate OR pubdelete FROM pg_publication WHERE pubname = $1",
		publication);
	bool there = pg_rows(r) > 0;

	*oid = 0;
	if (there)
		(void)!num_u64(pg_value(r, 0, 0), oid);
	*deletions = there && pg_true(r, 0, 1);
	return there;
}

#define SEEN_TRIES 10
#define SEEN_BASE (CLOCK_US_PER_SEC / 1000)
#define SEEN_CAP (CLOCK_US_PER_SEC / 4)

/* ---- the slot -------------------------------------------------------------------------------- */

/* Who is writing now is waited for. */
static void say_waiting(struct pg *source)
{
	AUTO_RESULT *r = pg_query(source, writers_sql, 0, NULL);

	if (!sl_eq_str(pg_value(r, 0, 0), "0"))
		msg_note("the slot begins when the transactions that are writing now have ended: "
			 "%s of them, the oldest is %s s old",
			pg_valuez(r, 0, 0), pg_valuez(r, 0, 1));
}

/*
 * What was in the WAL before the slot began, but is not seen by others yet, is neither sent nor
 * read from here on: so all that run now are waited for, which are those numbered before ours.
 */
static void wait_until_seen(struct pg *source)
{
	AUTO_RESULT *r = pg_query(source, "SELECT txid_current()", 0, NULL);
	const char *top = pg_valuez(r, 0, 0);

	for (unsigned tries = 0; !ask(source,
		     "SELECT txid_snapshot_xmin(txid_current_snapshot()) >= $1::bigint", top);
		tries++) {
		if (tries == SEEN_TRIES)
			say_waiting(source);
		clock_sleep(clock_backoff(tries, SEEN_BASE, SEEN_CAP));
	}
}

/* An unlimited slot that nobody reads fills the disk of the source. */
static void warn_of_no_limit(struct pg *source)
{
	if (pg_server_version(source) >= 130000 &&
		ask(source, "SELECT current_setting('max_slot_wal_keep_size') = '-1'", NULL))
		msg_warn("the source sets no limit to the WAL it keeps for a slot that nobody "
			 "reads: ALTER SYSTEM SET max_slot_wal_keep_size = '20GB' and SELECT "
			 "pg_reload_conf() set one; or start ferry-watch@.timer, which drops the "
			 "slot beyond --max-slot-lag, also while nobody follows");
}

bool slot_create(struct pg *source, const char *name, struct str *point)
{
	AUTO_RESULT *r = NULL;

	warn_of_no_limit(source);
	say_waiting(source);
	/* those that write now are waited for as by a lock, and nobody waits for us meanwhile */
	pg_set(source, "lock_timeout", "0");
	r = pg_try_query(source,
		"SELECT lsn FROM pg_create_logical_replication_slot($1, 'pgoutput')", 1, &name);
	if (!r && strcmp(pg_sqlstate(source), "42710") == 0)
		return false;
	if (!r)
		pg_die(source, "cannot make the slot");
	pg_set(source, "lock_timeout", PG_LOCK_TIMEOUT);
	str_add(point, pg_value(r, 0, 0));
	wait_until_seen(source);
	return true;
}

#define SLOT_TRIES 100

static void drop_slot(struct pg *source, const char *name)
{
	for (int i = 0;; i++) {
		struct pg_result *r = pg_try_query(source,
			"SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
			" WHERE slot_name = $1 AND active",
			1, &name);

		pg_clear(r);
		r = pg_try_query(source,
			"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
			" WHERE slot_name = $1",
			1, &name);
		if (r) {
			pg_clear(r);
			return;
		}
		/* its reader, which has been told to end, still has it; or it has gone just now */
		if (i >= SLOT_TRIES || !pg_state_is(pg_sqlstate(source), "55006 42704"))
			pg_die(source, "cannot drop the slot");
		clock_sleep(CLOCK_US_PER_SEC / 20);
	}
}

void slot_drop(struct pg *source, const char *name, const char *publication)
{
	AUTO_STR sql = { 0 };

	drop_slot(source, name);
	/* looked for first: a standby, or a role that only reads, may not even ask for that */
	if (!publication ||
		!ask(source, "SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1)",
			publication))
		return;
	str_addf(&sql, "DROP PUBLICATION IF EXISTS %s", pg_ident(source, sl_of(publication)));
	/* one that an administrator has made for us stays */
	if (!pg_try_exec(source, str_z(&sql)) && strcmp(pg_sqlstate(source), "42501") != 0)
		pg_die(source, "cannot drop the publication");
}

static int64_t get_bytes(const struct pg_result *r, int col)
{
	int64_t v;

	return num_i64(pg_value(r, 0, col), &v) ? v : -1;
}

static void take_facts(const struct pg_result *r, struct slot_facts *out)
{
	struct sl status = pg_value(r, 0, 3);

	out->read = pg_true(r, 0, 0);
	if (!lsn_parse(pg_value(r, 0, 1), &out->confirmed))
		out->confirmed = 0;
	out->lag_bytes = get_bytes(r, 2);
	out->safe_wal_bytes = get_bytes(r, 4);
	out->held_bytes = get_bytes(r, 5);
	if (!lsn_parse(pg_value(r, 0, 6), &out->wal))
		out->wal = 0;
	(void)snprintf(out->wal_status, sizeof out->wal_status, "%.*s", (int)status.n,
		status.p ? status.p : "");
	if (sl_eq_str(status, "lost"))
		out->state = SLOT_LOST;
}

const char *slot_is_no_use(const struct slot_facts *facts, uint64_t upto)
{
	if (facts->state == SLOT_ABSENT)
		return "the slot of the source is gone";
	if (facts->state == SLOT_LOST)
		return N_("the slot of the source was lost: it needed more WAL than "
		       "max_slot_wal_keep_size allows");
	if (facts->confirmed > upto)
		return "the slot of the source is ahead of the target";
	if (facts->lag_bytes >= 0 && facts->confirmed + (uint64_t)facts->lag_bytes < upto)
		return "the source was set back behind what the target has";
	return NULL;
}

uint64_t slot_by_hand(
	const struct slot_facts *facts, const char *name, uint64_t upto, uint64_t acked)
{
	if (facts->wal > 0 && upto > facts->wal)
		die_hint(EX_CONFIGURATION,
			"where the source is another one now, remove the file of --ack, and then "
			"read the table once more",
			"slot %s: %s", name,
			tr("the source was set back behind what the target has"));
	return acked ? acked : facts->confirmed;
}

bool slot_holds_too_much(const struct slot_facts *facts, uint64_t max, struct str *why)
{
	if (max == 0 || facts->state != SLOT_GOOD || facts->held_bytes < 0 ||
		(uint64_t)facts->held_bytes <= max)
		return false;
	str_addf(why,
		"the slot made the source keep %lld bytes of WAL, more than --max-slot-lag %llu, "
		"and was dropped so that the disk does not fill",
		(long long)facts->held_bytes, (unsigned long long)max);
	return true;
}

/* wal_status and safe_wal_size came with PostgreSQL 13, where slots can be lost. */
bool slot_look(struct pg *source, const char *name, struct slot_facts *out)
{
	const char *sql = pg_server_version(source) >= 130000 ? look_sql : look_12_sql;
	AUTO_RESULT *r = pg_try_query(source, sql, 1, &name);

	*out = (struct slot_facts){ .state = SLOT_GOOD, .lag_bytes = -1, .safe_wal_bytes = -1,
		.held_bytes = -1 };
	if (!r && !pg_is_lost(source))
		pg_die(source, "cannot look at the slot");
	if (!r)
		return false;
	if (pg_rows(r) == 0)
		out->state = SLOT_ABSENT;
	else
		take_facts(r, out);
	return true;
}

bool slot_shows(struct pg *source, const char *name, const uint32_t *xid, size_t n)
{
	AUTO_STR list = { 0 };
	struct pg_result *r;

	for (size_t i = 0; i < n; i++)
		str_addf(&list, "%c%u", i ? ',' : '{', (unsigned)xid[i]);
	str_addc(&list, '}');
	r = pg_try_query(source, shows_sql, 2, (const char *[]){ str_z(&list), name });
	if (!r && !pg_is_lost(source))
		pg_die(source, "cannot ask for transactions");
	return pg_is_yes(r);
}

void slot_origin(struct pg *source, struct str *s)
{
	AUTO_RESULT *r = pg_try_query(
		source, "SELECT system_identifier::text FROM pg_control_system()", 0, NULL);

	if (r)
		str_add(s, pg_value(r, 0, 0));
}
