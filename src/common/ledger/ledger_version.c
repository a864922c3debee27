/*
 * The version of the ledger. The first release had none. Whatever came later is a step here, taken
 * by new ledgers as by old ones, so that both are the same; what a new one has already (ledger.c,
 * ledger_follow.c) is passed over.
 */
#include "ledger/ledger_internal.h"
#include "ledger/ledger_version.sql.h"

/* steps[i] makes version i + 2 of the one before. */
static const char *const steps[] = { version_2_sql, version_3_sql, version_4_sql, version_5_sql,
	version_6_sql, version_7_sql, version_8_sql };

#define NEWEST (1 + (int)ARRAY_LEN(steps))

static int version_of(struct pg *target)
{
	AUTO_RESULT *r = NULL;
	int version;

	if (!ledger_has_table(target, "version"))
		return 1;
	r = pg_query(target, "SELECT version FROM ferry.version", 0, NULL);
	version = pg_rows(r) == 1 ? (int)pg_count(r, 0, 0) : NEWEST + 1;
	return version;
}

static int known_version_of(struct pg *target)
{
	int version = version_of(target);

	if (version > NEWEST)
		die_hint(EX_CONFIGURATION, "a newer ferry has upgraded it: use that one",
			"target: the ledger (schema ferry) is of version %d, and this program "
			"knows only those up to %d",
			version, NEWEST);
	return version;
}

void ledger_upgrade_steps(struct pg *target)
{
	int version = known_version_of(target);

	for (size_t i = version < 1 ? 0 : (size_t)version - 1; i < ARRAY_LEN(steps); i++)
		pg_exec(target, steps[i]);
	pg_execf(target, "UPDATE ferry.version SET version = %d", NEWEST);
}

void ledger_upgrade(struct pg *target)
{
	int version = known_version_of(target);

	if (version == NEWEST)
		return;
	msg_note("target: the ledger is upgraded from version %d to %d", version, NEWEST);
	pg_exec(target, "BEGIN");
	pg_exec(target, LEDGER_LOCK);
	ledger_upgrade_steps(target);
	pg_exec(target, "COMMIT");
}
