# mutants.bash: cut and changed sealed streams, into the database: what is committed is whole chunks
# as they were sent, or nothing. Some in t/load-sealed.bats, all in t/soak/mutate.bats.
# shellcheck shell=bash
# shellcheck disable=SC2154  # the helper's variables

# mutate FILE COMMAND...: runs COMMAND with mutants of FILE on standard input, as MUTATE says
mutate() {
	local units=$FERRY_BIN/../unit

	[[ -d $units ]] || units=$root/build/release/unit
	timeout -k 5 3600 "$units/mutate" "$@" >"$out"
	cat "$out" >&3
	has "$out" ' 0 the same, 0 wrong'
	[[ $(<"$out") =~ ^[1-9][0-9]*' prefixes, '[1-9] ]]
}

# mutants_of TEXT ROWS: of TEXT sealed, whose rows are ROWS. A table for every run cannot be
# had: rows are only ever added, so a wrong one stays.
mutants_of() {
	scratch_db
	sql 'CREATE TABLE t (k text, v text)'
	printf '%b' "$1" >plain
	reformat --seal plain >sealed
	mutate sealed pg-copy-load --table public.t
	same_rows 'SELECT k, v FROM t' "VALUES $2"
}
mutants_of_csv() { mutants_of 'k,v\n1,x\n2,"y,z"\n' "('1', 'x'), ('2', 'y,z')"; }
mutants_of_ndjson() {
	mutants_of '{"k":"1","v":"x"}\n{"k":"2","v":null}\n' "('1', 'x'), ('2', NULL)"
}

# prefixes_of_wide FIRST STEP: each is a run of the loader that may create tables
prefixes_of_wide() {
	local n
	scratch_db
	sql "CREATE SCHEMA tenant; CREATE TABLE tenant.n (ship_id text, created_time timestamp,
			data_channel_id text, value text);
		INSERT INTO tenant.n VALUES ('S', '2024-01-01', 'a', '1.5'),
			('S', '2024-01-01', 'b', ''), ('S', '2024-01-02', 'a', '2'),
			('S', '2024-01-02', 'c', 'x,\"y')"
	pg-narrow-dump --seal --table tenant.n --value-column value | pivot-wide --seal >sealed.csv
	for ((n = $1; n < $(wc -c <sealed.csv); n += $2)); do
		head -c "$n" sealed.csv | pg-copy-load --wide 2>"$err" && return 1
		# shellcheck disable=SC2016
		sql 'DO $$ BEGIN IF to_regclass($q$tenant.tbl_data_timeseries_s$q$) IS NOT NULL THEN
			ASSERT (SELECT count(*) FROM tenant.tbl_data_timeseries_s) < 3;
			ASSERT (SELECT count(*) FILTER (WHERE a = $q$1.5$q$ AND length(b) = 0)
				FROM tenant.tbl_data_timeseries_s
				WHERE created_time = $q$2024-01-01$q$) =
				(SELECT count(*) FROM tenant.tbl_data_timeseries_s
				WHERE created_time = $q$2024-01-01$q$);
		END IF; END $$'
	done
	run_pipe '0 0' 'cat sealed.csv | pg-copy-load --wide'
	same_rows 'SELECT created_time, a, b, c FROM tenant.tbl_data_timeseries_s' "VALUES
		(timestamp '2024-01-01', '1.5', '', NULL), ('2024-01-02', '2', NULL, 'x,\"y')"
}
