# latest(ship) and read(ship, channels, from, to): functions beside the wide tables.
load helper

setup() {
	helper_setup
	scratch_db
	export FERRY_RETRY_PAUSE=50
	"$root/t/telemetry" 2 12 1200
}

n2w() { narrow-to-wide --mode "$@"; }
migrate() { run_rc 0 n2w migration-only --cutoff-time 2025-01-01 --workers 1 "$@"; }
functions() {
	sql "SELECT string_agg(n.nspname || '.' || proname, ' ' ORDER BY n.nspname, proname)
		FROM pg_proc JOIN pg_namespace AS n ON n.oid = pronamespace
		WHERE proname IN ('latest', 'read', 'ferry_channels',
			'ferry_tables')"
}

# what the narrow table says, in the shape of latest() and of read() with three channels
latest_narrow="SELECT created_time, data_channel_id, CASE value_format
	WHEN 'Decimal' THEN double_v::text WHEN 'Integer' THEN long_v::text
	WHEN 'String' THEN str_v ELSE bool_v::text END
	AS v
	FROM tenant.tbl_data_timeseries WHERE ship_id = 'IMO9999993' AND created_time = (SELECT
	max(created_time) FROM tenant.tbl_data_timeseries WHERE ship_id = 'IMO9999993')"

@test "names: latest and read say what the narrow table says, of both types, whatever the session" {
	local types zone list where
	migrate --group-columns 5
	migrate --group-columns 5 --types native --target-schema Odd\"er --target-prefix w_
	list=$(sql "SELECT array_agg(c ORDER BY c DESC) FROM (SELECT DISTINCT data_channel_id AS c
		FROM tenant.tbl_data_timeseries WHERE value_format = 'Decimal'
			ORDER BY 1 LIMIT 3) AS x")
	where="ship_id = 'IMO9999993' AND data_channel_id = ANY ('$list') AND double_v IS NOT NULL
		AND created_time >= '2024-10-01 00:01' AND created_time < '2024-10-01 00:10'"
	for zone in UTC Asia/Seoul; do
		export PGTZ=$zone
		for types in 'tenant text' '"Odd""er" float8'; do
			same_rows "SELECT * FROM ${types% *}.latest('IMO9999993')" \
				"SELECT * FROM ($latest_narrow) AS n WHERE v IS NOT NULL"
			same_rows "SELECT at, u.c, u.v::text FROM ${types% *}.read('IMO9999993',
					'$list', '2024-10-01 00:01', '2024-10-01 00:10')
					AS t (at timestamp,
					a ${types#* }, b ${types#* }, c ${types#* }),
					unnest('$list'::text[],
					ARRAY[a, b, c]) AS u (c, v) WHERE v IS NOT NULL" \
				"SELECT created_time, data_channel_id, double_v::text
				FROM tenant.tbl_data_timeseries WHERE $where"
		done
	done
	unset PGTZ
	# instants that have no value, or none any more, are not the newest
	sql "SELECT DISTINCT format('INSERT INTO tenant.%I (created_time)
		VALUES (''2030-01-01''), (''2031-01-01'');', table_name) FROM ferry.channel
		WHERE ship = 'IMO9999993' AND target_schema = 'tenant'" >insert
	sql "$(<insert)"
	same_rows "SELECT * FROM tenant.latest('IMO9999993')" \
		"SELECT * FROM ($latest_narrow) AS n WHERE v IS NOT NULL"
	# nor are columns that somebody has added to the tables channels, whatever they are called
	sql "SELECT format('ALTER TABLE tenant.%I ADD note text DEFAULT ''x'', ADD IF NOT EXISTS %I
			int DEFAULT 7;', table_name, (SELECT min(column_name) FROM ferry.channel
			WHERE ship = 'IMO9999993' AND target_schema = 'tenant'))
		FROM ferry.channel WHERE ship = 'IMO9999993' AND target_schema = 'tenant'
		GROUP BY table_name" >alter
	(($(wc -l <alter) > 1))
	sql "$(<alter)"
	same_rows "SELECT * FROM tenant.latest('IMO9999993')" \
		"SELECT * FROM ($latest_narrow) AS n WHERE v IS NOT NULL"
	run_rc 1 sql "SELECT * FROM tenant.read('IMO9999993', '{note}') AS t (at timestamp, a text)"
	has "$err" 'ship "IMO9999993" has no channel "note"'
	run_rc 1 sql "SELECT * FROM tenant.read('IMO9999993', '{/none}')
		AS t (at timestamp, a text)"
	has "$err" 'ship "IMO9999993" has no channel "/none"'
	run_rc 1 sql "SELECT * FROM tenant.latest('X')"
	has "$err" 'ship "X" has no wide tables here'
	# rights are those of the tables, and nothing else is needed
	sql "CREATE ROLE names_$$ LOGIN; GRANT USAGE ON SCHEMA tenant TO names_$$"
	PGUSER=names_$$ run_rc 1 sql "SELECT * FROM tenant.latest('IMO9999993')"
	has "$err" 'permission denied for table'
	sql "GRANT SELECT ON ALL TABLES IN SCHEMA tenant TO names_$$"
	PGUSER=names_$$ sql "SELECT count(*) > 0 FROM tenant.latest('IMO9999993')" >got
	is "$(<got)" t
	sql "DROP OWNED BY names_$$; DROP ROLE names_$$"
}

@test "names: they go with the last table, come back with a backup, and leave those of others" {
	migrate
	is "$(functions)" \
		'tenant.ferry_channels tenant.ferry_tables tenant.latest tenant.read'
	run_rc 0 n2w tables-only --drop-tables
	is "$(functions)" \
		'tenant.ferry_channels tenant.ferry_tables tenant.latest tenant.read'
	run_rc 0 n2w rollback --ship-id IMO9999993 --yes
	is "$(functions)" \
		'tenant.ferry_channels tenant.ferry_tables tenant.latest tenant.read'
	migrate
	run_rc 0 n2w rollback --yes --backup saved
	is "$(functions)" ''
	run_rc 0 n2w restore --backup saved
	same_rows "SELECT * FROM tenant.latest('IMO9999993')" \
		"SELECT * FROM ($latest_narrow) AS n WHERE v IS NOT NULL"
	# in a dump of the database, too
	pg_dump >dump.sql
	(scratch_db && psql -Xq -v ON_ERROR_STOP=1 <dump.sql >/dev/null &&
		same_rows "SELECT * FROM tenant.latest('IMO9999993')" \
			"SELECT * FROM ($latest_narrow) AS n WHERE v IS NOT NULL")
	run_rc 0 n2w rollback --yes
	sql "CREATE FUNCTION tenant.latest(text) RETURNS int LANGUAGE sql AS 'SELECT 42'"
	migrate
	has "$err" 'the functions latest and read are not made: there is a function of others'
	is "$(functions)" tenant.latest
	run_rc 0 n2w rollback --yes
	is "$(sql "SELECT tenant.latest('x')")" 42
}
