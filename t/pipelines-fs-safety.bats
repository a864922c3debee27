load helper
load sandbox
load fs
load fs-kill
load fs-deny
load fs-requests

# Nothing lost, nothing doubled, nothing told wrongly.

# stored GROUP: rows of its offline store, deletions included, and records of its online store
stored() {
	printf '%s %s\n' "$(fs-extract-athena "$1" --store-columns -o ndjson --no-seal | wc -l)" \
		"$(fs-extract-online "$1" -o ndjson --no-seal | wc -l)"
}

# online_group NAME: a group that has no offline store
online_group() {
	fs-group template -O features.json
	fs-group create "$1" --schema-file features.json --role-arn "$role" --no-offline-store \
		>/dev/null
}

@test "safety: clear reads first, then empties the online store, and the offline store last" {
	loaded safe-clear 120
	is "$(stored safe-clear)" '120 120'
	# whatever is refused before the first deletion, both stores are whole
	for denied in DeleteRecord BatchGetRecord,GetRecord ListObjectsV2 \
		DeleteObject,DeleteObjects; do
		sandbox_set "deny=$denied"
		run_rc 77 fs clear safe-clear --force
		has "$err" AccessDenied
		has_no "$out" deleted
		sandbox_set
		is "$(stored safe-clear)" '120 120'
	done
	# nor is a group deleted whose data have to stay
	sandbox_set deny=DeleteObject,DeleteObjects # one permission
	run_rc 77 fs delete safe-clear --force
	has "$err" 'nothing is deleted'
	sandbox_set
	run_rc 0 fs clear safe-clear --force --online-only
	is "$(stored safe-clear)" '120 0'
	# records that are older than the deletion can come back, and no marker hides them
	fs-put safe-clear in.csv --target-stores online --no-resume
	same_online safe-clear in.csv
	run_rc 0 fs clear safe-clear --force
	is "$(stored safe-clear)" '0 0'
	sed -i '2,$s/2024-01/1999-01/' in.csv
	fs-put safe-clear in.csv --no-resume
	same_online safe-clear in.csv
	wait_until 20 arrived safe-clear 120
	is "$(stored safe-clear)" '120 120'
	# where the store cannot be listed, Athena knows the identifiers, but not all of them
	sandbox_set deny=ListRecords
	run_rc 77 fs clear safe-clear --force
	has "$err" 'would stay' 'nothing was done' --allow-unlisted
	run_rc 77 fs clear safe-clear --force --dry-run
	is "$(stored safe-clear | cut -d ' ' -f 1)" 120
	run_rc 0 fs clear safe-clear --force --allow-unlisted
	has "$err" 'does not know yet stays: listing is not allowed'
	sandbox_set
	is "$(stored safe-clear)" '0 0'
	# of which it knows none when the offline store was emptied before
	fs-put safe-clear in.csv --target-stores online --no-resume
	sandbox_set deny=ListRecords
	run_rc 77 fs clear safe-clear --force --allow-unlisted
	has "$err" 'safe-clear is empty' 'nothing was done'
	sandbox_set
	is "$(stored safe-clear)" '0 120'
	# and where it does not either, nothing is deleted
	online_group safe-unlisted
	fs-put safe-unlisted in.csv
	sandbox_set missing=ListRecords
	run_rc fails fs clear safe-unlisted --force
	sandbox_set
	same_online safe-unlisted in.csv
}

@test "safety: --clear-target never empties a target for nothing" {
	loaded safe-from 10
	group safe-into
	fs-put safe-into in.csv
	wait_until 20 arrived safe-into 10
	run_rc 65 fs migrate safe-from safe-into --yes --clear-target --where 'count > 1000'
	has "$err" 'no record passes the filter' --allow-empty
	is "$(stored safe-into)" '10 10'
	printf 'nobody\n' >list
	run_rc 65 fs migrate safe-from safe-into --yes --clear-target --only id=list
	has "$err" 'safe-from has none of these records' --allow-empty
	has "$out" 'The source is read twice'
	# and says that nothing was done: nothing is left to go on with
	has_no "$err" 'what this run left'
	run_rc 65 fs migrate safe-from safe-into --yes --clear-target --only id=list
	has_no "$err" 'is resumed'
	is "$(stored safe-into)" '10 10'
	# the clearing breaks off in front of the first deletion
	sandbox_set deny=DeleteRecord
	run_rc 77 fs migrate safe-from safe-into --yes --clear-target
	sandbox_set
	is "$(stored safe-into)" '10 10'
	sandbox_set deny=DeleteObject,DeleteObjects # one permission
	run_rc 77 fs migrate safe-from safe-into --yes --clear-target
	has "$err" 'the offline store cannot be emptied, so nothing is deleted'
	sandbox_set
	is "$(stored safe-into)" '10 10'
	run_rc 0 fs migrate safe-from safe-into --yes --clear-target --where 'count > 1000' \
		--allow-empty
	is "$(stored safe-into)" '0 0'
	# an online source that nobody may list is found out before
	online_group safe-online
	fs-put safe-into in.csv --no-resume
	sandbox_set deny=ListRecords
	run_rc 77 fs migrate safe-online safe-into --yes --clear-target
	sandbox_set
	run_rc 65 fs migrate safe-online safe-into --yes --clear-target
	same_online safe-into in.csv
}

