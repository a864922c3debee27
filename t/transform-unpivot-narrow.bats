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
	printed ship_id,created_time,data_channel_id,value S1,1,a,x 'S1,1,"b,c",' S1,2,a, \
		'S1,2,"b,c",""' \
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
	put w.json '{"created_time":1,"a":1.50,"b":null}' '{"created_time":2,"b":true,"c":"x"}' \
		'{"created_time":3}'
	run_ok unpivot-narrow w.json
	printed '{"created_time":1,"data_channel_id":"a","value":1.50}' \
		'{"created_time":2,"data_channel_id":"b","value":true}' \
		'{"created_time":2,"data_channel_id":"c","value":"x"}'
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
		n = split("1.5|007|\"\"|\"a,b\"|\"\"\"x\"\"\"|-0|NaN|9007199254740993| x ", v, "|")
		v[++n] = "\"l\nl\""
		for (t = 0; t < 200; t++) for (s = 1; s <= 3; s++) for (c = 0; c < 20 + t / 10; c++)
			if (rand() < 0.7)
				printf "S%d,2024-01-01 00:%02d:%02d,\"/ch,%d\",%s\n", s, t / 60,
					t % 60, c, v[1 + int(rand() * n)]
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
	run_pipe '0 0 0 0' 'reformat --seal n.csv | pivot-wide | unpivot-narrow |
			stream-digest --narrow -o csv'
	same_file "$out" want
}

@test "unpivot: several keys, several values, a prefix, and columns that are carried along" {
	put n.csv day,hour,ch,temp,press,port 1,0,a,20,1000,Rome 1,0,b,21,,Rome 1,1,a,,999,Oslo
	run_pipe '0 0' 'pivot-wide -k day,hour -n ch -V temp,press --keep port --prefix x. n.csv |
		unpivot-narrow -k day,hour -n ch -V temp,press --keep port --prefix x.'
	same_file "$out" n.csv
	# the value behind the name; what is neither is left out, which is said
	put w.csv day,a_t,a_p,b_t,note 1,20,1000,21,hm
	run_rc 0 unpivot-narrow -k '#1' -n ch -V t,p --value-place last w.csv
	printed day,ch,t,p 1,a,20,1000 1,b,21,
	has "$err" '1 column is left out: "note"'
	run_ok unpivot-narrow -k '#1' -b '#5' -n ch -V t,p --value-place last w.csv
	printed note,day,ch,t,p hm,1,a,20,1000 hm,1,b,21,
	run_rc 64 unpivot-narrow -k day -b '#5,note' w.csv
	printf '%s\n' '{"a":1,"b":2}' '{"a":1,"b":2,"c":3}' >late.json
	for each in '--by=#3' '--key=a,#3' '--keep=#3'; do
		run_rc 65 unpivot-narrow --key a "$each" late.json
		has "$err" 'there is no column "#3"'
	done
	run_rc 0 unpivot-narrow -k day --keep note,b_t --prefix a_ w.csv
	printed day,data_channel_id,value,note,b_t 1,t,20,hm,21 1,p,1000,hm,21
	run_rc 65 unpivot-narrow -k day,none w.csv
	run_rc 64 unpivot-narrow -k day,day w.csv
	run_rc 65 unpivot-narrow -k day --keep none w.csv
	# one value begins another; one that no column is of
	put w.csv k,n,temp,temp_max 1,ch1,10,99
	run_pipe '0 0' 'pivot-wide -k k -b "" -n n -V temp,temp_max w.csv |
		unpivot-narrow -k k -b "" -n n -V temp,temp_max'
	same_file "$out" w.csv
	put w.csv k,temp_a,press_a 1,2,3
	run_rc 65 unpivot-narrow -k k -b '' -V temp,perss w.csv
	has "$err" 'no column of the input is of "perss"'
	# a channel that is named like a column comes back
	put t.csv ship_id,created_time,data_channel_id,value S,1,created_time,x
	run_pipe '0 0' 'pivot-wide t.csv | unpivot-narrow'
	same_file "$out" t.csv
	# also of several values, and one that is named like what is carried along
	trip() {
		put t.csv "${@:2}"
		run_pipe '0 0' "pivot-wide -b s_t -k a_t -n n $1 t.csv |
			unpivot-narrow -b s_t -k a_t -n n $1"
		same_file "$out" t.csv
	}
	trip '-V a,b' s_t,a_t,n,a,b S,1,t,5,6 S,1,u,7,8 S,2,t,9,
	trip '-V a,b,s' s_t,a_t,n,a,b,s S,1,t,5,6,7
	trip '-V a --keep x' s_t,a_t,n,a,x S,1,x,5,u S,1,a_t,6,u S,1,@x,7,u
	trip '-V a,b --keep b_x' s_t,a_t,n,a,b,b_x S,1,x,5,6,u
	# NDJSON whose columns come one by one
	put w.json '{"k":1,"t_a":1}' '{"k":2,"p_b":2,"t_a":3,"p_a":4}'
	run_ok unpivot-narrow -k k -V t,p w.json
	printed '{"k":1,"data_channel_id":"a","t":1}' '{"k":2,"data_channel_id":"a","t":3,"p":4}' \
		'{"k":2,"data_channel_id":"b","p":2}'
}

@test "unpivot: what an "@" stands for, either way" {
	put w.csv day,@day,@@day,@other 1,2,3,4
	run_ok unpivot-narrow -k day w.csv
	printed day,data_channel_id,value 1,day,2 1,@day,3 1,@other,4
	put n.csv day,n,value 1,day,2 1,@day,3 1,@other,4
	run_ok pivot-wide -k day -n n n.csv
	same_file "$out" w.csv
}

@test "unpivot: a prefix or a value that no column has is refused" {
	put w.csv created_time,a_temp,b_temp,note 1,5,6,x
	run_rc 65 unpivot-narrow -q --prefix q w.csv
	has "$err" '--prefix' 'no column of the input begins with "q"'
	run_rc 65 unpivot-narrow --prefix q - <<<'{"created_time":1,"a":2}'
	run_ok unpivot-narrow --prefix a_ -q w.csv
	printed created_time,data_channel_id,value 1,temp,5
	# one value alone, too
	run_rc 65 unpivot-narrow -q -V tmep --value-place last w.csv
	has "$err" 'no column of the input is of "tmep"'
	run_rc 65 unpivot-narrow -q -V temp --value-place first w.csv
	run_rc 0 unpivot-narrow -V temp --value-place last w.csv
	printed created_time,data_channel_id,temp 1,a,5 1,b,6
	has "$err" 'left out: "note"'
	run_ok unpivot-narrow -V temp w.csv
	printed created_time,data_channel_id,temp 1,a_temp,5 1,b_temp,6 1,note,x
	# without records nobody can tell, and a day without values is one
	put n.csv created_time,n,a,b
	run_pipe '0 0' 'pivot-wide -n n -V a,b --prefix x. n.csv |
		unpivot-narrow -n n -V a,b --prefix x.'
	same_file "$out" n.csv
	# the digest of the values is of other names than those that go out
	"$FERRY_BIN/../unit/chunks" 2 csv '{"cells":3,"digest":"00"}' <w.csv >s.csv
	run_ok unpivot-narrow -q --seal s.csv
	has "$out" '""cells"":3'
	run_ok unpivot-narrow -q --seal -V temp --value-place last s.csv
	has "$out" '""final"":1'
	has_no "$out" cells digest
}
