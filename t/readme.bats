load helper

# What ferry-features(7) shows works as it stands, with the real aws command beside it.
setup_file() { scratch_db; }

@test "readme: the commands of feature groups, run as the demo runs them" {
	export FERRY_SANDBOX=$FERRY_BIN/../ferry-sandbox
	run_rc 0 "$root/t/demo-features" "$PWD/demo" 2000
	has "$out" 'created feature group customers' '2 records: 2 written, 0 failed' \
		'"FeatureGroupName": "customers"' '"ValueAsString": "tools"' \
		'{"id":"A1","event_time":"2024-05-01T10:00:00Z","count":3,"price":9.5,' \
		'clear customers? [y/N]' 'deleted 3 records of the online store' \
		'deleted feature group customers' \
		'2000 records: 2000 written, 0 failed' 'has them all, unchanged'
	is "$(paste -sd' ' demo/out.csv | cut -c 1-20)" 'id,event_time,count,'
	"$root/t/aws/parquet.py" demo/out.parquet >rows
	is "$(wc -l <rows)" 3
	# it is what the page shows, and nothing else of it
	(($("$root/t/readme" ferry-features.7 'First steps' | grep -c '^fs ') > 9))
	run_rc 1 "$root/t/readme" ferry-features.7 'No such section'
}

# The session of README.md is what comes, to the byte.
@test "readme: the session" {
	need jq
	cat >narrow.csv <<-'END'
		ship_id,created_time,data_channel_id,value
		IMO9999993,2024-10-01 00:00:00,/engine/rpm,712
		IMO9999993,2024-10-01 00:00:00,/engine/state,running
		IMO9999993,2024-10-01 00:00:15,/engine/rpm,713
		IMO9999993,2024-10-01 00:00:15,/hull/draught,9.40
	END
	session README.md 'A session' env
	session README.ko.md '사용 예' env -u LC_ALL LANG=ko_KR.UTF-8
}

# code FILE [HEADING]: its blocks of code, without what a comment says.
code() {
	awk -v section="${2-}" '/^## / { on = $0 == "## " section } !section { on = 1 }
		on && /^```/ { code = !code; next } on && code' "$root/$1"
}

# session FILE HEADING COMMAND...: what is shown there comes, where COMMAND runs the shell.
session() {
	code "$1" "$2" >session
	(($(wc -l <session) >= 10))
	shift 2
	while IFS= read -r line; do
		printf '%s\n' "$line"
		[[ $line != '$ '* ]] || "$@" bash -c "${line#$ }" 2>&1 || :
	done < <(grep '^\$ ' session) >came
	same_file came session
}

@test "readme: the Korean one has the same commands, headings and links" {
	for each in README.md README.ko.md; do
		code $each | sed -e 's/  *#.*//' -e 's/ *(.*IMO.*)$//' -e '/^reformat: /d' \
			>"$each.code"
		grep -oE '\]\([^)]*\)|`[^`]*`' "$root/$each" | grep -v README |
			LC_ALL=C sort -u >"$each.words"
		grep -oE '^(#+|\||- )' "$root/$each" >"$each.shape"
	done
	same_file README.ko.md.code README.md.code
	is "$(LC_ALL=C comm -13 README.ko.md.words README.md.words)" ''
	same_file README.ko.md.shape README.md.shape
	has "$root/README.md" '[한국어](README.ko.md)'
	has "$root/README.ko.md" '[English](README.md)'
}

@test "readme: at most 150 lines" {
	for each in README.md README.ko.md; do
		(($(wc -l <"$root/$each") <= 150))
	done
}
