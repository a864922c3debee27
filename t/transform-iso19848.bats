# Packages of ISO 19848 by reformat: values as records, records as values, lists of channels.
load helper

# package [MEMBER...]: the file p.json, a package of ship S with these members in TimeSeriesData
package() {
	local IFS=,

	printf '{"Package":{"Header":{"ShipID":"S"},"TimeSeriesData":[{%s}]}}\n' "$*" >p.json
}

# table CHANNELS SET...: TabularData of one table; each set is TIME=VALUES
table() {
	local sets='' each

	for each in "${@:2}"; do
		sets+="${sets:+,}{\"TimeStamp\":\"2024-01-0${each%%=*}\",\"Value\":[${each#*=}]}"
	done
	printf '"TabularData":[{"DataChannelID":[%s],"DataSet":[%s]}]' "$1" "$sets"
}

# event TIME CHANNEL VALUE [QUALITY]
event() {
	printf '{"TimeStamp":"2024-01-0%s","DataChannelID":"%s","Value":"%s"%s}' "$1" "$2" "$3" \
		"${4:+,\"Quality\":\"$4\"}"
}
events() {
	local IFS=,

	printf '"EventData":{"NumberOfDataSet":%s,"DataSet":[%s]}' "$#" "$*"
}

printed() {
	printf '%s\n' "$@" >want
	same_file "$out" want
}

# refused TEXT...: p.json is bad data, and the message has each TEXT
refused() {
	run_rc 65 reformat -i iso19848 p.json
	has "$err" "$@"
	# one line, perhaps with a hint behind it
	is "$(grep -vc '^reformat: hint:' "$err")" 1
}

@test "iso19848: both kinds of data become narrow records, nothing changed" {
	package "$(table '"a","b"' '1T00:00:00Z="007","1e5"' '1T00:00:15.250Z="","-0"')" \
		"$(events "$(event 1T00:00:01Z c 'ON \"1\"' 0)" "$(event 2T00:00:00Z a x)")"
	run_ok reformat -i iso19848 -o csv p.json
	printed ship_id,created_time,data_channel_id,value,quality \
		'S,2024-01-01 00:00:00+00,a,007,' 'S,2024-01-01 00:00:00+00,b,1e5,' \
		'S,2024-01-01 00:00:15.25+00,a,"",' 'S,2024-01-01 00:00:15.25+00,b,-0,' \
		'S,2024-01-01 00:00:01+00,c,"ON ""1""",0' 'S,2024-01-02 00:00:00+00,a,x,'
	run_ok reformat -i iso19848 p.json
	tail -n 2 "$out" >last
	run_ok sed 's/"ship_id":"S","created_time"/"at"/; s/data_channel_id/id/' last
	printed '{"at":"2024-01-01 00:00:01+00","id":"c","value":"ON \"1\"","quality":"0"}' \
		'{"at":"2024-01-02 00:00:00+00","id":"a","value":"x"}'
}

@test "iso19848: both kinds become wide records, a column for each channel" {
	package "$(table '"a","b"' '1T00:00:00Z="1","2"')" "$(events "$(event 1T00:00:01Z c x)")"
	run_ok reformat -i iso19848 --shape wide -o csv p.json
	printed ship_id,created_time,a,b,c 'S,2024-01-01 00:00:00+00,1,2,' \
		'S,2024-01-01 00:00:01+00,,,x'
	run_ok reformat -i iso19848 --shape wide p.json
	printed '{"ship_id":"S","created_time":"2024-01-01 00:00:00+00","a":"1","b":"2"}' \
		'{"ship_id":"S","created_time":"2024-01-01 00:00:01+00","c":"x"}'
}

@test "iso19848: quality marks that a wide record cannot hold are counted" {
	package "$(events "$(event 1T00:00:01Z c x 0)" "$(event 1T00:00:02Z c y 1)")"
	run_rc 0 reformat -i iso19848 --shape wide -o csv p.json
	is "$(<"$err")" 'reformat: 2 quality marks are left out; --shape narrow keeps them'
}

