-- What a source is, and who feeds it.
-- name: version_2_sql
CREATE TABLE ferry.version (version int NOT NULL);
INSERT INTO ferry.version VALUES (1);
ALTER TABLE ferry.job ADD COLUMN IF NOT EXISTS origin text,
	ADD COLUMN IF NOT EXISTS source_lsn pg_lsn, ADD COLUMN IF NOT EXISTS address text;
ALTER TABLE ferry.follower ADD COLUMN IF NOT EXISTS held_bytes bigint,
	ADD COLUMN IF NOT EXISTS source_lsn pg_lsn,
	ADD COLUMN IF NOT EXISTS publication_oid oid, ADD COLUMN IF NOT EXISTS gap text,
	ADD COLUMN IF NOT EXISTS changes bigint;
ALTER TABLE ferry.doubt ADD COLUMN IF NOT EXISTS held boolean NOT NULL DEFAULT false,
	ADD COLUMN IF NOT EXISTS relation oid;
CREATE TABLE IF NOT EXISTS ferry.feed (
	job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,
	relation oid NOT NULL, name text NOT NULL, stamp text NOT NULL, file oid NOT NULL,
	covered boolean NOT NULL, PRIMARY KEY (job_id, relation));

-- name: version_3_sql
ALTER TABLE ferry.job ADD COLUMN IF NOT EXISTS encoding text,
	ADD COLUMN IF NOT EXISTS columns text;

-- name: version_4_sql
ALTER TABLE ferry.doubt ADD COLUMN IF NOT EXISTS instants timestamp[];

-- What is asked of it while it runs: ledger_control_set().
-- name: version_5_sql
ALTER TABLE ferry.job ADD COLUMN IF NOT EXISTS control jsonb;

-- ledger_offsets.h
-- name: version_6_sql
CREATE TABLE ferry.kafka_offset (
	group_name text NOT NULL, topic text NOT NULL, partition int NOT NULL,
	next_offset bigint NOT NULL, mark text NOT NULL, cluster text NOT NULL,
	at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (group_name, topic, partition));

-- What was seen of a channel is written when it is registered: within the page, without indexes.
-- name: version_7_sql
ALTER TABLE ferry.channel SET (fillfactor = 45);

-- Of the values, for the pace.
-- name: version_8_sql
ALTER TABLE ferry.chunk ADD COLUMN IF NOT EXISTS bytes bigint;
