#!/usr/bin/env bats
# Athena in the sandbox: what its SQL means, what it refuses in Athena's words, and the shape of
# results.

load helper
load sandbox

setup_file() {
	sandbox_start --set group-delay=0
	make_group flat '{}'
	make_group ice '{"TableFormat":"Iceberg"}'
	put flat a 2024-01-01T00:00:00Z 5 1761716946.4774606
	put flat b 2024-01-02T00:00:00Z '' 100
	put flat a 2024-01-03T00:00:00Z 7 ''
	put flat 'q"x,y' 2024-01-04T00:00:00Z -9223372036854775808 0.0001
	put flat '' 2024-01-04T00:00:00Z 0 -0 || : # an empty identifier is refused
	put ice a 2024-01-01T00:00:00Z 1 1
	put ice b 2024-01-01T00:00:00Z 2 2
}

teardown_file() {
	sandbox_stop
	helper_teardown_file
}

# make_group NAME MORE: id, ts, N, f with both stores; MORE of OfflineStoreConfig.
make_group() {
	jq -nc --arg name "$1" --argjson more "$2" '{
		FeatureGroupName: $name,
		RecordIdentifierFeatureName: "id",
		EventTimeFeatureName: "ts",
		FeatureDefinitions: [["id", "String"], ["ts", "String"], ["N", "Integral"],
			["f", "Fractional"]] | map({FeatureName: .[0], FeatureType: .[1]}),
		OnlineStoreConfig: {EnableOnlineStore: true},
		RoleArn: "arn:aws:iam::123456789012:role/store",
		OfflineStoreConfig: ({S3StorageConfig: {S3Uri: "s3://offline/pre"}} + $more)
	}' >"$BATS_FILE_TMPDIR/group.json"
	aws sagemaker create-feature-group \
		--cli-input-json "file://$BATS_FILE_TMPDIR/group.json" >/dev/null
}

# put GROUP ID TIME N F: empty numbers are left out.
put() {
	aws sagemaker-featurestore-runtime put-record --feature-group-name "$1" \
		--record "$(jq -nc '$ARGS.positional |
		[["id", .[0]], ["ts", .[1]], ["N", .[2]], ["f", .[3]]] |
		map(select(.[1] != "" or .[0] == "id")) |
		map({FeatureName: .[0], ValueAsString: .[1]})' --args "${@:2}")"
}

# query SQL...: each result to $out; @NAME is the table of a group.
query() { run_ok "$boto3" "$root/t/sandbox/athena.py" "$@"; }

# succeeded ID: has the query?
succeeded() {
	[ "$(aws athena get-query-execution --query-execution-id "$1" \
		--query QueryExecution.Status.State --output text)" = SUCCEEDED ]
}

# refused SQL TEXT...
refused() {
	query "$1"
	has "$out" 'FAILED ' "${@:2}"
}

