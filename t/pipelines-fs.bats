load helper
load sandbox
load fs

# one_line TEXT...: the failure is said in one line that holds these, beside what may help.
one_line() {
	is "$(grep -c ': error: ' "$err")" 1 'lines of errors'
	grep ': error: ' "$err" >"$BATS_TEST_TMPDIR/.line"
	has "$BATS_TEST_TMPDIR/.line" "$@"
}

# no_access OPERATION COMMAND...: that operation is not allowed, or there is nobody to ask, or no
# such profile.
no_access() {
	local operation=$1
	shift

	sandbox_set "deny=$operation"
	run_rc 77 fs "$@"
	one_line AccessDenied "$operation"
	sandbox_set
	AWS_ENDPOINT_URL=http://127.0.0.1:9 run_rc 75 fs "$@"
	one_line 'no connection: 127.0.0.1:9'
	run_rc 78 fs --profile nobody "$@"
	one_line nobody
	run_rc 64 fs "$@" --no-such-option
	one_line no-such-option
	run_rc 78 fs --region 'no/region' "$@"
	one_line 'bad region: "no/region"'
}

# mistakes COMMAND OPERAND...: of any command that has to do with a group of that name. What all
# read alike is tried with one that looks, one that writes and one that deletes; with WHOLE with
# each.
mistakes() {
	local command=$1
	shift

	run_rc 69 fs "$command" no-such-group "$@"
	one_line 'there is no feature group "no-such-group" in us-east-1'
	run_rc 69 fs --region eu-west-1 "$command" "$group" "$@"
	one_line 'there is no feature group "'"$group"'" in eu-west-1'
	run_rc 64 fs "$command"
	one_line ''
	[[ ${WHOLE-} || $command == @(get|bulk-put|clear) ]] || return 0
	no_access DescribeFeatureGroup "$command" "$group" "$@"
}

@test "fs: global options, other names, unknown commands" {
	group anything
	for name in fs sm-fs sagemaker-fs; do
		run_ok "$name" --region us-east-1 list -o json
		run_ok "$name" --region=us-east-1 --version
		has "$out" "$name (ferry) "
	done
	run_rc 64 fs
	run_rc 64 fs frobnicate
	has "$err" 'no such command: frobnicate'
	run_rc 64 fs --bogus list
	run_rc 64 fs --profile
	no_access ListFeatureGroups list
	# an empty list may be that of the wrong region
	run_rc 0 fs --region eu-west-1 list
	has "$err" 'there is no feature group in eu-west-1'
	run_rc 0 fs list --name-contains nobodys -o json
	has "$err" 'with a name like "nobodys" in us-east-1'
	is "$(jq -c . "$out")" '[]'
	run_rc 64 fs list -o xml
}