@test "safety: delete leaves a table that is not the group's own" {
	group safe-table
	aws sagemaker create-feature-group --feature-group-name safe-own \
		--record-identifier-feature-name id --event-time-feature-name ts \
		--role-arn "$role" --feature-definitions FeatureName=id,FeatureType=String \
		FeatureName=ts,FeatureType=Fractional --offline-store-config '{"S3StorageConfig":
		{"S3Uri":"s3://offline/own"},"DisableGlueTableCreation":true,"DataCatalogConfig":
		{"TableName":"mine","Catalog":"AwsDataCatalog","Database":"my_database"}}' \
		>/dev/null
	run_ok fs delete safe-own --dry-run
	has "$out" 'would keep table mine'
	run_ok fs delete safe-table --dry-run
	has "$out" 'would drop table safe_table'
	before=$(sandbox_count DeleteTable)
	run_ok fs delete safe-own --force
	has "$out" 'kept table mine'
	is "$(sandbox_count DeleteTable)" "$before"
	run_ok fs delete safe-table --force
	has "$out" 'dropped table safe_table'
}

@test "safety: what was throttled is not what was lost, and what is under way is unknown" {
	group safe-rate
	records 250 >in.csv
	sandbox_set write-rate=300
	run_rc 0 fs-put safe-rate in.csv --stats s.json
	has_no "$err" twice
	is "$(figure resent s.json)" 0
	sandbox_set write-rate=100
	run_rc 0 fs-put safe-rate in.csv --stats s.json --no-batch-write
	is "$(figure resent s.json)" 0
	sandbox_set
	sandbox_set lost=20 only=BatchWriteRecord
	run_rc 0 fs-put safe-rate in.csv --stats s.json
	sandbox_set
	has "$err" 'sent again after a lost answer'
	(($(figure resent s.json) > 0))
}

