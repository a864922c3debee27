# A server that says everything in another language: what it means is known by its codes.
load helper
load oracle

setup_file() {
	# where the server's user can read it
	export LOCPATH=$FERRY_TEST_POOL/locales
	mkdir -p "$LOCPATH"
	chmod 755 "$LOCPATH"
	[[ -d $LOCPATH/ko_KR.UTF-8 ]] || localedef -i ko_KR -f UTF-8 "$LOCPATH/ko_KR.UTF-8" || :
}

setup() {
	helper_setup
	own_cluster --option lc_messages=ko_KR.UTF-8
	scratch_db
	run_rc 1 sql 'SELECT 1 / 0'
	has "$err" '오류:'
}

@test "language: a migration, its comparison, and routes" {
	"$root/t/telemetry" 2 6 1200
	run_rc 0 narrow-to-wide --mode migration-only --cutoff-time 2025-01-01 --workers 1
	cutoff=2025-01-01 is_carried_over
	run_rc 0 narrow-to-wide --mode validate
	run_rc 0 narrow-to-wide --mode route --ship-id IMO9999993 --to wide
	# what is not whole, who may not, and who waits in vain
	sql "UPDATE ferry.chunk SET state = 'failed' WHERE ship = 'IMO9999994'"
	run_rc 78 narrow-to-wide --mode route --ship-id IMO9999994 --to wide
	has "$err" 'of its chunks failed' '--force does it all the same'
	run_rc 78 narrow-to-wide --mode route --ship-id X --to wide
	sql "CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA tenant, ferry TO reader;
		GRANT SELECT ON ALL TABLES IN SCHEMA tenant, ferry TO reader"
	PGUSER=reader run_rc 77 narrow-to-wide --mode route --ship-id IMO9999993 --to narrow
	mkfifo pipe
	sql <pipe >held &
	exec {fd}>pipe
	printf 'BEGIN; SELECT count(*) FROM ferry_wide.tbl_data_timeseries_imo9999993;\n' >&"$fd"
	wait_until 20 test -s held
	FERRY_ROUTE_TRIES=2 run_rc 75 narrow-to-wide --mode route --ship-id IMO9999993 --to narrow
	has "$err" 'others hold its names: pid ' 'pg_terminate_backend() ends a session'
	exec {fd}>&-
	wait "$!"
	run_rc 0 narrow-to-wide --mode route --ship-id IMO9999993 --to narrow
	PGUSER=reader narrow-to-wide --mode doctor >doctor.txt || :
	has_no doctor.txt ': ?'
}

@test "language: rows that are refused are told from those that are not" {
	sql "CREATE TABLE t (id int PRIMARY KEY, n int CHECK (n < 100), d date, u text UNIQUE)"
	{
		echo id,n,d,u
		for ((i = 1; i <= 400; i++)); do
			case $i in
			7) echo "$i,x,2024-01-01,$i" ;;
			99) echo "$i,100,2024-01-01,$i" ;;
			250) echo "$i,1,2024-02-30,$i" ;;
			300) echo "$i,1,2024-01-01,299" ;;
			*) echo "$i,$((i % 90)),2024-01-01,$i" ;;
			esac
		done
	} >in.csv
	for key in '' --key=id; do
		sql 'TRUNCATE t'
		run_rc 0 pg-copy-load --table t ${key:+"$key"} --rejects bad in.csv
		is "$(jq .record bad | sort -n | paste -sd ' ')" '7 99 250 300'
		is "$(sql 'SELECT count(*), sum(id) FROM t')" '396|79544'
	done
}
