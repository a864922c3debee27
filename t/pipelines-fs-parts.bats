load helper
load sandbox
load fs
load fs-move
load fs-kill

# A migration in shards, and what one is going to cost.

@test "shards: of one migration, from several processes, each record once" {
	local each written=0 first fd

	made parts-from both
	lively parts-from
	wait_until 20 rows parts-from 95
	made parts-to both
	history parts-from >wanted
	# the second run of a shard waits for nobody, and nobody else takes the group meanwhile
	sandbox_set latency=60000 only=BatchWriteRecord
	setsid fs migrate parts-from parts-to --yes --shard 1/3 >first.out 2>&1 &
	first=$!
	wait_until 20 locked parts-to.1-3
	run_rc 75 fs migrate parts-from parts-to --yes --shard 1/3
	has "$err" 'another run writes to parts-to: shard 1/3'
	run_rc 75 fs migrate parts-from parts-to --yes --shard 1/4
	has "$err" 'another run writes to parts-to, in 3 shards'
	run_rc 75 fs clear parts-to --yes
	has "$err" 'another run writes to parts-to'
	kill -KILL -- "-$first"
	sandbox_set
	for each in 3 1 2; do
		fs migrate parts-from parts-to --yes --shard "$each/3" --verify-wait 30s \
			--wait-lock 30s >"$each.out" 2>"$each.err" &
	done
	wait
	for each in 1 2 3; do
		grep -q "about 31 (shard $each of 3)" "$each.out"
		grep -q 'Success rate: 100.0%' "$each.out"
		has "$each.out" ', 0 missing'
		written=$((written + $(sed -nE 's/^Records: ([0-9]+), written.*/\1/p' "$each.out")))
	done
	is "$written" 95
	history parts-to >got
	same_file got wanted
	# once more there is nothing to send, neither of a part nor of all
	run_rc 0 fs migrate parts-from parts-to --yes --shard 2/3
	has "$out" 'written 0'
	run_rc 0 fs migrate parts-from parts-to --yes
	has "$out" 'written 0'
	for each in 0/3 4/3 3 1/2/3 a/b; do
		run_rc 64 fs migrate parts-from parts-to --yes --shard "$each"
		has "$err" 'not I/N, like 3/8'
	done
	run_rc 64 fs migrate parts-from parts-to --yes --shard 1/2 --clear-target
}

# locked NAME: somebody has that lock, of a group or of a shard of one. It is not tried: whoever
# wants it just then would find it taken.
locked() {
	local -a lock=("$HOME/.local/state/ferry/locks/"*"-$1")

	[[ -e ${lock[0]} ]] && grep -q ":$(stat -c %i -- "${lock[0]}") " /proc/locks
}

@test "shards: of online stores, and of identifiers that are numbers" {
	local each

	printf '[{"FeatureName":"id","FeatureType":"Integral"},%s]' \
		'{"FeatureName":"event_time","FeatureType":"Fractional"}' >features.json
	made digits-from online
	made digits-to online
	{
		printf 'id,event_time\n'
		seq -f '%g,1704067200' 40
	} >in.csv
	fs-put digits-from in.csv
	for each in 1 2 3 4; do
		run_rc 0 fs migrate digits-from digits-to --yes --shard "$each/4"
		has "$out" ', 0 missing'
		fs-extract-online digits-from --shard "$each/4" --no-seal >>parts
	done
	is "$(grep -vc id parts)" 40
	same_online digits-to in.csv
	# one value is in one shard, however it is written
	printf '%s\n' 7 007 +7 >ids
	# which the online store takes for another record: that is said, once, and also by a dry run
	printf 'id,event_time\n7,1704067201\n007,1704067201\n-0,1704067201\n' >odd.csv
	run_rc 0 fs-put digits-from odd.csv --dry-run
	is "$(grep -c 'identifier "007" is 7 for the offline store, and another' "$err")" 1
	run_rc 0 fs-put digits-from odd.csv
	is "$(grep -c 'is that meant' "$err")" 1
	run_rc 0 fs-put digits-from in.csv --no-resume
	is "$(<"$err")" ''
	for each in 1 2 3 4; do
		printf '%s ' "$(fs-extract-online digits-from --ids ids --lines --shard "$each/4" \
			--no-seal | grep -c 7,)"
	done >got
	has got 2
}

