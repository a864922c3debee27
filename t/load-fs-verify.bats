# fs-verify: what was read for a migration is not read again, and everything that is wrong is found.

load helper
load sandbox
load fs

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	sandbox_start --set group-delay=0 --set offline-delay=0 --set athena-delay=0
	loaded kept-from 120
	fs-extract-online kept-from -o ndjson --no-seal -O seen
}

# target GROUP: with the records of kept-from
target() {
	group "$1"
	records 120 >in.csv
	fs-put "$1" in.csv
}

# damaged GROUP: id7 is lost, id8 has another value, id9 is older; id10 is newer.
damaged() {
	fs-extract-online "$1" --id id7 --id id9 -o ndjson --no-seal |
		fs-put "$1" --delete hard --event-time next --target-stores online \
			--accept-unsealed
	printf 'id,event_time,count,price,category\nid8,%s,-1,1.25,red\n' \
		"$(sed -n 10p in.csv | cut -d , -f 2)" >bad.csv
	printf 'id9,2020-01-01T00:00:00Z,1,1.25,red\nid10,2025-01-01T00:00:00Z,1,1.25,red\n' \
		>>bad.csv
	fs-put "$1" bad.csv --target-stores online
}

# requests OPERATION: how many there were since the counters began
requests() { curl -sSf "$AWS_ENDPOINT_URL/_sandbox/counters" | jq ".$1.requests // 0"; }

@test "verify: what was read of the source is asked for again only where the target differs" {
	local seen=--source-seen=$BATS_FILE_TMPDIR/seen each more

	target kept-to
	for each in 5 3; do # a probe, two of the target, and of the source where it was not read
		sandbox_ask DELETE counters
		((each == 5)) && more=() || more=("$seen" --gone /dev/null)
		run_rc 0 fs-verify kept-from kept-to --stores online "${more[@]}"
		has "$out" '120 identifiers compared, 0 missing, 0 older, 0 not deleted'
		is "$(requests BatchGetRecord)" "$each"
	done
	damaged kept-to
	for each in '' "$seen"; do
		run_rc 1 fs-verify kept-from kept-to --stores online ${each:+"$each"}
		has "$out" '1 missing, 1 older, 0 not deleted, 1 otherwise, 1 newer than' \
			'"id7"' '"id8"' '"id9"'
		has_no "$out" id10
	done
	# what the target had when it was read
	fs-extract-online kept-to -o ndjson --no-seal -O there
	sandbox_ask DELETE counters
	run_rc 1 fs-verify kept-from kept-to --stores online "$seen" --target-seen there \
		--gone /dev/null
	has "$out" '120 identifiers compared, 1 missing, 1 older, 0 not deleted, 1 otherwise'
	is "$(requests BatchGetRecord)" 3 # a probe, the four of the target, and of the source
}

@test "verify: of a source without an offline store, too" {
	local list

	fs-group template -O features.json
	fs-group create kept-only --schema-file features.json --role-arn "$role" \
		--no-offline-store >/dev/null
	records 120 >in.csv
	fs-put kept-only in.csv
	group kept-copy
	sandbox_ask DELETE counters
	run_rc 0 fs migrate kept-only kept-copy --yes
	has "$out" '120 identifiers compared, 0 missing'
	list=$(requests ListRecords)
	((list <= 2 + 3)) # its pages once, and what it takes to ask
	is "$(requests BatchGetRecord)" 5 # two of either, and a probe
	damaged kept-copy
	fs-extract-online kept-only -o ndjson --no-seal -O only
	for each in '' --source-seen=only; do
		run_rc 1 fs-verify kept-only kept-copy --stores online ${each:+"$each"}
		has "$out" '1 missing, 1 older, 0 not deleted, 1 otherwise, 1 newer' '"id7"'
	done
}

# Behind a migration's back, when its last record is put.
@test "verify: what is lost or changed while a migration runs is found at its end" {
	local each n=0

	mkdir door
	ln -s "$FERRY_BIN"/* door
	rm door/fs-put
	{
		printf '#!/bin/bash\nPATH=%q:$PATH\n' "$FERRY_BIN"
		declare -f damaged
		printf 'fs-put "$@" || exit\nunset FERRY_STATS_LOG\n'
		printf '[[ ! ${HARM-} || " $* " != *" --keep-journal "* ]] || '
		printf 'damaged "$HARM" >harm.log 2>&1\n'
	} >door/fs-put
	chmod +x door/fs-put
	records 120 >in.csv
	for each in --history '--where=1 = 1'; do
		n=$((n + 1))
		group "kept-$n"
		HARM=kept-$n run_rc 1 door/fs migrate kept-from "kept-$n" --yes "$each"
		has "$out" '1 missing, 1 older, 0 not deleted' '"id7"' '"id9"'
		((n == 2)) || has "$out" '1 otherwise' '"id8"'
		# what it lacks is sent again, and what it has newer stays
		run_rc 0 door/fs migrate kept-from "kept-$n" --yes "$each"
		has "$out" '0 missing, 0 older, 0 not deleted'
	done
}
