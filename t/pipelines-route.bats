# narrow-to-wide --mode route: applications ask the narrow or the wide tables.
load helper

setup() {
	helper_setup
	export FERRY_RETRY_PAUSE=50 reader=reader_$$ report=report_$$
	app=()
	filled_db migrate
	sql "CREATE ROLE $reader LOGIN; CREATE ROLE $report LOGIN;
		GRANT USAGE ON SCHEMA tenant TO $reader, $report;
		GRANT SELECT ON ALL TABLES IN SCHEMA tenant TO $reader, $report;
		GRANT INSERT ON tenant.tbl_data_timeseries TO $reader;
		GRANT USAGE ON ALL SEQUENCES IN SCHEMA tenant TO $reader;
		ALTER ROLE $report SET search_path = \"Odd, path\", tenant"
}
teardown() {
	touch stop
	[[ ! ${HOLDS_PID-} ]] || kill "$HOLDS_PID" || :
	for each in "${app[@]}"; do
		wait "$each" || :
	done
	sql "DROP OWNED BY $reader, $report; DROP ROLE $reader, $report"
}

migrate() {
	"$root/t/telemetry" 2 12 2400
	run_rc 0 narrow-to-wide --mode migration-only --cutoff-time 2025-01-01 --workers 1 \
		--group-columns 5
}
route() { narrow-to-wide --mode route "$@"; }
wide=tbl_data_timeseries_imo9999993

# ask ROLE: what an application asks, without a schema, of a time that is over
ask() {
	PGUSER=$1 psql -XAtq -v ON_ERROR_STOP=1 <<-END
		SELECT md5(string_agg(w::text, ',' ORDER BY created_time)) FROM $wide AS w
			WHERE created_time < '2024-10-03';
		SELECT md5(string_agg(format('%s %s %s %s %s %s %s', ship_id, data_channel_id,
			created_time, value_format, bool_v, str_v, coalesce(double_v::text,
			long_v::text)),
			',' ORDER BY data_channel_id, created_time)) FROM ${wide}_narrow
			WHERE created_time < '2024-10-03'
			AND num_nonnulls(bool_v, str_v, double_v, long_v) > 0;
	END
}

# application ROLE: asks all the time, with new sessions and with one that stays, and writes
application() {
	coproc STAYS { PGUSER=$1 exec psql -XAtq 2>>"$1.err"; }
	while [[ ! -e stop ]]; do
		ask "$1" >>"$1.answers" 2>>"$1.err"
		[[ $1 != reader_* ]] || PGUSER=$1 sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, double_v, value_format)
			VALUES ('IMO9999993', '/new', clock_timestamp(), 1, 'Decimal')" 2>>"$1.err"
		echo "SELECT count(*) FROM $wide WHERE created_time < '2024-10-03';" >&"${STAYS[1]}"
		read -r answer <&"${STAYS[0]}"
		echo "$answer" >>"$1.stays"
	done
	echo '\q' >&"${STAYS[1]}"
}
answered() { (($(wc -l <"$1.answers") >= $2)); }
# both have asked twice from here on
asked_again() {
	local each
	for each in "$reader" "$report"; do
		wait_until 20 answered "$each" "$(($(wc -l <"$each.answers") + 5))"
	done
}
path_of() { PGUSER=$1 sql 'SHOW search_path'; }

