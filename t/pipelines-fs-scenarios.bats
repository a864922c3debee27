# The pipelines over fs: one test for each, and one for what they have in common.

load helper
load sandbox
load fs

# made NAME STORES [OPTION...]: a group with the features of features.json, and such stores.
made() {
	local -a where=(--s3-uri s3://offline/fs)

	[[ $2 != online ]] || where=(--no-offline-store)
	[[ $2 != offline ]] || where+=(--no-online-store)
	[[ -f features.json ]] || fs-group template -O features.json
	fs-group create "$1" --schema-file features.json --role-arn "$role" "${where[@]}" \
		"${@:3}" >/dev/null
}

# rows GROUP COUNT: its offline store has so many, deletions included
rows() { [[ $(fs-extract-athena "$1" --store-columns -o ndjson --no-seal | wc -l) == "$2" ]]; }
present() { fs-extract-online "$1" --no-seal -o ndjson | LC_ALL=C sort; }

# filled GROUP STORES COUNT: a group with so many records, which are in in.csv
filled() {
	made "$1" "$2"
	records "$3" >in.csv
	fs-put "$1" in.csv
	[[ $2 == online ]] || wait_until 20 rows "$1" "$3"
}

@test "fs pipelines: names, credentials and answers that are wrong" {
	local each

	made there both
	by_turns 3 upgrade copy archive sync improve migrate-large recover
	for each in "${turns[@]}"; do
		run_rc 64 "fs-$each"
		run_rc 64 "fs-$each" one two three four
		run_rc fails "fs-$each" nowhere there --yes
		has "$err" nowhere
		run_rc 78 "fs-$each" --profile nobody there there --yes
		AWS_ENDPOINT_URL=http://127.0.0.1:9 run_rc 75 "fs-$each" there other --yes
	done
	run_rc 64 fs-subset a b
	run_rc 66 fs-subset there there nolist
	run_rc 64 fs-archive there there --older-than many
	run_rc 64 fs-archive there there --before now
	run_rc 64 fs-sync there there --interval never
}

@test "fs pipelines: dates and times that are none are refused before anything is done" {
	local each option

	made here both
	made away both
	by_turns 1 2026-99-99 2026-13-01 2026-02-30 2026-01-01T25:00:00Z 2026-01-01T12Z \
		2026-01-01T1:1:1Z 2026-01-01T..Z
	for each in "${turns[@]}"; do
		run_rc 64 fs-archive here away --before "$each" --delete --yes
		has "$err" "--before: not like 2024-01-31 or 2024-01-31T12:00:00Z: $each"
		run_rc 64 fs export here x.csv --as-of "$each"
		run_rc 64 fs migrate here away --as-of "$each" --yes
	done
	for each in 2026-01-01 2026-01-01T12:00Z 2026-01-01T12:00:00.123Z; do
		run_rc 0 fs-archive here away --before "$each"
	done
	by_turns 2 fs-upgrade fs-copy fs-archive fs-migrate-large fs-recover 'fs migrate'
	for each in "${turns[@]}"; do
		# shellcheck disable=SC2086
		run_rc 64 $each here away --verify-wait soon
		has "$err" '--verify-wait: not a duration: "soon"'
	done
	run_rc 64 fs-subset here away list --verify-wait 1x
	run_rc 64 fs-sync here away --iterations 1 --verify-wait 5parsecs
	by_turns 2 retry-for ttl progress-every query-timeout wait-lock
	for option in "${turns[@]}"; do
		run_rc 64 fs migrate here away "--$option" soon
		has "$err" "--$option: not "
	done
	run_rc 64 fs delete here --wait-timeout soon
	is "$(sandbox_count StartQueryExecution ok) $(sandbox_count BatchWriteRecord)" '3 0'
}

@test "fs-upgrade: a backup, the schemas compared, the move" {
	filled v1 both 60
	jq 'map(if .FeatureName == "count" then .FeatureType = "Fractional" else . end) +
		[{"FeatureName":"tier","FeatureType":"String"},
		{"FeatureName":"region","FeatureType":"String"}]' features.json >x.json
	mv x.json features.json
	made v2 both
	records 5 1000 | sed '1s/$/,tier/; 2,$s/$/,x/' >other.csv
	fs-put v2 other.csv
	run_pipe '0 0' 'echo y |
		fs-upgrade v1 v2 --backup b.ndjson.gz --set tier=basic --set region=east \
			--verify-wait 30s'
	has "$out" 'Features of v1 and v2: they differ' 'added: region' 'added: tier' \
		'changed: count: Integral → Fractional' '60 identifiers compared, 0 missing'
	present v1 | jq -cS '.tier = "basic" | .region = "east"' | sort >wanted
	present v2 | jq -cS . | sort >got
	same_file got wanted
	gunzip -c b.ndjson.gz | jq -cS . | sort >got
	present v1 | jq -cS . | sort >wanted
	same_file got wanted
	# a backup is never written over
	cp b.ndjson.gz before
	run_rc 73 fs-upgrade v1 v2 --backup b.ndjson.gz --yes
	has "$err" 'b.ndjson.gz is there already'
	same_file b.ndjson.gz before
	mkdir bin
	printf '#!/bin/sh\necho "$*" >>aws.log\nexec %s/t/shim/aws "$@"\n' "$root" >bin/aws
	chmod +x bin/aws
	PATH=$PWD/bin:$PATH run_rc 0 fs-upgrade v1 v2 --region us-east-1 --yes \
		--backup-s3 s3://backups/up --verify-wait 30s
	has aws.log '--region=us-east-1 s3 cp v1-'
	has "$out" 'Whole numbers beyond 2^53 lose digits as fractions: count'
	sandbox_set deny=PutObject
	run_rc fails fs-upgrade v1 v2 --yes --backup-s3 s3://backups/up
	has_no "$err" 'room on the disk'
	sandbox_set
	aws s3 ls s3://backups/up/ | grep -q v1-
	is "$(present v2 | jq .tier | sort -u)" null
	run_rc 69 fs-upgrade v2 v1 --yes
	has "$out" 'removed: tier'
	has "$err" 'features would be lost, nothing was done' --allow-removal
	run_rc 69 fs-upgrade v2 v1 --yes --allow-removal
	has "$err" 'types do not fit: count (Fractional → Integral)'
}

@test "fs-upgrade: the new group is emptied when all of the old one fits it" {
	fs-group template -O features.json
	jq 'map(if .FeatureName == "count" then .FeatureType = "String" else . end)' \
		features.json >texts.json
	mv texts.json features.json
	made fits-old both
	jq 'map(if .FeatureName == "count" then .FeatureType = "Integral" else . end) +
		[{"FeatureName":"tier","FeatureType":"String"}]' features.json >numbers.json
	mv numbers.json features.json
	made fits-new both
	printf '%s\n' id,event_time,count a,2024-01-01T00:00:00Z,7 \
		b,2024-01-01T00:00:00Z,unknown >old.csv
	fs-put fits-old old.csv
	printf '%s\n' id,event_time,count z,2024-01-01T00:00:00Z,1 >new.csv
	fs-put fits-new new.csv
	wait_until 20 rows fits-old 2
	wait_until 20 rows fits-new 1
	run_rc 65 fs-upgrade fits-old fits-new --yes --backup b.ndjson
	has "$err" 'fits-new is not cleared, nothing was done'
	is "$(present fits-new | jq -r .id)" z
	rows fits-new 1
}

@test "fs-copy: two profiles in two regions, and a group that is not there yet" {
	local -a far=(--profile=far --region=us-west-2)

	filled traveller both 30
	cat >"$AWS_SHARED_CREDENTIALS_FILE" <<-'END'
		[far]
		aws_access_key_id = AKIASANDBOX000000002
		aws_secret_access_key = sandbox/secret/key/of/the/other/user/+02
	END
	printf '[profile far]\nregion = us-west-2\n' >"$AWS_CONFIG_FILE"
	there=(--target-profile far --target-region us-west-2)
	run_rc 69 fs-copy traveller "${there[@]}" --yes
	has "$err" 'there is no feature group traveller over there' --role-arn
	made_there=(--role-arn "$role" --s3-uri s3://far/fs)
	run_rc 0 fs-copy traveller "${there[@]}" "${made_there[@]}" --stamp --dry-run
	has "$err" 'would make feature group traveller'
	run_rc 0 fs-copy traveller "${there[@]}" "${made_there[@]}" --stamp --yes --verify-wait 30s
	fs-extract-online "${far[@]}" traveller --no-seal -o ndjson >far.ndjson
	is "$(jq -r '[.migration_source_env, .migration_target_env] | join(" ")' far.ndjson |
		sort -u)" 'default far'
	jq -cS 'del(.migration_source_env, .migration_target_env, .migration_timestamp)' \
		far.ndjson | sort >got
	present traveller | jq -cS . | sort >wanted
	same_file got wanted
	if [[ ${WHOLE-} ]]; then
		run_rc 0 fs-copy traveller plain "${there[@]}" "${made_there[@]}" --yes \
			--verify-wait 30s
		fs-extract-online "${far[@]}" plain --no-seal -o ndjson | jq -cS . | sort >got
		same_file got wanted
	fi
	jq '. + [{"FeatureName":"team","FeatureType":"String"},
		{"FeatureName":"cost","FeatureType":"Integral"}]' features.json >labels.json
	fs-group "${far[@]}" create labelled --schema-file labels.json --role-arn "$role" \
		--s3-uri s3://far/fs >/dev/null
	run_rc 0 fs-copy traveller labelled "${there[@]}" --set team=red --set=cost=7 --yes \
		--verify-wait 30s
	fs-extract-online "${far[@]}" labelled --no-seal -o ndjson | jq -cS . >got
	present traveller | jq -cS '.team = "red" | .cost = 7' | sort >wanted
	sort -o got got
	same_file got wanted
	rm "$AWS_SHARED_CREDENTIALS_FILE" "$AWS_CONFIG_FILE"
}

