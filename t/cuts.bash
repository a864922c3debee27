# cuts.bash: connections to PostgreSQL that are cut off at one message, by t/liars/postgres.py.
# Both t/cuts.bats and t/soak/cuts.bats use it. What is to be there is said by oracle.bash.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # variables of the helper, the oracle and the test

load "${BATS_TEST_DIRNAME%/soak}/oracle"

cutoff=9999-12-31
ways=(before half after down delay)

# proxy_start SIDE [FROM N HOW]: between the programs and the server, for the source or the target
# or both
proxy_start() {
	local conninfo="host=$BATS_TEST_TMPDIR/proxy port=5432 user=$PGUSER dbname=$PGDATABASE"

	rm -rf proxy
	mkdir proxy
	"$root/t/liars/postgres.py" proxy "$PGHOST/.s.PGSQL.$PGPORT" "${@:2}" >proxy/log 2>&1 3>&- &
	proxy=$!
	wait_until 20 test -s proxy/ready
	[[ $1 == target ]] || export FERRY_SOURCE=$conninfo
	[[ $1 == source ]] || export FERRY_TARGET=$conninfo
}
# proxy_stop: $cut is what was cut off, or empty; $messages of the client and of the server
proxy_stop() {
	kill -TERM "$proxy"
	wait "$proxy"
	proxy=''
	unset FERRY_SOURCE FERRY_TARGET
	[[ ! -s proxy/log ]] || {
		cat proxy/log
		return 1
	}
	cut=''
	[[ ! -f proxy/cut ]] || cut=$(<proxy/cut)
	read -ra messages <proxy/count
}
# A table of production's shape, small; the same rows as a feed, feed.csv.
cuts_setup() {
	helper_setup
	scratch_db
	export FERRY_RETRY_PAUSE=20 FERRY_STATE=$BATS_TEST_TMPDIR/state
	cuts=0 failed=0 proxy='' how=''
	sql "CREATE SCHEMA tenant;
		CREATE TABLE tenant.tbl_data_timeseries (id bigserial, ship_id text NOT NULL,
			data_channel_id text NOT NULL, created_time timestamp NOT NULL,
			server_created_time timestamp, bool_v boolean, str_v text, long_v bigint,
			double_v double precision, value_format varchar(50),
			PRIMARY KEY (ship_id, data_channel_id, created_time));
		CREATE INDEX ON tenant.tbl_data_timeseries (created_time DESC);
		INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time,
			long_v, str_v, value_format)
		SELECT 'S' || s, 'c' || c, '2024-01-01'::timestamp + i * interval '30 s',
			CASE WHEN c < 5 THEN i * 1000 + c END,
			CASE WHEN c >= 5 THEN format('%s %s', s, i) END,
			CASE WHEN c < 5 THEN 'Integer' ELSE 'String' END
		FROM generate_series(0, 39) AS i, generate_series(1, 7) AS c,
			generate_series(1, 2) AS s"
	sql 'CREATE TABLE all_rows AS TABLE tenant.tbl_data_timeseries'
	sql "COPY (SELECT ship_id, created_time, data_channel_id, bool_v, str_v, long_v,
			double_v, value_format FROM all_rows ORDER BY id)
		TO STDOUT (FORMAT csv, HEADER)" >feed.csv
}
cuts_teardown() {
	[[ ! ${pipeline-} ]] || kill -KILL -- "-$pipeline" 2>/dev/null || :
	[[ ! ${proxy-} ]] || kill -KILL "$proxy" || :
	forget
}

# ---- what must hold ----------------------------------------------------------------------------

# quiet: no session is left of those that the programs had, nor a lock
quiet() {
	is "$(sql "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
			AND pid <> pg_backend_pid()
			AND backend_type IN ('client backend', 'walsender')"
		sql "SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database
			WHERE locktype = 'advisory' AND datname = current_database()")" $'0\n0'
}

