load helper

put() {
	printf '%s\n' "${@:2}" >"$1"
}

# digest ARG...: the last column of the only line
digest() {
	run_ok stream-digest -o csv "$@" || return
	is "$(wc -l <"$out")" 2 "lines" || return
	tail -n 1 "$out" | cut -d, -f4
}
# same_digest / other_digest FILE FILE [ARG...]
same_digest() { is "$(digest "${@:3}" "$1")" "$(digest "${@:3}" "$2")"; }
other_digest() {
	local a b
	a=$(digest "${@:3}" "$1") b=$(digest "${@:3}" "$2")
	[[ $a && $b && $a != "$b" ]] || {
		printf 'the same digest: %s\n' "$a"
		return 1
	}
}

@test "digest: order of records and columns, and the format, do not matter" {
	put a.csv k,v,w 1,x, 2,y,z 3,,
	put b.csv w,k,v ,1,x ,3, z,2,y
	put c.json '{"k":2,"v":"y","w":"z"}' '{"k":"1","v":"x"}' '{"k":3,"w":null}'
	same_digest a.csv b.csv
	same_digest a.csv c.json
	gzip -k a.csv
	same_digest a.csv a.csv.gz
	reformat --seal b.csv >s.csv
	same_digest a.csv s.csv
}

@test "digest: loss, repetition, change and swapping do" {
	put a.csv k,v,w 1,x,p 2,y,q
	put each.csv k,v,w 1,x,p
	other_digest a.csv each.csv
	put each.csv k,v,w 1,x,p 2,y,q 2,y,q
	other_digest a.csv each.csv
	put each.csv k,v,w 1,x,p 2,y,Q
	other_digest a.csv each.csv
	put each.csv k,v,w 1,y,p 2,x,q
	other_digest a.csv each.csv
	put each.csv k,w,v 1,x,p 2,y,q
	other_digest a.csv each.csv
	put each.csv k,v,w 1,x,p 2,y,
	other_digest a.csv each.csv
	put each.csv k,v,w 1,x,p '2,y,""'
	other_digest a.csv each.csv
	put each.csv k,v,x 1,x,p 2,y,q
	other_digest a.csv each.csv
	put each.csv k,v,w 1,x,p 2,y,q ,,
	other_digest a.csv each.csv
}

@test "digest: the values of the definition" {
	put n.csv created_time,data_channel_id,value,ship_id '2024-01-01 00:00:00,temp,351.25,S1' \
		'2024-01-01 00:00:00,temp2,,S1'
	run_ok stream-digest --narrow n.csv
	printf 'group,rows,cells,digest\nS1,2,1,eec4f28a763eb8cc\n' >want
	same_file "$out" want
	put w.csv ship_id,created_time,temp,temp2 'S1,2024-01-01 00:00:00,351.25,'
	run_ok stream-digest --wide -o ndjson w.csv
	printf '{"group":"S1","rows":1,"cells":1,"digest":"eec4f28a763eb8cc"}\n' >want
	same_file "$out" want
}

@test "digest: groups, sorted, and their total" {
	put n.csv ship_id,created_time,data_channel_id,value S2,1,a,x S10,1,a,x S2,2,a, ,1,a,y
	run_ok stream-digest --narrow n.csv
	cut -d, -f1-3 "$out" >got
	printf '%s\n' group,rows,cells ,1,1 S10,1,1 S2,2,1 >want
	same_file got want
	run_ok stream-digest --narrow --total n.csv
	cut -d, -f1-3 "$out" >got
	printf '%s\n' group,rows,cells ,4,3 >want
	same_file got want
	sum=$(stream-digest --narrow n.csv | awk -F, 'NR > 1 { print $4 }' | python3 -c '
import sys
print("%016x" % (sum(int(x, 16) for x in sys.stdin) % 2**64))')
	is "$(tail -n 1 "$out" | cut -d, -f4)" "$sum" "the total is the sum"
	run_ok stream-digest --by ship_id,data_channel_id n.csv
	is "$(wc -l <"$out")" 4
}

@test "digest: narrow and wide streams of the same cells" {
	awk 'BEGIN { srand(3); print "ship_id,created_time,data_channel_id,value"
		for (t = 0; t < 300; t++) for (s = 1; s <= 3; s++) for (c = 0; c < 30; c++)
			if (rand() < 0.8)
				printf "S%d,%d,/c/%d,%s\n", s, t, c, rand() < 0.1 ? "\"\"" : rand()
	}' >n.csv
	# channels that are called as the columns are
	printf 'S1,%s\n' 301,ship_id,4 302,created_time,5 303,@ship_id,6 304,@x,7 >>n.csv
	run_ok pivot-wide n.csv
	cp "$out" w.csv
	for each in '' --total; do
		run_ok stream-digest --narrow $each n.csv
		cut -d, -f1,3,4 "$out" >a
		run_ok stream-digest --wide $each w.csv
		cut -d, -f1,3,4 "$out" >b
		same_file a b
	done
}

@test "digest: an empty stream" {
	run_ok stream-digest -i ndjson -o csv /dev/null
	printf 'group,rows,cells,digest\n,0,0,\n' >want
	same_file "$out" want
	put n.csv ship_id,created_time,data_channel_id,value
	run_ok stream-digest --narrow n.csv
	printf 'group,rows,cells,digest\n' >want
	same_file "$out" want
}

@test "digest: a sealed stream gives one result, when it is proven whole" {
	put n.csv k 1 2 3
	run_pipe '0 0' 'reformat --seal n.csv | stream-digest'
	is "$(wc -l <"$out")" 2
	run_pipe '0 0 76' 'reformat --seal n.csv | head -c -5 | stream-digest'
	[[ ! -s $out ]]
	run_pipe '0 0 0' 'reformat --seal n.csv | stream-digest | reformat'
	has_no "$out" @seal
	run_pipe '0 0 0' 'reformat --seal n.csv | FERRY_SEAL=1 stream-digest | cat'
	has_no "$out" @seal
}

@test "digest: records without key or name, options that do not go together" {
	put n.csv created_time,data_channel_id,value ,a,x
	run_rc 65 stream-digest --narrow n.csv
	put n.csv created_time,data_channel_id,value 1,,x
	run_rc 65 stream-digest --narrow n.csv
	has "$err" 'field "data_channel_id": NULL or missing where a column is named'
	run_rc 64 stream-digest --narrow --wide n.csv
	run_rc 64 stream-digest --key k n.csv
	run_rc 64 stream-digest --wide --name k n.csv
	run_rc 65 stream-digest --narrow --value nosuch n.csv
	run_rc 65 stream-digest --by nosuch n.csv
	# the third member of NDJSON may come late, but has to come
	printf '%s\n' '{"a":1,"b":2}' '{"a":1,"b":2,"c":3}' >late.json
	run_ok stream-digest --by '#3' late.json
	is "$(jq -c '[.group, .rows]' "$out")" $'[null,1]\n["3",1]'
	run_rc 65 stream-digest --by '#4' late.json
	has "$err" '--by: no record has "#4"'
}