@test "cost: told before it is spent, and --max-cost stops it before anything is done" {
	made cost-from both
	made cost-to both
	records 40 >in.csv
	# three KB begun each
	map-fields --set "category=$(printf '%2500s' '' | tr ' ' x)" in.csv >wide.csv
	run_rc 0 fs bulk-put cost-from wide.csv --dry-run
	has "$out" 'Requests: 2 BatchWriteRecord, 0 DeleteRecord' 'Units: 120 written (1 KB)' \
		'Cost: about 0.0002 USD (prices of 20' ', us-east-1)'
	printf '%s\n' '# ours' 'as-of 2031-01-01' 'write-unit 0.5 # dear' 'read-unit .25' \
		'athena-terabyte 100000' >ours
	run_rc 77 fs bulk-put cost-from wide.csv --prices ours --max-cost 59.9
	has "$err" 'would cost about 60.0000 USD, --max-cost is 59.9: nothing was done'
	is "$(online cost-from | wc -l)" 1
	run_rc 0 fs bulk-put cost-from wide.csv --prices ours --max-cost 60
	has "$out" '40 records: 40 written, 0 failed'
	run_rc 77 fs bulk-put cost-from in.csv --max-cost 0
	run_rc 64 fs bulk-put cost-from - --max-cost 1 <wide.csv
	wait_until 20 arrived cost-from 40
	# 60 for writing, 3 reads of each at most, 6 queries of the least that is charged
	run_rc 0 fs migrate cost-from cost-to --dry-run --prices ours
	has "$out" 'Units: 120 written (1 KB), 120 read (4 KB); Athena: 6 queries of at most' \
		'Cost: about 96.0000 USD (prices of 2031-01-01)'
	run_rc 0 fs migrate cost-from cost-to --dry-run --prices ours --clear-target --set count=1
	has "$out" 'Athena: 7 queries of at most'
	run_rc 77 fs migrate cost-from cost-to --yes --prices ours --max-cost 95
	has "$err" 'nothing was done'
	is "$(online cost-to | wc -l)" 1
	# what nobody may count is not taken for nothing
	sandbox_set deny=ListObjectsV2
	run_rc 77 fs migrate cost-from cost-to --yes --max-cost 1000
	has "$err" 'what it costs is not known'
	has "$out" 'at least' 'not all of it is known'
	sandbox_set
	run_rc 0 fs migrate cost-from cost-to --yes --max-cost 1
	run_rc 77 fs export cost-from x.csv --prices ours --max-cost 0.99
	[[ ! -e x.csv ]]
	run_rc 0 fs export cost-from x.csv --prices ours --max-cost 1
	is "$(wc -l <x.csv)" 41
	run_rc 77 fs clear cost-to --yes --prices ours --max-cost 29
	has "$out" 'Requests: 0 BatchWriteRecord, 40 DeleteRecord, 1 BatchGetRecord, 1 ListRecords'
	is "$(online cost-to | wc -l)" 41
	run_rc 0 fs clear cost-to --yes --prices ours --max-cost 30
	is "$(online cost-to | wc -l)" 1
	# a price that is missing, or is none
	sed -i '$d' ours
	run_rc 78 fs clear cost-to --yes --prices ours
	has "$err" 'ours does not have athena-terabyte'
	echo 'athena-terabyte 5 USD' >>ours
	run_rc 78 fs clear cost-to --yes --prices ours
	has "$err" 'ours: no price: athena-terabyte 5 USD'
	run_rc 66 fs clear cost-to --yes --prices gone
	run_rc 64 fs clear cost-to --yes --max-cost 5USD
}