@test "fs: schema-template, schema, create and add-features" {
	run_rc 0 fs schema-template
	[[ -s feature_template.json ]]
	run_ok fs schema-template -o -
	same_file "$out" feature_template.json
	run_rc 0 fs schema --template --template-output t.json
	same_file t.json feature_template.json
	run_rc 64 fs schema --template extra
	run_ok fs create made --schema-file t.json --role-arn "$role" --s3-uri s3://offline/x \
		--description 'a group' --tags a=b --table-format Glue --no-encryption \
		--ttl-duration 5
	run_rc 69 fs create made --schema-file t.json --role-arn "$role" --s3-uri s3://offline/x
	for each in "create made-q --schema-file t.json --role-arn $role --s3-uri s3://offline/x" \
		'add-features made-q -f more:String' 'delete made-q --yes'; do
		# shellcheck disable=SC2086
		run_rc 0 fs $each -q
		is "$(<"$out")$(<"$err")" ''
	done
	make=(create made2 --role-arn "$role" --s3-uri s3://offline/x)
	run_rc 64 fs create made2 --schema-file t.json --s3-uri s3://offline/x
	one_line --role-arn
	run_rc 64 fs "${make[@]}"
	one_line --schema-file
	run_rc 66 fs "${make[@]}" --schema-file nowhere.json
	one_line nowhere.json
	printf '[{"FeatureName":"id","FeatureType":"Number"}]' >bad.json
	run_rc 65 fs "${make[@]}" --schema-file bad.json
	one_line 'feature 1: "id": FeatureType is not String, Integral or Fractional'
	run_rc 65 fs "${make[@]}" --schema-file t.json --event-time-feature-name nope
	one_line 'no feature "nope" for the event time'
	run_rc 64 fs "${make[@]}" --schema-file t.json --s3-uri /tmp/x
	one_line '--s3-uri: not like s3://BUCKET/PREFIX: "/tmp/x"'
	no_access CreateFeatureGroup "${make[@]}" --schema-file t.json
	run_ok fs "${make[@]}" --schema-file t.json --dry-run
	has "$out" 'would create feature group made2'
	run_rc 69 fs schema made2
	run_ok fs create dashed --schema-file - --role-arn "$role" --s3-uri s3://offline/x <t.json
	run_ok fs list
	has "$out" made
	run_ok fs schema made -o json
	is "$(jq -r '.[].FeatureName' "$out" | paste -sd' ')" 'id event_time count price category'
	run_ok fs schema made
	has "$out" 'event time' Fractional
	group=made mistakes schema
	run_ok fs add-features made -f score:Fractional --dry-run
	has "$out" 'would add'
	run_ok fs add-features made -f score:Fractional:text -f n:Integral
	printf '[{"FeatureName":"third","FeatureType":"String"}]' >more.json
	run_ok fs add-features made more.json --wait
	is "$(fs schema made -o json | jq length)" 8
	run_rc 64 fs add-features made -f x:Number
	run_rc 65 fs add-features made -f score:Integral
	group=made mistakes add-features -f y:String
}

@test "fs: put and get" {
	group one
	run_rc 0 fs put one --record '{"id":"a b/c","event_time":"2024-01-01T00:00:00Z","count":5,
		"category":"x\"y"}'
	has "$err" 'the record is in one'
	run_ok fs get one 'a b/c'
	is "$(jq -c '[.id, .count, .category, .price]' "$out")" '["a b/c",5,"x\"y",null]'
	run_ok fs get one 'a b/c' --feature-names count,id -o json
	is "$(<"$out")" '{"count":5,"id":"a b/c"}'
	run_ok fs get one 'a b/c' -o table
	has "$out" 'FeatureName  Value' 'count        5'
	run_rc 0 fs put one --record '{"id":"timed","count":1}'
	[[ $(fs get one timed | jq -r .event_time) > 2024-06 ]]
	run_rc 65 fs put one --record '{"id":"bad","count":"many"}'
	one_line 'field "count": is not a 64-bit integer'
	run_rc 65 fs put one --record '{"id":'
	run_rc 65 fs put one --record ''
	run_rc 65 fs put one --record $' \n '
	has_no "$err" 'the record is in one'
	run_rc 64 fs put one
	run_rc 0 fs put one --record '{"id":"dry","count":1}' --dry-run
	run_rc 69 fs get one dry
	one_line 'feature group "one" has no record "dry"'
	run_rc 64 fs get one
	run_rc 64 fs get one dry -o xml
	group=one mistakes get 'a b/c'
	group=one mistakes put --record '{"id":"x"}'
}

@test "fs: put leaves the journal of a load from standard input alone" {
	local record='{"id":"one","event_time":"2024-01-01T00:00:00Z"}'

	group piped
	records 3 >in.csv
	printf 'bad,never,,,\n' >>in.csv
	run_pipe '0 65' 'cat in.csv | fs-put piped --accept-unsealed --failed f'
	run_rc 0 fs put piped --record "$record"
	run_pipe '0 65' 'cat in.csv | fs-put piped --accept-unsealed --failed f --stats s'
	is "$(figure acknowledged s) $(figure skipped s)" '0 3'
	# nor is it kept waiting by one that is at work
	mkfifo in
	fs-put piped --accept-unsealed <in 3>&- &
	exec {feed}>in
	records 3 500 >&"$feed"
	wait_until 20 fs-extract-online piped --id id502 --required
	run_rc 0 fs put piped --record "$record"
	exec {feed}>&-
	wait $!
	is "$(ls "$TMPDIR"/ferry-put.* 2>/dev/null)" ''
}

@test "fs: bulk-put of every kind of file, with a log" {
	records 250 >in.csv
	reformat -o json in.csv >in.json
	reformat -o ndjson in.csv >in.ndjson
	gzip -k in.json
	reformat -o tsv in.csv >in.tsv
	by_turns 2 in.csv in.json in.ndjson in.json.gz in.tsv
	for file in "${turns[@]}"; do
		group "b-${file//./-}"
		run_ok fs bulk-put "b-${file//./-}" "$file" --batch-size 200 --output-file log.any
		is "$(<"$out")" '250 records: 250 written, 0 failed'
		same_online "b-${file//./-}" in.csv
		is "$(jq -c ".[0].summary | [.total_records, .failed_records]" log.any)" "[250,0]"
	done
	group b-pipe
	run_pipe '0 0' 'cat in.csv | fs bulk-put b-pipe - --accept-unsealed --no-progress'
	same_online b-pipe in.csv
	run_pipe '0 76' 'cat in.csv | fs bulk-put b-pipe -'
	run_rc 0 fs bulk-put b-pipe in.csv --dry-run
	has "$out" '250 records are valid, 0 are not'
	run_rc 66 fs bulk-put b-pipe nowhere.csv
	# a column that is left out would take the value away: where nobody is told, it is refused
	sed '1s/count/cuont/; 3q' in.csv >odd.csv
	run_rc 65 fs bulk-put -q b-pipe odd.csv
	has "$err" '"cuont" is no feature'
	same_online b-pipe in.csv
	run_rc 0 fs bulk-put -q b-pipe odd.csv --ignore-unknown
	is "$(fs get b-pipe id0 | jq .count)" null
	group=b-pipe mistakes bulk-put in.csv
}