@test "fs-copy: the group it makes is as the one it copies" {
	local each key=arn:aws:kms:us-east-1:123456789012:key/k
	local -a there=(--role-arn "$role" --s3-uri s3://offline/copies --yes)

	made cold both --table-format Iceberg --ttl-duration 300 --kms-key-id "$key"
	fs-copy cold cold-2 "${there[@]}" --verify-wait 30s
	for each in cold cold-2; do
		fs-group describe "$each" -o json | jq -S '[.OnlineStoreConfig,
			.OfflineStoreConfig.TableFormat,
			.OfflineStoreConfig.S3StorageConfig.KmsKeyId]' >$each.made
	done
	has cold.made Iceberg 300 "$key"
	same_file cold-2.made cold.made
	# a key of another account or region is none over there
	run_rc 69 fs-copy cold cold-3 "${there[@]}" --target-region us-west-2
	has "$err" "cold is encrypted with $key" --kms-key-id
	run_rc 0 fs-copy cold cold-3 "${there[@]}" --target-region us-west-2 --kms-key-id other
	fs-group --region us-west-2 describe cold-3 -o json |
		jq -c '[.. | .KmsKeyId? // empty]' >keys
	is "$(<keys)" '["other","other"]'
	# online alone, in memory, with collections
	fs-group template | jq '. + [{"FeatureName":"tags","FeatureType":"String",
		"CollectionType":"List"}]' >features.json
	made lists online --storage-type InMemory
	printf '{"id":"a","event_time":"2024-01-01T00:00:00Z","tags":["x","y"]}\n' |
		fs-put lists --accept-unsealed -
	for each in lists-2 lists-3; do
		run_rc 0 fs-copy lists $each --role-arn "$role" --yes
		is "$(present $each)" "$(present lists)"
		fs-group describe $each -o json | jq -e '.OfflineStoreConfig == null'
	done
	run_rc 0 fs-copy lists lists-4 "${there[@]}"
	run_rc 69 fs-copy lists lists-5 --yes
	has "$err" --role-arn
}

# old_and_new GROUP TYPE: 25 records of 2020 and 10 of now, in old.csv and new.csv
old_and_new() {
	local each time

	for each in old:25:2020-05-05T05:05:05Z "new:10:$(date -u +%FT%TZ)"; do
		IFS=: read -r name count time <<<"$each"
		[[ $2 == String ]] || time=$(date -u -d "$time" +%s)
		{
			printf 'id,event_time,count,price,category\n'
			seq "$count" | sed "s/.*/$name&,$time,&,&.5,c/"
		} >"$name.csv"
		fs-put "$1" "$name.csv"
	done
	wait_until 20 rows "$1" 35
}

@test "fs-archive: copies what is old, and deletes it when asked" {
	local type format

	by_turns 1 String Fractional
	for type in "${turns[@]}"; do
		rm -f features.json
		fs-group template -O t.json
		jq --arg t "$type" 'map(if .FeatureName == "event_time" then .FeatureType = $t
			else . end)' t.json >features.json
		format=Glue
		[[ $type == String ]] || format=Iceberg
		made "active-$type" both --table-format $format
		made "archive-$type" both
		old_and_new "active-$type" "$type"
		run_rc 0 fs-archive "active-$type" "archive-$type" --older-than 365 --dry-run
		has "$out" ': 25'
		run_pipe '0 77' "echo n | fs-archive active-$type archive-$type --older-than 365"
		is "$(present "archive-$type")" ''
		cp "active-$type-before-"*.ndjson.gz first.gz
		run_rc 0 fs-archive "active-$type" "archive-$type" --older-than 365 --yes \
			--export copy.ndjson.gz
		same_online "archive-$type" old.csv
		is "$(gunzip -c copy.ndjson.gz | wc -l)" 25
		mkdir -p folder
		ln -sf copy.ndjson.gz link
		run_rc 73 fs-archive "active-$type" "archive-$type" --older-than 365 --yes \
			--export folder
		has "$err" 'cannot write to folder'
		run_rc 0 fs-archive "active-$type" "archive-$type" --older-than 365 --yes \
			--export link
		[[ -L link && ! $(ls folder) ]]
		is "$(present "active-$type" | wc -l)" 35
		run_rc 0 fs-archive "active-$type" "archive-$type" --older-than 365 --yes --delete
		has "$out" "Deleted from the online store of active-$type: 25 records"
		has "$err" "they are in active-$type-before-" '-2.ndjson.gz'
		same_file first.gz "active-$type-before-"*[0-9][0-9].ndjson.gz
		if [[ $format == Iceberg && $FERRY_BIN != */asan/bin ]]; then
			jump 86400 # an hour has passed by our clock only
			run_rc 0 ahead fs-archive "active-$type" "archive-$type" --yes --delete \
				--before 2021-01-01 --no-copy
		fi
		rows "active-$type" 35 # an hour has not passed
		run_rc 0 fs-archive "active-$type" "archive-$type" --older-than 365 --yes --delete \
			--settled 0s
		has "$out" "Deleted from the online store of active-$type: 0 records"
		same_online "active-$type" new.csv
		same_online "archive-$type" old.csv
		[[ $format == Glue ]] || rows "active-$type" 10
		[[ $format != Glue ]] || has "$err" 'append-only and keeps what was archived'
		run_rc 0 fs-archive "archive-$type" "active-$type" --before 2019-01-01
		has "$out" ': 0'
	done
}

