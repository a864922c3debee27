load helper

put() {
	printf '%s\n' "${@:2}" >"$1"
}
printed() {
	printf '%s\n' "$@" >want
	same_file "$out" want
}

@test "unpivot: one record per value, NULL left out" {
	put w.csv 'ship_id,created_time,a,"b,c"' 'S1,1,x,' 'S1,2,,""' S1,3,,
	run_ok unpivot-narrow w.csv
	printed ship_id,created_time,data_channel_id,value S1,1,a,x 'S1,2,"b,c",""'
	run_ok unpivot-narrow --keep-null w.csv
	printed ship_id,created_time,data_channel_id,value S1,1,a,x 'S1,1,"b,c",' S1,2,a, 'S1,2,"b,c",""' \
		S1,3,a, 'S1,3,"b,c",'
}

@test "unpivot: any names, --by none or many" {
	put w.csv day,city,hall,t,u 1,Rome,A,20,x
	run_ok unpivot-narrow -k day -b city,hall -n what -V reading w.csv
	printed city,hall,day,what,reading Rome,A,1,t,20 Rome,A,1,u,x
	run_ok unpivot-narrow -k day -b '' w.csv
	printed day,data_channel_id,value 1,city,Rome 1,hall,A 1,t,20 1,u,x
	run_ok unpivot-narrow -k day w.csv
	has "$out" 1,city,Rome
	run_rc 65 unpivot-narrow -k nosuch w.csv
	has "$err" 'there is no column "nosuch"' 'hint: --key names another column'
	run_rc 65 unpivot-narrow -k day -b nosuch w.csv
	run_rc 65 unpivot-narrow -k day -n day w.csv
	run_rc 64 unpivot-narrow -k day -b city,city w.csv
}

@test "unpivot: kinds of NDJSON values stay, absent makes no record" {
	put w.json '{"created_time":1,"a":1.50,"b":null}' '{"created_time":2,"b":true,"c":"x"}' '{"created_time":3}'
	run_ok unpivot-narrow w.json
	printed '{"created_time":1,"data_channel_id":"a","value":1.50}' \
		'{"created_time":2,"data_channel_id":"b","value":true}' '{"created_time":2,"data_channel_id":"c","value":"x"}'
	run_ok unpivot-narrow --keep-null -o csv w.json
	printed created_time,data_channel_id,value 1,a,1.50 1,b, 2,b,true 2,c,x
}

@test "unpivot: a row that nothing names is refused or kept" {
	put w.csv created_time,a 1,x ,y 3,z
	run_rc 65 unpivot-narrow w.csv
	has "$err" 'w.csv:3: record 2: field "created_time": NULL or missing where a row is named'
	run_rc 0 unpivot-narrow --rejects bad w.csv
	printed created_time,data_channel_id,value 1,a,x 3,a,z
	run_rc 65 unpivot-narrow - <<<'{"a":1}'
}

@test "unpivot: columns that join a sealed stream" {
	printf '%s\n' 'created_time,data_channel_id,value' 1,a,x 2,b,y 2,a,z >n.csv
	run_pipe '0 0 0' 'reformat --seal n.csv | pivot-wide | unpivot-narrow --no-seal'
	sort n.csv >want
	sort "$out" >got
	same_file got want
}

# make_narrow FILE: ships, times and channels with holes, empty strings and texts to be quoted
make_narrow() {
	awk 'BEGIN {
		srand(7); print "ship_id,created_time,data_channel_id,value"
		split("1.5|007|\"\"|\"a,b\"|\"say \"\"x\"\"\"|-0|NaN|9007199254740993| x |\"l\nl\"", v, "|")
		for (t = 0; t < 200; t++) for (s = 1; s <= 3; s++) for (c = 0; c < 20 + t / 10; c++)
			if (rand() < 0.7) printf "S%d,2024-01-01 00:%02d:%02d,\"/ch,%d\",%s\n", s, t / 60, t % 60, c, v[1 + int(rand() * 10)]
	}' >"$1"
}

@test "unpivot: behind pivot-wide it gives back what went in, and the digest proves it" {
	make_narrow n.csv
	run_ok stream-digest --narrow n.csv
	cp "$out" want
	for format in csv ndjson; do
		run_ok pivot-wide -o "$format" n.csv
		cp "$out" wide
		run_ok unpivot-narrow -o csv wide
		cp "$out" back.csv
		run_ok stream-digest --narrow back.csv
		same_file "$out" want
		run_ok reformat -o ndjson n.csv
		sort "$out" >a
		run_ok reformat -o ndjson back.csv
		sort "$out" >b
		same_file a b
	done
	run_pipe '0 0 0 0' 'reformat --seal n.csv | pivot-wide | unpivot-narrow | stream-digest --narrow -o csv'
	same_file "$out" want
}