@test "files: as they come, and none that is read is written over" {
	made files-a online
	printf 'id;event_time;count\nX1;2024-01-01T00:00:00Z;1\nX2;2024-01-01T00:00:00Z;2' >semi.csv
	run_rc 65 fs bulk-put files-a semi.csv
	has "$err" "say --delimiter ';'"
	run_rc 0 fs bulk-put files-a semi.csv --delimiter ';'
	is "$(online files-a | wc -l)" 3
	# hints name what the command has
	printf '{"id":"X3","event_time":"2024-01-01T00:00:00Z"}' >cut.ndjson
	run_rc 65 fs bulk-put files-a - <cut.ndjson
	has "$err" --allow-no-newline
	run_rc 0 fs bulk-put files-a - --allow-no-newline --accept-unsealed <cut.ndjson
	printf 'id;x\nX3;\n' | iconv -t UTF-16 >wanted
	run_rc 0 fs bulk-get files-a wanted --delimiter ';' -o got.ndjson
	is "$(jq -r .id got.ndjson)" X3
	# a list of identifiers has no header that could come again, and must have something
	printf 'X1\nX1\n' >twice
	run_rc 0 fs bulk-get files-a twice -o got.ndjson
	is "$(<"$err")" ''
	is "$(wc -l <got.ndjson)" 2
	printf 'id\n' >header
	printf '[]' >none.json
	: >empty
	for each in header none.json empty /dev/null; do
		run_rc 65 fs bulk-get files-a "$each" -o got.ndjson
		has "$err" 'there is no identifier in'
	done
	for each in got.json got.csv got.ndjson; do
		rm -f "$each"
		run_rc 69 fs bulk-get files-a <(printf 'nobody\n') -o "$each"
		[[ ! -e $each ]]
	done
	# whatever a command writes is another file than those it reads
	cp semi.csv before
	for each in '-o semi.csv' '--failed semi.csv' '--journal semi.csv' '--stats semi.csv' \
		'-o log --failed log' '-o ./log --journal log'; do
		# shellcheck disable=SC2086
		run_rc 64 fs bulk-put files-a semi.csv --delimiter ';' $each
		same_file semi.csv before
	done
	made files-b online
	printf '{"id":"id"}\n' >map
	cp map before
	run_rc 64 fs migrate files-a files-b --yes --map map --failed map
	same_file map before
}

@test "files: who is told to end twice still counts what was under way" {
	local first code=0

	made twice-to online
	records 60 >in.csv
	curl -sSf -X DELETE "$AWS_ENDPOINT_URL/_sandbox/counters" >/dev/null
	sandbox_set latency=2000 only=BatchWriteRecord
	fs-put twice-to in.csv --max-workers 8 --stats s.json 2>first.err &
	first=$!
	wait_until 20 asked BatchWriteRecord
	# as a service manager that tells all, and a front door that passes it on; and once more
	kill -TERM "$first"
	kill -TERM "$first"
	nap 1100
	kill -TERM "$first"
	wait "$first" || code=$?
	is "$code" 143
	is "$(jq -c '[.unknown, .acknowledged > 0, .exit]' s.json)" '[0,true,143]'
	sandbox_set
	is "$(fs-extract-online twice-to --no-seal -o ndjson | wc -l)" "$(jq .acknowledged s.json)"
}

@test "files: a migration that is told to end calls unknown what was under way, not failed" {
	local first code=0

	made term-from both
	records 60 >in.csv
	fs-put term-from in.csv
	wait_until 20 rows term-from 60
	made term-to online
	sandbox_set latency=60000 only=BatchWriteRecord
	sandbox_ask DELETE counters
	setsid fs migrate term-from term-to --yes >first.out 2>first.err &
	first=$!
	wait_until 20 asked BatchWriteRecord
	kill -TERM "$first"
	wait "$first" || code=$?
	sandbox_set
	is "$code" 143
	grep -qE '^Records: 60, written 0, unknown [0-9]+ \(sent, but not answered\)' first.out
	has_no first.out ', failed'
}

# parted GROUP: 12 records, of which six are otherwise in one store than in the other
parted() {
	made "$1" both
	records 12 >in.csv
	fs-put "$1" in.csv
	wait_until 20 rows "$1" 12
	run_rc 0 fs verify --online-offline "$1"
	has "$out" "$1: 12 identifiers of the offline store compared, 12 are the same online"
	change() { # LINE STORE [OPTION...]
		printf 'id,event_time,count,price,category\n%s\n' "$1" >change.csv
		fs-put "$name" --target-stores "$2" "${@:3}" change.csv
	}
	local name=$1
	change id1,2024-01-02T00:00:00Z,,, online --delete hard
	change id100,2024-01-02T00:00:00Z,1,1.5,late online
	change id2,2024-01-02T00:00:00Z,2,2.5,newer offline
	change id3,2024-01-01T00:00:03Z,3,3.5,other online
	change id4,2024-01-02T00:00:00Z,,, online --delete soft
	change id5,2024-01-02T00:00:00Z,,, offline --delete soft
	wait_until 20 rows "$1" 14
	run_rc 1 fs verify --online-offline "$1"
	has "$out" '12 identifiers of the offline store compared, 7 are the same online' \
		'1 are not online: "id1"' '1 are not offline: "id100"' \
		'1 have other values at the same event time: "id3"' \
		'1 were deleted online alone: "id4"'
	grep -qE '^2 are older online than offline: ("id2" "id5"|"id5" "id2")$' "$out"
}