@test "fs: bulk-put tells beforehand what the online store will not keep, or not let go" {
	local future each

	printf -v future '%(%FT%TZ)T' $((EPOCHSECONDS + 900))
	group times --ttl-duration 30
	printf '%s\n' id,event_time,count now,"$(date -u +%FT%TZ)",1 stays,"$future",2 >there.csv
	fs-put times there.csv
	printf '%s\n' id,event_time,count old,2024-01-01T00:00:00Z,1 "later,$future,1" \
		"stays,$(date -u -d '-1 hour' +%FT%TZ),3" >in.csv
	sed -n 2p there.csv >>in.csv
	for each in --dry-run ''; do
		# shellcheck disable=SC2086
		run_rc 0 fs bulk-put times in.csv --only-missing $each
		has "$err" '1 records are older than what the online store has' \
			'1 records are of the future' '1 records are older than their time to live'
		has "$out" ', 1 there already'
	done
	is "$(fs get times stays | jq .count)" 2
	run_rc 0 fs-put times in.csv --dry-run --stats s
	is "$(jq -c '[.future, .older, .expired]' s)" '[1,0,1]'
	# a column of another name, and a pipe, which cannot be read twice
	run_rc 64 fs bulk-put times - --only-missing <in.csv
	tr , ';' <in.csv >semi.csv
	run_rc 0 fs bulk-put times semi.csv --only-missing --delimiter ';' --no-resume
	has "$out" '3 there already'
	sandbox_set deny=BatchGetRecord,GetRecord
	run_rc 77 fs bulk-put times in.csv --only-missing --no-resume
	sandbox_set
}

@test "fs: bulk-put goes on behind errors only when asked, and keeps what failed" {
	group errors
	records 100 >in.csv
	sed -i '51s/,[-0-9]*,/,many,/' in.csv
	run_rc 65 fs bulk-put errors in.csv
	one_line 'in.csv:51: record 50: field "count": is not a 64-bit integer'
	run_rc 65 fs bulk-put errors in.csv --dry-run
	one_line 'in.csv:51: record 50: field "count": is not a 64-bit integer'
	run_rc 0 fs bulk-put errors <(head -n 40 in.csv) --progress=json --accept-unsealed
	has "$err" '"done":true'
	run_rc 65 fs bulk-put errors in.csv --continue-on-error -o log
	has "$out" '100 records: 99 written, 1 failed'
	has "$err" 'what this run left is in'
	is "$(jq -r '.[0].failed[0].id' log)" id49
	run_rc 65 fs bulk-put errors in.csv --continue-on-error --failed failed.ndjson
	is "$(jq -r .id failed.ndjson)" id49
	jq -c '.count = 1' failed.ndjson >mended.ndjson
	# a log that cannot be written is said before anything is sent
	mkdir folder
	for each in folder nowhere/log; do
		before=$(sandbox_count BatchWriteRecord)
		run_rc 73 fs bulk-put errors mended.ndjson -o $each
		one_line "cannot write to $each"
		has_no "$err" ': line ' 'room on the disk'
		is "$(sandbox_count BatchWriteRecord)" "$before"
	done
	run_ok fs bulk-put errors mended.ndjson
	is "$(fs-extract-online errors --no-seal | wc -l)" 101
}

@test "fs: bulk-get" {
	group got
	records 30 >in.csv
	fs-put got in.csv
	printf '[{"id":"id1"},{"id":"id2"}]' >ids.json
	run_ok fs bulk-get got ids.json
	is "$(jq -r '.[].id' "$out" | sort | paste -sd' ')" 'id1 id2'
	printf 'id,other\nid3,x\nid4,y\n' >ids.csv
	run_ok fs bulk-get got ids.csv -o got.csv --feature-names id,count
	is "$(sort got.csv | paste -sd' ')" 'id,count id3,-2 id4,-1'
	run_ok fs bulk-get got ids.csv -o got.json -c --max-workers 2 --batch-size 50
	before=$(sandbox_count BatchGetRecord)
	run_ok fs bulk-get got in.csv --batch-size 7
	is "$(jq length "$out") $(($(sandbox_count BatchGetRecord) - before))" '30 5'
	run_ok fs bulk-get got in.csv --batch-size 1000
	is "$(jq length "$out") $(($(sandbox_count BatchGetRecord) - before))" '30 6'
	run_rc 64 fs bulk-get got in.csv --batch-size 0
	[[ $(jq -r '.[0].event_time' got.json) > 2024-06 ]]
	run_ok fs bulk-put got got.json
	run_rc 66 fs bulk-get got nowhere.json
	group=got mistakes bulk-get ids.csv
}

