-- All or nothing: the last table tells whether all are there. Names of ships are compared bytewise,
-- whatever the database's collation. The index serves the search for the next chunk and stays
-- small, because a chunk leaves it when it is done.
-- name: schema_sql
CREATE TABLE ferry.job (
	job_id bigserial PRIMARY KEY,
	source text NOT NULL, source_table text NOT NULL,
	target_schema text NOT NULL, target_prefix text NOT NULL,
	types text NOT NULL CHECK (types IN ('text', 'native')),
	chunk_us bigint NOT NULL CHECK (chunk_us > 0),
	since timestamp, cutoff timestamp,
	-- ledger_origin.h
	origin text, source_lsn pg_lsn, address text,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (source, source_table, target_schema, target_prefix));
CREATE TABLE ferry.chunk (
	job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,
	ship text COLLATE "C" NOT NULL,
	chunk_from timestamp NOT NULL, chunk_to timestamp NOT NULL CHECK (chunk_to > chunk_from),
	state text NOT NULL DEFAULT 'pending'
		CHECK (state IN ('pending', 'running', 'done', 'failed')),
	attempt int NOT NULL DEFAULT 0, failures int NOT NULL DEFAULT 0,
	worker text, lease_until timestamptz,
	weight bigint NOT NULL DEFAULT 0,
	rows bigint, cells bigint, digest text, dropped bigint, wide_rows bigint, rejects bigint,
	first_time timestamp, last_time timestamp,
	started_at timestamptz, finished_at timestamptz, checked_at timestamptz, error text,
	PRIMARY KEY (job_id, ship, chunk_from));
CREATE INDEX chunk_open ON ferry.chunk (job_id, weight, ship, chunk_from) WHERE state <> 'done';
CREATE TABLE ferry.channel (
	target_schema text NOT NULL, ship text COLLATE "C" NOT NULL,
	channel text COLLATE "C" NOT NULL,
	grp int NOT NULL, table_name text NOT NULL, column_name text NOT NULL,
	type text NOT NULL, format text, about text,
	first_seen timestamp, last_seen timestamp, samples bigint,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (target_schema, ship, channel),
	UNIQUE (target_schema, table_name, column_name));
CREATE TABLE ferry.reject (
	id bigserial PRIMARY KEY,
	job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,
	ship text COLLATE "C" NOT NULL, chunk_from timestamp NOT NULL,
	attempt int NOT NULL, worker text NOT NULL,
	record jsonb NOT NULL, why text NOT NULL,
	at timestamptz NOT NULL DEFAULT now());
CREATE INDEX reject_chunk ON ferry.reject (job_id, ship, chunk_from);
CREATE TABLE ferry.event (
	id bigserial PRIMARY KEY,
	at timestamptz NOT NULL DEFAULT now(),
	level text NOT NULL CHECK (level IN ('INFO', 'WARNING', 'CRITICAL')),
	job_id bigint REFERENCES ferry.job ON DELETE CASCADE,
	ship text, chunk_from timestamp, message text NOT NULL,
	told boolean NOT NULL DEFAULT false);
CREATE INDEX event_job ON ferry.event (job_id, at);
CREATE INDEX event_untold ON ferry.event (job_id, id) WHERE NOT told AND level <> 'INFO';
CREATE TABLE ferry.watermark (
	job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,
	name text NOT NULL, value text NOT NULL,
	at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (job_id, name));

-- Rows of ferry.follower change ten times a second: pages with room keep such updates in place.
-- name: follow_schema_sql
CREATE TABLE ferry.follower (
	job_id bigint PRIMARY KEY REFERENCES ferry.job ON DELETE CASCADE,
	kind text NOT NULL CHECK (kind IN ('slot', 'poll')),
	slot text, publication text, consistent_point text,
	worker text, attempt bigint NOT NULL DEFAULT 0, lease_until timestamptz,
	upto text, newest_commit timestamp, at timestamptz,
	chunks bigint NOT NULL DEFAULT 0, rows bigint NOT NULL DEFAULT 0,
	cells bigint NOT NULL DEFAULT 0, wide_rows bigint NOT NULL DEFAULT 0,
	deleted bigint NOT NULL DEFAULT 0, rejects bigint NOT NULL DEFAULT 0,
	lag_bytes bigint, wal_status text, safe_wal_bytes bigint, watched_at timestamptz,
	held_bytes bigint, source_lsn pg_lsn, publication_oid oid, gap text, changes bigint,
	started_at timestamptz, error text, error_at timestamptz) WITH (fillfactor = 10);
CREATE TABLE ferry.follow_ship (
	job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,
	ship text COLLATE "C" NOT NULL,
	rows bigint NOT NULL, cells bigint NOT NULL, wide_rows bigint NOT NULL,
	dropped bigint NOT NULL, deleted bigint NOT NULL, rejects bigint NOT NULL,
	first_time timestamp, last_time timestamp, newest_commit timestamp, at timestamptz,
	PRIMARY KEY (job_id, ship)) WITH (fillfactor = 10);
CREATE TABLE ferry.doubt (
	id bigserial PRIMARY KEY,
	job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,
	ship text COLLATE "C", time_from timestamp, time_to timestamp,
	why text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(),
	held boolean NOT NULL DEFAULT false, relation oid);
CREATE TABLE ferry.feed (
	job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,
	relation oid NOT NULL, name text NOT NULL, stamp text NOT NULL, file oid NOT NULL,
	covered boolean NOT NULL, PRIMARY KEY (job_id, relation));
CREATE INDEX doubt_job ON ferry.doubt (job_id, ship, time_from);

-- name: has_table_sql
SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = 'ferry' AND c.relname = $1);

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

-- Those that are followed; NULL: all.
-- name: version_9_sql
ALTER TABLE ferry.follower ADD COLUMN IF NOT EXISTS ships text[] COLLATE "C";