@test "fs-archive: deletes nothing that is newer or otherwise than what was archived" {
	local each

	made busy both --table-format Iceberg
	made vault both
	old_and_new busy String
	{
		printf 'id,event_time,count,price,category\n'
		printf 'old1,%s,100,1,now\n' "$(date -u +%FT%TZ)" # in use again
		printf 'old2,2020-06-06T00:00:00Z,100,1,newer\n'  # newer, though old
		printf 'old3,2020-05-05T05:05:05Z,100,1,other\n'  # another at the same time
		printf 'old4,2020-05-05T05:05:05.001Z,4,4.5,c\n'
		printf 'only,2020-01-01T00:00:00Z,1,1,online\n'   # not archived at all
	} >lively.csv
	fs-put busy --target-stores online lively.csv
	# from here on deletions do not come through, until the sandbox is told otherwise
	sandbox_set only=DeleteRecord error=100
	timeout 120 fs-archive busy vault --before 2021-01-01 --yes --delete --settled 0s \
		>report 2>&1 3>&- &
	wait_until 60 tried
	printf 'id,event_time,count,price,category\n' >race.csv
	printf 'old%s,2020-05-05T05:05:05.000000002Z,9,9.5,raced\n' 5 6 >>race.csv
	printf 'lately,2020-02-02T00:00:00Z,1,1.5,late\n' >>race.csv
	fs-put busy race.csv
	wait_until 20 rows busy 38
	sandbox_set
	each=0
	wait $! || each=$?
	cat report
	is "$each" 0
	has report 'Deleted from the online store of busy: 19 records' \
		'Left there, newer or otherwise than archived: 6: ' looked
	for each in old1 old2 old3 old4 old5 old6; do
		has report "\"$each\""
	done
	is "$(jq -r .id busy-before-2021-01-01-left.ndjson | sort | paste -sd' ')" \
		'old1 old2 old3 old4 old5 old6'
	{
		cat new.csv
		tail -qn +2 lively.csv race.csv
	} >wanted.csv
	same_online busy wanted.csv
	same_online vault old.csv
	# of the offline store's old rows only those are gone that are in the archive
	old_rows() {
		fs-extract-athena busy --no-seal -o ndjson |
			jq -r 'select(.event_time < "2021") | .category' | sort | paste -sd' '
	}
	is "$(old_rows)" 'late raced raced'
	run_rc 64 fs-archive busy vault --settled soon
	# an archive without a history does not cost the source its own
	made shelf online
	run_rc 0 fs-archive busy shelf --before 2021-01-01 --yes --delete --settled 0s
	has "$err" 'shelf has no offline store for the history'
	is "$(old_rows)" 'late raced raced'
	same_online shelf <(grep -E '^(id,|old[56],|lately,)' race.csv)
}

# settled MOMENT: --settled 0s takes rows that were put two seconds ago
settled() { ((EPOCHSECONDS > $1 + 2)); }

@test "fs-archive: deletes no row whose values are not in the archive" {
	local each stores

	by_turns 1 both offline
	for stores in "${turns[@]}"; do
		made "doubled-$stores" "$stores" --table-format Iceberg
	done
	for each in first second; do
		printf 'id,event_time,count,price,category\n' >$each.csv
		printf 'id%s,2020-01-01T00:00:00Z,1,1,%s\n' 1 $each 2 $each 3 same 4 same \
			>>$each.csv
		# one instant, written otherwise
		[[ $each == first ]] || sed -i '/^id[23]/s/00Z/00.00Z/' $each.csv
		for stores in "${turns[@]}"; do
			fs-put "doubled-$stores" $each.csv --no-resume
		done
	done
	made marked both --table-format Iceberg
	fs-put marked first.csv
	printf 'id,event_time\nid4,2020-01-01T00:00:00.0Z\n' |
		fs-put marked --delete soft --accept-unsealed
	for stores in "${turns[@]}"; do
		wait_until 20 rows "doubled-$stores" 8
	done
	wait_until 20 rows marked 5
	wait_until 20 settled "$EPOCHSECONDS"
	for each in "${turns[@]/#/doubled-}"; do
		made "cellar-$each" offline
		run_rc 0 fs-archive "$each" "cellar-$each" --before 2021-01-01 --yes --delete \
			--settled 0s --no-copy
		has "$err" 'rows are kept whose identifier has another value'
		is "$(fs-extract-athena "$each" --no-seal -o ndjson | jq -r .category |
			sort | paste -sd' ')" 'first first second second'
		is "$(rows "cellar-$each" 4 && echo 4)" 4
	done
	# a deletion at the instant of its record, which the archive does not have
	made cellar-marked offline
	run_rc 0 fs-archive marked cellar-marked --before 2021-01-01 --yes --delete --settled 0s \
		--no-copy
	has "$err" 'rows are kept whose identifier has another value'
	is "$(fs-extract-athena marked --store-columns --no-seal -o ndjson |
		jq -c '[.id, .is_deleted]' | sort | paste -sd' ')" \
		'["id4",false] ["id4",true]'
	is "$(fs-extract-athena cellar-marked --no-seal -o ndjson | jq -r .id | sort |
		paste -sd' ')" 'id1 id2 id3 id4'
	# features that the archive lacks
	jq -c 'map(select(.FeatureName != "price"))' features.json >fewer.json
	fs-group create narrow --schema-file fewer.json --role-arn "$role" \
		--s3-uri s3://offline/fs >/dev/null
	run_rc 69 fs-archive "$each" narrow --before 2021-01-01 --yes --delete --no-copy
	has "$err" 'features would be lost' price
	rows "$each" 4
	rows narrow 0
}

tried() { (($(sandbox_count DeleteRecord failed) > 0)); }

@test "fs-subset: a list of any length, planned and moved and verified once" {
	filled everybody both 600
	made some both
	{
		printf '\xef\xbb\xbfid9\n\n"id7"\r\nid8,more\nit'\''s\n"a ""b"""\nid7\n'
		seq -f id%g 100 1 499
	} >list.csv
	printf 'id,event_time,count\nit'\''s,2024-01-01T00:00:00Z,1\n' >more.csv
	printf '"a ""b""",2024-01-01T00:00:00Z,1\n' >>more.csv
	fs-put everybody more.csv
	wait_until 20 rows everybody 602
	run_pipe '0 77' 'echo n | fs-subset everybody some list.csv'
	FERRY_SUBSET_BYTES=1500 run_rc 0 fs-subset everybody some list.csv --yes --verify-wait 30s \
		--max-workers 8
	has "$out" 'Values of id in list.csv: 405, in batches: 1' 'Only: 405 values of "id"'
	present everybody | jq -c 'select(.count >= 95 or .id == "id7" or .id == "id8" or
		.id == "id9" or .id == "it'\''s" or .id == "a \"b\"") |
		select(.count < 495)' >wanted
	present some >got
	same_file got wanted
	is "$(wc -l <got)" 405
	made by-count both
	printf '5\n006\n' >numbers
	FERRY_SUBSET_BYTES=1 run_rc 0 fs-subset everybody by-count numbers --column count --yes
	has "$out" 'Only: 2 values of "count"' ' 2 records (identifier and event time) compared'
	is "$(present by-count | jq -c .count | sort | paste -sd' ')" '5 6'
	printf 'five\n' >numbers
	run_rc 65 fs-subset everybody by-count numbers --column count --yes
	has "$err" 'count is Integral, but numbers has: five'
	printf ' 5\n05 \n5555\n' >numbers
	run_rc 0 fs-subset everybody by-count numbers --column count --yes
	has "$out" 'Values of count in numbers: 2, ' 'Not in everybody: 1 of them'
	run_rc 64 fs-subset everybody by-count numbers --column nothing --yes
	: >empty
	run_rc 65 fs-subset everybody by-count empty --yes
	printf '1.25\n2.25\n' >numbers
	FERRY_SUBSET_BYTES=1 run_rc 0 fs-subset everybody by-count numbers --column price --yes -q
	is "$(present by-count | jq -r 'select(.price < 3) | .id' | paste -sd ' ')" 'id1 id2'
}

