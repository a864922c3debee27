load ../helper
load ../live

# LIVE_MINUTES 480, in eight rounds: a feed with all its disorder, kills and crashes, servers that
# let nobody in, tables that others lock and alter. What is measured behind each round is a line of
# the report; the last one is as the second.

setup() {
	helper_setup
	run='' feed='' others=''
}
teardown() { live_teardown; }

readonly rounds=8 figures=(kB descriptors sessions state-bytes wal-kept dead-percent bytes-a-row)

# let_in BOOLEAN: anybody, into the target; asked from beside it
let_in() {
	psql -XAtq -d template1 -c "ALTER DATABASE $PGDATABASE WITH ALLOW_CONNECTIONS $1"
}

# trouble: what an administrator or another application does meanwhile
trouble() {
	local table

	random 4
	case $random in
	0) # nobody is let in for a while
		let_in false
		terminate target >/dev/null || :
		nap 2000
		let_in true
		;;
	1) # a lock on a wide table
		table=$(sql "SELECT min(relname) FROM pg_class
			WHERE relname ~ '^tbl_data_timeseries_.*_1\$'") || return 0
		sql "BEGIN; LOCK TABLE tenant.$table; SELECT pg_sleep(2); COMMIT" >/dev/null || :
		;;
	2) source_sql 'ALTER TABLE tenant.tbl_data_timeseries ADD COLUMN IF NOT EXISTS more int' ;;
	3) source_sql 'ALTER TABLE tenant.tbl_data_timeseries DROP COLUMN IF EXISTS more' ;;
	esac
}

# measured: the figures of this moment, in one line
measured() {
	local -a pids
	mapfile -t pids < <(stages "$run")
	printf '%s ' "$(ps -o rss= "${pids[@]}" "$run" |
		awk '{ s += $1 } END { print s + 0 }')" \
		"$(for each in "${pids[@]}"; do ls "/proc/$each/fd"; done 2>/dev/null | wc -l)" \
		"$(sql 'SELECT count(*) FROM pg_stat_activity')" \
		"$(du -sb "$FERRY_STATE" | cut -f 1)" \
		"$(source_sql 'SELECT coalesce(max(pg_current_wal_insert_lsn() - restart_lsn),
			0)::bigint FROM pg_replication_slots')"
	sql "SELECT 100 * sum(n_dead_tup) / greatest(sum(n_live_tup), 1),
			sum(pg_total_relation_size(relid)) / greatest(sum(n_live_tup), 1)
		FROM pg_stat_user_tables WHERE schemaname = 'tenant'" | tr '|' ' '
}

# for_hours HOW
for_hours() {
	local minutes=${LIVE_MINUTES:-480} end round i least
	local -a first last

	two_servers
	at_source "$root/t/telemetry" 8 100 100000 --start '2024-09-30 20:00'
	feed --ships 8 --channels 100 --speed 20 --held 2 --late 5 --aborted 10 --corrected 3 \
		--new-channels 10 --new-ship --new-at 60 --from '2024-10-01 00:00'
	live --mode concurrent --follow "$1" --chunk 30m --group-columns 25 --interval 100ms
	printf '# round: %s\n' "${figures[*]}" >&3
	for ((round = 1; round <= rounds; round++)); do
		end=$((SECONDS + minutes * 60 / rounds))
		while ((SECONDS < end)); do
			trouble
			kill_some 2 3>/dev/null
			nap 5000
		done
		# as it is once it has caught up, and what autovacuum would have done is done
		rm -f goal
		wait_until 120 caught_up
		sql 'VACUUM ANALYZE'
		read -ra last < <(measured)
		printf '# %s: %s\n' "$round" "${last[*]}" >&3
		((round != 2)) || first=("${last[@]}")
	done
	kill -TERM "$feed"
	feed_ends
	settled "$1"
	run_rc 0 narrow-to-wide --mode validate
	for i in "${!figures[@]}"; do
		# of what is nearly nothing, twice as much is nearly nothing
		least=$((i == 4 ? 134217728 : i == 5 ? 5 : 20000))
		awk -v a="${first[i]}" -v b="${last[i]}" -v least="$least" '
			BEGIN { exit !(b <= a * 1.25 || b <= least) }' || {
			printf '%s: %s behind the second round, %s at the end\n' "${figures[i]}" \
				"${first[i]}" "${last[i]}"
			return 1
		}
	done
}

@test "soak: hours of all at once, from a slot, and every line is flat" { for_hours slot; }