@test "athena: results are CSV as Athena writes it: all quoted, NULL as nothing" {
	query 'SELECT id, "N", F, is_deleted FROM @flat ORDER BY ts, id'
	same_file "$out" - <<-'END'
		"id","n","f","is_deleted"
		"a","5","1.7617169464774606E9","false"
		"b",,"100.0","false"
		"a","7",,"false"
		"q""x,y","-9223372036854775808","1.0E-4","false"
	END
	query 'SELECT * FROM @flat WHERE 1 = 2'
	is "$(<"$out")" '"id","ts","n","f","write_time","api_invocation_time","is_deleted"'
	query \
		"SELECT NULL AS x, '' y, 'a' || 'b', 1.5, 1e0, 10000000e0, TIMESTAMP
			'2024-01-01 00:00:00', true"
	same_file "$out" - <<-'END'
		"x","y","_col2","_col3","_col4","_col5","_col6","_col7"
		,"","ab","1.5","1.0","1.0E7","2024-01-01 00:00:00.000","true"
	END
	query 'SELECT write_time, api_invocation_time FROM @flat LIMIT 1'
	[[ $(tail -n 1 "$out") =~ \
		^\"20[0-9-]{8}\ [0-9:]{8}\.[0-9]{3}\",\"20[0-9-]{8}\ [0-9:]{8}\.000\"$ ]]
}

@test "athena: doubles have the text Java gives them, in results and in casts" {
	query "SELECT CAST('0.001' AS double), CAST('0.00099' AS double), CAST('9999999' AS double),
		CAST('1e7' AS double),
		CAST('123456789.5' AS double), CAST('-0.5' AS double), CAST('1e300' AS double),
		CAST('NaN' AS double),
		CAST('-Infinity' AS double), CAST('0' AS double), CAST('120' AS double), CAST('0.05'
		AS double)"
	is "$(tail -n 1 "$out")" \
		'"0.001","9.9E-4","9999999.0","1.0E7","1.234567895E8","-0.5","1.0E300","NaN",'\
'"-Infinity","0.0","120.0","0.05"'
	cp "$out" direct
	query "SELECT CAST(CAST('0.001' AS double) AS varchar), CAST(9.9e-4 AS varchar),
		CAST(9999999e0 AS varchar),
		CAST(1e7 AS varchar), CAST(123456789.5e0 AS varchar), CAST(-0.5e0 AS varchar),
		CAST(1e300 AS varchar),
		CAST(CAST('NaN' AS double) AS varchar), CAST(CAST('-Infinity' AS double) AS
		varchar), CAST(0e0 AS varchar),
		CAST(120e0 AS varchar), CAST(0.05e0 AS varchar)"
	same_file <(tail -n 1 "$out") <(tail -n 1 direct)
}

@test "athena: the latest state, history, and the state as of a time" {
	query 'SELECT id, ts, n FROM (SELECT *, row_number() OVER (PARTITION BY "id"
		ORDER BY "ts" DESC, api_invocation_time DESC, write_time DESC) AS fs_rn
		FROM "sagemaker_featurestore".@flat) WHERE fs_rn = 1 AND NOT is_deleted ORDER BY id'
	same_file "$out" - <<-'END'
		"id","ts","n"
		"a","2024-01-03T00:00:00Z","7"
		"b","2024-01-02T00:00:00Z",
		"q""x,y","2024-01-04T00:00:00Z","-9223372036854775808"
	END
	query \
		"SELECT max(ts) AS last, count(*) FROM @flat WHERE from_iso8601_timestamp(ts) <=
			TIMESTAMP '2024-01-02 12:00:00'"
	is "$(tail -n 1 "$out")" '"2024-01-02T00:00:00Z","2"'
}

@test "athena: grouping, joins, WITH, set operations, subqueries, CASE" {
	query \
		'SELECT id, count(*) AS c, sum(n) AS s, avg(f), min(ts) FROM @flat
			GROUP BY id HAVING count(*) > 0 ORDER BY c DESC, id'
	same_file "$out" - <<-'END'
		"id","c","s","_col3","_col4"
		"a","2","12","1.7617169464774606E9","2024-01-01T00:00:00Z"
		"b","1",,"100.0","2024-01-02T00:00:00Z"
		"q""x,y","1","-9223372036854775808","1.0E-4","2024-01-04T00:00:00Z"
	END
	query "WITH t AS (SELECT id, n FROM @flat WHERE n IS NOT NULL)
		SELECT t.id, u.n FROM t JOIN t AS u ON t.id = u.id AND t.n < u.n
		UNION ALL SELECT 'z', NULL ORDER BY 1"
	is "$(tail -n +2 "$out")" $'"a","7"\n"z",'
	query "SELECT id, CASE WHEN n > 6 THEN 'big' WHEN n IS NULL THEN 'none' ELSE 'small' END AS
		size, coalesce(n, 0)
		FROM @flat AS x WHERE id IN (SELECT id FROM @flat WHERE f > 50) AND EXISTS (SELECT 1
		FROM @flat AS y
		WHERE y.id = x.id) ORDER BY ts"
	is "$(tail -n +2 "$out")" $'"a","small","5"\n"b","none","0"\n"a","big","7"'
	query \
		"SELECT DISTINCT id FROM @flat WHERE id LIKE '%' AND id NOT LIKE 'q_x%' AND n
			BETWEEN 0 AND 10 OR id = 'b'"
	is "$(tail -n +2 "$out" | sort)" $'"a"\n"b"'
}

