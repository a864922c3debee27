-- name: seen_sql
UPDATE ferry.channel c SET first_seen = least(c.first_seen, s.first),
	last_seen = greatest(c.last_seen, s.last),
	samples = greatest(c.samples, s.samples), about = coalesce(s.about, c.about)
	FROM jsonb_to_recordset($2::jsonb) AS s (ship text, channel text, first timestamp,
		last timestamp, samples bigint, about text)
	WHERE c.target_schema = $1 AND c.ship = s.ship AND c.channel = s.channel;