@test "fs-subset: a list is taken as it stands, or refused with the line" {
	local each

	filled crowd both 20
	made listed both
	printf 'id,event_time,count\n  blank,2024-01-01T00:00:00Z,1\n이름,2024-01-01T00:00:00Z,2\n' |
		fs-put crowd --accept-unsealed -
	wait_until 20 rows crowd 22
	printf '  blank\nid3\n이름\nblank\nid3 \nnobody\n' >list
	by_turns 1 8000 2
	for each in "${turns[@]}"; do
		FERRY_SUBSET_BYTES=$each run_rc 0 fs-subset crowd listed list --yes \
			--verify-wait 30s
		has "$out" 'Values of id in list: 6, in batches: 1' 'Not in crowd: 3 of them'
		is "$(present listed | jq -r .id | LC_ALL=C sort | paste -sd,)" '  blank,id3,이름'
	done
	printf '\ufeffid4\r\n' >list # as Windows writes it
	run_ok fs-extract-athena crowd --only id=list --no-seal -c id
	is "$(paste -sd' ' "$out")" 'id id4'
	# in another encoding
	{
		printf 'id1\nid2\n'
		iconv -t CP949 <<<이름
		printf 'id4\n'
	} >list
	run_rc 65 fs-subset crowd listed list --yes
	has "$err" 'list:3: not UTF-8' 'iconv -f CP949'
	run_rc 65 fs migrate crowd listed --yes --only id=list
	has "$err" 'list:3: not UTF-8' 'iconv -f CP949'
	for each in UTF-16 UTF-16LE; do
		printf 'id1\nid2\n' | iconv -t "$each" >list
		run_rc 65 fs-subset crowd listed list --yes
		has "$err" 'list:1: not UTF-8'
	done
	printf 'nobody\n' >list
	run_rc 69 fs-subset crowd listed list --yes
	has "$err" 'crowd has none of these records'
	run_rc 69 fs migrate crowd listed --yes --only id=list
	has "$err" 'crowd has none of these records'
	run_rc 0 fs migrate crowd listed --yes --where "id = 'nobody'"
	printf 'id1\nid2\n\0\n' >list
	run_rc 65 fs-subset crowd listed list --yes
	has "$err" 'list:3: not UTF-8'
	is "$(present listed | wc -l)" 3
}

@test "fs-subset: where names fill a query, less of the list does" {
	wide 2500 5
	for each in all chosen; do
		fs-group create $each --schema-file features.json --role-arn "$role" \
			--s3-uri s3://offline/fs >/dev/null
	done
	fs-put all in.ndjson
	wait_until 20 rows all 5
	{
		seq -f 'a-customer-who-is-not-there-%g' 2700
		printf 'r2\nr4\n'
	} >list
	run_rc 0 fs-subset all chosen list --yes --verify-wait 30s
	has "$out" 'Values of id in list: 2702, in batches: 1' Only:
	grep -E '"id":"r[24]"' in.ndjson | values >wanted
	present chosen | values | same_file - wanted
}

@test "fs-sync: only what is new, goes on from its state, deletions too" {
	filled fresh both 40
	made stale both
	run_rc 0 fs-sync fresh stale --iterations 1 --overlap 0 --verify-wait 30s --state s.json
	has "$out" '40 records since 1970'
	same_online stale in.csv
	is "$(jq -r '[.last_sync_status, .total_synced, .sync_iterations] | join(" ")' s.json)" \
		'success 40 1'
	run_rc 0 fs-sync fresh stale --iterations 2 --interval 1s --overlap 0 --state s.json
	has "$out" ': 0 records since 2'
	# an event of long ago that arrives now, and a deletion
	printf 'id,event_time,count\nlate,2001-01-01T00:00:00Z,7\n' >late.csv
	fs-put fresh late.csv
	printf 'id,event_time,is_deleted\nid3,2024-06-01T00:00:00Z,true\n' >gone.csv
	fs-put fresh gone.csv
	wait_until 20 rows fresh 42
	run_pipe '0 0' 'echo n |
		fs-sync fresh stale --attended --iterations 1 --overlap 0 --state s.json'
	is "$(present stale | wc -l)" 40
	run_pipe '0 0' 'echo y |
		fs-sync fresh stale --attended --iterations 1 --overlap 0 --state s.json'
	has "$out" ': 2 records since 2' 'Records: 2, written 2'
	present fresh >wanted
	present stale >got
	same_file got wanted
	is "$(jq -r .total_synced s.json)" 42
	sandbox_set deny=StartQueryExecution
	run_rc 77 fs-sync fresh stale --iterations 3 --interval 1s --state s.json
	is "$(jq -r .last_sync_status s.json)" failed
	is "$(jq -r .total_synced s.json)" 42
}

@test "fs-sync: a target that was emptied or made anew gets all of it again" {
	filled origin both 5
	sync=(fs-sync origin replica --iterations 1 --overlap 0 --state s.json --verify-wait 30s)
	made replica both
	run_rc 0 "${sync[@]}"
	same_online replica in.csv
	fs clear replica --yes
	run_rc 0 "${sync[@]}"
	has "$err" 'replica was emptied or made anew'
	same_online replica in.csv
	fs delete replica --yes
	made replica both
	run_rc 0 "${sync[@]}"
	same_online replica in.csv
	rows replica 5
	# by somebody else, of whom nothing is known here but that the rows are gone
	run_rc 0 "${sync[@]}"
	FERRY_STATE=$PWD/elsewhere fs clear replica --yes
	run_rc 0 "${sync[@]}"
	same_online replica in.csv
	# a group of that name in another region is another
	[[ ${WHOLE-} ]] || return 0
	AWS_REGION=eu-west-1 made replica online
	fs --region eu-west-1 clear replica --yes
	run_rc 0 "${sync[@]}"
	has "$out" ': 0 records since 2'
	has_no "$err" emptied
}