@test "safety: an answer of 200 that is none acknowledges nothing, whatever the operation" {
	local op command odd=0 each
	local made="--schema-file features.json --no-offline-store --role-arn $role"

	loaded odd-a 60
	group odd-b
	# what was written then is unknown, and sent again
	sandbox_set odd=40 only=BatchWriteRecord,PutRecord
	for command in '' --no-batch-write; do
		run_rc 0 fs-put odd-b in.csv --stats s.json --no-resume $command
		(($(figure resent s.json) > 0 && $(figure acknowledged s.json) == 60))
	done
	sandbox_set odd=100
	head -n 9 in.csv >few.csv
	run_rc 75 fs-put odd-b few.csv --stats s.json --no-resume --no-batch-write --retry-for 300ms
	is "$(jq -c '[.acknowledged, .unknown]' s.json)" '[0,8]'
	# operation | a command that calls it
	mapfile -t calls <<-END
		DescribeFeatureGroup|fs-group describe odd-a
		ListFeatureGroups|fs-group list
		CreateFeatureGroup|fs-group create odd-c $made
		UpdateFeatureGroup|fs-group update odd-b -f more:String
		UpdateFeatureMetadata|fs-group update odd-b -f some:String:text
		StartQueryExecution|fs-extract-athena odd-a
		GetQueryExecution|fs-extract-athena odd-a
		ListRecords|fs-extract-online odd-a --retry-for 100ms
		BatchGetRecord|fs-extract-online odd-a --retry-for 100ms
		ListObjectsV2|fs-group size odd-a
		CopyObject|fs-group backup odd-a --backup-s3 s3://offline/copy
		DeleteRecord|fs-put odd-b few.csv --delete soft --retry-for 100ms --no-resume
		DeleteObjects|fs-group clear odd-b
		DeleteFeatureGroup|fs-group delete odd-b
	END
	by_turns 2 "${calls[@]}"
	for each in "${turns[@]}"; do
		op=${each%%|*} command=${each#*|}
		sandbox_set odd=100 "only=$op"
		# shellcheck disable=SC2086
		run_rc 75 $command
		grep -q "$op: bad answer: it" "$err" || {
			show_output
			return 1
		}
		odd=$((odd + $(sandbox_count "$op" odd)))
		sandbox_set
	done
	((odd > ${#turns[@]}))
}

@test "safety: the journal is kept until the verification is over" {
	loaded safe-journal 60
	group safe-journal-to
	# the verification is refused, as if everything had been killed there
	sandbox_set deny=BatchGetRecord,GetRecord
	run_rc 77 fs migrate safe-journal safe-journal-to --yes --latest --where 'count > -100'
	sandbox_set
	wait_until 20 arrived safe-journal-to 60
	run_rc 0 fs migrate safe-journal safe-journal-to --yes --latest --where 'count > -100' \
		--verify-wait 20s
	has "$err" 'an earlier run of this migration is resumed'
	has "$out" 'Records: 60, written 0, written before 60'
	is "$(stored safe-journal-to)" '60 60'
	[[ ! $(find .local/state/ferry/fs-migrate -type f) ]]
}

# holds GROUP COUNT: rows of the offline store alone
holds() {
	[[ $(fs-extract-athena "$1" --without-collections -o ndjson --no-seal | wc -l) == "$2" ]]
}

# lists NAME [OPTION...]: a group with a list, a set and a vector
lists() {
	cat >features.json <<-'END'
		[{"FeatureName":"id","FeatureType":"String"},
		{"FeatureName":"event_time","FeatureType":"String"},
		{"FeatureName":"n","FeatureType":"Integral"},
		{"FeatureName":"tags","FeatureType":"String","CollectionType":"List"},
		{"FeatureName":"ids","FeatureType":"Integral","CollectionType":"Set"},
		{"FeatureName":"v","FeatureType":"Fractional","CollectionType":"Vector",
			"CollectionConfig":{"VectorConfig":{"Dimension":2}}}]
	END
	fs-group create "$1" --schema-file features.json --role-arn "$role" \
		--storage-type InMemory --s3-uri s3://offline/fs "${@:2}" >/dev/null
}

# collections: identifier, time and collections of NDJSON records, sorted
collections() { jq -c '[.id, .event_time, .n, .tags, .ids, .v]' | LC_ALL=C sort; }

# t/soak/features.bats does that 200 times
@test "safety: killed in any phase, nothing of a migration is left, and it goes on" {
	local each phase way hold most

	loaded kill-from 60
	group kill-to
	fs-put kill-to in.csv
	by_turns 2 'plan door:TERM 30000 0' 'clear group:KILL 500 0' 'put terminal:HUP 500 0' \
		'put stage:fs-put 500 50' 'verify door:TERM 30000 0'
	for each in "${turns[@]}"; do
		read -r phase way hold most <<<"$each"
		killed "$phase" "$way" "$hold"
		gone_on 60 "$most"
	done
}

@test "safety: two runs of one migration, and one that begins anew" {
	local first code=0 MARK=$BATS_TEST_TMPDIR/run.counted

	migration=("${migration[@]/#kill-/pair-}")
	loaded pair-from 60
	group pair-to
	# a load that is killed has counted nothing, which is not that nothing was written
	sandbox_set latency=60000 only=BatchWriteRecord
	sandbox_ask DELETE counters
	MARK=$MARK setsid "${migration[@]}" --allow-empty >first.out 2>first.err &
	first=$!
	wait_until 20 asked BatchWriteRecord
	kill -KILL "$(named fs-put)"
	wait "$first" || code=$?
	is "$code" 75
	grep -q 'Not counted: what was written by a program that was killed' first.out
	has_no first.out 'Records: 0'
	has_no first.err Killed '  Done '
	grep -q 'the same command goes on; an offline store may have twice' first.err
	sandbox_set latency=6000 only=BatchWriteRecord
	setsid "${migration[@]}" --allow-empty >first.out 2>&1 &
	first=$!
	sandbox_ask DELETE counters
	wait_until 3 asked BatchWriteRecord
	run_rc 75 "${migration[@]}" --allow-empty
	has "$err" 'another run writes to pair-to' --wait-lock
	run_rc 0 "${migration[@]}" --allow-empty --skip-if-running
	# the lock dies with its owner and what that began
	kill -KILL -- "-$first"
	sandbox_set deny=BatchGetRecord,GetRecord
	run_rc 77 "${migration[@]}" --wait-lock 30s
	has "$err" 'an earlier run of this migration is resumed'
	has "$out" 'Success rate: 100.0%'
	sandbox_set
	run_rc 0 "${migration[@]}" --verify-wait 20s --no-resume
	has_no "$err" resumed
	has "$out" 'Records: 60, written 60'
	is "$(stored pair-to)" '60 60'
}

@test "safety: one writes to a group at a time, whatever he does, and others to other groups" {
	local first each

	loaded lock-from 60
	group lock-to
	group lock-else
	fs-put lock-else in.csv
	wait_until 20 arrived lock-else 60
	jq -nc '{id:"id1",event_time:"2024-01-01T00:00:00Z","@failed":{group:"lock-to"}}' >failed
	sandbox_set latency=60000 only=BatchWriteRecord
	setsid fs migrate lock-from lock-to --yes --latest --max-workers 1 >first.out 2>&1 &
	first=$!
	sandbox_ask DELETE counters
	wait_until 3 asked BatchWriteRecord
	by_turns 2 'fs migrate lock-from lock-to --yes --clear-target' 'fs clear lock-to --yes' \
		'fs delete lock-to --yes' \
		'fs migrate lock-else lock-to --yes --journal j' 'fs bulk-put lock-to in.csv' \
		'fs migrate --retry failed' 'fs-improve lock-from lock-to --yes' \
		'fs-sync lock-from lock-to --iterations 1' \
		'fs-archive lock-to lock-else --older-than 1 --yes --delete' \
		'fs-archive lock-from lock-to --older-than 1 --yes --no-copy' \
		'fs-copy lock-from lock-to --yes' 'fs-upgrade lock-from lock-to --yes --backup up' \
		'fs-subset lock-from lock-to in.csv --yes' 'fs-recover lock-from lock-to --yes' \
		'fs-migrate-large lock-from lock-to --yes'
	for each in "${turns[@]}"; do
		# shellcheck disable=SC2086
		run_rc 75 $each
		has "$err" 'another run writes to lock-to'
		rm -f up
		# shellcheck disable=SC2086
		[[ $each == *--retry* ]] || run_rc 0 $each --skip-if-running
	done
	is "$(sandbox_count DeleteRecord) $(sandbox_count DeleteObjects)" '0 0'
	kill -0 "$first"
	# whoever only looks, or writes elsewhere, need not wait
	run_rc 0 fs clear lock-to --dry-run
	run_rc 0 fs bulk-put lock-to in.csv --dry-run
	run_rc 0 fs delete lock-to --dry-run
	run_rc 0 fs clear lock-else --yes
	kill -KILL -- "-$first"
	sandbox_set
	run_rc 0 fs clear lock-to --yes --wait-lock 30s
	run_rc 0 fs-sync lock-from lock-to --iterations 1 --wait-lock 30s
	run_rc 0 fs bulk-put lock-to in.csv --no-resume
	# a single record is what any application writes at any time
	exec {first}>>"$(printf '%s\n' "$HOME/.local/state/ferry/locks/"*-lock-to)"
	flock "$first"
	run_rc 75 fs delete lock-to --yes
	run_rc 0 fs put lock-to --record '{"id":"one"}'
	exec {first}>&-
	run_rc 0 fs delete lock-to --yes
}

@test "safety: a mark of the target tells of runs on other machines, until they are gone" {
	local first arn

	loaded mark-from 60
	group mark-to
	arn=$(fs-group describe mark-to -o csv | sed -n 's/^FeatureGroupArn,//p')
	mark() { fs-group tags "$arn" "$@"; }
	export FERRY_MARK=1
	move() { fs migrate mark-from mark-to --yes --latest --max-workers 1 "$@"; }
	sandbox_set latency=60000 only=BatchWriteRecord
	HOSTNAME=else FERRY_STATE=$PWD/else setsid fs migrate mark-from mark-to --yes --latest \
		--max-workers 1 >first.out 2>&1 &
	first=$!
	sandbox_ask DELETE counters
	wait_until 3 asked BatchWriteRecord || {
		cat first.out
		return 1
	}
	[[ $(mark) == 'ferry:writer=else '* ]]
	run_rc 75 move --stats door
	has "$err" 'another run writes to mark-to, else '
	is "$(jq -r .reason door)" busy
	run_rc 0 move --skip-if-running
	run_rc 75 move --wait-lock 1s
	is "$(sandbox_count DeleteRecord)" 0
	# killed, it lasts for half an hour there; whoever knows that it is over takes it
	kill -KILL -- "-$first"
	wait "$first" 2>/dev/null || :
	sandbox_set
	run_rc 75 move
	FERRY_MARK=steal run_rc 0 move
	is "$(mark)" ferry:writer=
	# of this machine it is seen that it is gone
	mark --tags "ferry:writer=$(hostname) 1:1 $EPOCHSECONDS"
	run_rc 0 fs clear mark-to --yes
	is "$(mark)" ferry:writer=
	mark --tags "ferry:writer=else 1:1 $((EPOCHSECONDS - 3600))"
	run_rc 0 fs-sync mark-from mark-to --iterations 1
	is "$(mark)" ferry:writer=
	# a part of a migration sets none, but sees one
	mark --tags "ferry:writer=else 1:1 $EPOCHSECONDS"
	run_rc 75 move --shard 1/2
	has "$err" 'another run writes to mark-to, else '
	FERRY_MARK=steal run_rc 0 move --shard 1/2
	mark --tags ferry:writer=
	# both groups of an archive
	run_rc 0 fs-archive mark-from mark-to --before 2025-01-01 --yes --no-copy --delete
	is "$(mark)" ferry:writer=
	is "$(arn=${arn/mark-to/mark-from} && mark)" ferry:writer=
	sandbox_set deny=ListTags
	run_rc 77 fs clear mark-to --yes
	# what is temporary is tried again in the next round
	sandbox_set
	sandbox_set throttle=100 only=ListTags
	mkdir bin
	export -f sandbox_set sandbox_ask
	printf '#!/bin/bash\nsandbox_set\n' >bin/sleep
	chmod +x bin/sleep
	AWS_MAX_ATTEMPTS=1 PATH=$PWD/bin:$PATH run_rc 0 fs-sync mark-from mark-to --iterations 2 \
		--skip-if-running
	has "$err" ListTags
	is "$(mark)" ferry:writer=
	# and without it nobody is asked
	unset FERRY_MARK
	sandbox_ask DELETE counters
	run_rc 0 fs clear mark-to --yes
	is "$(sandbox_count ListTags) $(sandbox_count AddTags)" '0 0'
}

@test "safety: an archive keeps its vectors when the active group has none any more" {
	lists vec-live
	lists vec-old
	printf '{"id":"a","event_time":"%s","n":1,"tags":["x"],"v":[1,2]}\n' \
		2024-01-01T00:00:00Z >in.ndjson
	fs-put vec-live in.ndjson
	wait_until 20 holds vec-live 1
	run_rc 0 fs-archive vec-live vec-old --older-than 1 --yes --delete --no-copy \
		--verify-wait 30s
	is "$(fs get vec-old a | jq -c '[.tags, (.v | length)]')" '[["x"],2]'
	# its offline rows are read again, and its online record is gone
	run_rc 0 fs-archive vec-live vec-old --older-than 1 --yes --delete --no-copy \
		--verify-wait 30s
	is "$(fs get vec-old a | jq -c '[.tags, (.v | length)]')" '[["x"],2]'
}

@test "safety: collections come from the online store where the others come from the offline one" {
	local t=T00:00:00Z method

	lists coll
	cat >in.ndjson <<-END
		{"id":"same","event_time":"2024-01-01$t","n":1,"tags":["a","b, \"c\""],"v":[1,2]}
		{"id":"past","event_time":"2024-01-01$t","n":1,"tags":["old"],"ids":[1]}
		{"id":"late","event_time":"2024-01-01$t","n":1,"tags":["late"]}
		{"id":"gone","event_time":"2024-01-01$t","n":1,"tags":["gone"]}
		{"id":"back","event_time":"2024-03-01$t","n":2,"tags":["newest"]}
	END
	printf '%s\n' "{\"id\":\"past\",\"event_time\":\"2024-02-01$t\",\"n\":2,\"ids\":[3,4]}" \
		>again.ndjson
	fs-put coll in.ndjson
	fs-put coll again.ndjson
	printf '{"id":"gone","event_time":"2024-01-01%s"}\n' "$t" >gone.ndjson
	fs-put coll --delete hard --event-time next --target-stores online gone.ndjson
	wait_until 20 holds coll 6
	# a newer one that only the online store has
	sed -n '/late/{s/-01-01/-04-01/; s/"n":1/"n":5/; s/\["late"\]/["new"]/p}' \
		in.ndjson >newer.ndjson
	fs-put coll --target-stores online newer.ndjson
	cat >wanted <<-END
		["back","2024-03-01$t",2,["newest"],null,null]
		["gone","2024-01-01$t",1,null,null,null]
		["late","2024-04-01$t",5,["new"],null,null]
		["past","2024-02-01$t",2,null,["3","4"],null]
		["same","2024-01-01$t",1,["a","b, \"c\""],null,["1","2"]]
	END
	by_turns 1 csv unload
	for method in "${turns[@]}"; do
		run_rc 0 fs export coll x.json --latest --method "$method"
		jq -c '.[]' x.json | collections >got
		same_file got wanted
		has "$err" '1 records are newer in the online store' \
			'1 records are without collections' '0 of them older and 1 not: "gone"'
	done
	# the history has one more state whose collections nobody has any more
	sed '/"past"/d' wanted >all.want
	cat >>all.want <<-END
		["late","2024-01-01$t",1,null,null,null]
		["past","2024-01-01$t",1,null,null,null]
		["past","2024-02-01$t",2,null,["3","4"],null]
	END
	LC_ALL=C sort -o all.want all.want
	run_rc 0 fs export coll x.json
	jq -c '.[]' x.json | collections >got
	same_file got all.want
	has "$err" '2 states of the past are without collections'
	# columns alone, from a query, and without
	run_rc 0 fs-extract-athena coll --latest -c tags --where "id = 'same'" --no-seal
	same_file "$out" <(printf 'tags\n"[""a"",""b, \\""c\\""""]"\n')
	table=$(fs-group describe coll -o json |
		jq -r .OfflineStoreConfig.DataCatalogConfig.TableName)
	run_rc 65 fs-extract-athena coll --query "SELECT tags FROM $table" --no-seal
	run_rc 65 fs export coll x.parquet
	run_rc 0 fs export coll x.json --latest --without-collections
	is "$(jq -c 'map(.tags) | unique' x.json)" '[null]'
	# migrated with a filter, and where ListRecords is denied; verified
	by_turns 1 filter unlisted
	for method in "${turns[@]}" both; do
		lists "coll-$method"
		args=(--latest --yes)
		[[ $method != filter ]] || args+=(--where 'n > 0')
		[[ $method != unlisted ]] || sandbox_set deny=ListRecords
		run_rc 0 fs migrate coll "coll-$method" "${args[@]}" --dry-run
		has "$out" 'Collections (tags, ids, v) are taken from the online store'
		run_rc 0 fs migrate coll "coll-$method" "${args[@]}"
		sandbox_set
		has "$out" '0 missing' '0 otherwise'
		fs-extract-online "coll-$method" -o ndjson --no-seal | collections >got
		same_file got wanted
	done
	# nothing was sent twice, but one that is newer online and came behind its last state
	wait_until 20 holds coll-both 6
	# the verification sees a collection that is lost
	printf '%s\n' "{\"id\":\"same\",\"event_time\":\"2024-01-01$t\",\"n\":1,\"tags\":[\"a\"]}" \
		>bad.ndjson
	fs-put coll-both bad.ndjson
	run_rc 1 fs-verify coll coll-both --latest --stores online
	has "$out" '1 otherwise: "same"'
	# where the online store cannot be asked, it is refused
	sandbox_set deny=BatchGetRecord,GetRecord
	lists coll-refused
	for each in 'export coll y.json' 'migrate coll coll-refused --yes --where 1=1'; do
		# shellcheck disable=SC2086
		run_rc 65 fs $each
		has "$err" --without-collections 'cannot be asked'
	done
	run_rc 0 fs export coll y.json --without-collections
	sandbox_set
	is "$(fs-extract-online coll-refused --no-seal | wc -l)" 1
}

@test "safety: collections go along with each pipeline, and into a backup" {
	local t=T00:00:00Z each

	lists pipe
	cat >in.ndjson <<-END
		{"id":"a","event_time":"2024-01-01$t","n":1,"tags":["x","y"],"v":[1,2]}
		{"id":"b","event_time":"2024-01-01$t","n":2,"ids":[3]}
	END
	fs-put pipe in.ndjson
	wait_until 20 holds pipe 2
	fs-extract-online pipe -o ndjson --no-seal | collections >wanted
	by_turns 1 subset improve
	for each in "${turns[@]}" upgrade; do
		lists "pipe-$each"
	done
	printf 'a\nb\n' >ids
	for each in "${turns[@]}"; do
		case $each in
		subset) run_rc 0 fs-subset pipe pipe-subset ids --yes ;;
		improve) run_rc 0 fs-improve pipe pipe-improve --yes --report r ;;
		esac
	done
	run_rc 0 fs-upgrade pipe pipe-upgrade --yes --backup up.ndjson.gz
	gunzip -c up.ndjson.gz | collections >got
	same_file got wanted
	for each in "${turns[@]}" upgrade; do
		fs-extract-online "pipe-$each" -o ndjson --no-seal | collections >got
		same_file got wanted
	done
}

@test "safety: --without-collections leaves alone what differs by collections only" {
	lists bare
	lists bare-to
	printf '{"id":"%s","event_time":"2024-01-01T00:00:00Z","n":%s,"tags":["x"],"v":[1,2]}\n' \
		a 1 b 2 >in.ndjson
	fs-put bare in.ndjson
	fs-put bare-to in.ndjson
	wait_until 20 holds bare 2
	wait_until 20 holds bare-to 2
	run_rc 0 fs migrate bare bare-to --yes --without-collections
	has "$out" 'written 0, there already 2'
	is "$(fs-extract-online bare-to -o ndjson --no-seal | collections)" \
		"$(fs-extract-online bare -o ndjson --no-seal | collections)"
}

@test "safety: GetRecord alone does for records that are asked for" {
	group safe-single
	records 230 >in.csv
	fs-put safe-single in.csv
	by_turns 1 deny=BatchGetRecord missing=BatchGetRecord
	for each in "${turns[@]}"; do
		sandbox_set "$each"
		run_rc 0 fs-extract-online safe-single --no-seal
		has "$err" 'going on with GetRecord'
		LC_ALL=C sort "$out" >got
		LC_ALL=C sort in.csv >wanted
		same_file got wanted
		run_rc 0 fs get safe-single id7 --feature-names count
		is "$(<"$out")" '{"count":2}'
		run_rc 69 fs get safe-single nobody
		sandbox_set
	done
}

# all_rows GROUP COUNT: rows of the offline store, deletions and repetitions included
all_rows() { [[ $(fs-extract-athena "$1" --store-columns -o ndjson --no-seal | wc -l) == "$2" ]]; }

@test "safety: what the target has already is not sent again" {
	group safe-again
	records 80 >in.csv
	fs-put safe-again in.csv
	printf 'id,event_time\nid3,2024-02-01T00:00:00Z\n' >gone.csv
	fs-put safe-again --delete soft gone.csv
	wait_until 20 all_rows safe-again 81
	group safe-twice
	run_rc 0 fs migrate safe-again safe-twice --yes --verify-wait 20s
	has_no "$out" 'The target has'
	is "$(stored safe-twice)" '81 79'
	before=$(sandbox_count BatchWriteRecord)
	run_rc 0 fs migrate safe-again safe-twice --yes --verify-wait 20s
	has "$out" 'The target has 81 records: those that are the same are not sent again' \
		'Records: 81, written 0, there already 81' 'Success rate: 100.0%'
	is "$(sandbox_count BatchWriteRecord)" "$before"
	# one is new, one has another value, one is not online any more
	printf 'id,event_time,count,price,category\nnew,2024-01-05T00:00:00Z,1,2.5,x\n' >new.csv
	grep '^id7,' in.csv | sed 's/,7\.25,/,7.5,/' >>new.csv
	fs-put safe-again new.csv
	grep -E '^(id,|id9,)' in.csv >lost.csv
	fs-put safe-twice --delete hard --event-time later --target-stores online lost.csv
	wait_until 20 all_rows safe-again 83
	run_rc 0 fs migrate safe-again safe-twice --yes --verify-wait 20s
	has "$out" 'written 3, there already 79'
	is "$(stored safe-twice)" '83 80'
	online safe-again >wanted
	online safe-twice >got
	same_file got wanted
	# unless asked for
	run_rc 0 fs migrate safe-again safe-twice --yes --no-only-missing --verify-wait 20s
	has "$out" 'written 82'
	# an online store alone
	online_group safe-online-2
	run_rc 0 fs migrate safe-again safe-online-2 --yes
	run_rc 0 fs migrate safe-again safe-online-2 --yes
	has "$out" 'written 0, there already 80'
	# and where nobody can say what is there, that is said
	sandbox_set deny=ListRecords
	run_rc 0 fs migrate safe-again safe-online-2 --yes
	has "$err" 'what safe-online-2 has already is not known: all of it is sent'
	run_rc 77 fs migrate safe-again safe-online-2 --yes --only-missing
	sandbox_set
}

@test "safety: what is there is asked anew, and not taken from a reading that was broken off" {
	group asked
	printf 'id,event_time,count\na,2024-01-01T00:00:00Z,1\nb,2024-01-01T00:00:00Z,2\n' >in.csv
	sandbox_set throttle=100 only=GetObject
	AWS_MAX_ATTEMPTS=1 run_rc 75 fs bulk-put asked in.csv --only-missing
	sandbox_set
	[[ $(find "$HOME/.local/state" -name '*.run') ]]
	run_rc 0 fs bulk-put asked in.csv
	wait_until 20 all_rows asked 2
	run_rc 0 fs bulk-put asked in.csv --only-missing --no-resume
	has "$out" '2 there already'
	all_rows asked 2
	# what an hour ago was not deleted is now
	group asked-clean
	run_rc 0 fs-improve asked asked-clean --yes
	sandbox_set throttle=100 only=GetObject
	AWS_MAX_ATTEMPTS=1 run_rc 75 fs-extract-athena --latest --deleted --store-columns \
		--columns=id,event_time --no-seal -o ndjson -O newest asked
	sandbox_set
	printf 'id,event_time\na,2024-01-02T00:00:00Z\n' >gone.csv
	fs-put asked --delete soft gone.csv
	wait_until 20 all_rows asked 3
	run_rc 0 fs-improve asked asked-clean --yes
	is "$(fs-extract-online asked-clean --no-seal -o ndjson | jq -r .id)" b
}

# bats test_tags=whole
@test "safety: fs-sync sends what is new, and no overlap twice" {
	loaded sync-from 100
	group sync-to
	run_rc 0 fs-sync sync-from sync-to --iterations 1 --state s.json --verify-wait 20s
	is "$(stored sync-to)" '100 100'
	records 2 500 >new.csv
	fs-put sync-from new.csv
	wait_until 20 arrived sync-from 102
	run_rc 0 fs-sync sync-from sync-to --iterations 1 --state s.json --overlap 3600 \
		--verify-wait 20s
	has "$out" 'written 2, there already 100'
	is "$(stored sync-to)" '102 102'
}

@test "safety: every command has a help with every option it reads, and near names are told" {
	local command option

	# shellcheck disable=SC2013  # a word a line
	for command in $(sed -nE 's/^run_([a-z-]+)\(\).*/\1/p' "$root/pipelines/fs" \
		"$root/pipelines/lib/fs-migrate.bash" "$root/pipelines/lib/fs-verify.bash"); do
		run_ok fs "$command" --help
		has "$out" "usage: fs $command"
		cat "$root/pipelines/fs" "$root"/pipelines/lib/fs-{migrate,verify}.bash |
			sed -n "/^run_$command() {$/,/^}/p" |
			sed -n '/read_options/{:a; / -- /!{N; ba}; s/ -- .*//; p}' |
			tr -s '\134 \t' '\n' |
			sed -nE 's/^([a-z]:)?([a-z][a-z0-9-]+)[=?+]?$/\2/p' >read_options
		while IFS= read -r option; do
			grep -q -- "--$option\b" "$out" || {
				printf 'fs %s: no help for --%s\n' "$command" "$option"
				return 1
			}
		done <read_options
	done
	run_rc 64 fs migrat
	has "$err" 'no such command: "migrat" (did you mean migrate?)'
	group safe-similar
	run_rc 69 fs schema safe-similr
	has "$err" 'similar name: safe-similar'
}

@test "safety: files and answers as the seeds' scripts have them" {
	group safe_files
	# a last line without its end, in every format; fields that are no features; broken records
	printf 'id,event_time,count,extra\na,2024-01-01T00:00:00Z,1,x' >1.csv
	printf '{"id":"b","event_time":"2024-01-01T00:00:00Z","count":2,"more":1}' >2.ndjson
	printf '[{"id":"c","event_time":"2024-01-01T00:00:00Z","count":3}]' >3.json
	for file in 1.csv 2.ndjson 3.json; do
		run_rc 0 fs bulk-put safe_files $file
	done
	run_rc 0 fs bulk-put safe_files 1.csv --no-resume
	is "$(grep -c 'is no feature of "safe_files" and is left out' "$err")" 1
	run_rc 65 fs bulk-put safe_files 1.csv --strict --no-resume
	has "$err" '"extra" is no feature'
	is "$(fs-extract-online safe_files -c id --no-seal | sort | paste -sd' ')" 'a b c id'
	printf '{"id":"d","event_time":"2024-01-01T00:00:00Z"}\nno json\n{"id":"e"}\n' >4.ndjson
	printf '{"id":"f","event_time":"2024-01-01T00:00:00Z"}\n' >>4.ndjson
	run_rc 65 fs bulk-put safe_files 4.ndjson --continue-on-error -o log
	has "$out" '4 records: 2 written, 2 failed'
	is "$(grep -c 실패 log)" 2
	run_rc 0 fs get safe_files f
	: >empty.csv
	printf 'id,event_time\n' >header.csv
	for file in empty.csv header.csv; do
		run_rc 65 fs bulk-put safe_files $file
		grep -qe "there is no record in $file" -e "$file: nothing was read" "$err"
	done
	# identifiers as a list; none of them there
	printf '["a", "b",\n "nobody"]' >ids.json
	run_rc 0 fs bulk-get safe_files ids.json -o got.json
	is "$(jq -c 'map(.id) | sort' got.json)" '["a","b"]'
	printf '["x"]\n' >ids.json
	run_rc 69 fs bulk-get safe_files ids.json
	has "$err" 'none of these records'
	# a folder that is not there, a template that is
	wait_until 20 holds safe_files 6
	run_rc 0 fs export safe_files new/folder/x.json --where "event_time < '2024-06-01'" --latest
	is "$(jq length new/folder/x.json)" 5
	run_rc 0 fs schema-template
	run_rc 73 fs schema-template
	has "$err" 'is there already'
	run_rc 0 fs schema-template --force
	# descriptions are shown, and go along
	run_ok fs schema safe_files -o json
	is "$(jq -r '.[0].Description' "$out")" 'record identifier'
	cp "$out" schema.json
	run_ok fs schema safe_files
	has "$out" Description 'record identifier'
	# what broke off is gone on with
	sandbox_set deny=UpdateFeatureMetadata
	run_rc 77 fs create safe-broken --schema-file schema.json --role-arn "$role" \
		--s3-uri s3://offline/x
	sandbox_set
	run_rc 0 fs create safe-broken --schema-file schema.json --role-arn "$role" \
		--s3-uri s3://offline/x
	has "$err" 'going on from there'
	is "$(fs schema safe-broken -o json)" "$(<schema.json)"
	run_rc 69 fs create safe-broken --schema-file schema.json --role-arn "$role" \
		--s3-uri s3://offline/x
	run_ok fs add-features safe-broken -f score:Fractional
	run_rc 0 fs add-features safe-broken -f score:Fractional -f second:String:text
	has "$err" '"score" is there already'
	is "$(fs schema safe-broken -o json | jq length)" 7
	# one Vector
	run_rc 64 fs add-features safe-broken -f v:Fractional:list:2 -f w:Fractional:list:2
	has "$err" 'one Vector at most'
	# dates as the scripts write them
	run_rc 0 fs export safe_files dated.json \
		--where "from_iso8601_timestamp(event_time) < DATE('2024-06-01')"
}

# t/soak/features.bats tries all of them
@test "safety: no single permission that is denied loses anything" {
	deny_all "${DENY:-8}"
}

# Each store is read once: the source on the way, the target behind it, or before it where nothing
# was to be written. A third of them by FERRY_SEED, with WHOLE all.
@test "safety: no command asks more often than it has to" {
	local n=${RECORDS:-800} part command bars each
	local pages=ListRecords=$((n / 100)) twice=ListRecords=$((2 * n / 100))
	local get=BatchGetRecord=$((n / 100)) gets=BatchGetRecord=$((2 * n / 100))
	local writes=BatchWriteRecord=$((n / 25))

	loaded count-from "$n"
	for each in to old new improved chosen part large; do
		fs-group create "count-$each" --schema-file features.json --role-arn "$role" \
			--s3-uri s3://offline/fs >/dev/null
	done
	online_group count-put
	seq -f id%g 0 $((n - 1)) >ids
	random 3
	while IFS='|' read -r part command bars; do
		[[ ${WHOLE-} || $part == "$random" ]] || continue
		# shellcheck disable=SC2086
		asks_no_more "$n" "$command" $bars
	done <<-END
		0|fs bulk-put count-put in.csv --max-workers 4|$writes
		0|fs bulk-get count-put in.csv -o got.json|$get
		0|fs export count-from x.json|
		0|fs migrate count-from count-to --yes --verify-wait 20s|$writes $pages $gets
		0|fs migrate count-from count-to --yes|$twice $gets
		0|fs verify --online-offline count-from|$pages $get
		0|fs clear count-put --force|$pages $get DeleteRecord=$n
		1|fs-archive count-from count-old --older-than 1 --yes|$writes $gets
		1|fs-upgrade count-from count-new --yes|$writes $pages $gets
		1|fs-improve count-from count-improved --yes --report r|$writes $gets
		1|fs-subset count-from count-chosen ids --yes|$writes $gets
		1|env FERRY_SUBSET_BYTES=900 fs-subset count-from count-part ids --yes|$writes $gets
		2|fs-migrate-large count-from count-large --yes|$writes $pages $gets
		2|fs-recover count-from count-large --yes|$pages $gets
		2|fs-sync count-from count-large --iterations 1 --yes|$pages $gets
		2|fs-copy count-from count-large --yes|$twice $gets
	END
	[[ ! ${ASKED-} ]] || cp asked "$ASKED"
}
