-- name: get_sql
SELECT (control->>'paused')::int, control->>'workers', control->>'rate', control->>'pace_us',
	(SELECT greatest(count(DISTINCT worker), 1) FROM ferry.chunk c
		WHERE c.job_id = $1 AND state <> 'done' AND state = 'running'
		AND lease_until > clock_timestamp())
	FROM ferry.job WHERE job_id = $1;

-- What is -1 stays as it is, what is 0 is no longer asked for.
-- name: set_sql
UPDATE ferry.job j SET control = (SELECT jsonb_object_agg(key, value)
		FROM jsonb_each(coalesce(j.control, '{}') || coalesce((SELECT
			jsonb_object_agg(key, value) FROM jsonb_each($2::jsonb)
			WHERE value NOT IN ('-1', '18446744073709551615')), '{}'))
		WHERE value <> '0')
	FROM ferry.job was WHERE j.job_id = $1 AND was.job_id = $1
	RETURNING coalesce(j.control - 'run_rate', '{}'), was.control IS DISTINCT FROM j.control;

-- name: run_rate_sql
UPDATE ferry.job SET control = nullif(coalesce(control, '{}') - 'run_rate' || coalesce(
		jsonb_build_object('run_rate', $2::bigint), '{}'), '{}')
	WHERE job_id = $1 AND (control->>'run_rate')::bigint IS DISTINCT FROM $2;

-- name: seat_sql
SELECT i, CASE WHEN $3 > 0 THEN
		pg_advisory_unlock(hashtextextended('ferry.seat ' || $3::bigint, $1::bigint)) END
	FROM generate_series(1, $2::bigint) AS i
	WHERE pg_try_advisory_lock(hashtextextended('ferry.seat ' || i, $1::bigint)) LIMIT 1;