@test "fs-sync: a row that appears late, behind a newer one, is sent" {
	local table

	filled early both 3
	made later both
	sync=(fs-sync early later --iterations 1 --state s.json --verify-wait 30s)
	run_rc 0 "${sync[@]}"
	run_rc 0 "${sync[@]}"
	has "$out" ': 0 records since 2'
	records 2 500 >late.csv
	fs-put early late.csv
	wait_until 20 rows early 5
	table=$(psql -Atc "SELECT c.oid::regclass FROM pg_class c JOIN pg_attribute a
		ON a.attrelid = c.oid AND a.attname = 'write_time' WHERE c.relkind = 'r'
		ORDER BY c.oid DESC OFFSET 1 LIMIT 1")
	psql -qc "UPDATE $table SET write_time = (SELECT min(write_time) FROM $table)
		WHERE write_time = (SELECT max(write_time) FROM $table)"
	run_rc 0 "${sync[@]}"
	has "$out" 'Records: 5, written 2, there already 3'
	present early >wanted
	present later >got
	same_file got wanted
	before=$(sandbox_count StartQueryExecution)
	run_rc 0 "${sync[@]}"
	has "$out" ': 0 records since 2'
	is "$(($(sandbox_count StartQueryExecution) - before))" 2
	rows later 5
}

@test "fs-sync: a target that cannot be described is no empty one" {
	# shellcheck disable=SC2016  # for that shell
	run_rc 75 bash -c 'command=x && source "$1/lib.bash" && source "$1/lib/options.bash"
		fs-group() { return 75; }
		ask() { arn=$(facts x && printf %s "$arn") || return; echo went on; }
		ask || exit' fs-sync "$root/pipelines"
	has_no "$out" 'went on'
	# nor is all of it sent to one that cannot be read just now, unless nobody may read it
	for each in 75:75 76:76 77:0 69:0; do
		# shellcheck disable=SC2016  # for that shell
		run_rc "${each#*:}" bash -c 'command=x && source "$1/lib.bash" &&
			source "$1/lib/options.bash"
			said=$2 && read_known() { return "$said"; }
			know x && echo went on' fs-sync "$root/pipelines" "${each%:*}"
		[[ ${each#*:} == 0 ]] || has_no "$err" 'is not known'
	done
}

@test "fs pipelines: the journal of a load from standard input is left alone" {
	filled apart-from both 4
	filled apart-online online 4
	made apart-into both
	records 3 700 >in.csv
	printf 'bad,never,,,\n' >>in.csv
	for each in 'fs-improve apart-from apart-into --yes --report r' \
		'fs-sync apart-online apart-into --iterations 1'; do
		run_pipe '0 65' 'cat in.csv | fs-put apart-into --accept-unsealed --failed f'
		# shellcheck disable=SC2086  # words
		run_rc 0 $each
		run_pipe '0 65' 'cat in.csv |
			fs-put apart-into --accept-unsealed --failed f --stats s'
		is "$(figure acknowledged s) $(figure skipped s)" '0 3'
	done
}

@test "fs-sync: deletions reach a target that has no history" {
	filled source both 20
	made mirror online
	run_rc 0 fs-sync source mirror --iterations 1 --overlap 0 --state s.json
	same_online mirror in.csv
	printf 'id,event_time\nid3,2024-06-01T00:00:00Z\n' >soft.csv
	fs-put source --delete soft soft.csv
	printf 'id,event_time\nid4,2024-06-01T00:00:00Z\n' >hard.csv
	fs-put source --delete hard hard.csv
	printf 'id,event_time\nid5,2024-06-01T00:00:00Z\n' >again.csv
	fs-put source --delete soft again.csv
	printf 'id,event_time,count\nid5,2024-07-01T00:00:00Z,5\n' >again.csv
	fs-put source again.csv
	wait_until 20 rows source 24
	run_rc 0 fs-sync source mirror --iterations 1 --overlap 0 --state s.json
	has "$out" ': 4 records since 2'
	present source >wanted
	is "$(wc -l <wanted)" 18
	present mirror >got
	same_file got wanted
}

@test "fs-sync: online stores alone" {
	filled on-live online 30
	made on-backup online
	made on-both both
	run_rc 0 fs-sync on-live on-backup --iterations 1
	same_online on-backup in.csv
	sed -n '1p; 3s/2024/2025/p' in.csv >change.csv
	fs-put on-live change.csv
	run_rc 0 fs-sync on-live on-backup --iterations 1 --max-workers 2
	has "$out" ': 1 records'
	present on-live >wanted
	present on-backup >got
	same_file got wanted
	run_rc 0 fs-sync on-live on-both --iterations 1
	# softly deleted; deleted, and back; deleted hard, of which nobody can tell
	printf '%s\n' id,event_time id5,2024-06-01T00:00:00Z id6,2024-06-01T00:00:00Z >soft.csv
	fs-put on-live --delete soft soft.csv
	printf '%s\n' id,event_time,count id6,2024-07-01T00:00:00Z,6 >again.csv
	fs-put on-live again.csv
	printf '%s\n' id,event_time id7,2024-06-01T00:00:00Z >hard.csv
	fs-put on-live --delete hard hard.csv
	for to in on-backup on-both; do
		run_rc 0 fs-sync on-live $to --iterations 1
		has "$out" ': 1 records, 1 deletions'
		present $to | jq -c 'select(.id != "id7")' >got
		present on-live >wanted
		same_file got wanted
		is "$(present $to | grep -c '"id7"')" 1
		run_rc 0 fs-sync on-live $to --iterations 1
		has "$out" ': 0 records, 0 deletions'
	done
	# a correction at the same event time, also as another spelling of it; then nothing more
	sed -n '1p; 4s/Z,/.000Z,/; 4s/-3,/77,/p' in.csv >same.csv
	fs-put on-live same.csv
	for to in on-backup on-both; do
		run_rc 0 fs-sync on-live $to --iterations 1
		has "$out" ': 1 records'
		is "$(fs get $to id2 | jq -r '"\(.event_time) \(.count)"')" \
			'2024-01-01T00:00:02.000Z 77'
		run_rc 0 fs-sync on-live $to --iterations 1
		has "$out" ': 0 records, 0 deletions'
	done
	# it lives again, as of a time before it was noticed that it was deleted
	printf '%s\n' id,event_time,count id5,2024-06-02T00:00:00Z,55 >again.csv
	fs-put on-live again.csv
	run_rc 0 fs-sync on-live on-backup --iterations 1
	is "$(fs get on-backup id5 | jq .count)" 55
}

@test "fs-sync: what is newer in the target stays, and nothing is written again" {
	filled on-from online 10
	made on-into both
	run_rc 0 fs-sync on-from on-into --iterations 1
	has "$out" ': 10 records'
	wait_until 20 rows on-into 10
	sed -n '1p; 3s/2024/2025/p' in.csv >newer.csv
	fs-put on-into newer.csv
	wait_until 20 rows on-into 11
	for each in 1 2; do
		run_rc 0 fs-sync on-from on-into --iterations 1
		has "$out" ': 0 records, 0 deletions'
		has "$err" '1 records are older than what the online store has'
	done
	rows on-into 11
	same_online on-into <(sed '3s/2024/2025/' in.csv)
}

# With WHOLE the other commands, too, which look for such records as these do.
@test "fs pipelines: records that were put into the past, behind a hard deletion" {
	local each others=(newest subset improve archive)

	[[ ${WHOLE-} ]] || others=()
	one() { printf 'id,event_time,count,price,category\n%s,2024-%s,1,1.5,%s\n' "$@" >one.csv; }

	filled back both 3
	one K1 05-01T00:00:00Z first
	fs-put back one.csv
	one K2 05-01T00:00:00Z first
	fs-put back one.csv
	wait_until 20 rows back 5
	for each in sync part "${others[@]}"; do
		made "back-$each" both
	done
	sync=(fs-sync back back-sync --iterations 1 --overlap 0 --state s.json)
	run_rc 0 "${sync[@]}"
	# with a row that says so, and without one
	fs-put back one.csv --delete hard --event-time next --target-stores online
	one K2 01-01T00:00:00Z backfilled
	fs-put back one.csv
	one K1 05-01T00:00:00Z first
	fs-put back one.csv --delete hard --event-time next
	one K1 01-01T00:00:00Z backfilled
	fs-put back one.csv
	wait_until 20 rows back 8
	present back >wanted
	is "$(grep -c backfilled wanted)" 2
	printf '%s\n' K1 K2 id0 id1 id2 >list
	run_rc 0 "${sync[@]}"
	for each in 1 2; do
		run_rc 0 fs migrate back back-part --yes --where 'count < 9'
	done
	export FERRY_SUBSET_BYTES=9
	for each in "${others[@]}"; do
		case $each in
		newest) run_rc 0 fs migrate back back-newest --yes --latest --where 'count < 9' ;;
		subset) run_rc 0 fs-subset back back-subset list --yes ;;
		improve) run_rc 0 fs-improve back back-improve --yes --report r ;;
		archive)
			run_rc 0 fs-archive back back-archive --yes --no-copy --before 2025-01-01
			;;
		esac
	done
	for each in sync part "${others[@]}"; do
		present "back-$each" >got
		same_file got wanted
	done
	rows back-part 7
	# what the target has newer by itself stays
	one K1 08-01T00:00:00Z newer
	fs-put back-part one.csv
	run_rc 0 fs migrate back back-part --yes --where 'count < 9' --set price=2
	is "$(present back-part | jq -r 'select(.id | test("K")) | .id + " " + .category' |
		sort | paste -sd' ')" 'K1 newer K2 backfilled'
	# where nobody may ask, that is said
	made back-blind both
	sandbox_set deny=BatchGetRecord,GetRecord
	run_rc 77 fs migrate back back-blind --yes --where 'count < 9'
	has "$err" 'records behind a hard deletion are not seen'
}

@test "fs pipelines: names of groups that differ by case only" {
	local each

	filled Twins both 2
	sed 's/red/TWINS/; s/"a, /"A, /' in.csv >other.csv
	# a table is named by the second
	wait_until 20 bash -c '(($(date +%s) > $1))' - "$(date +%s)"
	made twins both
	made tWins both
	fs-put twins other.csv
	wait_until 20 rows twins 2
	run_rc 1 fs-verify Twins tWins
	has "$out" '2 missing'
	run_rc 0 fs migrate Twins tWins --yes --verify-wait 20s
	same_online tWins in.csv
	same_online twins other.csv
	sed 's/2024-01/2024-02/' in.csv >newer.csv
	fs-put tWins newer.csv
	run_rc 0 fs migrate tWins twins --yes
	same_online twins newer.csv
	same_online Twins in.csv
	run_rc 0 fs-improve twins Twins --yes --report r
	same_online Twins newer.csv
	run_rc 0 fs clear twins --yes
	same_online tWins newer.csv
	same_online Twins newer.csv
	run_rc 69 fs migrate twins twins --yes
}

