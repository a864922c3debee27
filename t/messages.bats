load helper
load sandbox
load fs

# Messages follow the user's language; nothing else does.

# speaks: each line that a person reads of the last run is Korean; rows of a table that begin with
# a ship or a time are data.
speaks() {
	grep -hvP '[\x{AC00}-\x{D7A3}]' "$out" "$err" |
		grep -vE '^ *(IMO[0-9]|[0-9]{4}-|$)' >english || :
	is "$(<english)" ''
}

# A locale that is not installed works, too; bash complains of it before a script is read.
korean() { env -u LC_ALL LANG=ko_KR.UTF-8 "$@"; }

# made_locale NAME: generates that locale, once for the file, into a folder of its own.
made_locale() {
	[[ -f /usr/share/i18n/locales/${1%.*} ]] || skip "no sources of locales on this machine"
	export LOCPATH=$BATS_FILE_TMPDIR/locales
	mkdir -p "$LOCPATH"
	[[ -d $LOCPATH/$1 ]] || localedef -i "${1%.*}" -f UTF-8 "$LOCPATH/$1"
	# setlocale() never gives the path back
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
}

# ids FILE.po: the texts, one a line; translated ones only with -t.
ids() {
	local -a filter=(--no-fuzzy)
	[[ $1 != -t ]] || filter+=(--translated)
	msgattrib "${filter[@]}" --no-wrap --sort-output -- "${@: -1}" | python3 -c '
import re, sys
text = sys.stdin.read()
for found in re.finditer(r"^msgid ((?:\".*\"\n)+)", text, re.M):
    print("".join(line[1:-1] for line in found.group(1).split("\n")))' | LC_ALL=C sort -u | grep .
}

