-- part: parts
o AS (SELECT * FROM jsonb_to_recordset($1::jsonb -> 'parts') AS o (topic text,
	partition int, "from" bigint, "to" bigint, mark text))

-- name: begin_sql
WITH {parts}
INSERT INTO ferry.kafka_offset (group_name, topic, partition, next_offset, mark, cluster)
	SELECT $1::jsonb ->> 'group', topic, partition, "from", '', $1::jsonb ->> 'cluster'
	FROM o ON CONFLICT DO NOTHING;

-- name: move_sql
WITH {parts},
moved AS (UPDATE ferry.kafka_offset k SET
	next_offset = CASE WHEN $2::boolean THEN o."to" ELSE k.next_offset END,
	mark = CASE WHEN $2::boolean THEN o.mark ELSE k.mark END,
	cluster = CASE WHEN $2::boolean THEN $1::jsonb ->> 'cluster' ELSE k.cluster END,
	at = now()
	FROM o WHERE k.group_name = $1::jsonb ->> 'group' AND k.topic = o.topic
		AND k.partition = o.partition AND k.next_offset = o."from" RETURNING 1)
SELECT (SELECT count(*) FROM moved) = (SELECT count(*) FROM o);

-- name: offsets_sql
SELECT topic, partition, next_offset, mark, cluster FROM ferry.kafka_offset
	WHERE group_name = $1 ORDER BY topic, partition;

-- name: forget_sql
DELETE FROM ferry.kafka_offset WHERE group_name = $1 AND topic = $2 AND partition = $3;