@test "iso19848: times of any zone become UTC, more decimals than can be kept are refused" {
	package "$(events "$(event 1T08:59:59+09:00 c x)" "$(event 1T00:00:00.123456Z c y)")"
	run_ok reformat -i iso19848 -o csv p.json
	has "$out" 'S,2023-12-31 23:59:59+00,c,x' 'S,2024-01-01 00:00:00.123456+00,c,y'
	package "$(events "$(event 1T00:00:00.1234567Z c y)")"
	refused 'p.json:1: record 1: field "TimeStamp": not an instant' 1234567
}

@test "iso19848: narrow records become EventData, and come back as they were" {
	printf '%s\n' ship_id,created_time,data_channel_id,value,quality \
		'S,2024-01-01 00:00:00+00,/a//b,007,0' 'S,2024-01-01 00:00:00.000001+00,b,"",' \
		'S,2024-01-01 00:00:01+00,"c,""d""","선박 \ /'$'\n''x",bad' \
		'S,2024-01-01 00:00:01+00,d,9007199254740993,' >n.csv
	run_ok reformat -o iso19848 --author me n.csv
	cp "$out" p.json
	run_ok jq -c '.Package | .Header, .TimeSeriesData[0].EventData.NumberOfDataSet' p.json
	printed '{"ShipID":"S","Author":"me"}' 4
	run_ok reformat -i iso19848 -o csv p.json
	same_file "$out" n.csv
}

@test "iso19848: wide records become TabularData, and come back as they were" {
	# missing cells end a block: the format has no missing value, and an empty text is one
	printf '%s\n' ship_id,created_time,a,b,c 'S,2024-01-01 00:00:00+00,1,2,3' \
		'S,2024-01-01 00:00:15+00,4,5,6' 'S,2024-01-01 00:00:30+00,,"",7' \
		'S,2024-01-01 00:00:45+00,,,' 'S,2024-01-01 00:01:00+00,8,9,0' >w.csv
	run_ok reformat -o iso19848 w.csv
	cp "$out" p.json
	run_ok jq -c '.Package.TimeSeriesData[].TabularData[] |
		[.DataChannelID, .NumberOfDataChannel, .NumberOfDataSet]' p.json
	printed '[["a","b","c"],3,2]' '[["b","c"],2,1]' '[[],0,1]' '[["a","b","c"],3,1]'
	run_ok reformat -i iso19848 --shape wide -o csv p.json
	same_file "$out" w.csv
}

@test "iso19848: times without a zone are UTC, kinds of JSON become text" {
	printf '%s\n' '{"at":"2024-01-01 00:00:15.5","x":1.50,"y":true,"z":null}' >w.json
	run_ok reformat -o iso19848 --key at --ship-id S w.json
	is "$(jq -c '.Package.TimeSeriesData[0].TabularData[0].DataSet[0]' "$out")" \
		'{"TimeStamp":"2024-01-01T00:00:15.5Z","Value":["1.50","true"]}'
}

@test "iso19848: records without a value are left out, and counted" {
	printf '%s\n' ship_id,created_time,data_channel_id,value S,2024-01-01,a, S,2024-01-01,b,1 \
		>n.csv
	run_rc 0 reformat -o iso19848 n.csv
	is "$(<"$err")" 'reformat: 1 records have no value and are left out'
	is "$(jq -c '[.Package.TimeSeriesData[].EventData.DataSet[].DataChannelID]' "$out")" '["b"]'
}