@test "messages: every text is translated, fits and is said" {
	need xgettext
	msgfmt --check -o /dev/null "$root/pipelines/po/ko.po" 2>warnings
	is "$(<warnings)" ''
	is "$(msgattrib --only-fuzzy "$root/pipelines/po/ko.po")" ''
	(cd "$root" && t/lint/texts) >all.po
	ids all.po >all
	ids -t "$root/pipelines/po/ko.po" >korean
	# nothing is translated that is not said any more, and nothing is said in English alone
	LC_ALL=C comm -13 all korean >stale
	is "$(<stale)" ''
	LC_ALL=C comm -23 all korean >missing
	is "$(<missing)" ''
	# in the words of the glossary
	sed -n 's/.*(not \(.*\))$/\1/p' "$root/pipelines/po/GLOSSARY" >never
	[[ -s never ]]
	grep -nFf never "$root"/{pipelines/po/ko.po,README.ko.md} \
		"$root"/pipelines/{ko,doc/ko}/* >found || :
	is "$(<found)" ''
	# and no pipeline says anything that cannot be translated
	for each in "$root"/pipelines/fs-*[a-z] \
		"$root"/pipelines/lib/{options,fs-migrate,clean}.bash; do
		grep -E '^[^#]*\b(fail|note|hint|warn|misused|confirm|operands|printf)\b' "$each" |
			grep -E "[ (\"'](\"|')[a-zA-Z-]+ [a-z]|printf '[A-Z]" | grep -vF '$"' || :
	done >plain
	is "$(<plain)" ''
}

@test "messages: Korean by every way to ask for it, English otherwise" {
	run_rc 64 fs frobnicate
	has "$err" 'fs: error: no such command: frobnicate'
	run_rc 64 korean fs frobnicate
	has "$err" 'fs: 오류: 없는 명령: frobnicate' "fs: 힌트: 'fs --help'가"
	LANGUAGE=ko run_rc 64 fs frobnicate
	has "$err" 'fs: 오류: 없는 명령: frobnicate'
	LC_ALL=C LANGUAGE=ko run_rc 64 fs frobnicate
	has "$err" 'fs: error: '
	run_rc 64 env -u LC_ALL LANG=fr_FR.UTF-8 fs frobnicate
	has "$err" 'fs: error: '
	run_rc 69 korean fs schema nobodys
	has "$err" 'fs-group: 오류: us-east-1에 Feature Group "nobodys"이(가) 없습니다'
	made_locale ko_KR.UTF-8
	LC_ALL=ko_KR.UTF-8 run_rc 69 fs schema nobodys
	has "$err" 'fs-group: 오류: us-east-1에 Feature Group "nobodys"이(가) 없습니다'
	LC_ALL=ko_KR.UTF-8 run_rc 64 fs frobnicate
	is "$(wc -l <"$err")" 2
	has "$err" 'fs: 오류: 없는 명령: frobnicate'
	# what the system says is in UTF-8, too
	group anything
	LC_ALL=ko_KR.UTF-8 run_rc 66 fs-put anything nowhere/file
	has_no "$err" '???'
	python3 -c 'import sys; open(sys.argv[1], encoding="utf-8").read()' "$err"
}

@test "messages: --help of every program and front door in Korean" {
	local each name='--[a-z0-9-]+(\[?=[^ ]*)?'
	by_turns 12 "$root"/src/{extract,transform,load}/*.c \
		"$root"/pipelines/{fs,fs-*[a-z],narrow-to-wide}
	for each in "${turns[@]}"; do
		run_rc 0 korean "$(basename "$each" .c)" --help
		sed -i -z 's/\n \{20,\}/ /g' "$out" # what was wrapped
		sed -i -E -e '/^예:/,$d' \
			-e "/^ +(-., )?$name$|^ +(\[|fs-)|^(AWS|ISO 19848):/d" "$out"
		grep -qx '사용법: .*' "$out"
		sed -i -E '/^( {7,9}|  [a-z]+\|)[^ ]/d' "$out"
		speaks
	done
}

# bats test_tags=whole
@test "messages: what narrow-to-wide says in its modes, in Korean" {
	scratch_db
	"$root/t/telemetry" 2 20 3000
	local each
	for each in analyze schema-only tables-only 'migration-only --cutoff-time 2024-10-02' \
		status 'validate --max-differences 3' compare failed \
		'rollback --backup there --yes' 'restore --backup there'; do
		# shellcheck disable=SC2086 # a mode and its options
		run_rc 0 korean narrow-to-wide --mode $each
		[[ $each != schema-only ]] || : >"$out"
		speaks
	done
	has "$err" '복원했습니다'
	run_rc 0 korean narrow-to-wide --mode events
	sed -i '2,$d' "$out" # as they were written
	speaks
	sql "UPDATE tenant.tbl_data_timeseries_imo9999993 SET created_time = created_time +
		interval '1 ms' WHERE created_time = (SELECT min(created_time)
		FROM tenant.tbl_data_timeseries_imo9999993)"
	run_rc 1 korean narrow-to-wide --mode validate
	has "$out" '  누락' '  소스에 없음' '차이 20개 이상'
	speaks
	run_rc 1 korean narrow-to-wide --mode rollback </dev/null
	has "$err" '선박 2척의 wide 테이블을 스키마 tenant에서 삭제: ' '작업 기록을 지울까요? [y/N]'
	# programs read the same in every language
	for each in '0 status' '1 validate'; do
		run_rc "${each% *}" narrow-to-wide --mode "${each#* }" -f json
		jq -S 'del(.. | .rows_per_second?, .cells_per_second?)' "$out" >english.json
		run_rc "${each% *}" korean narrow-to-wide --mode "${each#* }" -f json
		jq -S 'del(.. | .rows_per_second?, .cells_per_second?)' "$out" >korean.json
		same_file korean.json english.json
	done
	printf '%s\n' created_time,data_channel_id,value ,x,1 >narrow.csv
	run_rc 65 korean pivot-wide --rejects r - <narrow.csv
	is "$(jq -r .file r)" 'standard input'
}

@test "messages: fs COMMAND --help in Korean, with the same options" {
	local each

	for each in "$root"/pipelines/lib/fs-help{,.ko}; do
		grep -v '^#' "$each" | grep -oE '^==.*|(^|[ ,(])--?[a-z][a-z0-9-]*' |
			tr -d ' ,(' >"${each##*/}"
	done
	same_file fs-help.ko fs-help
	mapfile -t commands < <(sed -n 's/^== //p' "$root/pipelines/lib/fs-help")
	by_turns 8 "${commands[@]}"
	for each in "${turns[@]}"; do
		run_rc 0 korean fs "$each" --help
		sed -i -z 's/\n \{20,\}/ /g' "$out"
		grep -q "^사용법: fs $each" "$out"
		sed -i -E '/^(사용법:|       fs )/d; /^ +--?[^ ]*(,.*)?$/d; /(Standard|Glue) 또는/d' \
			"$out"
		speaks
	done
}

