load ../helper
load ../live

# For long: LIVE_KILLS 50 in each of four runs, LIVE_MINUTES 60 of the feed for the memory.

setup() {
	helper_setup
	run='' feed='' others=''
}
teardown() { live_teardown; }

# Eight ships, twenty times as fast as production. In tables of 25 columns, which is where much can
# go wrong; the channels are as many as this machine carries beside all else.
unruly=(--ships 8 --channels 100 --speed 20 --held 2 --late 5 --aborted 10 --corrected 3
	--new-channels 10 --new-ship --new-at 60 --from '2024-10-01 00:00')

disturbed() {
	two_servers
	at_source "$root/t/telemetry" 8 100 100000 --start '2024-09-30 20:00'
	feed "${unruly[@]}"
	live --mode "$2" --follow "$1" --chunk 30m --group-columns 25 --interval 100ms
	wait_until 20 sql "SELECT 1 / (to_regclass('ferry.doubt') IS NOT NULL)::int"
	trace_on
	kill_some "${LIVE_KILLS:-50}"
	kill -TERM "$feed"
	feed_ends
	printf '# %s rows\n' "$(source_sql 'SELECT count(*) FROM tenant.tbl_data_timeseries')" >&3
	settled "$1"
	same_as_source
	trace_holds ' take over' ' give back' ' advance' ' become'
}

@test "soak: concurrent, polling, killed at any time" { disturbed poll concurrent; }
@test "soak: streaming, polling, killed at any time" { disturbed poll streaming; }
@test "soak: concurrent, from a slot, killed at any time" { disturbed slot concurrent; }
@test "soak: streaming, from a slot, killed at any time" { disturbed slot streaming; }

# memory_of RUN: kB of each program, and of all together
memory_of() {
	local each
	for each in $(stages "$1"); do
		ps -o comm=,rss= -p "$each"
	done | awk '{ printf "%s %s  ", $1, $2; s += $2 } END { print "together", s }'
}

# flat HOW: an hour at twenty times production; each quarter's peak no larger than the first's
flat() {
	local minutes=${LIVE_MINUTES:-60} end first='' now peak=0 quarter

	two_servers
	feed --ships 8 --channels 1050 --speed 20 --sets 2 --from '2024-10-01 00:00'
	feed_ends
	live --mode concurrent --follow "$1"
	wait_until 60 caught_up
	feed --ships 8 --channels 1050 --speed 20 --held 2 --late 5 --more \
		--from '2024-10-01 00:00'
	for quarter in 1 2 3 4; do
		end=$((SECONDS + minutes * 15)) peak=0
		while ((SECONDS < end)); do
			now=$(memory_of "$run")
			((${now##* } <= peak)) || peak=${now##* }
			nap 1000 # from one sample to the next
		done
		printf '# %s, quarter %s: peak %s kB; now %s\n' "$1" "$quarter" "$peak" "$now" >&3
		first=${first:-$peak}
	done
	kill -TERM "$feed"
	feed_ends
	live_ends
	((peak <= first + first / 5))
}

@test "soak: memory stays flat, polling" { flat poll; }
@test "soak: memory stays flat, from a slot" { flat slot; }
