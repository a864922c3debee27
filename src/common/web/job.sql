-- What the page of a job asks the ledger. $1: the job. `--: NAME` begins a query; job.html has a loop over the rows
-- of each. Counts come as people read them. What is marked /*t*/ is shown in the user's language.
-- A column that job.html takes with & is markup: numbers and words of ours.

--: total
SELECT to_char(done, 'FM999,999,999,990') AS done, to_char(chunks, 'FM999,999,999,990') AS chunks,
	to_char(failed, 'FM999,999,999,990') AS failed, to_char(chunks - done - failed, 'FM999,999,999,990') AS open,
	CASE WHEN chunks > 0 THEN done * 100 / chunks ELSE 100 END AS percent,
	to_char(rows, 'FM999,999,999,999,999,990') AS rows, to_char(cells, 'FM999,999,999,999,999,990') AS cells,
	to_char(wide_rows, 'FM999,999,999,999,999,990') AS wide_rows,
	to_char(repeated, 'FM999,999,999,999,999,990') AS repeated,
	to_char(rejects + live_rejects, 'FM999,999,999,999,999,990') AS rejects,
	CASE WHEN failed > 0 THEN 'bad' ELSE '' END AS failed_class,
	CASE WHEN rejects + live_rejects > 0 THEN 'warn' ELSE '' END AS rejects_class,
	to_char(took, 'FMHH24:MI:SS') AS took
FROM (SELECT count(*) AS chunks, count(*) FILTER (WHERE state = 'done') AS done,
		count(*) FILTER (WHERE state = 'failed') AS failed,
		coalesce(sum(rows), 0) AS rows, coalesce(sum(cells - coalesce(dropped, 0)), 0) AS cells,
		coalesce(sum(wide_rows), 0) AS wide_rows, coalesce(sum(dropped), 0) AS repeated,
		coalesce(sum(rejects), 0) AS rejects,
		coalesce(max(finished_at) - min(started_at), interval '0') AS took
	FROM ferry.chunk WHERE job_id = $1) AS c,
	(SELECT coalesce(sum(rejects), 0) AS live_rejects FROM ferry.follow_ship WHERE job_id = $1) AS l

--: map
WITH chunk AS (
	SELECT ship, state, extract(epoch FROM chunk_from) AS a, extract(epoch FROM chunk_to) AS b
	FROM ferry.chunk WHERE job_id = $1 AND ship <> ''
), span AS (
	SELECT min(a) AS lo, greatest(max(b) - min(a), 1) AS width FROM chunk
), square AS (
	SELECT ship, min(array_position('{failed,running,pending,done}', state)) AS worst,
		(min(a) - lo) / width * 1000 AS x, (max(b) - min(a)) / width * 1000 AS w
	FROM chunk, span GROUP BY ship, lo, width, floor((a - lo) / width * 250)
), line AS (
	SELECT ship, min(worst) AS worst, string_agg(format('<rect class="%s" x="%s" width="%s" height="10"/>',
			('{failed,running,pending,done}'::text[])[worst], round(x, 2),
			round(greatest(w - least(w / 5, 1), 0.5), 2)), '' ORDER BY x) AS squares
	FROM square GROUP BY ship
), count_of AS (
	SELECT ship, count(*) AS chunks, count(*) FILTER (WHERE state = 'done') AS done FROM chunk GROUP BY ship
)
SELECT line.ship, squares, done, chunks FROM line JOIN count_of USING (ship) ORDER BY worst, ship LIMIT 60

--: map_ends
SELECT to_char(min(chunk_from), 'YYYY-MM-DD HH24:MI') AS lo, to_char(max(chunk_to), 'YYYY-MM-DD HH24:MI') AS hi,
	count(DISTINCT ship) AS ships, least(count(DISTINCT ship), 60) AS shown
FROM ferry.chunk WHERE job_id = $1 AND ship <> '' HAVING count(*) > 0

