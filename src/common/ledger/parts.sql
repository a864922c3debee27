-- Of several modules of the room.

-- $3: what ledger_put_ships() makes
-- part: ships
f AS (SELECT * FROM jsonb_to_recordset($3::jsonb) AS f (ship text, attempt int,
	rows bigint, cells bigint, digest text, dropped bigint, wide_rows bigint,
	rejects bigint, bytes bigint, first timestamp, last timestamp, deleted bigint))