@test "fs: export, in every format, and back" {
	loaded out 60
	LC_ALL=C sort in.csv >want
	run_ok fs export out x.csv
	LC_ALL=C sort x.csv >got
	same_file got want
	run_ok fs export out x.json --format json --compress
	[[ ! -e x.json ]]
	is "$(gunzip -c x.json.gz | jq length)" 60
	run_ok fs export out x.ndjson
	is "$(wc -l <x.ndjson)" 60
	run_ok fs export out y.json --limit 3
	is "$(jq length y.json) $(jq -r '.[0] | keys | length' y.json)" '3 5'
	run_ok fs export out - --format ndjson --columns count --where 'WHERE count = 3'
	is "$(<"$out")" '{"count":3}'
	run_ok fs export out z --columns price --online-compatible --column-mapping price:cost
	is "$(head -n 1 z)" cost,id,event_time
	# what is no name is for Athena
	run_ok fs export out sums.csv --columns 'COUNT(*) AS n, MAX(price) AS "Top"' \
		--where "count > 0 AND DATE(event_time) = DATE('2024-01-01')"
	is "$(paste -sd' ' sums.csv)" 'n,top 54,59.25'
	run_ok fs export out - --format ndjson --columns 'upper(id) AS who, count + 1 AS next' \
		--latest --order-by 'order by count DESC' --limit 2 --column-mapping who:name
	is "$(paste -sd' ' "$out")" '{"name":"ID59","next":"55"} {"name":"ID58","next":"54"}'
	run_ok fs export out - --columns '"count" * 2' --limit 1 --online-compatible
	has "$out" ',id,event_time'
	run_rc 69 fs export out - --columns 'nothing(id)'
	run_rc 0 fs export out - --dry-run --latest --chunk-size 5 --database sagemaker_featurestore
	has "$err" "Cost: about 0.0001 USD"
	has "$out" 'row_number()'
	group back
	run_ok fs bulk-put back x.json.gz
	same_online back in.csv
	run_rc 64 fs export out x.avro --format avro
	for each in k.tsv t.xlsx t.XLS x.avro.gz; do
		run_rc 64 fs export out $each
		one_line "the name of $each asks for another format than csv, json,"
		[[ ! -e $each ]]
	done
	run_ok fs export out k.tsv --format csv
	run_rc 69 fs export out fail.csv --where 'nothing = 1'
	[[ ! -e fail.csv ]]
	is "$(ls ./*.part.* 2>/dev/null)" ''
	run_rc 73 fs export out /dev/null/x.csv
	group=out mistakes export m.csv
	[[ ! -e m.csv ]]
}

@test "fs: export writes through what FILE is, and never takes its place" {
	loaded through 20
	LC_ALL=C sort in.csv >want
	for each in csv parquet; do
		: >"file.$each"
		ln -s "file.$each" "link.$each"
		mkfifo "fifo.$each"
		mkdir "dir.$each"
		mknod "null.$each" c 1 3 2>/dev/null || ln "fifo.$each" "null.$each"
	done
	run_rc 0 fs export through link.csv
	[[ -L link.csv ]]
	LC_ALL=C sort file.csv | same_file - want
	LC_ALL=C sort <fifo.csv >got &
	run_rc 0 fs export through fifo.csv
	wait $!
	same_file got want
	[[ -p fifo.csv ]]
	if [[ -c null.csv ]]; then
		run_rc 0 fs export through null.csv
		[[ -c null.csv ]]
	fi
	run_rc 73 fs export through dir.csv
	one_line 'cannot write "dir.csv": Is a directory'
	run_rc 73 fs export through dir.parquet
	one_line 'cannot write "dir.parquet": Is a directory'
	for each in link fifo null; do
		run_rc 73 fs export through $each.parquet
		one_line "cannot create \"$each.parquet\": it is there, and no file"
	done
	# what is put in the place of a file has its mode
	chmod 640 file.csv
	run_rc 0 fs export through file.csv
	is "$(stat -c %a file.csv)" 640
	# a device that takes nothing is no success
	mknod full c 1 7 2>/dev/null || return 0
	run_rc 74 fs export through full
	[[ -c full ]]
}

