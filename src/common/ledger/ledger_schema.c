/*
 * The schema and its version. The first release had none. Whatever came later is a step here, taken
 * by new ledgers as by old ones, so that both are the same; what a new one has is passed over.
 */
#include "ledger/ledger_internal.h"
#include "ledger/ledger_schema.sql.h"
#include "pg/rights.h"

/* Held while the schema is made or upgraded, until the transaction ends. */
#define LEDGER_LOCK "SELECT pg_advisory_xact_lock(hashtextextended('ferry.ledger', 0))"

/* steps[i] makes version i + 2 of the one before. */
static const char *const steps[] = { version_2_sql, version_3_sql, version_4_sql, version_5_sql,
	version_6_sql, version_7_sql, version_8_sql, version_9_sql };

#define NEWEST (1 + (int)ARRAY_LEN(steps))

/* The catalog is read as a table: to_regclass() may remember what was before a lock was had. */
static bool has_table(struct pg *target, const char *name)
{
	return pg_knows(target, has_table_sql, name);
}

static int version_of(struct pg *target)
{
	AUTO_RESULT *r = NULL;
	int version = 1;

	if (has_table(target, "version")) {
		r = pg_query(target, "SELECT version FROM ferry.version", 0, NULL);
		version = pg_rows(r) == 1 ? (int)pg_count(r, 0, 0) : NEWEST + 1;
	}
	if (version > NEWEST)
		die_hint(EX_CONFIGURATION, "a newer ferry has upgraded it: use that one",
			"target: the ledger (schema ferry) is of version %d, and this program "
			"knows only those up to %d",
			version, NEWEST);
	return version;
}

static void take_steps(struct pg *target)
{
	int version = version_of(target);

	for (size_t i = version < 1 ? 0 : (size_t)version - 1; i < ARRAY_LEN(steps); i++)
		pg_exec(target, steps[i]);
	pg_execf(target, "UPDATE ferry.version SET version = %d", NEWEST);
}

static void upgrade(struct pg *target)
{
	int version = version_of(target);

	if (version == NEWEST)
		return;
	msg_note("target: the ledger is upgraded from version %d to %d", version, NEWEST);
	pg_exec(target, "BEGIN");
	pg_exec(target, LEDGER_LOCK);
	take_steps(target);
	pg_exec(target, "COMMIT");
}

bool ledger_exists(struct pg *target)
{
	rights_to_read_all(target, "ferry");
	if (!has_table(target, "watermark"))
		return false;
	upgrade(target);
	return true;
}

void ledger_init(struct pg *target)
{
	rights_to_change(target, "ferry");
	if (has_table(target, "doubt")) {
		upgrade(target);
		return;
	}
	if (pg_server_version(target) < 140000)
		die(EX_CONFIGURATION, "target: the ledger needs PostgreSQL 14 or newer");
	rights_make_schema(target, "ferry");
	pg_exec(target, "BEGIN");
	pg_exec(target, LEDGER_LOCK);
	rights_to_make(target, "ferry");
	if (!has_table(target, "watermark"))
		pg_exec(target, schema_sql);
	if (!has_table(target, "doubt"))
		pg_exec(target, follow_schema_sql);
	take_steps(target);
	pg_exec(target, "COMMIT");
}
