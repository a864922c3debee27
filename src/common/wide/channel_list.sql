-- name: seen_sql
UPDATE ferry.channel c SET first_seen = least(c.first_seen, s.first),
	last_seen = greatest(c.last_seen, s.last),
	samples = greatest(c.samples, s.samples), about = coalesce(s.about, c.about)
	FROM jsonb_to_recordset($2::jsonb) AS s (ship text, channel text, first timestamp,
		last timestamp, samples bigint, about text)
	WHERE c.target_schema = $1 AND c.ship = s.ship AND c.channel = s.channel
	AND (c.first_seen, c.last_seen, c.samples, c.about) IS DISTINCT FROM
		(least(c.first_seen, s.first), greatest(c.last_seen, s.last),
		greatest(c.samples, s.samples), coalesce(s.about, c.about));