@test "messages: what programs read of a failure is English, and what AWS says has its own line" {
	local each

	printf 'a\n1\nx\n' >bad.csv
	for each in C.UTF-8 ko_KR.UTF-8; do
		run_rc 65 env -u LC_ALL LANG=$each map-fields --cast a:int --seal --stats s.json \
			bad.csv
		grep -o 'abort.*' "$out" >"abort.$each"
		jq -r .error s.json >"error.$each"
		run_rc 66 env -u LC_ALL LANG=$each reformat --stats s.json nowhere
		jq -r .error s.json >>"error.$each"
		sandbox_set deny=DescribeFeatureGroup
		run_rc 77 env -u LC_ALL LANG=$each fs-extract-online nobodys --stats s.json
		sandbox_set
		jq -r .error s.json | sed 's/request [^,)]*//' >>"error.$each"
	done
	same_file abort.ko_KR.UTF-8 abort.C.UTF-8
	same_file error.ko_KR.UTF-8 error.C.UTF-8
	grep -q '^cannot open "nowhere": No such file' error.ko_KR.UTF-8
	grep -q '^fs-extract-online: AWS: DescribeFeatureGroup: AccessDenied' "$err"
	grep -v AWS: "$err" >own
	has_no own AccessDenied
}

@test "messages: the plan in the words of its users" {
	group source
	group target
	records 50 >in.csv
	fs-put source in.csv
	run_rc 0 korean fs migrate source target --dry-run
	head -n 9 "$out" >got
	same_file got - <<-'END'
		📋 마이그레이션 계획
		============================================================
		소스: source (online+offline)
		타겟: target (online+offline)
		전략: offline_to_online
		주요 데이터 소스: offline
		예상 레코드 수: 50
		배치 크기: 100
		동시 워커 수: 4
	END
	has "$out" '🔍 Dry-run 모드: 실제 마이그레이션은 수행되지 않습니다.'
	printf 'n\n' >no
	run_rc 77 korean fs migrate source target <no
	has "$err" 'source에서 target(으)로 마이그레이션할까요? [y/N]' '확인되지 않아'
	printf '예\n' >yes
	run_rc 0 korean fs migrate source target --verify-wait 20 <yes
	has "$out" '총 처리된 레코드: 50, 성공 50' '성공률: 100.0%' \
		'온라인 스토어: 식별자 50개 비교, 누락 0'
	cat "$out" "$err" >log
	has_no log 실패
	same_online target in.csv
	# the totals that scripts look for
	run_rc 0 korean fs export target x.csv
	has "$out" '데이터 내보내기가 완료되었습니다: 레코드 50개, x.csv'
	run_rc 0 korean fs bulk-get target in.csv -o got.json
	has "$out" '50개 레코드가 성공적으로 조회되었습니다: got.json'
	run_rc 0 korean fs clear target --yes
	has "$out" '온라인 스토어 레코드: 50개' '삭제된 객체: '
	run_rc 0 korean fs delete target --dry-run
	has "$out" '📋 삭제 계획:' '삭제될 Feature Group: target'
	run_rc 0 korean fs delete target --yes
	has "$out" 'Feature Group 삭제가 완료되었습니다: target' '삭제된 테이블: '
}

# rows GROUP COUNT: its offline store has so many
rows() { [[ $(fs-extract-athena "$1" -o ndjson --no-seal | wc -l) == "$2" ]]; }