@test "fs-improve: cleaned by rules, with a report" {
	made raw both
	made clean both
	cat >raw.csv <<-'END'
		id,event_time,count,price,category
		a,2024-01-01T00:00:00Z,150,5.5,"  RED "
		b,2024-01-01T00:00:00Z,5,2000000,null
		c,2024-01-01T00:00:00Z,44,12.25,""
	END
	fs-put raw raw.csv
	wait_until 20 rows raw 3
	cat >rules.json <<-'END'
		{"rules":[{"name":"remove_null_values","enabled":true},
		{"name":"normalize_strings","enabled":true},
		{"name":"validate_ranges","enabled":true,
			"config":{"count":{"min":0,"max":120},"price":{"min":0,"max":1000000}}},
		{"name":"deduplicate","enabled":true}]}
	END
	run_rc 0 fs-improve raw clean --rules rules.json --dry-run
	is "$(present clean)" ''
	run_pipe '0 77' 'echo n | fs-improve raw clean --rules rules.json'
	run_rc 0 fs-improve raw clean --rules rules.json --yes --report r.json --report-format json
	cat >wanted.csv <<-'END'
		id,event_time,count,price,category
		a,2024-01-01T00:00:00Z,120,5.5,red
		b,2024-01-01T00:00:00Z,5,1000000,
		c,2024-01-01T00:00:00Z,44,12.25,
	END
	same_online clean wanted.csv
	[[ -s r.json ]]
	run_pipe '0 0' 'echo y | fs-improve raw clean'
	[[ -s $out ]]
}

@test "fs-improve: identifiers stay as they are, and deletions follow" {
	made odd both
	made even both
	cat >raw.csv <<-'END'
		id,event_time,count,price,category
		null,2024-01-01T00:00:00Z,1,5.5,NULL
		NULL,2024-01-01T00:00:00Z,2,5.5,"  RED "
		  a  b,2024-01-01T00:00:00Z,3,5.5,x
		gone,2024-01-01T00:00:00Z,4,5.5,x
	END
	fs-put odd raw.csv
	wait_until 20 rows odd 4
	run_rc 0 fs-improve odd even --yes --report r
	has "$out" 'Records: 4, written 4'
	sed -e 's/5.5,NULL/5.5,/; s/"  RED "/red/' raw.csv >wanted.csv
	same_online even wanted.csv
	printf 'id,event_time\ngone,2024-02-01T00:00:00Z\nnever,2024-02-01T00:00:00Z\n' >gone.csv
	fs-put odd --delete soft gone.csv
	wait_until 20 rows odd 6
	wait_until 20 rows even 4
	for each in 1 2; do
		run_rc 0 fs-improve odd even --yes --report r
		sed -i '/^gone/d' wanted.csv
		same_online even wanted.csv
		wait_until 20 rows even 6
	done
	# a record that fails is named with what helps here
	jq -c '.count = "many"' <<<'{"id":"x","event_time":"2024-01-01T00:00:00Z"}' >bad.ndjson
	fs-group template | jq 'map(if .FeatureName == "count" then .FeatureType = "String"
		else . end)' >features.json
	made texts both
	fs-put texts --accept-unsealed - <bad.ndjson
	wait_until 20 rows texts 1
	run_rc 65 fs-improve texts even --yes --report r
	has "$err" '--failed FILE keeps such records'
	has_no "$err" --rejects
}

@test "fs-improve: deletions follow although a record was refused" {
	made number both
	jq 'map(if .FeatureName == "count" then .FeatureType = "String" else . end)' \
		features.json >texts.json
	mv texts.json features.json
	made text both
	printf '%s\n' id,event_time,count a,2024-01-01T00:00:00Z,7 b,2024-01-01T00:00:00Z,8 >in.csv
	fs-put text in.csv
	wait_until 20 rows text 2
	run_rc 0 fs-improve text number --yes --report r
	wait_until 20 rows number 2
	printf '%s\n' id,event_time,count c,2024-02-01T00:00:00Z,many >bad.csv
	fs-put text bad.csv
	printf '%s\n' id,event_time a,2024-02-01T00:00:00Z >gone.csv
	fs-put text --delete soft gone.csv
	wait_until 20 rows text 4
	run_rc 65 fs-improve text number --yes --report r --failed f
	has "$err" 'fs-put failed with exit code 65'
	has "$out" 'deletions 1'
	is "$(present number | jq -r .id)" b
}

@test "fs-migrate-large: batch and workers from cores, memory and size" {
	export FERRY_CORES=8 FERRY_MEMORY_GB=64
	filled small both 40
	made copy both
	run_rc 0 fs-migrate-large small copy --dry-run
	has "$out" 'Cores: 8, memory: 64 GB, records: 40' 'Batch size: 200, workers: 8'
	run_rc 0 fs-migrate-large small copy 2000000 --dry-run
	has "$out" 'Batch size: 500, workers: 16' 'Estimated: 41 min (2500 s)'
	run_rc 0 fs-migrate-large small copy 6000000 --dry-run
	has "$out" 'Batch size: 1000, workers: 20' 'Concurrent workers: 20'
	FERRY_MEMORY_GB=7 run_rc 0 fs-migrate-large small copy 6000000 --dry-run
	has "$out" 'workers: 3'
	FERRY_CORES=1 run_rc 0 fs-migrate-large small copy 10 --dry-run
	has "$out" 'workers: 2'
	unset FERRY_CORES FERRY_MEMORY_GB
	run_rc 0 fs-migrate-large small copy 5000 --clear-target --yes --verify-wait 30s
	has "$out" 'Estimated: ' 'Actual: 0 min' '% of the estimate'
	same_online copy in.csv
	run_rc 64 fs-migrate-large small copy many
	for each in FERRY_MEMORY_GB FERRY_CORES; do
		run_rc 78 env $each=x fs-migrate-large small copy 10 --dry-run
		has "$err" "$each=x is no number"
	done
}

@test "fs-recover: what failed, then whatever is missing" {
	filled from both 50
	made to both
	sandbox_set entry-error=40 only=BatchWriteRecord
	run_rc 75 fs migrate from to --yes --failed failed.ndjson --retry-for 1ms --no-progress
	[[ -s failed.ndjson ]]
	sandbox_set
	n=$(wc -l <failed.ndjson)
	is "$(jq -r '.["@failed"].group' failed.ndjson | sort -u)" to
	is "$(present to | wc -l)" $((50 - n))
	has "$out" "failed $n" 'Success rate: '
	run_rc 0 fs migrate --retry failed.ndjson
	has "$out" "$n records: $n written, 0 failed"
	same_online to in.csv
	fs clear to --yes
	run_rc 66 fs-recover from to nowhere.ndjson --yes
	has "$err" 'no failed records in "nowhere.ndjson"'
	is "$(present to | wc -l)" 0
	# nobody waits an hour for what was never put
	run_rc 0 timeout 120 fs-recover from to failed.ndjson --yes --verify-wait 1h
	has "$out" "Failed records in failed.ndjson: $n" "$((50 - n)) missing"
	same_online to in.csv
	: >none.ndjson
	run_rc 0 fs-recover from to none.ndjson --verify-wait 30s
	has "$err" 'no failed records in none.ndjson'
	has "$out" 'Everything is in to'
	# a file that was named stays, for whoever goes on with it
	run_rc 0 fs migrate from to --yes --failed named.ndjson
	[[ -f named.ndjson && ! -s named.ndjson ]]
	fs-put to --delete hard --event-time later --accept-unsealed - \
		< <(printf 'id,event_time\nid5,2024-01-01T00:00:00Z\n')
	run_rc 1 fs-verify from to --stores online
	has "$out" '1 missing, 0 older, 0 not deleted: "id5"'
	run_rc 0 fs bulk-put to failed.ndjson
}