@test "fs: export of Parquet files, all of them or none" {
	loaded columns 2500
	run_rc 0 fs export columns x.parquet --dry-run --columns id,count
	has "$out" 'SELECT "id", "count"'
	run_rc 0 fs export columns x.parquet
	has "$err" 'Athena wrote 3 files, the last is "x.3.parquet"'
	"$root/t/aws/parquet.py" x.parquet x.2.parquet x.3.parquet >rows.ndjson
	reformat -o csv rows.ndjson | LC_ALL=C sort >got
	LC_ALL=C sort in.csv | sed -E 's/,([0-9]+)[.]25,/,\1.25,/' >want
	same_file got want
	# fewer than before: what is there still is not of these rows
	run_rc 0 fs export columns x.parquet --where 'count < 0'
	has "$err" '"x.2.parquet" is there, too, and not of this run'
	cp x.2.parquet 2.parquet
	run_ok fs export columns y --format parquet --columns count --where 'count < 0'
	is "$("$root/t/aws/parquet.py" y | sort | paste -sd' ')" \
		'{"count":-1} {"count":-2} {"count":-3} {"count":-4} {"count":-5}'
	run_rc 0 fs export columns none.parquet --where 'count > 5000'
	has "$err" 'there is no record, so there is no file'
	run_rc 64 fs export columns - --format parquet
	run_rc 73 fs export columns /dev/null/x.parquet
	# parts that are refused leave nothing; of those that are cut the next run takes the rest
	sandbox_set deny=GetObject
	run_rc 77 fs export columns z.parquet
	is "$(ls z* 2>/dev/null)" ''
	is "$(aws s3 ls --recursive s3://offline/ferry-athena-results/)" ''
	sandbox_set
	sandbox_set only=GetObject cut-at=300 cut=100
	AWS_MAX_ATTEMPTS=2 run_rc 75 fs export columns z.parquet
	is "$(ls z* 2>/dev/null)" ''
	sandbox_set
	run_rc 0 fs export columns z.parquet
	same_file z.2.parquet 2.parquet
}

# t/soak/features.bats does that with 2,500
# bats test_tags=whole
@test "fs: hundreds of features are exported, put back, and cleared" {
	local format

	wide "${FEATURES:-250}" 6
	fs create broad --schema-file features.json --role-arn "$role" --s3-uri s3://offline/fs \
		--table-format Iceberg >/dev/null
	run_ok fs bulk-put broad in.ndjson
	wait_until 20 arrived broad 6
	values in.ndjson >wanted
	for format in json ndjson csv; do
		run_ok fs export broad "x.$format"
	done
	jq -c '.[]' x.json | values | same_file - wanted
	values x.ndjson | same_file - wanted
	run_rc 0 fs export broad x.parquet --latest
	"$root/t/aws/parquet.py" x.parquet >rows.ndjson
	values rows.ndjson | same_file - wanted
	run_ok fs clear broad --yes
	is "$(fs-extract-athena broad --no-seal -o ndjson | wc -l)" 0
	run_ok fs bulk-put broad x.csv
	fs-extract-online broad --no-seal -o ndjson | values | same_file - wanted
	wait_until 20 arrived broad 6
	fs-extract-athena broad --no-seal -o ndjson | values | same_file - wanted
}

@test "fs: clear asks, shows, and leaves nothing; what was there can be loaded again" {
	loaded full 300
	group bystander
	fs-put bystander in.csv
	wait_until 20 arrived bystander 300
	run_ok fs clear full --dry-run
	has "$out" 'would delete 300 records of the online store' 'would delete '
	run_rc 77 fs clear full </dev/null
	has "$err" 'clear full? [y/N]' 'not confirmed, nothing was done'
	is "$(fs-extract-online full --no-seal | wc -l)" 301
	run_rc 0 fs clear full --online-only --force
	is "$(fs-extract-online full --no-seal --deleted | wc -l)" 1
	(($(fs analyze full -o json | jq '.[0].Files') > 0))
	run_pipe '0 0' 'echo yes | fs clear full --offline-only --backup-s3 s3://backups/full'
	is "$(fs analyze full -o json | jq '.[0].Files')" 0
	(($(fs analyze --bucket backups -o json | jq '.[-1].Files') > 0))
	(($(sandbox_count CopyObject ok) > 0))
	run_ok fs bulk-put full in.csv
	same_online full in.csv
	run_ok fs clear full --yes
	is "$(fs-extract-online full --no-seal --deleted | wc -l)" 1
	is "$(fs-extract-online bystander --no-seal | wc -l)" 301
	arrived bystander 300
	run_rc 64 fs clear full --online-only --offline-only
	fs-group create only-online --schema-file features.json --role-arn "$role" \
		--no-offline-store >/dev/null
	run_rc 69 fs clear only-online --offline-only --force
	run_ok fs clear only-online --force
	group=full mistakes clear --force
}