# bats test_tags=whole
@test "messages: the pipelines in the words of their users" {
	local each

	for each in first second third; do
		group $each
	done
	records 20 >in.csv
	fs-put first in.csv
	wait_until 20 rows first 20
	run_rc 0 korean fs-upgrade first second --yes --backup b.csv.gz --verify-wait 20s
	has "$out" '스키마 비교 결과, first와 second: 같습니다' '예상 레코드 수: 20' '예상 처리 시간: ' \
		'레코드: 20, 성공 20' '실제 처리 시간: 0분'
	has "$err" '백업 파일: b.csv.gz, 레코드 20개'
	cat "$out" "$err" >log
	run_rc 0 korean fs-sync first third --iterations 1 --overlap 0 --state s.json \
		--verify-wait 20s
	has "$out" '레코드 20개, 마지막 동기화 1970' '레코드: 20, 성공 20' '성공률: 100.0%' \
		'온라인 스토어: 식별자 20개 비교, 누락 0'
	has_no "$out" '마이그레이션 계획' 'Records'
	same_online third in.csv
	cat "$out" "$err" >>log
	printf 'n\n' >no
	run_rc 77 korean fs-archive first second --before 2024-01-01T00:00:05Z --delete <no
	has "$out" '아카이브 대상 레코드 (first, 기준일 2024-01-01T00:00:05Z): 5개'
	has "$err" '5개 레코드를 second(으)로 이동할까요? [y/N]'
	printf '예\n' >yes
	run_rc 0 korean fs-archive first second --before 2024-01-01T00:00:05Z --delete <yes
	has "$out" 'first의 온라인 스토어에서 삭제: 레코드 5개'
	cat "$out" "$err" >>log
	printf 'id7\nid8\n' >list
	FERRY_SUBSET_BYTES=4 run_rc 0 korean fs-subset first third list --yes
	has "$out" 'id 값 (list): 2개, 배치: 1개' '레코드: 2, 성공 '
	has_no "$out" '필터' Filter
	cat "$out" "$err" >>log
	run_rc 0 korean fs-migrate-large first third --dry-run
	has "$out" 'CPU 코어: ' ', 예상 레코드: 20' '배치 크기: 200, 워커 수: '
	run_rc 0 korean fs-recover first second
	has "$out" 'second에 모두 있습니다'
	run_rc 69 korean fs-copy first nowhere
	has "$err" '타겟 Feature Group이 없습니다: nowhere' '힌트: --role-arn'
	run_rc 77 korean fs-improve first second <no
	has "$err" 'first을(를) 정리하여 second(으)로 옮길까요?' '확인되지 않아'
	cat "$out" "$err" >>log
	# nothing failed so far
	has_no log 실패
	sandbox_set deny=StartQueryExecution
	run_rc 77 korean fs-sync first third --iterations 1 --state s.json
	has "$err" '동기화 실패: third'
	is "$(jq -r .last_sync_status s.json)" failed
}

@test "messages: the log has the word for a failure where one is, in every language" {
	local code
	group logged
	records 20 >good.csv
	sed -e '4s/,[-0-9]*,/,many,/' -e '9s/,[-0-9]*,/,1.5,/' good.csv >bad.csv
	for each in env korean; do
		run_rc 65 $each fs bulk-put logged bad.csv --continue-on-error -o log.$each
		is "$(grep -c 실패 log.$each)" 2
		is "$(jq -c '[.[0].failed[] | [.result, .id]]' log.$each)" \
			'[["실패","id2"],["실패","id7"]]'
		is "$(jq -c '.[0].summary | [.total_records, .failed_records]' log.$each)" '[20,2]'
		run_rc 0 $each fs bulk-put logged good.csv -o log.$each --no-resume
		is "$(grep -c 실패 log.$each || :)" 0
		has_no "$out" 실패
		is "$(jq -c '.[0].failed' log.$each)" '[]'
	done
	is "$(<"$out")" '대량 입력 작업 완료: 레코드 20개, 성공 20'
	run_rc 65 korean fs bulk-put logged bad.csv --continue-on-error --no-resume
	has "$out" '레코드 20개: 성공 18, 실패 2'
}

@test "messages: the quality report in the words of its users" {
	quality-clean --print-rules |
		jq 'del(.rules[] | select(.name == "validate_ranges"))' >rules.json
	printf '%s\n' 'id,name' '1, a ' '1,b' '2,NULL' >in.csv
	run_rc 0 korean quality-clean --rules rules.json in.csv --report report.txt -O out.csv
	has report.txt '✨ 데이터 품질 개선 리포트:' '  입력 레코드: 3' '  출력 레코드: ' '  NULL 값 정리: ' \
		'  문자열 정규화: ' '  중복 제거: ' '  품질 개선율: '
	run_rc 0 quality-clean --rules rules.json in.csv --report report.txt -O out2.csv
	has report.txt 'Data quality report:' '  Input records: 3'
	same_file out.csv out2.csv
}