--: rate
WITH chunk AS (
	SELECT rows, extract(epoch FROM started_at) AS a, extract(epoch FROM finished_at) AS b
	FROM ferry.chunk WHERE job_id = $1 AND state = 'done' AND finished_at >= started_at
), span (which, lo, hi) AS (
	SELECT 'all', min(a), greatest(max(b), min(a) + 1) FROM chunk
	UNION ALL SELECT 'hour', minute - 3540, minute + 60
	FROM (SELECT floor(extract(epoch FROM clock_timestamp()) / 60) * 60 AS minute) AS now
), part AS (
	SELECT which, lo, hi, least(floor((b - lo) / (hi - lo) * 60), 59) AS i, sum(rows) / ((hi - lo) / 60) AS rate
	FROM span, chunk WHERE b BETWEEN lo AND hi GROUP BY 1, 2, 3, 4
)
SELECT CASE which WHEN 'all' THEN /*t*/'from the first chunk to the last' ELSE /*t*/'the last hour' END AS which,
	to_char(to_timestamp(lo) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS lo,
	to_char(to_timestamp(hi) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS hi,
	to_char(max(rate), 'FM999,999,999,990') AS most,
	string_agg(format('<rect x="%s" y="%s" width="14" height="%s"/>', i * 1000 / 60,
		round(100 - rate * 100 / most, 2), round(rate * 100 / most, 2)), '' ORDER BY i) AS bars
FROM (SELECT *, greatest(max(rate) OVER (PARTITION BY which), 1) AS most FROM part) AS p
GROUP BY which, lo, hi ORDER BY which

--: rejects
SELECT why, to_char(count(*), 'FM999,999,999,990') AS n, count(DISTINCT ship) AS ships,
	left(min(record::text), 160) AS example
FROM (SELECT why, ship, record FROM ferry.reject WHERE job_id = $1 LIMIT 100000) AS r
GROUP BY why ORDER BY count(*) DESC, why LIMIT 20

--: failed
SELECT ship, chunk_from, state, failures, to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS at, error
FROM ferry.chunk WHERE job_id = $1 AND state <> 'done' AND failures > 0 ORDER BY ship, chunk_from LIMIT 20

--: ships
WITH c AS (
	SELECT ship, count(*) AS n, count(*) FILTER (WHERE state = 'done') AS done,
		count(*) FILTER (WHERE state = 'failed') AS failed, count(*) FILTER (WHERE state = 'running') AS running,
		count(*) FILTER (WHERE state = 'pending') AS pending,
		count(*) FILTER (WHERE state IN ('running', 'pending') AND (failures > 0 OR attempt > 2)) AS again,
		sum(rows) AS rows, sum(cells - coalesce(dropped, 0)) AS cells, sum(wide_rows) AS wide_rows,
		sum(dropped) AS repeated, sum(rejects) AS rejects, min(first_time) AS first, max(last_time) AS last,
		extract(epoch FROM sum(greatest(finished_at - started_at, interval '0'))) AS busy,
		(array_agg(error ORDER BY started_at DESC) FILTER (WHERE state <> 'done' AND error IS NOT NULL))[1] AS error
	FROM ferry.chunk WHERE job_id = $1 GROUP BY ship
), l AS (
	-- of its newest rows; less where a later look found nothing, and told it sooner
	SELECT s.*, CASE WHEN s.newest_commit IS NOT NULL THEN extract(epoch FROM least(
			greatest(s.at AT TIME ZONE 'UTC' - s.newest_commit, interval '0'),
			CASE WHEN f.newest_commit > s.newest_commit
				THEN greatest(f.at AT TIME ZONE 'UTC' - f.newest_commit, interval '0') END)) END AS delay
	FROM ferry.follow_ship AS s LEFT JOIN ferry.follower AS f USING (job_id) WHERE job_id = $1
), f AS (SELECT lease_until > clock_timestamp() AS alive FROM ferry.follower WHERE job_id = $1)
SELECT ship, CASE WHEN failed > 0 THEN 'failed' WHEN again > 0 AND again = running + pending THEN 'retrying'
		WHEN running > 0 THEN 'running' WHEN pending > 0 THEN 'pending'
		ELSE coalesce((SELECT CASE WHEN alive THEN 'live' ELSE 'stopped' END FROM f), 'completed') END AS state,
	coalesce(done, 0) AS done, coalesce(n, 0) AS chunks, coalesce(failed, 0) AS failed,
	to_char(coalesce(c.rows, 0), 'FM999,999,999,999,999,990') AS rows,
	to_char(coalesce(c.cells, 0), 'FM999,999,999,999,999,990') AS cells,
	to_char(coalesce(c.wide_rows, 0), 'FM999,999,999,999,999,990') AS wide_rows,
	to_char(coalesce(c.repeated, 0), 'FM999,999,999,999,999,990') AS repeated,
	to_char(coalesce(c.rejects, 0) + coalesce(l.rejects, 0), 'FM999,999,999,999,999,990') AS rejects,
	to_char(coalesce(trunc(c.rows / nullif(busy, 0)), 0), 'FM999,999,999,990') AS speed,
	to_char(coalesce(l.rows, 0), 'FM999,999,999,999,999,990') AS live_rows,
	coalesce(round(l.delay, 3) || ' s', '–') AS delay,
	to_char(least(first, first_time), 'YYYY-MM-DD HH24:MI:SS') AS first,
	to_char(greatest(last, last_time), 'YYYY-MM-DD HH24:MI:SS') AS last, error
FROM c FULL JOIN l USING (ship) ORDER BY ship LIMIT 1000

--: ships_more
SELECT to_char(count(*) - 1000, 'FM999,999,990') AS n FROM (SELECT ship FROM ferry.chunk WHERE job_id = $1
	UNION SELECT ship FROM ferry.follow_ship WHERE job_id = $1) AS s HAVING count(*) > 1000

--: checked
SELECT to_char(count(*) FILTER (WHERE checked_at >= finished_at), 'FM999,999,999,990') AS checked,
	to_char(count(*), 'FM999,999,999,990') AS done,
	coalesce(to_char(max(checked_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), '–') AS last,
	(SELECT to_char(count(*), 'FM999,999,990') FROM ferry.doubt WHERE job_id = $1) AS doubts,
	(SELECT to_char(count(*), 'FM999,999,990') FROM ferry.event WHERE job_id = $1 AND message LIKE 'repaired: %') AS repairs,
	CASE WHEN count(*) FILTER (WHERE checked_at >= finished_at) = 0 THEN /*t*/'not compared yet'
		WHEN EXISTS (SELECT FROM ferry.doubt WHERE job_id = $1) THEN /*t*/'in doubt'
		WHEN count(*) FILTER (WHERE checked_at >= finished_at) < count(*) THEN /*t*/'equal as far as compared'
		ELSE /*t*/'equal' END AS verdict
FROM ferry.chunk WHERE job_id = $1 AND state = 'done'

--: goals
WITH c AS (
	SELECT count(*) AS n, count(*) FILTER (WHERE state = 'done') AS done,
		coalesce(sum(rows), 0) AS rows, coalesce(sum(rejects), 0) AS rejects,
		count(*) FILTER (WHERE state = 'done' AND checked_at >= finished_at) AS checked,
		count(*) FILTER (WHERE failures > 0 OR attempt > 1) AS fell,
		count(*) FILTER (WHERE (failures > 0 OR attempt > 1) AND state = 'done') AS rose
	FROM ferry.chunk WHERE job_id = $1
), l AS (
	SELECT sum(rows) AS rows, sum(rejects) AS rejects,
		extract(epoch FROM max(CASE WHEN newest_commit IS NOT NULL
			THEN greatest(at AT TIME ZONE 'UTC' - newest_commit, interval '0') END)) AS delay
	FROM ferry.follow_ship WHERE job_id = $1
), later AS (
	SELECT count(*) AS n FROM ferry.channel AS h, ferry.job AS j WHERE j.job_id = $1
		AND h.target_schema = j.target_schema AND h.created_at > j.created_at + interval '1 min'
), d AS (SELECT count(*) AS n FROM ferry.doubt WHERE job_id = $1),
goal (i, topic, what, target, measured, met) AS (
	SELECT 1, /*t*/'function', /*t*/'data that was carried over', '100 %',
		CASE WHEN n > 0 THEN trunc(done * 100.0 / n * rows / greatest(rows + rejects, 1), 3) || ' %' END,
		done = n AND rejects = 0 FROM c
	UNION ALL SELECT 2, /*t*/'function', /*t*/'accuracy of live data', '≥ 99.9 %',
		trunc(rows * 100.0 / nullif(rows + rejects, 0), 3) || ' %', rows * 100.0 / nullif(rows + rejects, 0) >= 99.9 FROM l
	UNION ALL SELECT 3, /*t*/'function', /*t*/'new ships and channels without help', /*t*/'automatic', CASE WHEN n > 0 THEN n::text END, true FROM later
	UNION ALL SELECT 4, /*t*/'function', /*t*/'values that fit their type', '100 %',
		trunc(rows * 100.0 / nullif(rows + rejects, 0), 3) || ' %', rejects = 0 FROM c
	UNION ALL SELECT 5, /*t*/'speed', /*t*/'rows per second against before', '≥ 15 ×', NULL, NULL
	UNION ALL SELECT 6, /*t*/'speed', /*t*/'typical queries against before', /*t*/'≥ 50 % less', NULL, NULL
	UNION ALL SELECT 7, /*t*/'speed', /*t*/'delay of live data', '≤ 1 s', round(delay, 3) || ' s', delay <= 1 FROM l
	UNION ALL SELECT 8, /*t*/'speed', /*t*/'memory', /*t*/'kept low', NULL, NULL
	UNION ALL SELECT 9, /*t*/'stability', /*t*/'data lost, by comparison of both sides', '0 %',
		CASE WHEN checked = done AND done > 0 AND d.n = 0 THEN '0 %' END, done = c.n FROM c, d
	UNION ALL SELECT 10, /*t*/'stability', /*t*/'availability', '≥ 99.9 %', NULL, NULL
	UNION ALL SELECT 11, /*t*/'stability', /*t*/'failures mended without help', '≥ 95 %',
		CASE WHEN fell > 0 THEN trunc(rose * 100.0 / fell, 1) || ' %' END, rose * 100 >= fell * 95 FROM c
	UNION ALL SELECT 12, /*t*/'stability', /*t*/'time of a rollback', '≤ 30 min', NULL, NULL
)
SELECT topic, what, target, coalesce(measured, '–') AS measured,
	CASE WHEN measured IS NULL THEN /*t*/'not measured' WHEN met THEN /*t*/'met' ELSE /*t*/'not met' END AS verdict,
	CASE WHEN measured IS NULL THEN 'none' WHEN met THEN 'good' ELSE 'bad' END AS class
FROM goal ORDER BY i

--: events
SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS at, level, ship, chunk_from, message,
	CASE level WHEN 'CRITICAL' THEN 'bad' WHEN 'WARNING' THEN 'warn' ELSE 'none' END AS class
FROM ferry.event WHERE job_id = $1 ORDER BY event.at DESC, id DESC LIMIT 50

--: settings
SELECT source, source_table, target_schema, target_prefix, types,
	CASE WHEN chunk_us % 86400000000 = 0 THEN chunk_us / 86400000000 || ' d'
		WHEN chunk_us % 3600000000 = 0 THEN chunk_us / 3600000000 || ' h'
		WHEN chunk_us % 60000000 = 0 THEN chunk_us / 60000000 || ' min' ELSE trim_scale(chunk_us / 1000000.0) || ' s' END AS chunk,
	coalesce(since::text, '–') AS since, coalesce(cutoff::text, '–') AS cutoff,
	coalesce(nullif(encoding, ''), '–') AS encoding, coalesce(nullif(columns, ''), '–') AS columns,
	to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS created,
	current_setting('server_version') AS server, (SELECT max(version) FROM ferry.version) AS ledger,
	(SELECT count(DISTINCT ship) FROM ferry.channel AS h WHERE h.target_schema = j.target_schema) AS ships,
	(SELECT to_char(count(*), 'FM999,999,990') FROM ferry.channel AS h WHERE h.target_schema = j.target_schema) AS channels
FROM ferry.job AS j WHERE job_id = $1

--: jobs
SELECT j.job_id AS id, source_table, target_schema || '.' || target_prefix || '…' AS goes_to,
	CASE WHEN failed > 0 THEN 'failed' WHEN again > 0 AND again = running + pending THEN 'retrying'
		WHEN running > 0 THEN 'running' WHEN pending > 0 THEN 'pending'
		WHEN f.job_id IS NOT NULL THEN CASE WHEN f.lease_until > clock_timestamp() THEN 'live' ELSE 'stopped' END
		ELSE 'completed' END AS state,
	CASE WHEN n > 0 THEN done * 100 / n ELSE 100 END AS percent,
	to_char(coalesce(done, 0), 'FM999,999,990') AS done, to_char(coalesce(n, 0), 'FM999,999,990') AS chunks,
	to_char(coalesce(failed, 0), 'FM999,999,990') AS failed,
	to_char(coalesce(c.rows, 0), 'FM999,999,999,999,999,990') AS rows,
	to_char(coalesce(f.rows, 0), 'FM999,999,999,999,999,990') AS live_rows,
	to_char(coalesce(c.rejects, 0) + coalesce(f.rejects, 0), 'FM999,999,999,999,999,990') AS rejects
FROM ferry.job AS j LEFT JOIN ferry.follower AS f USING (job_id)
LEFT JOIN (SELECT job_id, count(*) AS n, count(*) FILTER (WHERE state = 'done') AS done,
		count(*) FILTER (WHERE state = 'failed') AS failed, count(*) FILTER (WHERE state = 'running') AS running,
		count(*) FILTER (WHERE state = 'pending') AS pending, sum(rows) AS rows, sum(rejects) AS rejects,
		count(*) FILTER (WHERE state IN ('running', 'pending') AND (failures > 0 OR attempt > 2)) AS again
	FROM ferry.chunk GROUP BY job_id) AS c USING (job_id)
WHERE $1::bigint IS NOT NULL ORDER BY j.job_id LIMIT 200