@test "fs-recover: a failed record loads without a feature that the target lacks" {
	local each

	fs-group template | jq '(.[] | select(.FeatureName == "count")).FeatureType = "String" |
		. + [{"FeatureName":"gone","FeatureType":"String"}]' >features.json
	made wide-from online
	fs-group template -O features.json
	made wide-to online
	printf '%s\n' id,event_time,count,gone a,2024-01-01T00:00:00Z,many,x \
		b,2024-01-01T00:00:00Z,many,y >in.csv
	fs-put wide-from in.csv
	run_rc 65 fs migrate wide-from wide-to --yes --set category=q --failed failed
	has failed '"gone"'
	sed -i 's/"many"/7/' failed
	for each in --set=count=1 --drop=gone --where=count=1 --only=id=in.csv --latest --history \
		--as-of=2024-01-01T00:00:00Z --clear-target --resume-from=a; do
		run_rc 64 fs migrate --retry failed "$each"
		has "$err" "${each%%=*} does not go with --retry"
	done
	run_rc 77 fs migrate --retry failed --max-cost 0
	run_rc 0 fs migrate --retry failed
	has "$out" '2 records: 2 written, 0 failed'
	is "$(present wide-to | jq -r .category | paste -sd ' ')" 'q q'
	# what is no file of records at all has nothing to wait for
	printf 'PAR1 this is no record' >bad
	run_rc 65 timeout 100 fs-recover wide-from wide-to bad --yes
}

@test "fs-recover: what fails again stays in the file, whatever is missing beside it" {
	filled half both 4
	made elsewhere both
	sed '1d; 3q' in.csv | awk -F , '{ printf "{\"id\":\"%s\",\"event_time\":\"never\",%s\n", $1,
		"\"@failed\":{\"group\":\"elsewhere\"}}" }' >failed
	run_rc 0 fs-recover half elsewhere failed --yes --failed again --verify-wait 30s
	same_online elsewhere in.csv
	is "$(wc -l <again)" 2
}

@test "fs-recover: what it loads again is in the offline store before it moves what is missing" {
	export FERRY_STATE=$PWD/state
	filled whole both 20
	made broken both
	sed -n '1p; 12,21p' in.csv >half.csv
	fs-put broken half.csv
	wait_until 20 rows broken 10
	sed -n '1p; 2,6p' in.csv | reformat -o ndjson |
		sed 's/}$/,"@failed":{"group":"broken","why":"x"}}/' >failed.ndjson
	sandbox_set offline-delay=600000
	run_rc 75 fs-recover whole broken failed.ndjson --yes --verify-wait 1s
	has "$err" 'not all of it has reached the offline store of broken'
	sandbox_set offline-delay=0
	wait_until 30 rows broken 15
	sed -i -E 's/0[0-9]Z"/30Z"/' failed.ndjson
	fs-put whole --ignore-unknown failed.ndjson
	wait_until 30 rows whole 25
	sandbox_set offline-delay=6000
	run_rc 0 fs-recover whole broken failed.ndjson --yes
	has "$err" 'waiting until the offline store of broken has them'
	sandbox_set offline-delay=0
	wait_until 30 rows broken 25
	same_online broken <(online whole)
	# an online store never keeps what is older than its time to live; a record that is none is
	# kept once, and not by each look
	made aged both --ttl-duration 300
	sed 's/broken/aged/' failed.ndjson >aged.ndjson
	printf '{"id":"bad","event_time":"never","@failed":{"group":"aged"}}\n' >>aged.ndjson
	run_rc 0 fs-recover whole aged aged.ndjson --yes --failed again.ndjson --verify-wait 30s
	rows aged 25
	is "$(find "$FERRY_STATE/run" -type f)" ''
	# what nothing was loaded of is not waited for, whatever stood in the file before
	echo old >again.ndjson
	sandbox_set throttle=100 only=StartQueryExecution
	AWS_MAX_ATTEMPTS=2 run_rc 75 fs-recover whole aged aged.ndjson --yes --failed again.ndjson \
		--verify-wait 3s
	sandbox_set
	has_no "$err" 'waiting until'
	run_rc 64 fs-recover whole aged aged.ndjson --yes --failed aged.ndjson
	[[ -s aged.ndjson ]]
}

@test "fs-improve: --history keeps every state, and the rules say what a duplicate is" {
	made states both
	made cleaned both
	cat >raw.csv <<-'END'
		id,event_time,count,price,category
		a,2024-01-01T00:00:00Z,1,5.5,x
		a,2024-01-02T00:00:00Z,2,5.5,x
		a,2024-01-03T00:00:00Z,3,5.5,x
		b,2024-01-01T00:00:00Z,4,7.5,y
		b,2024-01-02T00:00:00Z,5,7.5,x
	END
	fs-put states raw.csv
	wait_until 20 rows states 5
	run_rc 0 fs-improve states cleaned --history --yes
	has "$out" 'Records: 5, written 5'
	wait_until 20 rows cleaned 5
	present states | same_file - <(present cleaned)
	# one that removes no duplicates, and one whose own key stays
	echo '{"rules":[{"name":"normalize_strings","enabled":true}]}' >plain.json
	run_rc 0 fs-improve states cleaned --history --rules plain.json --yes
	has "$out" 'Records: 5, written 0, there already 5'
	run_rc 64 fs-improve states cleaned --rules plain.json --keep newest
	echo '{"rules":[{"name":"deduplicate","enabled":true,"config":{"key":"category"}}]}' \
		>own.json
	run_rc 0 fs-improve states cleaned --rules own.json --dry-run
	has "$out" 'Output records: 1'
}

# bats test_tags=whole
@test "fs-improve: what is there already is not written again" {
	filled polished both 6
	made improved both
	for each in 1 2; do
		run_rc 0 fs-improve polished improved --yes --report r
		[[ $each == 1 ]] || has "$out" 'Records: 6, written 0, there already 6'
		wait_until 20 rows improved 6
	done
	present improved | jq -c .category | grep -c é
}

@test "fs pipelines: what is there already is not written again, however often they run" {
	filled again both 6
	made recovered both
	fs-group template | jq '. + [{"FeatureName":"migration_source_env","FeatureType":"String"},
		{"FeatureName":"migration_target_env","FeatureType":"String"},
		{"FeatureName":"migration_timestamp","FeatureType":"String"}]' >features.json
	made stamped both
	for each in 1 2; do
		run_rc 0 fs-copy again stamped --stamp --yes --verify-wait 30s
		[[ $each == 1 ]] || has "$out" 'written 0, there already 6'
		rows stamped 6
	done
	# what failed is loaded again: once
	sandbox_set entry-error=100 only=BatchWriteRecord
	run_rc 75 fs migrate again recovered --yes --failed failed.ndjson --retry-for 1ms
	sandbox_set
	n=$(wc -l <failed.ndjson)
	((n > 0))
	run_rc 0 fs migrate --retry failed.ndjson
	has "$out" "$n records: $n written, 0 failed"
	wait_until 20 rows recovered 6
	run_rc 0 fs migrate --retry failed.ndjson
	has "$out" "$n records: 0 written, 0 failed, $n there already"
	run_rc 0 fs-recover again recovered failed.ndjson --verify-wait 30s
	has "$out" 'Everything is in recovered'
	rows recovered 6
	# a value that changed since is none that is there
	jq -c '.price = 99.5' failed.ndjson >changed.ndjson
	run_rc 0 fs migrate --retry changed.ndjson
	has "$out" "$n records: $n written, 0 failed"
}