@test "iso19848: a name that no record has is told, columns without a place are, too" {
	printf '%s\n' ship_id,created_time,data_channel_id,value,quality,remark,x \
		S,2024-01-01,a,1,good,hm, >n.csv
	run_ok reformat -o ndjson n.csv
	cp "$out" n.ndjson
	for each in '-n foo' '-V foo' '-k foo' '--quality foo' '-b foo -s S'; do
		for file in n.csv n.ndjson; do
			# shellcheck disable=SC2086 # options
			run_rc 65 reformat -o iso19848 $each "$file"
			has "$err" '"foo"'
		done
	done
	run_rc 65 reformat -o iso19848 -b foo n.csv
	has "$err" '"foo"'
	run_rc 65 reformat -o iso19848 -b foo n.ndjson
	has "$err" 'record 1 names no ship' --by
	for each in -n -V --quality; do
		run_rc 64 reformat -o iso19848 --shape wide "$each" value n.csv
	done
	run_rc 0 reformat -o iso19848 n.csv
	is "$(<"$err")" 'reformat: 2 columns left out: "remark", "x"'
	jq -c '.Package.TimeSeriesData[0].EventData.DataSet[0]' "$out" >got
	cp "$out" want
	printf '{"TimeStamp":"%s","DataChannelID":"a","Value":"1","Quality":"good"}\n' \
		2024-01-01T00:00:00Z >wanted
	same_file got wanted
	run_rc 0 reformat -o iso19848 -b '#1' -k '#2' -n '#3' -V '#4' --quality '#5' n.csv
	same_file "$out" want
	# quality may come late
	printf '%s\n' '{"created_time":"2024-01-01","data_channel_id":"a","value":"1"}' \
		'{"created_time":"2024-01-01","data_channel_id":"a","value":"1","q":"0"}' \
		>late.ndjson
	run_ok reformat -o iso19848 -s S --quality q late.ndjson
	is "$(jq -c '[.Package.TimeSeriesData[0].EventData.DataSet[].Quality]' "$out")" '[null,"0"]'
}

@test "iso19848: packages hold one ship, and records must say which, and when" {
	printf '%s\n' ship_id,created_time,a S,2024-01-01,1 T,2024-01-01,2 >w.csv
	run_rc 65 reformat -o iso19848 w.csv
	has "$err" 'record 2 is of ship "T"' '"S"'
	printf '%s\n' created_time,a 2024-01-01,1 >w.csv
	run_rc 65 reformat -o iso19848 w.csv
	has "$err" 'record 1 names no ship' --ship-id
	printf '%s\n' ship_id,a S,1 >w.csv
	run_rc 65 reformat -o iso19848 w.csv
	has "$err" 'no column "created_time"'
	printf '%s\n' ship_id,created_time,a S,soon,1 >w.csv
	run_rc 65 reformat -o iso19848 w.csv
	has "$err" 'record 1: field "created_time": not an instant' soon
	run_rc 64 reformat -o iso19848 --seal w.csv
}

@test "iso19848: nothing in, an empty package out, and back" {
	: >none.csv
	run_ok reformat -i ndjson -o iso19848 none.csv
	cp "$out" p.json
	is "$(jq -c . p.json)" '{"Package":{"TimeSeriesData":[]}}'
	run_ok reformat -i iso19848 -o csv p.json
	printed ship_id,created_time,data_channel_id,value,quality
}

@test "iso19848: a cut package is refused, wherever it was cut" {
	random 12
	package "$(table '"a","b"' '1T00:00:00Z="1","2"')" "$(events "$(event 1T00:00:01Z c x)")"
	size=$(wc -c <p.json)
	for ((at = 1 + random; at < size - 1; at += 12)); do
		head -c "$at" p.json >cut.json
		run_rc 65 reformat -i iso19848 cut.json
	done
}