@test "route: two roles, narrow, one role, both, and back, without an error or another answer" {
	local each
	# as of channels that came while the source was followed
	sql "UPDATE ferry.channel SET format = NULL WHERE grp = 1"
	run_rc 0 route --ship-id IMO9999993 --to narrow
	run_rc 0 route --roles "$reader,$report" --to narrow
	has "$err" 'sessions that are open keep their way'
	is "$(path_of "$report")" 'ferry_narrow, "Odd, path", tenant'
	is "$(path_of "$reader")" 'ferry_narrow, "$user", public'
	for each in "$reader" "$report"; do
		application "$each" &
		app+=("$!")
	done
	wait_until 20 test -s "$report.answers" -a -s "$reader.answers"
	asked_again
	run_rc 0 route --ship-id IMO9999993 --to wide --roles "$report" --force
	is "$(path_of "$report")" 'ferry_wide, ferry_narrow, "Odd, path", tenant'
	asked_again
	run_rc 0 route --roles "$reader" --to wide
	asked_again
	is "$(PGUSER=$reader sql "SELECT '$wide'::regclass, '${wide}_narrow'::regclass")" \
		"$wide|${wide}_narrow"
	is "$(PGUSER=$reader sql "EXPLAIN SELECT * FROM $wide" | grep -c 'tbl_data_timeseries ')" 0
	run_rc 0 route -f csv
	is "$(<"$out")" "ship,route,narrow_shape,wide_roles,narrow_roles,wide_lacks
IMO9999993,wide,wide,\"$reader,$report\",,"
	run_rc 0 narrow-to-wide --mode status
	has "$out" "$reader,$report"
	# back: the ship of all roles at once, while they ask, then the roles
	run_rc 0 route --ship-id IMO9999993 --to narrow
	asked_again
	run_rc 0 route --roles "$reader,$report" --to narrow
	asked_again
	touch stop
	for each in "${app[@]}"; do
		wait "$each"
	done
	app=()
	for each in "$reader" "$report"; do
		is "$(<"$each.err")" '' "$each"
		is "$(sort -u "$each.answers" | wc -l)" 2
		is "$(sort -u "$each.stays" | wc -l)" 1
	done
	is "$(sort -u "$reader.answers")" "$(sort -u "$report.answers")"
	# gone with the tables, and the paths as they were
	run_rc 0 route --ship-id IMO9999993 --to wide --roles "$report" --force
	run_rc 1 narrow-to-wide --mode rollback <<<no
	is "$(path_of "$report")" 'ferry_wide, ferry_narrow, "Odd, path", tenant'
	run_rc 0 narrow-to-wide --mode rollback --yes
	is "$(path_of "$report")" '"Odd, path", tenant'
	is "$(sql "SELECT count(*) FROM pg_db_role_setting WHERE setdatabase =
		(SELECT oid FROM pg_database WHERE datname = current_database())")" 0
	is "$(sql "SELECT to_regnamespace('ferry_wide'), to_regnamespace('ferry_narrow')")" '|'
}

@test "route: names are read with the rights of who asks, and what is wrong is said" {
	local secret=secret_$$
	run_rc 0 route --roles "$report" --to narrow
	has "$err" 'no ship is routed yet'
	run_rc 0 route --ship-id IMO9999993 --to wide --force
	sql "CREATE ROLE $secret LOGIN; GRANT USAGE ON SCHEMA tenant TO $secret"
	if (($(sql 'SHOW server_version_num') >= 150000)); then
		for each in ferry_narrow.$wide ferry_wide.$wide ferry_narrow.${wide}_narrow \
			ferry_wide.${wide}_narrow; do
			PGUSER=$secret run_rc 1 sql "SELECT count(*) FROM $each"
			has "$err" 'permission denied'
		done
	fi
	PGUSER=$secret run_rc 77 route --roles "$reader" --to wide
	sql "DROP OWNED BY $secret; DROP ROLE $secret"
	run_rc 78 route --roles nobody --to wide
	has "$err" 'role nobody is not routed: there is no role "nobody"'
	run_rc 78 route --ship-id X --to wide
	has "$err" 'ship "X" has no wide table or view in tenant'
	run_rc 64 route --to wide
	run_rc 64 route --roles "$reader"
}

@test "route: a ship whose wide side is not complete is refused, or marked" {
	local each what mark
	sql "CREATE TABLE kept AS SELECT * FROM ferry.chunk"
	run_rc 0 route --ship-id IMO9999993 --to wide
	has_no "$err" 'not complete'
	# what the ledger knows: as they are said, by state
	by_turns 2 "UPDATE ferry.chunk SET state = 'pending'/chunks are not done/open 1" \
		"UPDATE ferry.chunk SET state = 'failed'/--retry-failed/failed 1" \
		"INSERT INTO ferry.doubt (job_id, ship, why) SELECT job_id, 'IMO9999993', 'x'
			FROM ferry.job/in doubt/doubt" \
		"DELETE FROM ferry.chunk/nothing of it is carried over/nothing"
	for each in "${turns[@]}"; do
		IFS=/ read -r each what mark <<<"${each//$'\n'/ }"
		[[ $each != UPDATE* ]] || each+=" WHERE ship = 'IMO9999993' AND chunk_from = (SELECT
			min(chunk_from) FROM ferry.chunk WHERE ship = 'IMO9999993')"
		sql "$each"
		run_rc 78 route --ship-id IMO9999993 --to wide
		has "$err" "$what"
		has "$err" '--force does it all the same'
		run_rc 0 route -f csv
		is "$(cut -d , -f 1,2,6 "$out" | tail -n 1)" "IMO9999993,wide,$mark"
		sql "DELETE FROM ferry.doubt; DELETE FROM ferry.follower; DELETE FROM ferry.chunk;
			INSERT INTO ferry.chunk SELECT * FROM kept"
	done
	# what is only warned of, and what the ledger does not know
	sql "INSERT INTO ferry.follower (job_id, kind) SELECT job_id, 'poll' FROM ferry.job"
	run_rc 0 route --ship-id IMO9999993 --to wide
	has "$err" 'not complete: its follower does not run'
	sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time,
		double_v, value_format) VALUES ('IMO9999993', '/new', '2026-01-01', 1, 'Decimal')"
	run_rc 78 route --ship-id IMO9999993 --to wide
	has "$err" 'not followed, and the narrow table has rows behind 2024-'
	# nor by who leaves it out
	sql "UPDATE ferry.follower
		SET worker = 'w', lease_until = 'infinity', ships = '{IMO9999994}'"
	run_rc 78 route --ship-id IMO9999993 --to wide
	has "$err" 'not followed, and the narrow table has rows behind 2024-'
	run_rc 0 route --ship-id IMO9999994 --to wide
	run_rc 0 route -f csv
	is "$(cut -d , -f 1,6 "$out" | tail -n 2)" $'IMO9999993,stopped\nIMO9999994,'
	run_rc 0 route --ship-id IMO9999993 --to wide --force
	has "$err" 'is asked for in wide tables that are not complete: not followed'
	run_rc 0 route --ship-id IMO9999993 --to narrow
}