@test "athena: NULLs come last, LIKE has no escape of its own, strings compare by byte" {
	query 'SELECT n FROM @flat ORDER BY n' 'SELECT n FROM @flat ORDER BY n DESC' \
		'SELECT n FROM @flat ORDER BY n NULLS FIRST'
	is "$(tr '\n' ' ' <"$out")" \
		'"n" "-9223372036854775808" "5" "7"  "n" "7" "5" "-9223372036854775808"  "n" '\
' "-9223372036854775808" "5" "7" '
	query \
		"SELECT 'a\\b' LIKE 'a\\b', 'a%' LIKE 'a!%' ESCAPE '!', 'ab' LIKE 'a!%' ESCAPE '!',
			'B' < 'a', lower('ÄB')"
	has "$out" '"true","true","false","true","äb"'
}

@test "athena: what Athena refuses, in its words" {
	local -a asked=() texts=() lines
	local i
	# refuse SQL TEXT...: asked in one run with the others
	refuse() {
		local text

		for text in "${@:2}"; do
			texts+=("${#asked[@]} $text")
		done
		asked+=("$1")
	}

	refuse 'SELECT id FROM @flat WHERE ts >= current_date' 'TYPE_MISMATCH: line 1:' \
		': Cannot apply operator: varchar >= date'
	refuse "SELECT id FROM @flat WHERE ts >= date '2024-01-01'" \
		'Cannot apply operator: varchar >= date'
	refuse "SELECT id FROM @flat WHERE n = '5'" 'Cannot apply operator: bigint = varchar(1)'
	refuse 'SELECT id FROM @flat WHERE id = 5' 'Cannot apply operator: varchar = integer'
	refuse "SELECT id FROM @flat WHERE ts > current_timestamp - interval '1' day" \
		'Cannot apply operator: varchar > timestamp(3) with time zone'
	refuse "SELECT id FROM @flat WHERE n IN ('1', '2')" 'TYPE_MISMATCH' \
		'IN value and list items must be the same type'
	refuse 'SELECT id FROM @flat WHERE n' 'TYPE_MISMATCH' \
		'WHERE clause must evaluate to a boolean: actual type bigint'
	refuse 'SELECT nope FROM @flat' \
		"COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved or requester is not"
	refuse 'SELECT id FROM nope' \
		TABLE_NOT_FOUND 1:16: \
		"Table 'awsdatacatalog.sagemaker_featurestore.nope' does not exist"
	refuse 'SELECT id FROM other.nope' \
		"SCHEMA_NOT_FOUND: line 1:16: Schema 'other' does not exist"
	refuse 'SELECT id, count(*) FROM @flat' EXPRESSION_NOT_AGGREGATE
	refuse 'SELECT x.id FROM @flat AS x JOIN @flat AS y ON id = id' 'AMBIGUOUS_NAME' \
		"Column 'id' is ambiguous"
	refuse 'SELECT CAST(id AS bigint) FROM @flat' \
		"INVALID_CAST_ARGUMENT: Cannot cast 'a' to BIGINT"
	refuse 'SELECT n / 0 FROM @flat' 'DIVISION_BY_ZERO: Division by zero'
	refuse "SELECT n || 'x' FROM @flat" 'FUNCTION_NOT_FOUND' \
		'Unexpected parameters (bigint, varchar(1)) for function concat'
	refuse 'SELECT lower(n) FROM @flat' 'FUNCTION_NOT_FOUND' \
		'Unexpected parameters (bigint) for function lower'
	refuse 'DELETE FROM @flat' 'NOT_SUPPORTED' \
		'Modifying Hive table rows is only supported for transactional tables'
	query "${asked[@]}"
	mapfile -t lines <"$out"
	is "${#lines[@]} $(grep -c '^FAILED ' "$out")" "${#asked[@]} ${#asked[@]}"
	for i in "${!texts[@]}"; do
		has <(printf '%s\n' "${lines[${texts[i]%% *}]}") "${texts[i]#* }"
	done
}