@test "iso19848: malformed packages are refused, with the place and the reason" {
	package '"TabularData":[{"DataChannelID":["a"],"Datasets":[]}]'
	refused 'p.json:1: TabularData has a member "Datasets"'
	package '"TabularData":[{"DataSet":[],"DataChannelID":["a"]}]'
	refused 'DataSet comes before DataChannelID' 'jq -S'
	package '"TabularData":[{"DataChannelID":["a","a"]}]'
	refused 'DataChannelID has a channel twice: "a"'
	package '"TabularData":[{"DataChannelID":["a"],"NumberOfDataSet":2,"DataSet":[]}]'
	refused 'NumberOfDataSet says 2, there are 0'
	package '"TabularData":[{"DataChannelID":["a"],"NumberOfDataChannel":2,"DataSet":[]}]'
	refused 'NumberOfDataChannel says 2, there are 1'
	package "$(table '"a","b"' '1T00:00:00Z="1"')"
	refused 'record 1: field "Value": not as many elements as DataChannelID has'
	package "$(table '"a"' '1T00:00:00Z=[1]')"
	refused 'field "Value": an element that is neither'
	package '"EventData":{"DataSet":[{"TimeStamp":"2024-01-01","Value":"x"}]}'
	refused 'field "DataChannelID": missing'
	package '"EventData":{"DataSet":[{"TimeStamp":"2024-01-01","DataChannelID":"a"}]}'
	refused 'field "Value": missing'
	package '"EventData":{"DataSet":[],"DataSet":[]}'
	refused 'a member stands there twice: DataSet'
	printf '[]\n' >p.json
	refused 'p.json:1:'
	printf '{}\n' >p.json
	refused 'there is no Package'
	printf '{"Package":{}}\n' >p.json
	refused 'neither TimeSeriesData nor DataChannelList'
	printf '{"Package":{"TimeSeriesData":[]}} x\n' >p.json
	refused 'something follows the package'
	printf '{"Package":{"Header":{}}}\n' >p.json
	refused 'Header has no ShipID'
	printf '{"Package":{"TimeSeriesData":[{"EventData":{"DataSet":[{}]}}]}}\n' >p.json
	refused 'values come before a Header' --ship-id
	printf '{"Package":{"Header":{"ShipID":"S"},"TimeSeriesData":[{"x":"\\ud800"}]}}\n' >p.json
	refused 'malformed JSON: '
}

@test "iso19848: bad data sets can be kept aside, the others count" {
	package "$(table '"a"' '1T00:00:00Z="1"' '1T00:00:15Z="2","3"' 'x="4"' '1T00:00:30Z="5"')"
	run_rc 0 reformat -i iso19848 --rejects bad -o csv p.json
	is "$(cut -d, -f4 "$out" | paste -sd,)" value,1,5
	is "$(wc -l <bad)" 2
	has bad 'not as many elements' '"raw":"{\"TimeStamp\":\"2024-01-01T00:00:15Z\"'
}

@test "iso19848: a large table is read and written in little memory" {
	no_sanitizer 'they need memory of their own'
	awk 'BEGIN { print "ship_id,created_time,a,b,c"
		for (i = 0; i < 300000; i++) printf "S,2024-01-%02d %02d:%02d:%02d+00,%d,%d,x%d\n",
			1 + i / 86400, i / 3600 % 24, i / 60 % 60, i % 60, i, i * 7, i }' >w.csv
	run_ok bash -c 'ulimit -v 65536; reformat -o iso19848 w.csv'
	cp "$out" p.json
	run_ok bash -c 'ulimit -v 65536; reformat -i iso19848 --shape wide -o csv p.json'
	same_file "$out" w.csv
}

# channels: the file list.json, a DataChannelList of two channels
channels() {
	cat >list.json <<-'END'
		{
		  "Package": {
		    "Header": {"ShipID": "S",
		      "DataChannelListID": {"ID": "l", "TimeStamp": "2024-01-01T00:00:00Z"}},
		    "DataChannelList": {"DataChannel": [
		      {"DataChannelID": {"LocalID": "/b/temp", "ShortID": "1"},
		       "Property": {"DataChannelType": {"Type": "Inst", "UpdateCycle": 15},
		         "Format": {"Type": "Decimal"}, "Range": {"High": 1e2, "Low": -0},
		         "Unit": {"UnitSymbol": "°C"}, "Name": "Exhaust"}},
		      {"DataChannelID": {"LocalID": "/a/alarm"},
		       "Property": {"DataChannelType": {"Type": "Alert"},
		         "Format": {"Type": "Boolean"}}}
		    ]}
		  }
		}
	END
}

@test "iso19848: a list of channels is the registry that pg-narrow-schema writes, and more" {
	channels
	run_ok reformat -i iso19848 list.json
	cp "$out" got
	run_ok jq -r 'keys_unsorted | join(" ")' got
	printed 'ship_id data_channel_id value_format short_id name unit range_low range_high '\
'channel_type update_cycle' 'ship_id data_channel_id value_format channel_type'
	run_ok jq -r '.ship_id + " " + .data_channel_id + " " + .value_format + " " + .unit' got
	printed 'S /b/temp Decimal °C' 'S /a/alarm Boolean '
	has got '"range_low":-0,"range_high":1e2'
	sed -i 's/"Format": {"Type": "Boolean"}/"Name": "x"/' list.json
	run_rc 65 reformat -i iso19848 list.json
	has "$err" 'list.json:10: record 2: field "Format": missing'
}