@test "verify: the two stores of one group, and the online one repaired" {
	parted twofold
	history twofold >before
	run_rc 77 fs verify --online-offline twofold --repair online </dev/null
	run_rc 1 fs verify --online-offline twofold --repair online --yes --verify-wait 1s
	has "$out" 'the online store: 4 records written'
	has "$err" 'what the online store has newer, or deleted, stays as it is'
	history twofold >got
	same_file got before
	{
		newest twofold | jq -c 'select(.id != "id4")'
		printf '{"id":"id100","event_time":"2024-01-02T00:00:00Z","count":1,%s}\n' \
			'"price":1.5,"category":"late"'
	} | jq -cS . | LC_ALL=C sort >want
	present twofold | jq -cS . | LC_ALL=C sort >got
	same_file got want
	run_rc 1 fs verify --online-offline twofold
	has "$out" 'not offline: "id100"' 'deleted online alone: "id4"'
	has_no "$out" older 'not online' 'other values'
	run_rc 64 fs verify a b --repair online
	run_rc 64 fs verify --online-offline twofold --repair both
	made twofold-online online
	run_rc 69 fs verify --online-offline twofold-online
	run_rc 69 fs verify twofold twofold
}

@test "verify: a correction, or a deletion, that is on its way offline stays as it is online" {
	made coming both
	records 3 >in.csv
	fs-put coming in.csv
	wait_until 20 rows coming 3
	sandbox_set offline-delay=600000
	printf 'id,event_time,category\nid1,2024-01-01T00:00:01Z,fixed\n' >fix.csv
	fs-put coming fix.csv
	run_rc 1 fs verify --online-offline coming
	has "$err" 'records take up to 15 minutes'
	# it arrives while the repair waits
	mkdir bin
	export -f sandbox_set sandbox_ask rows
	printf '%s\n' '#!/bin/bash' 'sandbox_set offline-delay=0' \
		'until rows coming 4; do :; done' >bin/sleep
	chmod +x bin/sleep
	PATH=$PWD/bin:$PATH run_rc 0 fs verify --online-offline coming --repair online --yes
	has "$out" 'the online store: 0 records written'
	is "$(fs get coming id1 | jq -r .category)" fixed
	# of what is deleted hard nothing is left online
	sandbox_set offline-delay=600000
	printf 'id,event_time\nid2,2024-01-02T00:00:00Z\n' >gone.csv
	fs-put coming --delete hard gone.csv
	run_rc 1 fs verify --online-offline coming
	has "$out" '1 are not online: "id2"'
	has "$err" 'records take up to 15 minutes'
	sed -i 's/coming 4/coming 5/' bin/sleep
	PATH=$PWD/bin:$PATH run_rc 0 fs verify --online-offline coming --repair online --yes
	has "$out" 'the online store: 0 records written'
	run_rc fails fs get coming id2
}

@test "verify: the offline store repaired, of what is not on its way" {
	parted twain
	present twain >before
	run_rc 1 fs verify --online-offline twain --repair offline --verify-wait 1s --yes
	has "$out" 'the offline store: 3 records written'
	has "$err" 'what the offline store has more stays as it is'
	present twain >got
	same_file got before
	wait_until 20 rows twain 17
	newest twain | jq -r 'select(.id | IN("id100", "id3", "id4")) | .category' | sort >got
	is "$(paste -sd ' ' got)" 'late other'
	run_rc 1 fs verify --online-offline twain
	has "$out" 'not online: "id1"' '2 are older online'
	has_no "$out" 'not offline' 'other values' 'online alone'
}