@test "athena: what the sandbox does not know it says, and does not guess" {
	local -a asked=("SELECT json_extract(id, '$.a') FROM @flat" \
		'SELECT id FROM @flat TABLESAMPLE BERNOULLI (10)' \
		'DROP TABLE @flat' 'SELECT' 'SELEC id FROM @flat' 'SELECT id FROM @flat WHERE' \
			"SELECT 'unfinished" \
		'SELECT format(id) FROM @flat' 'SHOW TABLES' 'SELECT 1; SELECT 2' \
			'SELECT CAST(f AS decimal(38,9)) FROM @flat' \
		'SELECT pg_sleep(1)' 'SELECT version()' 'SELECT id::text FROM @flat' \
			'INSERT INTO @flat SELECT * FROM @flat' \
		'SELECT max_by(id) OVER FROM' 'SELECT "c0" FROM pg_class' \
		"$(printf '(%.0s' {1..5000})" "SELECT $(printf 'NOT %.0s' {1..5000}) true")
	local code='SANDBOX_UNSUPPORTED|TABLE_NOT_FOUND'

	query "${asked[@]}"
	is "$(grep -cE "^FAILED ($code): line [0-9]+:[0-9]+: " "$out")" "${#asked[@]}"
}

@test "athena: times, dates and intervals" {
	query "SELECT from_iso8601_timestamp('2024-01-01T00:00:00.5Z'),
		date(from_iso8601_timestamp('2024-03-01T12:00:00+09:00')),
		date '2024-03-01' - interval '1' day, date_add('month', 1, date '2024-01-31'),
		date_trunc('hour', timestamp '2024-01-01 10:59:59'),
		date_diff('day', date '2024-01-01', date '2024-03-01'), year(date '2024-03-01'),
		to_unixtime(timestamp '2024-01-01 00:00:00')"
	is "$(tail -n 1 "$out")" \
		'"2024-01-01 00:00:00.500 UTC","2024-03-01","2024-02-29","2024-02-29",'\
'"2024-01-01 10:00:00.000","60","2024","1.7040672E9"'
	query \
		"SELECT count(*) FROM @flat WHERE date(from_iso8601_timestamp(ts)) < current_date
			AND write_time <= current_timestamp + interval '1' hour"
	is "$(tail -n 1 "$out")" '"4"'
	refused "SELECT from_iso8601_timestamp('yesterday')" \
		'INVALID_FUNCTION_ARGUMENT: Invalid format: "yesterday"'
}

@test "athena: UNLOAD writes gzip JSON parts and a manifest, into an empty place only" {
	query \
		"UNLOAD (SELECT id, n, f, is_deleted, '' AS e FROM @flat) TO 's3://unloaded/one/'
			WITH (format = 'JSON', compression = 'GZIP')"
	same_file "$out" - <<-'END'
		{"id":"a","n":5,"f":1.7617169464774606E9,"is_deleted":false,"e":""}
		{"id":"a","n":7,"f":null,"is_deleted":false,"e":""}
		{"id":"b","n":null,"f":100.0,"is_deleted":false,"e":""}
		{"id":"q\"x,y","n":-9223372036854775808,"f":1.0E-4,"is_deleted":false,"e":""}
	END
	run_ok aws s3 ls s3://unloaded/one/
	has "$out" .gz
	refused "UNLOAD (SELECT id FROM @flat) TO 's3://unloaded/one/' WITH (format = 'JSON')" \
		HIVE_PATH_ALREADY_EXISTS s3://unloaded/one/
	query \
		"UNLOAD (SELECT id FROM @flat WHERE n = 5) TO 's3://unloaded/plain/' WITH (format =
			'JSON', compression = 'NONE')"
	is "$(<"$out")" '{"id":"a"}'
	query \
		"UNLOAD (SELECT id FROM @flat WHERE 1 = 2) TO 's3://unloaded/none/' WITH (format =
			'JSON')"
	is "$(<"$out")" ''
	run_rc 1 aws s3 ls s3://unloaded/none/
	refused \
		"UNLOAD (SELECT current_timestamp AS t) TO 's3://unloaded/two/' WITH (format =
			'JSON')" \
		'NOT_SUPPORTED' 'timestamp(3) with time zone'
	refused "UNLOAD (SELECT id, id FROM @flat) TO 's3://unloaded/two/' WITH (format = 'JSON')" \
		DUPLICATE_COLUMN_NAME
	refused "UNLOAD (SELECT id FROM @flat) TO 's3://unloaded/two/' WITH (format = 'AVRO')" \
		SANDBOX_UNSUPPORTED
}