# done_is_true: all of the chunks that the ledger says are done is in the wide tables
done_is_true() {
	[[ $(sql "SELECT to_regclass('ferry.chunk') IS NOT NULL") == t ]] || return 0
	[[ $(sql "SELECT count(*) FROM ferry.chunk WHERE state = 'done' AND cells > 0") != 0 ]] ||
		return 0
	is "$(sql "SELECT count(*) FROM (
		SELECT o.* FROM ($(oracle)) AS o JOIN ferry.chunk AS c ON c.ship = o.ship_id
			AND o.created_time >= c.chunk_from AND o.created_time < c.chunk_to
			AND c.state = 'done'
		EXCEPT ALL ($(wide))) AS x")" 0 'values of chunks that are done are missing'
}

# said_truly CODES: how the programs have ended that were cut off, and what they have said. Behind
# one that did not begin a filter misses the header, and before one that ended nobody reads.
said_truly() {
	local each failed=0

	for each in $1; do
		case $each in
		0) ;;
		69 | 75 | 76) failed=1 ;;
		65) ((failed)) || return 1 ;;
		141) [[ $1 == *" 75" ]] || return 1 ;;
		*) return 1 ;;
		esac
	done
	((!failed)) || { [[ $how != delay ]] && grep -q ': error: ' run.err; } || return 1
	# the answer to a COMMIT of a loader was lost, or most of it
	[[ ! $cut =~ ^server\ .\ (pg-copy-load|pg-dual-load)\ rows\ COMMIT$ || $how == after ]] ||
		grep -q 'it is not known whether the last chunk was committed' run.err
}

# forget: as if nothing had been carried over
forget() {
	sql "DO \$\$ DECLARE v record; BEGIN
		FOR v IN SELECT oid::regclass AS name,
				CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind
			FROM pg_class WHERE relnamespace = to_regnamespace('tenant')
				AND relname ~ '^tbl_data_timeseries_[^i]' AND relkind IN ('r', 'v')
			ORDER BY relkind DESC LOOP
			EXECUTE format('DROP %s %s', v.kind, v.name);
		END LOOP; END \$\$;
		DROP SCHEMA IF EXISTS ferry CASCADE" 2>/dev/null
}

