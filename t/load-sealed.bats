load helper

# Every prefix and every flipped bit of a sealed stream, into the database: what is committed is
# whole chunks as they were sent, or nothing.

# mutate FILE COMMAND...: runs COMMAND with every mutant of FILE on standard input
mutate() {
	local units=$FERRY_BIN/../unit

	[[ -d $units ]] || units=$root/build/release/unit
	timeout -k 5 900 "$units/mutate" "$@"
}

# A table of its own for every run cannot be had: rows are only ever added, so a wrong one stays.
@test "loader: every prefix and flipped bit of a sealed CSV commits nothing wrong" {
	scratch_db
	sql 'CREATE TABLE t (k text, v text)'
	printf 'k,v\n1,x\n2,"y,z"\n' >plain.csv
	reformat --seal plain.csv >sealed.csv
	mutate sealed.csv pg-copy-load --table public.t >"$out"
	cat "$out" >&3
	has "$out" "$(($(wc -c <sealed.csv) - 1)) prefixes, $(($(wc -c <sealed.csv) * 8)) flipped bits"
	has "$out" ' 0 the same, 0 wrong'
	# the whole stream went in once, as the pattern to compare with
	same_rows 'SELECT k, v FROM t' "VALUES ('1', 'x'), ('2', 'y,z')"
}

@test "loader: every prefix and flipped bit of a sealed NDJSON commits nothing wrong" {
	scratch_db
	sql 'CREATE TABLE t (k text, v text)'
	printf '{"k":"1","v":"x"}\n{"k":"2","v":null}\n' >plain.json
	reformat --seal plain.json >sealed.json
	mutate sealed.json pg-copy-load --table public.t >"$out"
	cat "$out" >&3
	has "$out" "$(($(wc -c <sealed.json) - 1)) prefixes, $(($(wc -c <sealed.json) * 8)) flipped bits"
	has "$out" ' 0 the same, 0 wrong'
	same_rows 'SELECT k, v FROM t' "VALUES ('1', 'x'), ('2', NULL)"
}

@test "loader: every prefix of a wide stream of two chunks commits whole chunks only" {
	local n
	scratch_db
	sql "CREATE SCHEMA tenant; CREATE TABLE tenant.n (ship_id text, created_time timestamp,
			data_channel_id text, value text);
		INSERT INTO tenant.n VALUES ('S', '2024-01-01', 'a', '1.5'), ('S', '2024-01-01', 'b', ''),
			('S', '2024-01-02', 'a', '2'), ('S', '2024-01-02', 'c', 'x,\"y')"
	pg-narrow-dump --seal --table tenant.n --value-column value | pivot-wide --seal >sealed.csv
	# every tenth prefix: each is a run of the loader that may create tables
	for ((n = 1; n < $(wc -c <sealed.csv); n += 10)); do
		head -c "$n" sealed.csv | pg-copy-load --wide 2>"$err" && return 1
		# shellcheck disable=SC2016
		sql 'DO $$ BEGIN IF to_regclass($q$tenant.tbl_data_timeseries_s$q$) IS NOT NULL THEN
			ASSERT (SELECT count(*) FROM tenant.tbl_data_timeseries_s) < 3;
			ASSERT (SELECT count(*) FILTER (WHERE a = $q$1.5$q$ AND length(b) = 0) FROM
				tenant.tbl_data_timeseries_s WHERE created_time = $q$2024-01-01$q$) =
				(SELECT count(*) FROM tenant.tbl_data_timeseries_s
				WHERE created_time = $q$2024-01-01$q$);
		END IF; END $$'
	done
	run_pipe '0 0' 'cat sealed.csv | pg-copy-load --wide'
	same_rows 'SELECT created_time, a, b, c FROM tenant.tbl_data_timeseries_s' "VALUES
		(timestamp '2024-01-01', '1.5', '', NULL), ('2024-01-02', '2', NULL, 'x,\"y')"
}
