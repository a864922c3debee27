# The examples of ferry-features(7) and of the manual pages, run line by line against the sandbox.

load helper
load sandbox
load fs

setup() {
	helper_setup
	sandbox_set
	mkdir bin
	printf '#!/bin/sh\n' >bin/sleep
	chmod +x bin/sleep
	export SLEEPLESS=$PWD/bin
}

# world: what the examples speak of: full groups, empty ones beside them, a list, a file.
world() {
	local each file=$BATS_FILE_TMPDIR/features.json

	[[ -f $file ]] || fs-group template | jq 'map(if .FeatureName == "id"
		then .FeatureName = "customer_id" else . end)' >"$file"
	jq '. + [{"FeatureName":"tier","FeatureType":"String"}]' "$file" >tier.json
	for each in customers customers-1 transactions orders live raw-customers events \
		traveller; do
		remake "$each" "$file"
		records 12 | sed '1s/^id/customer_id/' >in.csv
		printf 'id3,%s,5,1,c\n' "$(date -u +%FT%TZ)" >>in.csv
		fs-put "$each" in.csv 2>/dev/null
	done
	for each in recent customers-2 transactions-old orders-old orders-2 chosen backup \
		clean-customers events-2; do
		remake "$each" "$file"
	done
	remake customers-3 tier.json
	arrived() { (($(fs-extract-athena traveller --no-seal | wc -l) == 14)); }
	wait_until 20 arrived
	printf 'id1\nid2\n' >list.csv
	printf '{"customer_id":"x","event_time":"2024-01-01T00:00:00Z"}\n' >failed.ndjson
	quality-clean --print-rules >rules.json
	cat >"$AWS_SHARED_CREDENTIALS_FILE" <<-END
		[dev]
		aws_access_key_id = AKIASANDBOX000000001
		aws_secret_access_key = sandbox/secret/key/of/the/first/user/+01
		[prod]
		aws_access_key_id = AKIASANDBOX000000002
		aws_secret_access_key = sandbox/secret/key/of/the/other/user/+02
	END
	printf '[profile dev]\nregion=us-east-1\n[profile prod]\nregion=us-west-2\n' \
		>"$AWS_CONFIG_FILE"
}

remake() {
	local -a create=(fs-group create "$1" --schema-file "$2" --role-arn "$role"
		--s3-uri s3://offline/fs --record-identifier-name customer_id)

	"${create[@]}" >/dev/null 2>&1 || {
		fs delete "$1" --force >/dev/null 2>&1
		"${create[@]}" >/dev/null
	}
}

# works LINE: the example ends well, answered with y, within the folder of the project
works() {
	printf '%s\n' "$1" >>tried
	ln -sfn "$root/pipelines" pipelines
	yes 2>/dev/null | RUN_TIMEOUT=120 run_rc 0 env PATH="$SLEEPLESS:$PATH" bash -c "$1"
}

# bats test_tags=whole
@test "examples: moving feature groups" {
	local line

	world
	"$root/t/readme" ferry-features.7 'Moving them' >lines
	(($(wc -l <lines) >= 12))
	while IFS= read -r -u 3 line; do
		works "$line"
	done 3<lines
	is "$(fs-extract-online chosen --no-seal | wc -l)" 3
	is "$(fs-extract-online backup --no-seal | wc -l)" 13
}

# bats test_tags=whole
@test "examples: manual pages of the pipelines" {
	local page line

	world
	fs-group --profile prod --region us-west-2 create customers --role-arn "$role" \
		--schema-file "$BATS_FILE_TMPDIR/features.json" --s3-uri s3://prod/fs \
		--record-identifier-name customer_id >/dev/null
	fs-group --profile prod --region us-west-2 list >/dev/null
	for page in upgrade copy archive subset sync improve migrate-large recover; do
		sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' "$root/pipelines/fs-$page.1" |
			sed '/^\./d; s/\\e$/\\/' | sed -e ':a' -e '/\\$/N; s/\\\n *//; ta' >lines
		[[ -s lines ]]
		while IFS= read -r -u 3 line; do
			[[ $page != upgrade ]] || remake customers-2 tier.json
			works "$line"
		done 3<lines
	done
	remake customers-2 "$BATS_FILE_TMPDIR/features.json"
	grep -h '^fs migrate ' "$root/pipelines/fs.1" >lines
	(($(wc -l <lines) >= 3))
	while IFS= read -r -u 3 line; do
		works "$line"
	done 3<lines
	grep -hE '^fs-(plan|verify) ' "$root"/src/load/fs-{plan,verify}.1 | grep -v orders >lines
	while IFS= read -r -u 3 line; do
		works "$line"
	done 3<lines
}

@test "examples: the unit of fs-sync: what passes is no failure, what lasts is one" {
	local each

	group night-live
	group night-backup
	mkdir lib
	export FERRY_STATE=$PWD/lib
	sed -e ':a' -e '/\\$/N; s/\\\n//; ta' "$root/pipelines/examples/fs-sync@.service" |
		sed -n 's/^ExecStart=//p' | sed 's/ %i$/ night-live:night-backup/' >job
	for each in 0 0 0 75; do
		AWS_ENDPOINT_URL=http://127.0.0.1:9 run_rc "$each" bash -c "$(<job)"
	done
	run_rc 0 bash -c "$(<job)"
	AWS_ENDPOINT_URL=http://127.0.0.1:9 run_rc 0 bash -c "$(<job)"
}

@test "examples: manual pages of fs and its programs" {
	local page line

	world
	for each in old new customers-copy; do
		remake "$each" "$BATS_FILE_TMPDIR/features.json"
	done
	fs-put old in.csv
	fs delete orders --force >/dev/null 2>&1
	group orders
	printf 'customer_id,event_time\n4711,2024-01-01T00:00:00Z\n' >4711.csv
	fs-put customers 4711.csv
	for page in pipelines/fs src/extract/fs-extract-{online,athena} src/load/fs-{put,group}; do
		examples "$root/$page.1" | grep -v '^fs migrate ' >lines
		[[ -s lines ]]
		while IFS= read -r -u 4 line; do
			[[ $line != *bad.ndjson* || -s bad.ndjson ]] || cp failed.ndjson bad.ndjson
			[[ $line != 'fs-put customers '* ]] || cp in.csv customers.csv
			works "$line"
			# nothing failed: so that there is something to be put again
			[[ $line != *--failed* ]] || cp failed.ndjson bad.ndjson
		done 4<lines
	done
	ids() { fs-extract-online "$1" -c customer_id --no-seal | LC_ALL=C sort; }
	is "$(ids customers-copy)" "$(ids customers)"
	is "$(jq -r .customer_id <(gzip -dc customers.json.gz | jq -c '.[]') | grep -c 4711)" 1
	fs-extract-online new --no-seal --id x -o ndjson | jq -e '.customer_id == "x"'
	is "$(fs-group schema customers -o csv | grep -cE '^(score|visits),')" 2
}
