# fs.bash: what tests of feature groups share; loaded after helper and sandbox.
# shellcheck shell=bash

readonly role=arn:aws:iam::123456789012:role/feature-store

# A file has a sandbox of its own, without waits, unless it says otherwise.
setup_file() { sandbox_start --set group-delay=0 --set offline-delay=0 --set athena-delay=0; }
teardown_file() { sandbox_stop; helper_teardown_file; }
setup() {
	helper_setup
	sandbox_set
}

# group NAME [OPTION...]: a group of five features with both stores; its schema is in the file
# features.json.
group() {
	fs-group template -O features.json
	fs-group create "$1" --schema-file features.json --role-arn "$role" \
		--s3-uri s3://offline/fs "${@:2}" >/dev/null
}

# records COUNT [FROM]: a CSV of so many records for that group, with texts that must be quoted.
records() {
	awk -v n="$1" -v from="${2:-0}" 'BEGIN { print "id,event_time,count,price,category"
		for (i = from; i < from + n; i++)
			printf "id%d,2024-01-%02dT%02d:%02d:%02dZ,%d,%d.25,%s\n", i,
				1 + int(i / 86400), int(i / 3600) % 24, int(i / 60) % 60, i % 60,
				i - 5, i, i % 3 ? i % 5 ? "red" : "" : "\"a, \"\"b\"\" é\"" }'
}

# wide COUNT ROWS: so many features, whose names have 64 characters, in features.json, and in.ndjson
# of records with values of every kind; in each one feature in seven is missing. The first three
# have a second state in again.ndjson.
wide() {
	local name='def name: "feature_\(.)_" | . + "x" * (64 - length);'

	jq -nc --argjson n "$1" "$name"'[range($n) |
		if . == 0 then ["id", "String"] elif . == 1 then ["event_time", "String"]
		else [name, ["Fractional", "Integral", "String"][. % 3]] end |
		{FeatureName: .[0], FeatureType: .[1]}]' >features.json
	jq -nc --argjson n "$1" --argjson rows "$2" "$name"'range($rows) | . as $i |
		{id: "r\($i)", event_time: "2024-01-01T00:00:\(10 + $i)Z"} +
		([range(2; $n) | select(. % 7 != $i % 7) | {key: name, value:
			(if . % 3 == 0 then . + $i + 0.25 elif . % 3 == 1 then 1000 - . * $i
			else ["", "NULL", "{a, \"b\"}", "\tb\\n\n\($i)", "한국어"][. / 3 % 5] end)}] |
		from_entries)' >in.ndjson
	sed -n '1,3s/"2024-01-01T/"2024-02-01T/; 1,3s/"NULL"/"another"/gp' in.ndjson >again.ndjson
}

# values: NDJSON without NULLs and without what an offline store adds, in the order of its lines
values() {
	jq -cS 'del(.write_time, .api_invocation_time, .is_deleted) |
		with_entries(select(.value != null))' "$@" | LC_ALL=C sort
}

# online GROUP: what its online store holds, as CSV, in the order of the lines.
online() { fs-extract-online "$1" --no-seal | LC_ALL=C sort; }

# same_online GROUP FILE: the online store holds exactly the records of a CSV file.
same_online() {
	LC_ALL=C sort "$2" >wanted.sorted
	online "$1" >got.sorted
	same_file got.sorted wanted.sorted
}

# figure NAME FILE: a number of a JSON summary
figure() { jq ".$1" "$2"; }

# arrived GROUP COUNT: so many records are in its offline store.
arrived() { [[ $(fs-extract-athena "$1" -o ndjson --no-seal | wc -l) == "$2" ]]; }

# loaded GROUP COUNT: a group with so many records, which are in the file in.csv.
loaded() {
	group "$1"
	records "$2" >in.csv
	fs-put "$1" in.csv
	wait_until 20 arrived "$1" "$2"
}