@test "fs: clear forgets loads into the group, and none into one whose name ends like its own" {
	export FERRY_STATE=$PWD/state
	local jobs=$FERRY_STATE/fs-migrate each arn

	group vip
	arn=$(fs-group describe vip -o json | jq -r .FeatureGroupArn)
	for each in 'x vip' 'x some-vip' 'some x-vip'; do
		mkdir -p "$jobs/${each/ /-}-0123456789abcdef"
		printf '%s\n' "$each" >"$jobs/${each/ /-}-0123456789abcdef/begun"
	done
	mkdir "$jobs"/{begins,here,there}-vip-0123456789abcdef
	printf 'here vip\n%s\n' "$arn" >"$jobs/here-vip-0123456789abcdef/begun"
	printf 'there vip\n%s\n' "${arn/:123456789012:/:210987654321:}" \
		>"$jobs/there-vip-0123456789abcdef/begun"
	run_rc 0 fs clear vip --yes
	is "$(cd "$jobs" && ls)" 'begins-vip-0123456789abcdef
some-x-vip-0123456789abcdef
there-vip-0123456789abcdef
x-some-vip-0123456789abcdef'
	rm -r "${jobs:?}"/*
	# also when the clearing breaks off: what is left of it is not all that was put
	records 30 >in.csv
	printf 'bad,never,,,\n' >>in.csv
	run_rc 65 fs-put vip in.csv --failed f
	is "$(cd "$FERRY_STATE/fs-put" && echo "${arn//[:\/]/_}"-*.journal | wc -w)" 1
	# of another region or account, a group of that name is another
	AWS_REGION=eu-west-1 group vip
	run_rc 0 fs --region eu-west-1 clear vip --yes
	is "$(cd "$FERRY_STATE/fs-put" && echo *.journal | wc -w)" 1
	# an older version named it by the group: it goes on from there
	mv "$FERRY_STATE"/fs-put/*.journal \
		"$(printf '%s\n' "$FERRY_STATE"/fs-put/*.journal | sed 's/arn.*_//')"
	run_rc 65 fs-put vip in.csv --failed f --stats s
	is "$(jq .skipped s)" 30
	sandbox_set deny=DeleteRecord
	run_rc 77 fs clear vip --yes
	sandbox_set
	is "$(ls "$FERRY_STATE/fs-put")" ''
}

@test "fs: clear copies both stores before it deletes anything" {
	local files
	loaded saved 300
	files=$(fs analyze saved -o json | jq '.[0].Files')
	run_ok fs clear saved --dry-run --backup-s3 s3://copies/here/
	has "$out" 'would copy the online store to s3://copies/here/saved/2' /online/ \
		'would copy the offline store to s3://copies/here/saved/2'
	run_rc 64 fs clear saved --force --backup-s3 /tmp/x
	has "$err" '--backup-s3: not like s3://BUCKET/PREFIX: /tmp/x'
	# no copy, no deletion
	for each in PutObject CopyObject; do
		sandbox_set deny=$each
		run_rc 77 fs clear saved --force --backup-s3 s3://copies/denied
		sandbox_set
		is "$(fs-extract-online saved --no-seal | wc -l)" 301
		is "$(fs analyze saved -o json | jq '.[0].Files')" "$files"
	done
	run_rc 0 fs clear saved --force --backup-s3 s3://copies/here
	has "$err" '300 records are in 1 objects under s3://copies/here/saved/'
	has "$out" "copied $files objects to s3://copies/here/saved/" \
		'deleted 300 records of the online store'
	is "$(fs-extract-online saved --no-seal --deleted | wc -l)" 1
	# and the copy is what bulk-put takes
	aws s3 cp --quiet --recursive s3://copies/here/ copy
	fs bulk-put saved copy/saved/*/online/part-00001.ndjson.gz
	same_online saved in.csv
	run_rc 0 fs clear saved --force --online-only --backup-s3 s3://copies/again
	aws s3 cp --quiet --recursive s3://copies/again/ again
	is "$(zcat again/saved/*/online/*.gz | wc -l)" 300
}