# parquet FILE...: their rows, by a reader of its own and, where they are, by DuckDB and pyarrow.
parquet() {
	local npm=$root/build/bench/npm

	"$root/t/aws/parquet.py" "$@" >rows
	if [[ -d $npm/node_modules/@duckdb/node-api ]] && command -v node >/dev/null; then
		for each; do
			node "$root/t/aws/parquet_duckdb.mjs" "$npm" "$each"
		done | jq -c . >duckdb
		same_values duckdb rows
	fi
	if python3 -c 'import pyarrow.parquet' 2>/dev/null; then
		python3 -c 'import json, sys, pyarrow.parquet as p
for f in sys.argv[1:]:
    for row in p.read_table(f).to_pylist():
        print(json.dumps(row, default=str))' "$@" >pyarrow
		same_values pyarrow rows
	fi
}

# How many decimals a timestamp is printed with is each reader's own.
same_values() {
	local canonical='map_values(if type == "string" and test("[.][0-9]+$")
		then sub("[.]?0+$"; "") else . end)'
	jq -Sc "$canonical" "$1" >"$1.sorted"
	jq -Sc "$canonical" "$2" >"$2.sorted"
	same_file "$1.sorted" "$2.sorted"
}

@test "athena: UNLOAD writes Parquet that other programs read" {
	local compression
	for compression in GZIP NONE; do
		query "UNLOAD (SELECT id, n, f, is_deleted, '' AS e, date '1969-12-31' AS d,
			CAST(n AS integer) AS i FROM @flat WHERE n IS NULL OR n > 0)
			TO 's3://unloaded/parquet-$compression/'
			WITH (format = 'PARQUET', compression = '$compression')"
		rm -rf parts
		aws s3 cp --quiet --recursive "s3://unloaded/parquet-$compression/" parts
		parquet parts/*
		jq -r 'map(tojson) | join(" ")' rows | LC_ALL=C sort >got
		same_file got - <<-'END'
			"a" 5 1761716946.4774606 false "" "1969-12-31" 5
			"a" 7 null false "" "1969-12-31" 7
			"b" null 100 false "" "1969-12-31" null
		END
	done
	query "UNLOAD (SELECT timestamp '2024-02-29 23:59:59.125' AS t, CAST(NULL AS varchar) AS s)
		TO 's3://unloaded/times/' WITH (format = 'PARQUET')"
	rm -rf parts
	aws s3 cp --quiet --recursive s3://unloaded/times/ parts
	parquet parts/*
	is "$(<rows)" '{"t":"2024-02-29 23:59:59.125000","s":null}'
	refused "UNLOAD (SELECT 1.5 AS d) TO 's3://unloaded/three/' WITH (format = 'PARQUET')" \
		'SANDBOX_UNSUPPORTED: the sandbox writes no decimal'
}

@test "athena: an Iceberg group's rows can be deleted; a Glue group's go with their objects" {
	query "DELETE FROM @ice WHERE n = 1" 'VACUUM @ice' \
		'OPTIMIZE @ice REWRITE DATA USING BIN_PACK' 'SELECT id FROM @ice'
	same_file "$out" - <<<$'1 rows\n0 rows\n0 rows\n"id"\n"b"'
	query 'DELETE FROM @ice' 'SELECT count(*) FROM @ice'
	same_file "$out" - <<<$'1 rows\n"_col0"\n"0"'
	make_group gone '{}'
	put gone a 2024-01-01T00:00:00Z 1 1
	put gone b 2024-01-01T05:00:00Z 1 1
	query 'SELECT count(*) FROM @gone'
	where=$(aws sagemaker describe-feature-group --feature-group-name gone \
		--query OfflineStoreConfig.S3StorageConfig.ResolvedOutputS3Uri --output text)
	run_ok aws s3 rm --recursive --quiet "$where/year=2024/month=01/day=01/hour=00/"
	query 'SELECT id FROM @gone'
	is "$(tail -n +2 "$out")" '"b"'
	put ice c 2024-01-01T00:00:00Z 1 1
	query 'SELECT count(*) FROM @ice'
	where=$(aws sagemaker describe-feature-group --feature-group-name ice \
		--query OfflineStoreConfig.S3StorageConfig.ResolvedOutputS3Uri --output text)
	run_ok aws s3 rm --recursive --quiet "$where/"
	refused 'SELECT count(*) FROM @ice' ICEBERG_CANNOT_OPEN_SPLIT
}

# names COUNT: of so many features, each of 64 characters.
names() { jq -nc --argjson n "$1" '[range($n) | "f\(.)_" | . + "x" * (64 - length)]'; }

# many NAME COUNT [MORE]: a group of id, ts and so many others, in turn whole numbers, texts and
# fractions; MORE of OfflineStoreConfig.
many() {
	names "$2" | jq -c --arg name "$1" --argjson more "${3-"{}"}" '{
		FeatureGroupName: $name,
		RecordIdentifierFeatureName: "id",
		EventTimeFeatureName: "ts",
		FeatureDefinitions: ([["id", "String"], ["ts", "String"]] + (to_entries |
			map([.value, ["Integral", "String", "Fractional"][.key % 3]])) |
			map({FeatureName: .[0], FeatureType: .[1]})),
		RoleArn: "arn:aws:iam::123456789012:role/store",
		OfflineStoreConfig: ({S3StorageConfig: {S3Uri: "s3://offline/pre"}} + $more)
	}' >many.json
	aws sagemaker create-feature-group --cli-input-json file://many.json >/dev/null
}

# values COUNT I: of record I as a JSON list of texts, one in seven missing.
values() {
	jq -nc --argjson n "$1" --argjson i "$2" '["r\($i)", "2024-01-0\($i + 1)T00:00:00Z"] +
		[range($n) | if . % 7 == $i then null
		elif . % 3 == 0 then ["-9223372036854775808", "\(. * $i)"][. / 3 % 2]
		elif . % 3 == 1 then ["", "NULL", "a \"b\", {\\}", "\tb\\n\n", "B", "é"][. / 3 % 6]
		else "\(. + $i).25" end]'
}

# put_many GROUP COUNT I...: those records.
put_many() {
	for each in "${@:3}"; do
		values "$2" "$each" | record "$2"
	done | fs-put "$1" --accept-unsealed
}

# record COUNT: a list of values as an object
record() {
	jq -c --slurpfile names <(names "$1") '[["id", "ts"] + $names[0], .] | transpose |
		map(select(.[1]) | {key: .[0], value: .[1]}) | from_entries'
}

# grow FROM TO: gives the group `grown` the features that many would have given it
grow() {
	names "$2" | jq --argjson from "$1" '{FeatureGroupName: "grown", FeatureAdditions:
		(to_entries | map({FeatureName: .value,
			FeatureType: ["Integral", "String", "Fractional"][.key % 3]}) |
		.[$from:])}' \
		>added.json
	aws sagemaker update-feature-group --cli-input-json file://added.json >/dev/null
}

# A list as a line of a result; and results without what the store itself adds.
csv='map(if . then "\"" + gsub("\""; "\"\"") + "\"" else "" end) | join(",")'
without_own() {
	local own='"(write_time|20[^"]*)","(api_inv|20)[^"]*","(is_deleted|false)"'

	sed -E "s/,$own(,\"[n12]\")?\$//" "$1"
}

# feature I: its name, quoted
feature() { names $(($1 + 1)) | jq '.[-1]'; }

# bats test_tags=whole
@test "athena: 2,500 features are read like a few, each with its value" {
	many wide 2498
	put_many wide 2498 0 1
	{
		names 2498 | jq -r "[\"id\", \"ts\"] + . | $csv"
		values 2498 0 | jq -r "$csv"
		values 2498 1 | jq -r "$csv"
	} >wanted
	query 'SELECT * FROM @wide ORDER BY ts' \
		'SELECT * FROM (SELECT * FROM @wide) WHERE NOT is_deleted ORDER BY id' \
		'SELECT * FROM (SELECT *, row_number() OVER (ORDER BY ts DESC) AS n FROM @wide)
			WHERE n < 3 ORDER BY api_invocation_time, n DESC'
	without_own "$out" >got
	cat wanted wanted wanted | same_file got -
	for each in 0 1; do
		values 2498 $each | record 2498
	done | jq -cS . | sort >wanted
	for each in JSON PARQUET; do
		query "UNLOAD (SELECT * FROM @wide) TO 's3://unloaded/wide-$each/'
			WITH (format = '$each')"
		aws s3 cp --quiet --recursive "s3://unloaded/wide-$each/" $each
	done
	"$root/t/aws/parquet.py" PARQUET/* >PARQUET.rows
	gunzip -c JSON/*.gz >JSON.rows
	for each in JSON PARQUET; do
		# jq has no whole numbers of 19 digits
		sed 's/: *-9223372036854775808/:"-9223372036854775808"/g' $each.rows |
			jq -cS 'del(.write_time, .api_invocation_time, .is_deleted) |
				with_entries(select(.value != null) | .value |= tostring)' |
			sort >got
		same_file got wanted
	done
}

@test "athena: 2,500 features in conditions, orders, groups and sets" {
	local whole text real

	many deep 2498
	put_many deep 2498 0 1 2
	whole=$(feature 2403) text=$(feature 2371) real=$(feature 2405)
	query "SELECT id, $whole AS w, $real AS r FROM @deep
			WHERE $whole >= 2403 OR $real < 2406 OR $real > 2407 ORDER BY ts" \
		"SELECT id FROM @deep ORDER BY $whole DESC, id" \
		"SELECT id FROM (SELECT * FROM @deep ORDER BY $whole DESC, ts LIMIT 1)" \
		'SELECT id FROM (SELECT * FROM @deep ORDER BY 2406 DESC, 2 LIMIT 1)' \
		"SELECT sum($whole), max($real), count($whole), min($text) FROM @deep" \
		"SELECT upper($text) || '!', count(*) FROM @deep GROUP BY $text" \
		"SELECT count(*) FROM (SELECT * FROM @deep UNION ALL SELECT * FROM @deep) AS twice
			WHERE is_deleted = false AND write_time > timestamp '2024-01-01 00:00:00'" \
		"WITH newest AS (SELECT *, row_number() OVER (PARTITION BY $text
			ORDER BY $real DESC) AS place FROM @deep)
			SELECT b.id, b.place FROM @deep AS a JOIN newest AS b ON a.$real = b.$real
			ORDER BY b.place" \
		'SELECT id, ts FROM (SELECT * FROM @deep) AS n EXCEPT SELECT id, ts FROM @deep'
	same_file "$out" - <<-'END'
		"id","w","r"
		"r0","0","2405.25"
		"r1","2403","2406.25"
		"r2",,"2407.25"
		"id"
		"r1"
		"r0"
		"r2"
		"id"
		"r1"
		"id"
		"r1"
		"_col0","_col1","_col2","_col3"
		"2403","2407.25","2","B"
		"_col0","_col1"
		"B!","3"
		"_col0"
		"6"
		"id","place"
		"r2","1"
		"r1","2"
		"r0","3"
		"id","ts"
	END
	# where lists of values would have to be compared as a whole
	query 'SELECT DISTINCT * FROM @deep' 'SELECT * FROM @deep EXCEPT SELECT * FROM @deep' \
		'SELECT * FROM @deep UNION ALL SELECT * FROM @deep ORDER BY 2000'
	is "$(grep -c '^FAILED SANDBOX_UNSUPPORTED: .* so many columns' "$out")" 3
}

# bats test_tags=whole
@test "athena: wide Iceberg rows are deleted by any feature; features that are added are NULL" {
	local whole

	many frozen 2498 '{"TableFormat":"Iceberg"}'
	put_many frozen 2498 1 2
	whole=$(feature 2403)
	query "DELETE FROM @frozen WHERE $whole = 2403" "SELECT id, $whole FROM @frozen"
	is "$(tail -n +2 "$out" | paste -sd' ')" '"id","'"$(feature 2403 | jq -r .)"'" "r2",'
	# added where features begin to share cells and within one, while a record waits
	many grown 253
	put_many grown 253 0
	query 'SELECT count(*) FROM @grown'
	sandbox_set offline-delay=600000
	put_many grown 253 1
	grow 253 257
	put_many grown 257 2
	grow 257 265
	put_many grown 265 3
	sandbox_set offline-delay=0
	query 'SELECT * FROM @grown ORDER BY ts'
	for each in '253 0' '253 1' '257 2' '265 3'; do
		# shellcheck disable=SC2086
		values $each | jq -r ". + [range(267 - length) | null] | $csv"
	done >wanted
	without_own "$out" | tail -n +2 | same_file - wanted
}

@test "athena: tokens make a query run once; workgroups; parameters" {
	start() {
		aws athena start-query-execution --query-string "$1" --client-request-token "$2" \
			--query QueryExecutionId \
			--output text "${@:3}"
	}
	token=0123456789abcdef0123456789abcdef
	run_ok start 'SELECT 1' $token --result-configuration OutputLocation=s3://query-results/
	id=$(<"$out")
	run_ok start 'SELECT 1' $token --result-configuration OutputLocation=s3://query-results/
	is "$(<"$out")" "$id"
	run_rc 254 start 'SELECT 2' $token --result-configuration OutputLocation=s3://query-results/
	has "$err" 'InvalidRequestException' 'Idempotent parameters do not match'
	run_rc 254 start 'SELECT 2' "${token}1"
	has "$err" 'No output location provided.'
	run_rc 254 start 'SELECT 2' "${token}1" --result-configuration OutputLocation=http://x/
	has "$err" 'outputLocation is not a valid S3 path.'
	run_rc 254 start 'SELECT 2' "${token}1" --work-group nobodys
	has "$err" 'WorkGroup is not found.'
	run_ok start 'SELECT ? + 1, ?' "${token}2" --work-group enforced --result-configuration \
		OutputLocation=s3://query-results/ \
		--execution-parameters 41 "'x'"
	id=$(<"$out")
	wait_until 20 succeeded "$id"
	run_ok aws s3 cp "s3://sandbox-athena-results/enforced/$id.csv" -
	is "$(<"$out")" $'"_col0","_col1"\n"42","x"'
	run_ok aws s3 ls "s3://sandbox-athena-results/enforced/$id.csv.metadata"
	run_ok aws athena list-work-groups --query 'WorkGroups[].Name' --output text
	is "$(<"$out")" $'primary\tlocated\tenforced'
}

@test "athena: a query has the connection of the one before, or a new one where that is gone" {
	local ours="FROM pg_stat_activity WHERE datname = current_database()
		AND application_name = 'ferry-sandbox'"

	query 'SELECT count(*) AS n FROM @flat'
	query 'SELECT count(*) AS n FROM @flat'
	# the store's own, and one of all queries
	is "$(sql "SELECT count(*) $ours")" 2
	sql "SELECT pg_terminate_backend(pid) $ours ORDER BY backend_start DESC LIMIT 1" >/dev/null
	wait_until 20 sql "SELECT 1 / (count(*) = 1)::int $ours"
	query "SELECT count(*) AS n FROM @flat WHERE \"N\" = 5"
	has "$out" '"1"'
}

@test "athena: queries wait, can be stopped, and their results come in pages" {
	sandbox_set athena-delay=60000
	id=$(aws athena start-query-execution --query-string 'SELECT 1' --work-group located \
		--query QueryExecutionId --output text)
	run_ok aws athena get-query-execution --query-execution-id "$id" --query \
		QueryExecution.Status.State --output text
	is "$(<"$out")" QUEUED
	run_rc 254 aws athena get-query-results --query-execution-id "$id"
	has "$err" 'Query has not yet finished. Current state: QUEUED'
	run_ok aws athena stop-query-execution --query-execution-id "$id"
	run_ok aws athena get-query-execution --query-execution-id "$id" --query \
		QueryExecution.Status.State --output text
	is "$(<"$out")" CANCELLED
	sandbox_set athena-delay=0
	table=$(aws sagemaker describe-feature-group --feature-group-name flat \
		--query OfflineStoreConfig.DataCatalogConfig.TableName --output text)
	id=$(aws athena start-query-execution \
		--query-string "SELECT id, n FROM $table ORDER BY ts" \
		--query-execution-context Database=sagemaker_featurestore --work-group located \
			--query QueryExecutionId --output text)
	wait_until 20 succeeded "$id"
	run_ok aws athena get-query-results --query-execution-id "$id" --page-size 2
	is "$(jq -c '[.ResultSet.Rows[].Data | map(.VarCharValue)]' "$out")" \
		'[["id","n"],["a","5"],["b",null],["a","7"],["q\"x,y","-9223372036854775808"]]'
	is "$(jq -c '[.ResultSet.ResultSetMetadata.ColumnInfo[] | .Type]' "$out")" \
		'["varchar","bigint"]'
	run_rc 254 aws athena get-query-execution --query-execution-id \
		00000000-0000-0000-0000-000000000000
	has "$err" 'InvalidRequestException' 'was not found'
}
