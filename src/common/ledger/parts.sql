-- Of several modules of the room.

-- A claim that ended otherwise than by the death of who had it is no attempt in vain: the numbers
-- go on with the next hundred (LEDGER_MAX_ATTEMPTS).
-- part: afresh
attempt = (c.attempt / 101 + 1) * 101

-- part: tries
attempt % 101

-- $3: what ledger_put_ships() makes
-- part: ships
f AS (SELECT * FROM jsonb_to_recordset($3::jsonb) AS f (ship text, attempt int,
	rows bigint, cells bigint, digest text, dropped bigint, wide_rows bigint,
	rejects bigint, bytes bigint, first timestamp, last timestamp, deleted bigint))