# cut_off CASE SIDE FROM N HOW: CASE_begin, CASE_run with that cut, CASE_run without, and the tables
# are as they are to be. False when there was no such message.
cut_off() {
	how=$5 cut=none
	"$1_begin"
	: >run.err
	proxy_start "${@:2}"
	"$1_run"
	proxy_stop || return
	[[ $cut ]] || "$1_end"
	[[ $cut ]] || return
	cuts=$((cuts + 1))
	[[ ! ${codes//[ 0]/} ]] || failed=$((failed + 1))
	said_truly "$codes" && done_is_true && wait_until 10 quiet && {
		mv run.err cut.err
		"$1_run"
		is "${codes//[ 0]/}" ''
	} && is_carried_over && "$1_check" && "$1_end" && return
	printf '%s: %s cut off at message %s of the %s (%s), %s: %s\n' "$1" "$2" "$4" "$3" "$how" \
		"$cut" "$codes"
	tail -n 20 cut.err run.err | cut -c 1-300
	return 1
}

# cut_some CASE SIDE COUNT: so many cuts, by chance; 0: at every message (or with EVERY=N each Nth),
# one way after the other
cut_some() {
	local from i n way=0 every=${EVERY:-1}
	local -a all

	"$1_begin"
	proxy_start "$2"
	"$1_run"
	proxy_stop
	is "${codes//[ 0]/}" ''
	"$1_end"
	all=("${messages[@]}")
	if (($3 == 0)); then
		for from in client server; do
			n=${all[0]}
			[[ $from == client ]] || n=${all[1]}
			for ((i = 1 + FERRY_SEED % every; i <= n; i += every)); do
				cut_off "$1" "$2" "$from" "$i" "${ways[way++ % ${#ways[@]}]}" ||
					[[ ! $cut ]]
			done
		done
	fi
	for ((i = 0; i < $3; i++)); do
		random 2
		from=client n=${all[0]}
		((random)) || { from=server n=${all[1]}; }
		random "$n"
		n=$((random + 1))
		random ${#ways[@]}
		cut_off "$1" "$2" "$from" "$n" "${ways[random]}" || [[ ! $cut ]]
	done
	printf '# %s, %s: %s cuts, %s runs failed; %s and %s messages\n' "$1" "$2" \
		"$cuts" "$failed" "${all[@]}" >&3
}

# ---- the cases ---------------------------------------------------------------------------------

# The pipeline of a job.
past_begin() {
	forget
	job=$(pg-wide-ledger plan --cutoff-time 2024-01-02 --chunk 10m --quiet)
}
past_run() {
	# shellcheck disable=SC2016  # for another bash
	codes=$(timeout -k 5 "${RUN_TIMEOUT:-300}" bash -c 'pg-narrow-dump --job "$0" |
		pivot-wide | pg-copy-load --wide --group-columns 5
		printf "%s" "${PIPESTATUS[*]}" >&9' "$job" 9>&1 >/dev/null 2>>run.err)
}
past_check() {
	is "$(sql "SELECT bool_and(state = 'done'), sum(rows) FROM ferry.chunk")" \
		"$(sql 'SELECT true, count(*) FROM tenant.tbl_data_timeseries')"
}
past_end() { :; }

# All of it by the front door, from an empty target on.
whole_begin() { forget; }
whole_run() {
	codes=0
	timeout -k 5 "${RUN_TIMEOUT:-300}" narrow-to-wide --mode migration-only \
		--cutoff-time 2024-01-02 --chunk 10m --group-columns 5 >/dev/null 2>>run.err ||
		codes=$?
}
whole_check() { past_check; }
whole_end() { :; }

# What comes is followed, $kind slot or poll. It is written while the pipeline runs, and the first
# run may end before all of it is there.
follow_begin() {
	forget
	sql 'TRUNCATE tenant.tbl_data_timeseries'
	job=$(pg-wide-ledger follow --follow "$kind" --quiet)
	job=${job% *}
	put=0
}
follow_run() {
	local each

	rm -f codes
	# shellcheck disable=SC2016  # for another bash
	job=$job kind=$kind setsid bash -c 'export FERRY_WORKER=$$
		ack=()
		[[ $kind == poll ]] || ack=(--ack ack)
		pg-narrow-dump --follow "$kind" --job "$job" "${ack[@]}" --interval 20ms |
		pivot-wide -q | pg-copy-load --wide --group-columns 5 "${ack[@]}"
		printf "%s" "${PIPESTATUS[*]}" >codes.new
		mv codes.new codes' >/dev/null 2>>run.err 3>&- &
	pipeline=$!
	for ((each = put + 3; put < each; put++)); do
		put_rows "$put"
		wait_until 60 followed $((put + 1))
	done
	pkill -TERM -g "$pipeline" -x pg-narrow-dump || :
	wait "$pipeline" || :
	pipeline=''
	codes=$(<codes)
}
# put_rows N: one more instant of two ships; the values of the one before are corrected
put_rows() {
	sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, long_v,
			value_format)
		SELECT 'S' || s, 'c' || c, '2024-01-01'::timestamp + $1 * interval '15 s',
			$1 * 1000 + c, 'Integer'
		FROM generate_series(1, 7) AS c, generate_series(1, 2) AS s;
		UPDATE tenant.tbl_data_timeseries SET long_v = -long_v
		WHERE '$kind' = 'slot' AND data_channel_id = 'c1'
			AND created_time = '2024-01-01'::timestamp + ($1 - 1) * interval '15 s'"
}
# followed N: so many instants are there, or the pipeline has ended, or waits for a server that is
# down
followed() {
	[[ -f codes || ($proxy && $how == down && -f proxy/cut) ]] ||
		[[ $(sql "SELECT count(c7) FROM tenant.tbl_data_timeseries_s2") == "$1" ]]
}
follow_check() { :; }
follow_end() { pg-wide-ledger unfollow --quiet; }

# A feed into both tables. Sent again after it was cut off, all of it.
dual_begin() {
	forget
	sql 'TRUNCATE tenant.tbl_data_timeseries'
}
dual_run() {
	codes=0
	timeout -k 5 "${RUN_TIMEOUT:-300}" pg-dual-load --group-columns 5 feed.csv >/dev/null \
		2>>run.err || codes=$?
}
dual_check() {
	same_rows 'SELECT ship_id, created_time, data_channel_id, bool_v, str_v, long_v,
			double_v::text, value_format FROM tenant.tbl_data_timeseries' \
		'SELECT ship_id, created_time, data_channel_id, bool_v, str_v, long_v,
			double_v::text, value_format FROM all_rows'
}
dual_end() { :; }