@test "fs: clear deletes nothing that came behind its copy" {
	loaded copied 5
	records 3 100 >more.csv
	# it arrives between the copy and the deletion
	mkdir bin
	export -f arrived
	cat >bin/date <<-'END'
		#!/bin/bash
		[[ $* != +%s.%N || -e came ]] || {
			: >came
			fs-put copied --target-stores offline more.csv
			until arrived copied 8; do :; done
		}
		exec /bin/date "$@"
	END
	chmod +x bin/date
	PATH=$PWD/bin:$PATH run_rc 0 fs clear copied --force --backup-s3 s3://copies/late
	arrived copied 3
	has "$out" 'what was put in the last 15 minutes may still reach the offline store'
	# nor anything where the copy cannot be listed
	cat >bin/sed <<-'END'
		#!/bin/bash
		[[ $* != *s3://* ]] || sandbox_set deny=ListObjectsV2
		exec /bin/sed "$@"
	END
	chmod +x bin/sed
	export -f sandbox_set sandbox_ask
	fs-put copied --target-stores online more.csv
	PATH=$PWD/bin:$PATH run_rc 77 fs clear copied --force --backup-s3 s3://copies/blind
	sandbox_set
	has "$err" 'the copy cannot be listed, so nothing is deleted'
	is "$(fs-extract-online copied --no-seal | wc -l)" 4
	arrived copied 3
	run_rc 0 fs clear copied --force
	arrived copied 0
}

@test "fs: clear empties an Iceberg table by its rows, never by its objects" {
	group ice --table-format Iceberg
	records 50 >in.csv
	fs-put ice in.csv
	wait_until 20 arrived ice 50
	run_ok fs clear ice --force
	has "$out" 'deleted all rows of the Iceberg table'
	arrived ice 0
}

@test "fs: analyze" {
	loaded sized 100
	run_ok fs analyze sized
	has "$out" USDPerMonth USDPerYear sized StorageClass parquet STANDARD NewestFiles
	run_ok fs analyze sized -o json --export size.csv
	is "$(jq -r '.[0].Name' "$out")" sized
	has size.csv 'Name,Files,Bytes'
	is "$(head -n 1 size-monthly.csv)" Month,Files,Bytes,TotalBytes
	is "$(sed -n 2p size-monthly.csv | cut -d , -f 1,3)" \
		"$(date -u +%Y-%m),$(jq -r '.[0].Bytes' "$out")"
	is "$(jq -r '.[0] | .USDPerYear >= .USDPerMonth' "$out")" true
	run_ok fs analyze --bucket offline --prefix fs
	has "$out" total
	run_rc 64 fs analyze sized --export -
	one_line --export
	group=sized mistakes analyze
	no_access ListObjectsV2 analyze --bucket offline --prefix fs
}

@test "fs: delete asks, and takes the data along unless told not to" {
	loaded doomed 50
	loaded kept 50
	run_ok fs delete doomed --dry-run
	has "$out" 'would delete feature group doomed' objects
	run_rc 77 fs delete doomed </dev/null
	run_ok fs schema doomed -o json
	run_pipe '0 0' 'echo y | fs delete doomed'
	has "$out" "if this ends early, 'aws s3 rm --recursive s3://offline/fs/" \
		'aws glue delete-table --database-name '
	run_rc 69 fs schema doomed
	run_ok fs delete kept --keep-data --force --wait
	run_ok fs analyze --bucket offline -o json \
		--prefix fs/123456789012/sagemaker/us-east-1/offline-store
	is "$(jq -r '.[].Name' "$out" | grep -cE '^(doomed|kept)-')" 1
	group one-more
	group=one-more mistakes delete --force
}

@test "fs: a copy of a group, as the seeds' script makes it" {
	loaded old 40
	fs export old backup.json --format json --compress
	fs schema old -o json >schema.json
	run_ok fs create new --schema-file schema.json --role-arn "$role" --s3-uri s3://offline/new
	fs list | grep -q new
	gunzip -c backup.json.gz >backup.json
	python3 - <<-'END'
		import json
		data = json.load(open("backup.json"))
		for record in data:
		    record["category"] = (record["category"] or "") + "!"
		json.dump(data, open("changed.json", "w"), indent=2)
	END
	run_ok fs bulk-put new changed.json --batch-size 200 --output-file upload.log
	wait_until 20 arrived new 40
	fs export new new.json
	is "$(jq '[.[] | select(.category | endswith("!"))] | length' new.json)" 40
}

@test "fs: what an option may not be is refused before anybody is asked" {
	local -a lines
	# refuse: CODE COMMAND... in `turns`
	refuse() {
		local line code

		while read -r -u 3 code line; do
			# shellcheck disable=SC2086 # words of a command line
			run_rc "$code" $line </dev/null
		done 3< <(printf '%s\n' "${turns[@]}")
	}

	printf 'id,event_time\n' >in.csv
	printf 'x\n' >junk
	# whoever asks ends with 75
	export AWS_ENDPOINT_URL=http://127.0.0.1:1 AWS_MAX_ATTEMPTS=1
	run_rc 75 fs migrate a b --yes
	mapfile -t lines <<-'END'
		64 fs migrate a b --batch-size=x
		64 fs migrate a b --where=x=1 --filter-query=y=1
		64 fs migrate a b --max-workers=0
		64 fs migrate a b --expect=many
		64 fs migrate a b --as-of=yesterday
		64 fs migrate a b --method=fast
		64 fs migrate a b --only=id
		66 fs migrate a b --only=id=missing
		64 fs migrate a b --progress=loud
		64 fs migrate a b --s3-output-location=bucket
		64 fs migrate a b --set=name
		64 fs migrate a b --rename=x
		64 fs migrate a b --cast=price:money
		66 fs migrate a b --map=missing
		73 fs migrate a b --failed=missing/file
		64 fs-upgrade a b --set=name
		64 fs-subset a b in.csv --max-workers=0
		64 fs-copy a b --s3-uri=bucket
		66 fs-improve a b --rules=missing
		78 fs-improve a b --rules=junk
		64 fs-improve a b --report-format=pdf
		64 fs-improve a b --keep=oldest
	END
	by_turns 8 "${lines[@]/%/ --yes}"
	refuse
	mapfile -t lines <<-'END'
		64 fs bulk-put a in.csv --target-stores=both
		64 fs bulk-put a in.csv --event-time=then
		64 fs bulk-put a in.csv --delimiter=xxx
		64 fs bulk-put a in.csv --encoding=none
		64 fs bulk-put a in.csv --max-record=x
		73 fs bulk-put a in.csv --journal=missing/file
		66 fs bulk-put a missing
		66 fs bulk-get a missing
		64 fs bulk-get a in.csv --encoding=none
		64 fs export a out.csv --as-of=x
		64 fs export a out.csv --column-mapping=x
		64 fs export a out.csv --limit=x
	END
	by_turns 4 "${lines[@]}"
	refuse
}

@test "fs: --stats tells apart what one exit code means" {
	local each held

	group said
	why() { run_rc fails "$@" --stats why && jq -r .reason why; }
	is "$(why fs get said nobody)" missing
	is "$(why fs schema nowhere)" missing
	is "$(why fs export said - --where 'nothing = 1')" statement
	is "$(AWS_ENDPOINT_URL=http://127.0.0.1:9 why fs-group list)" away
	sandbox_set throttle=100 only=DescribeFeatureGroup
	is "$(AWS_MAX_ATTEMPTS=2 why fs schema said)" throttled || {
		cat why
		return 1
	}
	sandbox_set
	fs-group template -O features.json
	is "$(why fs create said --schema-file features.json --role-arn "$role" \
		--s3-uri s3://offline/fs)" exists
	records 3 >in.csv
	fs bulk-put said in.csv -q
	exec {held}>>"$(printf '%s\n' "$HOME/.local/state/ferry/locks/"*-said)"
	flock "$held"
	is "$(why fs bulk-put said in.csv)" busy
	exec {held}>&-
	# the pipelines print it, and nothing else
	group said-2
	run_rc 0 fs-sync said said-2 --iterations 1 -o json
	is "$(jq -c '[.program, .exit, (.programs | length > 0)]' "$out")" '["fs-sync",0,true]'
	has "$err" ' records since '
	by_turns 2 recover archive subset improve copy upgrade migrate-large
	for each in "${turns[@]}"; do
		run_rc fails "fs-$each" nowhere said-2 in.csv -o json --yes
		is "$(jq -c '[.program, .exit > 0]' "$out")" "[\"fs-$each\",true]"
	done
	run_rc 74 bash -c 'fs-sync said said-2 --iterations 1 -o json >/dev/full'
	has "$err" 'cannot write to standard output'
	run_rc 64 fs-sync said said-2 -o json --stats s
	has "$err" 'exclude each other'
}

@test "fs: a file of the same records is the same to the last byte" {
	local each

	# the rows of both come in another order
	for each in 'cat' 'tac'; do
		group "sorted-$each"
		{
			records 1 9
			records 20 | sed 1d | "$each"
		} >in.csv
		fs-put "sorted-$each" in.csv --batch-size 1 --max-workers 1
		wait_until 20 arrived "sorted-$each" 21
		run_rc 0 fs export "sorted-$each" "$each.ndjson.gz" --sorted
	done
	cmp cat.ndjson.gz tac.ndjson.gz
	is "$(gzip -cd cat.ndjson.gz | jq -r .id | uniq | wc -l)" 20
	for each in '--order-by id' '--method unload' '--format parquet'; do
		# shellcheck disable=SC2086  # words
		run_rc 64 fs export sorted-cat other $each --sorted
	done
}

@test "fs: programs look at options and files before they ask" {
	local line code

	printf 'id,event_time\n' >in.csv
	export AWS_ENDPOINT_URL=http://127.0.0.1:1 AWS_MAX_ATTEMPTS=1
	run_rc 75 fs-extract-athena g
	while read -r code line; do
		# shellcheck disable=SC2086
		run_rc "$code" $line </dev/null
	done <<-'END'
		64 fs-extract-athena g --as-of=yesterday
		64 fs-extract-athena g --known-at=x
		64 fs-extract-athena g --only=id
		66 fs-extract-athena g --only=id=missing
		64 fs-extract-athena g --shard=9/8
		66 fs-extract-athena g --as-of-file=missing
		73 fs-extract-athena g -O missing/x
		73 fs-extract-athena g --parquet missing/x
		73 fs-extract-athena g --stats missing/x
		64 fs-plan a b --as-of=yesterday
		66 fs-plan a b --only=id=missing
		64 fs-plan a b --shard=0/1
		73 fs-plan a b --facts=missing/x
		64 fs-verify a b --as-of=yesterday
		64 fs-extract-online g --shard=x
		66 fs-extract-online g --ids=missing
		66 fs-extract-online g --same-as=missing
		73 fs-extract-online g -O missing/x
		73 fs-extract-online g --deleted-ids=missing/x
		66 fs-put g missing
		64 fs-put g in.csv --delimiter=xxx
		73 fs-put g in.csv --failed=missing/x
		73 fs-put g in.csv --failed=.
		73 fs-put g in.csv --journal=missing/x
		73 fs-put g in.csv --rejects=missing/x
		66 fs-put g in.csv --there-online=missing
		66 fs-group create g --role-arn=x --no-offline-store --schema-file=missing
		73 fs bulk-put g in.csv --failed=.
	END
	is "$(ls)" in.csv
}