@test "messages: what is put into another text is in its language" {
	scratch_db
	printf '{"rules":[{"name":"foo"}]}' >rules
	printf 'data_channel_id,created_time,value\na,2,1\na,2,x\nb,1,1\n' >n.csv
	pivot=(pivot-wide -k created_time -n data_channel_id -V value)
	said() {
		! "${@:2}" >out.txt 2>err.txt
		has err.txt "$1"
	}
	said '"2"의 "a"은(는) 더할 수 있는 숫자가 아닙니다: "x"' \
		korean "${pivot[@]}" --on-duplicate sum n.csv
	said '"a"은(는) 셀의 다른 값과 비교할 수 있는 숫자가' \
		korean "${pivot[@]}" --on-duplicate max n.csv
	said '"1"이(가) "2" 다음에 나옵니다' korean "${pivot[@]}" --on-duplicate first n.csv
	said '"foo": 없는 규칙입니다' korean quality-clean --rules rules n.csv
	said '다른 컬럼을 지정합니다' korean map-fields --select none n.csv
	said 'SCHEMA.TABLE로 지정합니다' korean pg-narrow-dump -t nowhere
	cat n.csv n.csv >two.csv
	korean reformat two.csv >out.txt 2>err.txt
	has err.txt '헤더이(가) 레코드로 다시 나옵니다'
}

@test "messages: order, numbers and data do not depend on the language" {
	local -a others=()

	made_locale de_DE.UTF-8 # which writes 2,25
	if [[ ${WHOLE-} ]]; then
		made_locale ko_KR.UTF-8
		others=(C.UTF-8 ko_KR.UTF-8)
	fi
	group numbers
	printf '%s\n' id,event_time,price,category b,2024-01-01T00:00:00Z,1.5,é \
		a,2024-01-01T00:00:00Z,2.25,Z >in.csv
	for each in de_DE.UTF-8 "${others[@]}"; do
		export LC_ALL=$each
		run_rc 0 fs bulk-put numbers in.csv --no-resume -o "log.$each"
		is "$(jq -r '.[0].summary.details.seconds | type' "log.$each")" number
		run_rc 0 fs get numbers a
		is "$(jq -c '.price' "$out")" 2.25
		run_rc 0 fs export numbers - --latest --order-by id --columns id,price
		is "$(paste -sd' ' "$out")" 'id,price a,2.25 b,1.5'
		run_rc 0 fs-extract-athena -v numbers
		grep -qE ' 0\.[0-9]{6} USD' "$err"
		run_rc 0 fs list -o json
		jq . "$out" >/dev/null
	done
}

@test "messages: what a server says cannot act on the terminal" {
	scratch_db
	sql <<-'SQL'
		CREATE TABLE t (id int PRIMARY KEY);
		CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS
			$$BEGIN RAISE
			EXCEPTION E'red \x1b[31m \u009b2J back \u202e tag \U000e0041 ñ'
			USING ERRCODE = '53100'; END$$;
		CREATE TRIGGER t BEFORE INSERT ON t EXECUTE FUNCTION shout();
	SQL
	printf 'id\n1\n' >in.csv
	run_rc 75 pg-copy-load --table t --key id in.csv
	has "$err" 'red \x1b[31m \xc2\x9b2J back \xe2\x80\xae tag \xf3\xa0\x81\x81 ñ'
}

@test "messages: man shows the Korean page where there is one, the English one otherwise" {
	need mandb
	made_locale ko_KR.UTF-8
	mkdir -p share/man/man1 share/man/ko
	ln -s "$root"/pipelines/fs.1 "$root"/src/transform/via.1 share/man/man1
	ln -s "$root/pipelines/ko" share/man/ko/man1
	export MANPATH=$PWD/share/man MANWIDTH=80
	LC_ALL=ko_KR.UTF-8 man fs 2>/dev/null >page
	has page ' Amazon SageMaker Feature Store의 Feature Group' '모든 Feature Group.'
	LC_ALL=C.UTF-8 man fs 2>/dev/null >page
	has page ' feature groups of Amazon SageMaker Feature Store'
	LC_ALL=ko_KR.UTF-8 man via 2>/dev/null >page
	has page 'via — '
}
