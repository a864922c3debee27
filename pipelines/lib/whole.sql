-- whole.sql: what a ship's wide tables lack by the ledger, as one text; NULL: nothing. No statement but a
-- part of one, of n.place and n.ship: psql -v missing="$(<whole.sql)", :missing.
--
--	nothing      no chunk of it is done, and no row of it was followed
--	failed N     chunks that failed
--	open N       chunks that are still to be done
--	doubt        rows may be missing until both sides are compared
--	doubt all    the same of the job, as at each start of a follower until it has compared
--	stopped      its follower does not run, or leaves it out
(SELECT CASE WHEN sum(failed) > 0 THEN 'failed ' || sum(failed)
	WHEN sum(pending) > 0 THEN 'open ' || sum(pending)
	WHEN coalesce(sum(done + followed), 0) = 0 THEN 'nothing'
	WHEN bool_or(doubt) THEN 'doubt'
	WHEN bool_or(stopped) THEN 'stopped' WHEN bool_or(doubt_all) THEN 'doubt all' END
FROM ferry.job AS j, LATERAL (SELECT count(*) AS chunks, count(*) FILTER (WHERE state = 'done') AS done,
		count(*) FILTER (WHERE state = 'failed') AS failed,
		count(*) FILTER (WHERE state IN ('pending', 'running')) AS pending
		FROM ferry.chunk AS c WHERE c.job_id = j.job_id AND c.ship IN (n.ship, '')) AS c,
	LATERAL (SELECT count(*) AS followed FROM ferry.follow_ship AS f
		WHERE f.job_id = j.job_id AND f.ship = n.ship) AS f,
	LATERAL (SELECT EXISTS (SELECT FROM ferry.doubt AS d WHERE d.job_id = j.job_id
			AND d.ship = n.ship) AS doubt,
		EXISTS (SELECT FROM ferry.doubt AS d WHERE d.job_id = j.job_id
			AND d.ship IS NULL) AS doubt_all,
		EXISTS (SELECT FROM ferry.follower AS f WHERE f.job_id = j.job_id AND (f.worker IS NULL
			OR f.lease_until < clock_timestamp() OR NOT coalesce(
				nullif(to_jsonb(f) -> 'ships', 'null') ? n.ship, true))) AS stopped) AS s
WHERE j.target_schema = n.place AND chunks + followed > 0)
