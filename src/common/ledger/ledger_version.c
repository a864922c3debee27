/*
 * The version of the ledger. The first release had none. Whatever came later is a step here, taken
 * by new ledgers as by old ones, so that both are the same; what a new one has already (ledger.c,
 * ledger_follow.c) is passed over.
 */
#include "ledger/ledger_internal.h"

/* steps[i] makes version i + 2 of the one before. */
static const char *const steps[] = {
	"CREATE TABLE ferry.version (version int NOT NULL);"
	"INSERT INTO ferry.version VALUES (1);"
	/* what a source is, and who feeds it */
	"ALTER TABLE ferry.job ADD COLUMN IF NOT EXISTS origin text,"
	" ADD COLUMN IF NOT EXISTS source_lsn pg_lsn, ADD COLUMN IF NOT EXISTS address text;"
	"ALTER TABLE ferry.follower ADD COLUMN IF NOT EXISTS held_bytes bigint,"
	" ADD COLUMN IF NOT EXISTS source_lsn pg_lsn,"
	" ADD COLUMN IF NOT EXISTS publication_oid oid, ADD COLUMN IF NOT EXISTS gap text,"
	" ADD COLUMN IF NOT EXISTS changes bigint;"
	"ALTER TABLE ferry.doubt ADD COLUMN IF NOT EXISTS held boolean NOT NULL DEFAULT false,"
	" ADD COLUMN IF NOT EXISTS relation oid;"
	"CREATE TABLE IF NOT EXISTS ferry.feed ("
	" job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,"
	" relation oid NOT NULL, name text NOT NULL, stamp text NOT NULL, file oid NOT NULL,"
	" covered boolean NOT NULL, PRIMARY KEY (job_id, relation))",
	"ALTER TABLE ferry.job ADD COLUMN IF NOT EXISTS encoding text,"
	" ADD COLUMN IF NOT EXISTS columns text",
	"ALTER TABLE ferry.doubt ADD COLUMN IF NOT EXISTS instants timestamp[]",
	/* ledger_offsets.h */
	"CREATE TABLE ferry.kafka_offset ("
	" group_name text NOT NULL, topic text NOT NULL, partition int NOT NULL,"
	" next_offset bigint NOT NULL, mark text NOT NULL, cluster text NOT NULL,"
	" at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (group_name, topic, partition))",
};

#define NEWEST (1 + (int)ARRAY_LEN(steps))

static int version_of(struct pg *target)
{
	struct pg_result *r;
	int version;

	if (!ledger_has_table(target, "version"))
		return 1;
	r = pg_query(target, "SELECT version FROM ferry.version", 0, NULL);
	version = pg_rows(r) == 1 ? (int)pg_count(r, 0, 0) : NEWEST + 1;
	pg_clear(r);
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

	for (version = version < 1 ? 1 : version; version < NEWEST; version++)
		pg_exec(target, steps[version - 1]);
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