@test "route: native doubles are not rounded, and a text in a column of numbers is a text" {
	local table column value
	sql "UPDATE tenant.tbl_data_timeseries SET double_v = 1.7976931348623157e308
		WHERE id = (SELECT min(id) FROM tenant.tbl_data_timeseries
			WHERE ship_id = 'IMO9999993' AND double_v IS NOT NULL)"
	run_rc 0 narrow-to-wide --mode migration-only --cutoff-time 2025-01-01 --workers 1 \
		--types native --target-schema nat --target-prefix n_
	run_rc 0 route --ship-id IMO9999993 --to wide --target-schema nat --target-prefix n_ --force
	export PGOPTIONS='-c extra_float_digits=0'
	same_rows "SELECT data_channel_id, created_time, double_v, long_v, str_v, bool_v
			FROM ferry_wide.n_imo9999993_narrow" \
		"SELECT data_channel_id, created_time, double_v, long_v, str_v, bool_v
			FROM tenant.tbl_data_timeseries WHERE ship_id = 'IMO9999993'
			AND num_nonnulls(double_v, long_v, str_v, bool_v) > 0"
	# rows of another format, in the tables of texts
	read -r table column < <(sql "SELECT table_name || ' ' || column_name FROM ferry.channel
		WHERE target_schema = 'tenant' AND ship = 'IMO9999993' AND format = 'Decimal'
		ORDER BY channel LIMIT 1")
	by_turns 2 n/a 1e999 1.7999e308 12x true
	for value in "${turns[@]}"; do
		sql "UPDATE tenant.$table SET \"$column\" = '$value' WHERE created_time =
			(SELECT min(created_time) FROM tenant.$table WHERE \"$column\" IS NOT NULL)"
		run_rc 0 route --ship-id IMO9999993 --to wide --force
		is "$(sql "SELECT count(double_v) > 0 FROM ferry_wide.${wide}_narrow")" t
		is "$(sql "SELECT value_format, double_v, str_v FROM ferry_wide.${wide}_narrow
			WHERE str_v = '$value'")" "String||$value"
	done
	# by the columns that the job was planned with
	sql "ALTER TABLE tenant.tbl_data_timeseries RENAME created_time TO t;
		UPDATE ferry.job SET columns = '{\"time-column\":\"t\"}'
			WHERE target_schema = 'tenant'"
	run_rc 0 route --ship-id IMO9999994 --to wide --force
}

@test "route: names of two ships do not collide, and nobody waits for a lock" {
	local each
	coproc HOLDS { exec psql -XAtq; }
	run_rc 0 route --ship-id IMO9999993 --to wide --force
	echo "BEGIN; SELECT count(*) > 0, pg_backend_pid() FROM ferry_wide.$wide;" >&"${HOLDS[1]}"
	read -r answer <&"${HOLDS[0]}"
	FERRY_ROUTE_TRIES=2 run_rc 75 route --ship-id IMO9999993 --to narrow
	has "$err" "others hold its names: pid ${answer#*|} ("
	FERRY_ROUTE_TRIES=2 run_rc 75 narrow-to-wide --mode rollback --yes
	has "$err" "others hold its names: pid ${answer#*|} ("
	# what is locked is none of its names
	echo 'COMMIT; BEGIN; LOCK TABLE ferry.channel; SELECT 1;' >&"${HOLDS[1]}"
	read -r _ <&"${HOLDS[0]}"
	FERRY_ROUTE_TRIES=2 run_rc 75 route --ship-id IMO9999993 --to narrow
	has "$err" 'is not routed: canceling statement due to lock timeout'
	echo '\q' >&"${HOLDS[1]}"
	wait "$HOLDS_PID" || :
	# the same names, from another schema
	sql "CREATE SCHEMA other; CREATE TABLE other.$wide (created_time timestamp, a text);
		INSERT INTO ferry.channel (target_schema, ship, channel, grp, table_name,
			column_name, type) VALUES
			('other', 'IMO9999993', 'a', 1, '$wide', 'a', 'text')"
	run_rc 78 route --ship-id IMO9999993 --to wide --force --target-schema other
	has "$err" "its names are taken: ferry_"
	# a ship that is called as the narrow shape of another one, and a name of full length
	sql "CREATE TABLE tenant.${wide}_narrow (created_time timestamp, a text);
		INSERT INTO ferry.channel (target_schema, ship, channel, grp, table_name,
			column_name, type) VALUES
			('tenant', 'X', 'a', 1, '${wide}_narrow', 'a', 'text')"
	run_rc 78 route --ship-id IMO9999993 --to wide --force
	has "$err" "its names are taken: ${wide}_narrow, the wide table of ship X"
	each=$(printf 'y%.0s' {1..63})
	sql "CREATE TABLE tenant.$each (created_time timestamp, a text);
		INSERT INTO ferry.channel (target_schema, ship, channel, grp, table_name,
			column_name, type) VALUES ('tenant', 'Y', 'a', 1, '$each', 'a', 'text')"
	run_rc 78 route --ship-id Y --to wide --force
	has "$err" 'is too long: there is no room for _narrow behind it'
}

says_the_last() {
	local each
	run_rc 0 route --ship-id IMO9999993 --to wide --force
	for each in "created_time = '2024-10-01 00:00:00.5'" true; do
		same_rows "SELECT * FROM ferry_narrow.$wide WHERE $each" \
			"SELECT * FROM tenant.$wide WHERE $each"
	done
	sql "SELECT * FROM ferry_narrow.$wide WHERE created_time = '2024-10-01 00:00:00.5'" >got
	has got '|10'
}

# by_order t|f: are the rows read in the order of which counts?
by_order() {
	is "$(sql "SELECT pg_get_viewdef('ferry_narrow.$wide'::regclass)
		LIKE '%DISTINCT ON%'")" "$1"
}

@test "route: of a cell that is there twice both arms say the last value; nobody waits for a look" {
	sql "ALTER TABLE tenant.tbl_data_timeseries DROP CONSTRAINT tbl_data_timeseries_pkey;
		INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time,
			double_v, value_format)
		SELECT 'IMO9999993', channel, '2024-10-01 00:00:00.5', v, 'Decimal'
		FROM (SELECT min(channel) AS channel FROM ferry.channel WHERE ship = 'IMO9999993'
			AND format = 'Decimal') AS c, unnest('{1,9,10,NULL}'::float8[]) AS v"
	run_rc 0 narrow-to-wide --mode validate --repair
	says_the_last
	# the key of a table says nothing of those that inherit from it
	sql "CREATE TABLE tenant.child () INHERITS (tenant.tbl_data_timeseries);
		WITH gone AS (DELETE FROM ONLY tenant.tbl_data_timeseries
			WHERE double_v IS DISTINCT FROM 10
				AND created_time = '2024-10-01 00:00:00.5' RETURNING *)
		INSERT INTO tenant.child SELECT * FROM gone;
		ALTER TABLE tenant.tbl_data_timeseries
			ADD PRIMARY KEY (ship_id, data_channel_id, created_time)"
	says_the_last
	by_order t
	sql "CREATE SCHEMA _timescaledb_catalog; CREATE TABLE _timescaledb_catalog.hypertable
		AS SELECT name 'tenant' AS schema_name, name 'tbl_data_timeseries' AS table_name"
	run_rc 0 route --ship-id IMO9999993 --to wide --force
	by_order f
	sql 'DROP SCHEMA _timescaledb_catalog CASCADE; DROP TABLE tenant.child' 2>/dev/null
	run_rc 0 route --ship-id IMO9999993 --to wide --force
	by_order f
	# whoever asks the narrow table sees which names are locked while it is asked
	sql "ALTER TABLE tenant.tbl_data_timeseries RENAME TO base;
		CREATE TABLE seen (locks bigint);
		CREATE FUNCTION look() RETURNS bool LANGUAGE plpgsql AS \$\$BEGIN
			INSERT INTO public.seen SELECT count(*) FROM pg_locks AS l
				JOIN pg_class AS c ON c.oid = l.relation
				JOIN pg_namespace AS n ON n.oid = c.relnamespace
				WHERE n.nspname IN ('ferry_narrow', 'ferry_wide')
					AND l.mode = 'AccessExclusiveLock';
			RETURN true; END\$\$;
		CREATE VIEW tenant.tbl_data_timeseries AS SELECT * FROM tenant.base
			WHERE (SELECT public.look());
		UPDATE ferry.channel SET format = NULL WHERE ship = 'IMO9999993'"
	run_rc 0 route --ship-id IMO9999993 --to wide --force
	is "$(sql 'SELECT count(*) > 3, max(locks) FROM seen')" 't|0'
}