@test "fs pipelines: no group is moved into itself, nor failed records into another group" {
	filled self both 4
	made other both
	for each in self "$(fs-group describe self -o json | jq -r .FeatureGroupArn)"; do
		run_rc 69 fs-improve self "$each" --yes
		has "$err" 'source and target are the same feature group: "self"'
		run_rc 69 fs-archive self "$each" --before 2025-01-01 --delete --yes --settled 0s
		has "$err" 'source and target are the same feature group: "self"'
	done
	same_online self in.csv
	rows self 4
	printf '%s\n' '{"id":"x","event_time":"2024-01-01T00:00:00Z","@failed":{"group":"self"}}' \
		'{"id":"y","event_time":"2024-01-01T00:00:00Z","@failed":{"group":"other"}}' >failed
	for each in self other; do
		run_rc 64 fs migrate --retry failed $each
		has "$err" 'failed has records of'
		run_rc 64 fs-recover self $each failed
	done
	run_rc 64 fs migrate --retry failed
	is "$(present other | wc -l) $(present self | wc -l)" '0 4'
	sed -i 1d failed
	run_rc 64 fs-recover other self failed
	has "$err" 'failed has records of other, not self'
	run_rc 0 fs migrate --retry failed other
	is "$(present other | jq -r .id)" y
}

readonly examples=$root/pipelines/examples

@test "batch.mk: groups and days as targets, side by side, resumed" {
	local each

	for each in a b c; do
		filled "batch-$each" both 20
		[[ $each == c ]] || made "batch-$each-2" both
	done
	batch=(make -k -j3 -f "$examples/batch.mk" STATE=s)
	run_rc 2 "${batch[@]}" groups GROUPS='batch-a batch-b batch-c' FLAGS='--verify-wait 30s'
	has "$err" 'there is no feature group "batch-c-2"'
	same_online batch-a-2 in.csv
	same_online batch-b-2 in.csv
	run_ok "${batch[@]}" status
	is "$(awk '{ print $1 }' "$out" | paste -sd' ')" 'done done failed'
	made batch-c-2 both
	seen=$(wc -l <"$sandbox_dir/requests")
	run_rc 0 "${batch[@]}" groups GROUPS='batch-a batch-b batch-c' FLAGS='--verify-wait 30s'
	is "$(<"$err")" batch-c
	same_online batch-c-2 in.csv
	tail -n "+$((seen + 1))" "$sandbox_dir/requests" >bodies
	has bodies batch-c-2
	has_no bodies batch-a batch-b
	run_ok "${batch[@]}" groups GROUPS='batch-a batch-b batch-c'

	records 20 | sed '2,6s/2024-01-01/2024-01-02/; 7s/2024-01-01/2024-01-03/' >days.csv
	made by-day both
	fs-put by-day days.csv
	wait_until 20 rows by-day 20
	run_rc 0 "${batch[@]}" days GROUP=by-day FROM=2024-01-01 DAYS=2
	is "$(gunzip -c s/days/by-day-2024-01-01.ndjson.gz | wc -l)" 14
	is "$(gunzip -c s/days/by-day-2024-01-02.ndjson.gz | wc -l)" 5
	[[ ! -e s/days/by-day-2024-01-03.ndjson.gz ]]
	# a day that is not over gets no stamp
	run_rc 0 "${batch[@]}" days GROUP=by-day FROM=today
	has "$err" 'those that are not over were left out'
	[[ ! -e s/days/by-day-$(date -u +%F).done ]]
	# in the next run there is more, and it is found
	records 3 100 >more.csv
	fs-put batch-a more.csv
	wait_until 20 rows batch-a 23
	run_rc 0 "${batch[@]}" groups GROUPS=batch-a RUN=next FLAGS='--verify-wait 30s'
	run_ok fs get batch-a-2 "$(sed -n '2s/,.*//p' more.csv)"
	for each in groups days ships 'ships SHIPS=x'; do
		# shellcheck disable=SC2086  # words
		run_rc 2 "${batch[@]}" $each
		has "$err" ' is needed; see the top of batch.mk'
	done
	run_ok "${batch[@]}" again
	[[ ! -e s ]]
}

# bats test_tags=whole
@test "batch.mk: ships as targets" {
	scratch_db
	"$root/t/telemetry" 3 5 300
	mapfile -t ships < <(sql "SELECT DISTINCT ship_id
		FROM tenant.tbl_data_timeseries ORDER BY 1")
	cutoff=$(sql "SELECT max(created_time) + interval '1 s' FROM tenant.tbl_data_timeseries")
	batch=(make -j2 -f "$examples/batch.mk" STATE=s ships SHIPS="${ships[*]:0:2}"
		CUTOFF="$cutoff")
	run_rc 0 "${batch[@]}"
	is "$(sort "$err" | paste -sd' ')" "${ships[*]:0:2}"
	for each in "${ships[@]:0:2}"; do
		run_rc 0 narrow-to-wide --mode validate --ship-id "$each"
	done
	run_ok "${batch[@]}"
	is "$(<"$err")" ''
	# another cutoff is another job
	run_rc 0 "${batch[@]}" CUTOFF="$(date -u -d "$cutoff + 1 day" '+%F %T')"
	is "$(sort "$err" | paste -sd' ')" "${ships[*]:0:2}"
}

@test "fs-sync: one at a time goes on from a state" {
	local held

	export FERRY_STATE=$PWD/state
	filled alone-from both 10
	made alone-to both
	run_rc 0 fs-sync alone-from alone-to --iterations 1
	exec {held}>"$(printf '%s\n' "$FERRY_STATE"/fs-sync/*_alone-from-alone-to.json.lock)"
	flock "$held"
	run_rc 75 fs-sync alone-from alone-to --iterations 1
	has "$err" 'another fs-sync has' --wait-lock
	run_rc 75 fs-sync alone-from alone-to --iterations 1 --wait-lock 1s
	run_rc 0 fs-sync alone-from alone-to --iterations 1 --skip-if-running
	has "$err" 'note: another fs-sync has'
	exec {held}>&-
	run_ok fs-sync alone-from alone-to --iterations 1 --wait-lock 30s -q
	is "$(<"$out")" ''
}

@test "fs-sync: a state that says nothing is refused, and no record is lost by it" {
	made told online
	made untold online
	for each in '' '{}' '{"last_sync_timestamp":"","total_synced":0,"sync_iterations":1}'; do
		printf '%s' "$each" >s.json
		run_rc 78 fs-sync told untold --iterations 1 --state s.json
		has "$err" 's.json is no state of fs-sync' 'all of it is sent again'
		is "$(<s.json)" "$each"
	done
	rm s.json
	run_rc 0 fs-sync told untold --iterations 1 --state s.json
	run_rc 0 fs-sync told untold --iterations 1 --state s.json
}

# bats test_tags=whole
@test "crontab and systemd units: their commands run" {
	local line

	filled live both 10
	made backup both
	made orders both
	made orders-old both
	export FERRY_STATE=$PWD/state
	mkdir state
	scratch_db
	"$root/t/telemetry" 1 3 100
	while IFS= read -r line; do
		# what cron would run: without times, user, and the log of this machine
		line=$(awk '{ for (i = 1; i <= 6; i++) $i = ""; print }' <<<"$line")
		line=${line%>>*}
		line=${line//\/usr\/local\/share\/ferry\/examples/$examples}
		line=${line//\/var\/lib\/ferry/$FERRY_STATE}
		[[ $line != *batch.mk* ]] || continue
		run_rc 0 sh -c "$line"
	done < <(grep -E '^[0-9*]' "$examples/crontab")
	same_online backup in.csv
	run_rc 0 narrow-to-wide --mode validate
	run_rc 0 make -n -f "$examples/batch.mk" groups GROUPS='customers orders' STATE=weekly
	has "$out" "fs migrate 'customers' 'customers-2'"
	line=$(sed -e ':a' -e '/\\$/N; s/\\\n//; ta' "$examples/fs-sync@.service" |
		sed -nE "s/^ExecStart=.*-c '(.*)' - %i$/\1/p")
	records 3 500 >more.csv
	fs-put live more.csv
	wait_until 20 rows live 13
	run_rc 0 bash -c "$line" - live:backup
	is "$(present backup | wc -l)" 13
	if command -v systemd-analyze >/dev/null; then
		cp "$examples"/fs-sync@.* . && run_rc 0 systemd-analyze verify ./fs-sync@.timer
	fi
}
