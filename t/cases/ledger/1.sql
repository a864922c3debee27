CREATE SCHEMA ferry;
CREATE TABLE ferry.channel (
    target_schema text NOT NULL,
    ship text NOT NULL COLLATE pg_catalog."C",
    channel text NOT NULL COLLATE pg_catalog."C",
    grp integer NOT NULL,
    table_name text NOT NULL,
    column_name text NOT NULL,
    type text NOT NULL,
    format text,
    about text,
    first_seen timestamp without time zone,
    last_seen timestamp without time zone,
    samples bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE ferry.chunk (
    job_id bigint NOT NULL,
    ship text NOT NULL COLLATE pg_catalog."C",
    chunk_from timestamp without time zone NOT NULL,
    chunk_to timestamp without time zone NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    worker text,
    lease_until timestamp with time zone,
    weight bigint DEFAULT 0 NOT NULL,
    rows bigint,
    cells bigint,
    digest text,
    dropped bigint,
    wide_rows bigint,
    rejects bigint,
    first_time timestamp without time zone,
    last_time timestamp without time zone,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    checked_at timestamp with time zone,
    error text,
    CONSTRAINT chunk_check CHECK ((chunk_to > chunk_from)),
    CONSTRAINT chunk_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'running'::text, 'done'::text, 'failed'::text])))
);
CREATE TABLE ferry.doubt (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    ship text COLLATE pg_catalog."C",
    time_from timestamp without time zone,
    time_to timestamp without time zone,
    why text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
CREATE SEQUENCE ferry.doubt_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE ferry.doubt_id_seq OWNED BY ferry.doubt.id;
CREATE TABLE ferry.event (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    level text NOT NULL,
    job_id bigint,
    ship text,
    chunk_from timestamp without time zone,
    message text NOT NULL,
    told boolean DEFAULT false NOT NULL,
    CONSTRAINT event_level_check CHECK ((level = ANY (ARRAY['INFO'::text, 'WARNING'::text, 'CRITICAL'::text])))
);
CREATE SEQUENCE ferry.event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE ferry.event_id_seq OWNED BY ferry.event.id;
CREATE TABLE ferry.follow_ship (
    job_id bigint NOT NULL,
    ship text NOT NULL COLLATE pg_catalog."C",
    rows bigint NOT NULL,
    cells bigint NOT NULL,
    wide_rows bigint NOT NULL,
    dropped bigint NOT NULL,
    deleted bigint NOT NULL,
    rejects bigint NOT NULL,
    first_time timestamp without time zone,
    last_time timestamp without time zone,
    newest_commit timestamp without time zone,
    at timestamp with time zone
)
WITH (fillfactor='10');
CREATE TABLE ferry.follower (
    job_id bigint NOT NULL,
    kind text NOT NULL,
    slot text,
    publication text,
    consistent_point text,
    worker text,
    attempt bigint DEFAULT 0 NOT NULL,
    lease_until timestamp with time zone,
    upto text,
    newest_commit timestamp without time zone,
    at timestamp with time zone,
    chunks bigint DEFAULT 0 NOT NULL,
    rows bigint DEFAULT 0 NOT NULL,
    cells bigint DEFAULT 0 NOT NULL,
    wide_rows bigint DEFAULT 0 NOT NULL,
    deleted bigint DEFAULT 0 NOT NULL,
    rejects bigint DEFAULT 0 NOT NULL,
    lag_bytes bigint,
    wal_status text,
    safe_wal_bytes bigint,
    watched_at timestamp with time zone,
    started_at timestamp with time zone,
    error text,
    error_at timestamp with time zone,
    CONSTRAINT follower_kind_check CHECK ((kind = ANY (ARRAY['slot'::text, 'poll'::text])))
)
WITH (fillfactor='10');
CREATE TABLE ferry.job (
    job_id bigint NOT NULL,
    source text NOT NULL,
    source_table text NOT NULL,
    target_schema text NOT NULL,
    target_prefix text NOT NULL,
    types text NOT NULL,
    chunk_us bigint NOT NULL,
    since timestamp without time zone,
    cutoff timestamp without time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT job_chunk_us_check CHECK ((chunk_us > 0)),
    CONSTRAINT job_types_check CHECK ((types = ANY (ARRAY['text'::text, 'native'::text])))
);
CREATE SEQUENCE ferry.job_job_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE ferry.job_job_id_seq OWNED BY ferry.job.job_id;
CREATE TABLE ferry.reject (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    ship text NOT NULL COLLATE pg_catalog."C",
    chunk_from timestamp without time zone NOT NULL,
    attempt integer NOT NULL,
    worker text NOT NULL,
    record jsonb NOT NULL,
    why text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE SEQUENCE ferry.reject_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE ferry.reject_id_seq OWNED BY ferry.reject.id;
CREATE TABLE ferry.watermark (
    job_id bigint NOT NULL,
    name text NOT NULL,
    value text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY ferry.doubt ALTER COLUMN id SET DEFAULT nextval('ferry.doubt_id_seq'::regclass);
ALTER TABLE ONLY ferry.event ALTER COLUMN id SET DEFAULT nextval('ferry.event_id_seq'::regclass);
ALTER TABLE ONLY ferry.job ALTER COLUMN job_id SET DEFAULT nextval('ferry.job_job_id_seq'::regclass);
ALTER TABLE ONLY ferry.reject ALTER COLUMN id SET DEFAULT nextval('ferry.reject_id_seq'::regclass);
INSERT INTO ferry.channel VALUES ('calm', 'IMO9999993', '/blr01/cyl01/exh_gas//out_c/press', 1, 'tbl_data_timeseries_imo9999993_1', '/blr01/cyl01/exh_gas//out_c/press', 'text', 'Decimal', NULL, '2024-10-01 00:00:00.000175', '2024-10-01 00:01:45.000967', 8, '2026-11-28 22:05:04.669564+00');
INSERT INTO ferry.channel VALUES ('calm', 'IMO9999993', '/blr01/cyl02/exh_gas//out_c/load', 1, 'tbl_data_timeseries_imo9999993_1', '/blr01/cyl02/exh_gas//out_c/load', 'text', 'Decimal', NULL, '2024-10-01 00:00:00.000175', '2024-10-01 00:01:45.000967', 8, '2026-11-28 22:05:04.669564+00');
INSERT INTO ferry.channel VALUES ('calm', 'IMO9999993', '/blr01/cyl03/exh_gas//out_c/temp', 1, 'tbl_data_timeseries_imo9999993_1', '/blr01/cyl03/exh_gas//out_c/temp', 'text', 'Decimal', NULL, '2024-10-01 00:00:00.000175', '2024-10-01 00:01:45.000967', 8, '2026-11-28 22:05:04.669564+00');
INSERT INTO ferry.channel VALUES ('calm', 'IMO9999993', '/blr01/cyl04/exh_gas//out_c/flow', 1, 'tbl_data_timeseries_imo9999993_1', '/blr01/cyl04/exh_gas//out_c/flow', 'text', 'Decimal', NULL, '2024-10-01 00:00:00.000175', '2024-10-01 00:01:45.000967', 8, '2026-11-28 22:05:04.669564+00');
INSERT INTO ferry.channel VALUES ('calm', 'IMO9999993', '/blr01/cyl05/exh_gas//out_c/count', 1, 'tbl_data_timeseries_imo9999993_1', '/blr01/cyl05/exh_gas//out_c/count', 'text', 'Integer', NULL, '2024-10-01 00:00:00.000175', '2024-10-01 00:01:15.000277', 6, '2026-11-28 22:05:04.669564+00');
INSERT INTO ferry.channel VALUES ('calm', 'IMO9999993', '/ge01/cyl01/exh_gas//out_c/temp', 1, 'tbl_data_timeseries_imo9999993_1', '/ge01/cyl01/exh_gas//out_c/temp', 'text', 'Decimal', NULL, '2024-10-01 00:00:00.000175', '2024-10-01 00:01:45.000967', 8, '2026-11-28 22:05:04.669564+00');
INSERT INTO ferry.channel VALUES ('calm', 'IMO9999993', '/ge01/cyl02/exh_gas//out_c/flow', 1, 'tbl_data_timeseries_imo9999993_1', '/ge01/cyl02/exh_gas//out_c/flow', 'text', 'Decimal', NULL, '2024-10-01 00:00:00.000175', '2024-10-01 00:01:45.000967', 8, '2026-11-28 22:05:04.669564+00');
INSERT INTO ferry.channel VALUES ('calm', 'IMO9999993', '/ge01/cyl03/exh_gas//out_c/count', 1, 'tbl_data_timeseries_imo9999993_1', '/ge01/cyl03/exh_gas//out_c/count', 'text', 'Integer', NULL, '2024-10-01 00:00:00.000175', '2024-10-01 00:01:45.000967', 8, '2026-11-28 22:05:04.669564+00');
INSERT INTO ferry.channel VALUES ('calm', 'IMO9999993', '/ge01/cyl04/exh_gas//out_c/press', 1, 'tbl_data_timeseries_imo9999993_1', '/ge01/cyl04/exh_gas//out_c/press', 'text', 'Decimal', NULL, '2024-10-01 00:00:00.000175', '2024-10-01 00:01:45.000967', 8, '2026-11-28 22:05:04.669564+00');
INSERT INTO ferry.channel VALUES ('calm', 'IMO9999993', '/ge01/cyl05/exh_gas//out_c/load', 1, 'tbl_data_timeseries_imo9999993_1', '/ge01/cyl05/exh_gas//out_c/load', 'text', 'Decimal', NULL, '2024-10-01 00:00:00.000175', '2024-10-01 00:01:45.000967', 8, '2026-11-28 22:05:04.669564+00');
INSERT INTO ferry.channel VALUES ('calm', 'IMO9999993', '/ge02/cyl01/exh_gas//out_c/temp', 1, 'tbl_data_timeseries_imo9999993_1', '/ge02/cyl01/exh_gas//out_c/temp', 'text', 'Decimal', NULL, '2024-10-01 00:00:00.000175', '2024-10-01 00:01:45.000967', 8, '2026-11-28 22:05:04.669564+00');
INSERT INTO ferry.channel VALUES ('calm', 'IMO9999993', '/ge02/cyl02/exh_gas//out_c/flow', 1, 'tbl_data_timeseries_imo9999993_1', '/ge02/cyl02/exh_gas//out_c/flow', 'text', 'Decimal', NULL, '2024-10-01 00:00:00.000175', '2024-10-01 00:01:45.000967', 8, '2026-11-28 22:05:04.669564+00');
INSERT INTO ferry.chunk VALUES (1, 'IMO9999993', '2024-10-01 00:00:00', '2024-10-01 00:00:20', 'done', 1, 0, 'vm/8b75ef50.4026531836:29330:395888', NULL, 300, 77, 77, '9cefa2a0f259a1e1', 0, 2, 0, '2024-10-01 00:00:00.000175', '2024-10-01 00:00:15.000224', '2026-11-28 22:05:08.994676+00', '2026-11-28 22:05:09.276694+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (1, 'IMO9999993', '2024-10-01 00:00:20', '2024-10-01 00:00:40', 'done', 1, 0, 'vm/8b75ef50.4026531836:29330:395888', NULL, 300, 38, 38, 'fcba9f00c18c30b8', 0, 1, 0, '2024-10-01 00:00:30.000489', '2024-10-01 00:00:30.000489', '2026-11-28 22:05:09.091066+00', '2026-11-28 22:05:09.506677+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (1, 'IMO9999994', '2024-10-01 00:00:20', '2024-10-01 00:00:40', 'done', 1, 0, 'vm/8b75ef50.4026531836:29330:395888', NULL, 188, 39, 39, '8f13cd1e00818d01', 0, 1, 0, '2024-10-01 00:00:31.000512', '2024-10-01 00:00:31.000512', '2026-11-28 22:05:09.091297+00', '2026-11-28 22:05:09.506899+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (1, 'IMO9999993', '2024-10-01 00:00:40', '2024-10-01 00:01:00', 'done', 1, 0, 'vm/8b75ef50.4026531836:29330:395888', NULL, 300, 38, 38, '73e20210b74eca3c', 0, 1, 0, '2024-10-01 00:00:45.000719', '2024-10-01 00:00:45.000719', '2026-11-28 22:05:09.135975+00', '2026-11-28 22:05:09.615362+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (1, 'IMO9999994', '2024-10-01 00:00:40', '2024-10-01 00:01:00', 'done', 1, 0, 'vm/8b75ef50.4026531836:29330:395888', NULL, 188, 37, 37, '11e53ed4b91557fa', 0, 1, 0, '2024-10-01 00:00:46.00021', '2024-10-01 00:00:46.00021', '2026-11-28 22:05:09.136141+00', '2026-11-28 22:05:09.615445+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (1, 'IMO9999993', '2024-10-01 00:01:20', '2024-10-01 00:01:40', 'done', 1, 0, 'vm/8b75ef50.4026531836:29333:395897', NULL, 300, 37, 37, '916f4d12366d22f0', 0, 1, 0, '2024-10-01 00:01:30.000041', '2024-10-01 00:01:30.000041', '2026-11-28 22:05:09.236928+00', '2026-11-28 22:05:09.648872+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (1, 'IMO9999994', '2024-10-01 00:01:20', '2024-10-01 00:01:40', 'done', 1, 0, 'vm/8b75ef50.4026531836:29333:395897', NULL, 188, 37, 37, '0ea29d75078e9de4', 0, 1, 0, '2024-10-01 00:01:31.000704', '2024-10-01 00:01:31.000704', '2026-11-28 22:05:09.257173+00', '2026-11-28 22:05:09.675842+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (1, 'IMO9999995', '2024-10-01 00:01:20', '2024-10-01 00:01:40', 'done', 1, 0, 'vm/8b75ef50.4026531836:29333:395897', NULL, 112, 37, 37, '816d136048504e2b', 0, 1, 0, '2024-10-01 00:01:32.00065', '2024-10-01 00:01:32.00065', '2026-11-28 22:05:09.257232+00', '2026-11-28 22:05:09.684926+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (1, 'IMO9999993', '2024-10-01 00:01:00', '2024-10-01 00:01:20', 'done', 1, 0, 'vm/8b75ef50.4026531836:29330:395888', NULL, 300, 74, 74, '094001712250aa41', 0, 2, 0, '2024-10-01 00:01:00.000503', '2024-10-01 00:01:15.000277', '2026-11-28 22:05:09.178504+00', '2026-11-28 22:05:09.697091+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (1, 'IMO9999994', '2024-10-01 00:01:00', '2024-10-01 00:01:20', 'done', 1, 0, 'vm/8b75ef50.4026531836:29330:395888', NULL, 188, 75, 75, '5ce91ed2b7bae02a', 0, 2, 0, '2024-10-01 00:01:01.000814', '2024-10-01 00:01:16.000199', '2026-11-28 22:05:09.178588+00', '2026-11-28 22:05:09.697159+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (1, 'IMO9999995', '2024-10-01 00:01:00', '2024-10-01 00:01:20', 'done', 1, 0, 'vm/8b75ef50.4026531836:29330:395888', NULL, 112, 75, 75, '996d51f1d7f3593b', 0, 2, 0, '2024-10-01 00:01:02.000434', '2024-10-01 00:01:17.000797', '2026-11-28 22:05:09.1786+00', '2026-11-28 22:05:09.697169+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (1, 'IMO9999993', '2024-10-01 00:01:40', '2024-10-01 00:02:00', 'done', 1, 0, 'vm/8b75ef50.4026531836:29330:395888', NULL, 300, 36, 36, '039fe13ff6dc6ece', 0, 1, 0, '2024-10-01 00:01:45.000967', '2024-10-01 00:01:45.000967', '2026-11-28 22:05:09.280158+00', '2026-11-28 22:05:09.771446+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (2, 'IMO9999993', '2024-10-01 00:00:00', '2024-10-01 00:00:20', 'done', 1, 0, 'vm/8b75ef50.4026531836:29938:397171', NULL, 300, 77, 77, '9cefa2a0f259a1e1', 0, 2, 0, '2024-10-01 00:00:00.000175', '2024-10-01 00:00:15.000224', '2026-11-28 22:05:21.619621+00', '2026-11-28 22:05:21.803041+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (2, 'IMO9999993', '2024-10-01 00:00:20', '2024-10-01 00:00:40', 'done', 1, 0, 'vm/8b75ef50.4026531836:29938:397171', NULL, 300, 38, 38, 'fcba9f00c18c30b8', 0, 1, 0, '2024-10-01 00:00:30.000489', '2024-10-01 00:00:30.000489', '2026-11-28 22:05:21.67599+00', '2026-11-28 22:05:21.872008+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (2, 'IMO9999994', '2024-10-01 00:00:20', '2024-10-01 00:00:40', 'done', 1, 0, 'vm/8b75ef50.4026531836:29938:397171', NULL, 188, 39, 39, '8f13cd1e00818d01', 0, 1, 0, '2024-10-01 00:00:31.000512', '2024-10-01 00:00:31.000512', '2026-11-28 22:05:21.676162+00', '2026-11-28 22:05:21.872061+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (2, 'IMO9999993', '2024-10-01 00:00:40', '2024-10-01 00:01:00', 'done', 1, 0, 'vm/8b75ef50.4026531836:29938:397171', NULL, 300, 38, 38, '73e20210b74eca3c', 0, 1, 0, '2024-10-01 00:00:45.000719', '2024-10-01 00:00:45.000719', '2026-11-28 22:05:21.719128+00', '2026-11-28 22:05:21.909248+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (2, 'IMO9999994', '2024-10-01 00:00:40', '2024-10-01 00:01:00', 'done', 1, 0, 'vm/8b75ef50.4026531836:29938:397171', NULL, 188, 37, 37, '11e53ed4b91557fa', 0, 1, 0, '2024-10-01 00:00:46.00021', '2024-10-01 00:00:46.00021', '2026-11-28 22:05:21.719194+00', '2026-11-28 22:05:21.909349+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (2, 'IMO9999993', '2024-10-01 00:01:00', '2024-10-01 00:01:20', 'done', 1, 0, 'vm/8b75ef50.4026531836:29938:397171', NULL, 300, 74, 74, '094001712250aa41', 0, 2, 0, '2024-10-01 00:01:00.000503', '2024-10-01 00:01:15.000277', '2026-11-28 22:05:21.724563+00', '2026-11-28 22:05:21.990137+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (2, 'IMO9999994', '2024-10-01 00:01:00', '2024-10-01 00:01:20', 'done', 1, 0, 'vm/8b75ef50.4026531836:29938:397171', NULL, 188, 75, 75, '5ce91ed2b7bae02a', 0, 2, 0, '2024-10-01 00:01:01.000814', '2024-10-01 00:01:16.000199', '2026-11-28 22:05:21.724655+00', '2026-11-28 22:05:21.990197+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (2, 'IMO9999995', '2024-10-01 00:01:00', '2024-10-01 00:01:20', 'done', 1, 0, 'vm/8b75ef50.4026531836:29938:397171', NULL, 112, 75, 75, '996d51f1d7f3593b', 0, 2, 0, '2024-10-01 00:01:02.000434', '2024-10-01 00:01:17.000797', '2026-11-28 22:05:21.724666+00', '2026-11-28 22:05:21.990234+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (2, 'IMO9999993', '2024-10-01 00:01:20', '2024-10-01 00:01:40', 'done', 1, 0, 'vm/8b75ef50.4026531836:29938:397171', NULL, 300, 37, 37, '916f4d12366d22f0', 0, 1, 0, '2024-10-01 00:01:30.000041', '2024-10-01 00:01:30.000041', '2026-11-28 22:05:21.779374+00', '2026-11-28 22:05:22.028149+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (2, 'IMO9999994', '2024-10-01 00:01:20', '2024-10-01 00:01:40', 'done', 1, 0, 'vm/8b75ef50.4026531836:29938:397171', NULL, 188, 37, 37, '0ea29d75078e9de4', 0, 1, 0, '2024-10-01 00:01:31.000704', '2024-10-01 00:01:31.000704', '2026-11-28 22:05:21.779482+00', '2026-11-28 22:05:22.028202+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (2, 'IMO9999995', '2024-10-01 00:01:20', '2024-10-01 00:01:40', 'done', 1, 0, 'vm/8b75ef50.4026531836:29938:397171', NULL, 112, 37, 37, '816d136048504e2b', 0, 1, 0, '2024-10-01 00:01:32.00065', '2024-10-01 00:01:32.00065', '2026-11-28 22:05:21.779493+00', '2026-11-28 22:05:22.02821+00', NULL, NULL);
INSERT INTO ferry.chunk VALUES (2, 'IMO9999993', '2024-10-01 00:01:40', '2024-10-01 00:02:00', 'done', 1, 0, 'vm/8b75ef50.4026531836:29938:397171', NULL, 300, 36, 36, '039fe13ff6dc6ece', 0, 1, 0, '2024-10-01 00:01:45.000967', '2024-10-01 00:01:45.000967', '2026-11-28 22:05:21.785634+00', '2026-11-28 22:05:22.094643+00', NULL, NULL);
INSERT INTO ferry.event VALUES (1, '2026-11-28 22:05:02.743477+00', 'INFO', 1, NULL, NULL, 'planned 12 chunks of 3 ships, 2024-10-01 00:00:00 to 2024-10-01 00:02:00', false);
INSERT INTO ferry.event VALUES (2, '2026-11-28 22:05:15.653714+00', 'INFO', 2, NULL, NULL, 'planned 12 chunks of 3 ships, 2024-10-01 00:00:00 to 2024-10-01 00:02:00', false);
INSERT INTO ferry.job VALUES (1, '7713346718666120648/tmp-rows_1_28754_0', 'tenant.tbl_data_timeseries', 'calm', 'tbl_data_timeseries_', 'text', 20000000, NULL, '2024-10-01 01:30:00', '2026-11-28 22:05:02.657651+00', '2026-11-28 22:05:02.743477+00');
INSERT INTO ferry.job VALUES (2, '7713346718666120648/tmp-rows_1_28754_0', 'tenant.tbl_data_timeseries', 'tenant', 'tbl_data_timeseries_', 'text', 20000000, NULL, '2024-10-01 01:30:00', '2026-11-28 22:05:15.565596+00', '2026-11-28 22:05:15.653714+00');
SELECT pg_catalog.setval('ferry.doubt_id_seq', 1, false);
SELECT pg_catalog.setval('ferry.event_id_seq', 2, true);
SELECT pg_catalog.setval('ferry.job_job_id_seq', 2, true);
SELECT pg_catalog.setval('ferry.reject_id_seq', 1, false);
ALTER TABLE ONLY ferry.channel
    ADD CONSTRAINT channel_pkey PRIMARY KEY (target_schema, ship, channel);
ALTER TABLE ONLY ferry.channel
    ADD CONSTRAINT channel_target_schema_table_name_column_name_key UNIQUE (target_schema, table_name, column_name);
ALTER TABLE ONLY ferry.chunk
    ADD CONSTRAINT chunk_pkey PRIMARY KEY (job_id, ship, chunk_from);
ALTER TABLE ONLY ferry.doubt
    ADD CONSTRAINT doubt_pkey PRIMARY KEY (id);
ALTER TABLE ONLY ferry.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);
ALTER TABLE ONLY ferry.follow_ship
    ADD CONSTRAINT follow_ship_pkey PRIMARY KEY (job_id, ship);
ALTER TABLE ONLY ferry.follower
    ADD CONSTRAINT follower_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY ferry.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY ferry.job
    ADD CONSTRAINT job_source_source_table_target_schema_target_prefix_key UNIQUE (source, source_table, target_schema, target_prefix);
ALTER TABLE ONLY ferry.reject
    ADD CONSTRAINT reject_pkey PRIMARY KEY (id);
ALTER TABLE ONLY ferry.watermark
    ADD CONSTRAINT watermark_pkey PRIMARY KEY (job_id, name);
CREATE INDEX chunk_open ON ferry.chunk USING btree (job_id, weight, ship, chunk_from) WHERE (state <> 'done'::text);
CREATE INDEX doubt_job ON ferry.doubt USING btree (job_id, ship, time_from);
CREATE INDEX event_job ON ferry.event USING btree (job_id, at);
CREATE INDEX event_untold ON ferry.event USING btree (job_id, id) WHERE ((NOT told) AND (level <> 'INFO'::text));
CREATE INDEX reject_chunk ON ferry.reject USING btree (job_id, ship, chunk_from);
ALTER TABLE ONLY ferry.chunk
    ADD CONSTRAINT chunk_job_id_fkey FOREIGN KEY (job_id) REFERENCES ferry.job(job_id) ON DELETE CASCADE;
ALTER TABLE ONLY ferry.doubt
    ADD CONSTRAINT doubt_job_id_fkey FOREIGN KEY (job_id) REFERENCES ferry.job(job_id) ON DELETE CASCADE;
ALTER TABLE ONLY ferry.event
    ADD CONSTRAINT event_job_id_fkey FOREIGN KEY (job_id) REFERENCES ferry.job(job_id) ON DELETE CASCADE;
ALTER TABLE ONLY ferry.follow_ship
    ADD CONSTRAINT follow_ship_job_id_fkey FOREIGN KEY (job_id) REFERENCES ferry.job(job_id) ON DELETE CASCADE;
ALTER TABLE ONLY ferry.follower
    ADD CONSTRAINT follower_job_id_fkey FOREIGN KEY (job_id) REFERENCES ferry.job(job_id) ON DELETE CASCADE;
ALTER TABLE ONLY ferry.reject
    ADD CONSTRAINT reject_job_id_fkey FOREIGN KEY (job_id) REFERENCES ferry.job(job_id) ON DELETE CASCADE;
ALTER TABLE ONLY ferry.watermark
    ADD CONSTRAINT watermark_job_id_fkey FOREIGN KEY (job_id) REFERENCES ferry.job(job_id) ON DELETE CASCADE;