@test "iso19848: a list of channels gives pivot-wide its columns" {
	channels
	printf '%s\n' created_time,data_channel_id,value 1,/a/alarm,true >n.csv
	run_ok pivot-wide --columns list.json n.csv
	printed created_time,/b/temp,/a/alarm 1,,true
	jq -c . list.json >one-line.json
	run_ok pivot-wide --columns one-line.json n.csv
	printed created_time,/b/temp,/a/alarm 1,,true
	reformat -i iso19848 list.json >registry.ndjson
	run_ok pivot-wide --columns registry.ndjson n.csv
	printed created_time,/b/temp,/a/alarm 1,,true
	printf '{"Package":{"TimeSeriesData":[]}}' >p.json
	run_rc 65 pivot-wide --columns p.json n.csv
	has "$err" 'p.json: the package has no DataChannelList'
}

@test "iso19848: a list of channels makes the columns, types and comments of wide tables" {
	scratch_db
	channels
	"$root/t/telemetry" 1 1 1 # pg-wide-tables asks the narrow table about time zones
	run_rc 0 bash -c 'reformat -i iso19848 list.json | pg-wide-tables register --types native'
	run_rc 0 pg-wide-tables create --types native
	run_ok sql "SELECT attname, format_type(atttypid, -1),
			replace(col_description(attrelid, attnum), E'\n', '|')
		FROM pg_attribute
		WHERE attrelid = 'tenant.tbl_data_timeseries_s'::regclass AND attnum > 1 ORDER BY 1"
	printed '/a/alarm|boolean|' '/b/temp|double precision|/b/temp|Exhaust [°C]'
}

@test "iso19848: a package can be loaded into wide tables" {
	scratch_db
	package "$(table '"a","b"' '1T00:00:00Z="1","2"' '1T00:00:15Z="3",""')" \
		"$(events "$(event 1T00:00:00Z c x)" "$(event 1T00:00:07Z c y)")"
	run_rc 0 bash -c 'set -o pipefail
		reformat -i iso19848 --shape wide --seal p.json | pg-copy-load --wide'
	run_ok sql 'SELECT * FROM tenant.tbl_data_timeseries_s ORDER BY 1'
	printed '2024-01-01 00:00:00+00|1|2|x' '2024-01-01 00:00:07+00|||y' \
		'2024-01-01 00:00:15+00|3||'
	run_ok sql "SELECT count(*) FROM tenant.tbl_data_timeseries_s WHERE b = ''"
	printed 1
}

@test "iso19848: the standard's own samples" {
	need_data iso19848/TimeSeriesData.sample.json
	run_ok reformat -i iso19848 -o csv "$data"
	cp "$out" n.csv
	is "$(wc -l <n.csv)" 15
	run_ok jq -r '.Package | .Header.ShipID as $s | .TimeSeriesData[] |
		(.TabularData[] | .DataChannelID as $c | .DataSet[] | . as $d | range($c | length) |
			[$s, $d.TimeStamp, $c[.], $d.Value[.], $d.Quality[.]]),
		(.EventData // {"DataSet": []} | .DataSet[] |
			[$s, .TimeStamp, .DataChannelID, .Value, .Quality]) | join(",")' "$data"
	sed 's/T\([0-9:]*\)Z/ \1+00/' "$out" >want
	tail -n +2 n.csv >got
	same_file got want
	run_ok reformat -o iso19848 n.csv
	cp "$out" p.json
	run_ok reformat -i iso19848 -o csv p.json
	same_file "$out" n.csv

	need_data iso19848/DataChannelList.sample.json
	run_ok reformat -i iso19848 "$data"
	jq -c '[.data_channel_id, .value_format, .name, .unit, .range_high]' "$out" >got
	jq -c '.Package.DataChannelList.DataChannel[] | [.DataChannelID.LocalID,
		.Property.Format.Type, .Property.Name, .Property.Unit.UnitSymbol,
		.Property.Range.High]' "$data" >want
	same_file got want
}
