# Scripts that people run against the command line that fs replaces, unchanged: t/cases/scripts.
# They write to /tmp by name, so each runs in a mount namespace where /tmp is its own; `sleep` is a
# shim, and so is `aws`, for --endpoint-url.

load helper
load sandbox
load fs

setup() {
	helper_setup
	sandbox_set
	tmp=$BATS_TEST_TMPDIR/private
	mkdir "$tmp" bin
	cat >bin/sleep <<-'END'
		#!/bin/bash
		printf '%s\n' "$*" >>"$SLEPT"
		[[ ! ${WHILE_ASLEEP-} ]] || "$WHILE_ASLEEP"
	END
	chmod +x bin/sleep
	export SLEPT=$PWD/slept
	unshare "${namespace[@]}" true 2>/dev/null || skip 'no mount namespaces here'
}
namespace=(-m)
((EUID == 0)) || namespace=(-rm)

# script NAME ANSWERS [COMMAND]: runs t/cases/scripts/NAME as it is, or with COMMAND instead of its
# last line, the example call. What it writes to /tmp is in $tmp afterwards; folders of /tmp are
# there.
script() {
	if [[ ${3-} ]]; then
		sed '${/^}/!d}' "$root/t/cases/scripts/$1" >script.sh
		printf '%s\n' "$3" >>script.sh
	else
		cat "$root/t/cases/scripts/$1" >script.sh
	fi
	# as people do whose columns have other names
	sed -i "s/customer_id/$id/g; s/event_time/$time/g" script.sh
	printf '%b' "$2" >answers
	RUN_TIMEOUT=300 run_rc "${want-0}" unshare "${namespace[@]}" bash -c '
		for each in /tmp/*/; do
			mkdir -p "$1/${each#/tmp/}"
			mount --bind "$each" "$1/${each#/tmp/}"
		done
		mount --rbind "$1" /tmp
		exec env "${@:5}" PATH="$2:$PATH" bash "$3" <"$4"' - "$tmp" "$PWD/bin" \
		"$PWD/script.sh" "$PWD/answers" "${speaking[@]}"
}
id=customer_id time=event_time
speaking=()

# said TEXT...: the script printed it
said() { has "$out" "$@"; }

# customers NAME TYPES [OPTION...]: a group of customers; TYPES as NAME:TYPE words.
customers() {
	local name=$1 each
	local -a list=('{"FeatureName":"'"$id"'","FeatureType":"String"}')

	for each in $2; do
		list+=("{\"FeatureName\":\"${each%:*}\",\"FeatureType\":\"${each#*:}\"}")
	done
	(IFS=, && printf '[%s]\n' "${list[*]}") >features.json
	fs "${where_args[@]}" create "$name" --schema-file features.json --role-arn "$role" \
		--s3-uri "s3://${bucket-offline}/fs" --record-identifier-name $id \
		--event-time-feature-name $time "${@:3}" >/dev/null
}
where_args=()

# filled GROUP FILE: puts the records, and waits until they are in the offline store
filled() {
	fs-put "$1" "$2"
	wait_until 20 arrived "$1" "$(($(wc -l <"$2") - 1))"
}

# same_groups A B [FILTER]: both stores of both hold the same records; FILTER is applied to A.
same_groups() {
	local from=${3:-cat} reader

	for reader in 'fs-extract-online --no-seal -o ndjson' \
		'fs-extract-athena --no-seal -o ndjson'; do
		$reader "$1" | $from | jq -cS . | sort >a.sorted
		$reader "$2" | jq -cS . | sort -u >b.sorted
		same_file b.sorted a.sorted || return
		[[ -s a.sorted ]] || return
	done
}

# people COUNT [TIME]: customers as CSV
people() {
	awk -v n="$1" -v time="${2:-2024-03-01T00:00:00Z}" -v names="$id,$time" 'BEGIN {
		print names ",age,balance,category"
		for (i = 1; i <= n; i++)
			printf "cust_%03d,%s,%d,%d.5,\"c, %d\"\n", i, time, i % 90, i * 7, i % 5 }'
}
readonly features='event_time:String age:Integral balance:Fractional category:String'

# bats test_tags=whole
@test "script: schema upgrade, with a backup here and in S3" {
	customers customer-v1 "$features"
	customers customer-v2 'event_time:String age:Fractional balance:String category:String'
	people 120 >in.csv
	filled customer-v1 in.csv
	people 7 2020-01-01T00:00:00Z | sed 's/^cust_/other_/' >other.csv
	filled customer-v2 other.csv
	script schema-upgrade.sh 'y\n'
	said '기존 피처 수: 5' '타입 변경된 피처' 'age: Integral → Fractional' \
		'customer-v1 (online+offline)' offline_to_online \
		'스키마 업그레이드 마이그레이션 완료!' '✅ 타겟 Feature Group에서 데이터 조회 성공'
	wait_until 20 arrived customer-v2 120
	as_text() { jq -c '.balance |= tostring'; }
	same_groups customer-v1 customer-v2 as_text
	is "$(gunzip -c "$tmp"/customer-v1_backup_*.json.gz | jq length)" 120
	aws s3 ls --recursive s3://backups/schema-upgrades/ >listed
	has listed schema_upgrade_backup_
}

# bats test_tags=whole
@test "script: schema upgrade stops at a feature that is gone, and at one without a source" {
	customers old-1 "$features"
	customers fewer 'event_time:String age:Integral'
	customers more "$features extra:String"
	people 5 >in.csv
	filled old-1 in.csv
	want=1 script schema-upgrade.sh '' 'schema_upgrade_migration old-1 fewer'
	said '제거된 피처' '❌ 호환되지 않는 스키마 변경이 감지되었습니다.'
	want=1 script schema-upgrade.sh 'y\n' 'schema_upgrade_migration old-1 more'
	said '✅ 추가된 피처' '❌ 마이그레이션 실패'
	has "$err" 'the target has and the source has not: extra'
	want=1 script schema-upgrade.sh 'n\n' 'schema_upgrade_migration old-1 old-1'
	said '❌ 마이그레이션 실패'
	want=1 script schema-upgrade.sh '' 'schema_upgrade_migration old-1 nowhere'
	said '❌ 타겟 Feature Group이 존재하지 않습니다: nowhere'
	want=1 script schema-upgrade.sh '' 'schema_upgrade_migration nowhere old-1'
	said '❌ 백업 실패'
}

# two_accounts: profiles dev-profile and prod-profile, of the two users of the sandbox.
two_accounts() {
	cat >"$AWS_SHARED_CREDENTIALS_FILE" <<-END
		[dev-profile]
		aws_access_key_id = $AWS_ACCESS_KEY_ID
		aws_secret_access_key = $AWS_SECRET_ACCESS_KEY
		[prod-profile]
		aws_access_key_id = AKIASANDBOX000000002
		aws_secret_access_key = sandbox/secret/key/of/the/other/user/+02
	END
	printf '[profile dev-profile]\n[profile prod-profile]\n' >"$AWS_CONFIG_FILE"
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION \
		AWS_DEFAULT_REGION
	dev=(--profile=dev-profile --region=us-east-1)
	prod=(--profile=prod-profile --region=us-west-2)
}

# bats test_tags=whole
@test "script: cross environment, two accounts in two regions" {
	two_accounts
	where_args=("${dev[@]}")
	customers customer-features "$features"
	people 90 >in.csv
	fs-put "${dev[@]}" customer-features in.csv
	# shellcheck disable=SC2317
	there() { (($(fs "${dev[@]}" export customer-features - --format ndjson | wc -l) == 90)); }
	wait_until 20 there
	want=1 script cross-environment.sh 'n\n'
	said '타겟 Feature Group이 없습니다' '❌ 타겟 Feature Group 생성을 취소했습니다.'
	where_args=("${prod[@]}")
	bucket=offline-prod
	customers customer-features "$features migration_source_env:String
		migration_target_env:String migration_timestamp:String"
	script cross-environment.sh ''
	said '✅ 90개 레코드 변환 완료' '✅ 환경 간 마이그레이션 완료!' '✅ 타겟 환경 검증 성공' \
		'"migration_source_env": "dev-profile"'
	fs-extract-online "${prod[@]}" --no-seal -o ndjson customer-features >got
	is "$(jq -r '[.migration_source_env, .migration_target_env] | join(" ")' got | sort -u)" \
		'dev-profile prod-profile'
	jq -cS 'del(.migration_source_env, .migration_target_env, .migration_timestamp)' got |
		sort >got.sorted
	fs-extract-online "${dev[@]}" --no-seal -o ndjson customer-features | jq -cS . |
		sort >wanted.sorted
	same_file got.sorted wanted.sorted
	is "$(wc -l <got.sorted)" 90
	is "$(find "$tmp" -maxdepth 1 -name 'customer-features*')" ''
}

# bats test_tags=whole
@test "script: cross environment, the group over there made as the script says" {
	two_accounts
	where_args=("${dev[@]}")
	customers made-features "$features"
	people 30 >in.csv
	fs-put "${dev[@]}" made-features in.csv
	# shellcheck disable=SC2317
	there() { (($(fs "${dev[@]}" export made-features - --format ndjson | wc -l) == 30)); }
	wait_until 20 there
	fs "${dev[@]}" schema made-features -o json >schema.json
	run_rc 0 fs "${prod[@]}" create made-features --schema-file schema.json \
		--role-arn "$role" --s3-uri s3://offline-prod/fs
	script cross-environment.sh '' \
		'cross_environment_migration dev-profile prod-profile made-features'
	said '✅ 30개 레코드 변환 완료' '✅ 환경 간 마이그레이션 완료!' '✅ 타겟 환경 검증 성공'
	# what the script adds is no feature there: left out, with one warning each
	is "$(grep -cE 'warning: .*migration_(source_env|target_env|timestamp)' "$err")" 3
	for each in dev prod; do
		declare -n side=$each
		fs-extract-online "${side[@]}" --no-seal made-features | sort >$each.sorted
	done
	same_file prod.sorted dev.sorted
	is "$(wc -l <prod.sorted)" 31
	jq '[.[] | .migration_source_env = "dev"]' <(fs "${dev[@]}" export made-features - \
		--format json) >more.json
	run_rc 65 fs "${prod[@]}" bulk-put made-features more.json --strict
	has "$err" migration_source_env 'is no feature'
}

# bats test_tags=whole
@test "script: archive by age, event times as texts and as numbers" {
	local type now old

	for type in String Fractional; do
		customers active-transactions "event_time:$type age:Integral balance:Fractional
			category:String"
		customers archived-transactions "event_time:$type age:Integral balance:Fractional
			category:String"
		now=$(date -u +%FT%TZ) old=2024-01-01T00:00:00Z
		[[ $type == String ]] || now=$(date +%s).5 old=1704067200.25
		people 30 "$now" >new.csv
		people 50 "$old" | sed 's/^cust_/gone_/' >old.csv
		{
			cat new.csv
			tail -n +2 old.csv
		} >in.csv
		filled active-transactions in.csv
		want=1 script archive.sh 'no\n'
		said '📊 아카이브 대상 레코드: 50개' '❌ 아카이빙이 취소되었습니다.'
		script archive.sh 'yes\n'
		said '✅ 아카이브 데이터 검증 성공' '🎉 데이터 아카이빙 완료: 50개 레코드'
		same_online archived-transactions old.csv
		same_online active-transactions in.csv
		fs delete active-transactions --yes
		fs delete archived-transactions --yes
	done
}

# bats test_tags=whole
@test "script: partial, by a list of customers" {
	customers all-customers "$features"
	customers selected-customers "$features"
	{
		people 40
		people 3 | tail -n +2 | sed 's/^cust_/cust_vip_/'
		people 9 | tail -n +2 | sed 's/^cust_/cust_premium_/'
	} >in.csv
	filled all-customers in.csv
	script partial.sh 'y\n'
	said '📊 마이그레이션 대상 고객 수: 5' '✅ 부분 마이그레이션 완료' \
		'마이그레이션된 고유 고객 수: 5'
	grep -E '^(customer_id|cust_00[123]|cust_vip_001|cust_premium_005),' in.csv >wanted.csv
	same_online selected-customers wanted.csv
	want=1 script partial.sh 'n\n'
	said '❌ 부분 마이그레이션 실패'
}

# with WHOLE=1 ten times, as it stands there, and with other answers
@test "script: continuous sync, again and again" {
	local each answers='' n=2 run='realtime_sync_migration live-features backup-features 60 2'

	customers live-features "$features"
	customers backup-features "$features"
	people 20 >in.csv
	filled live-features in.csv
	cat >bin/more <<-END
		#!/bin/bash
		n=\$(wc -l <"\$SLEPT")
		time=\$(date -u -d "+\$n minutes" +%FT%TZ)
		printf '%s\n' customer_id,event_time,age \
			"cust_001,\$time,\$n" "new_\$n,\$time,\$n" |
			fs-put live-features --accept-unsealed
		until [[ \$(fs-extract-athena live-features --no-seal -o ndjson | wc -l) == \
			\$((20 + 2 * n)) ]]; do :; done
	END
	chmod +x bin/more
	export WHILE_ASLEEP=$PWD/bin/more
	[[ ! ${WHOLE-} ]] || n=10 run=''
	for ((each = 0; each < n; each++)); do
		answers+='y\ny\n'
	done
	script sync.sh "$answers" "$run"
	is "$(grep -c '✅ 동기화 완료' "$out")" "$n" "$(grep -B 12 '❌' "$out"; cat "$err")"
	said '🏁 실시간 동기화 완료'
	is "$(sort -u slept)" 3600
	is "$(wc -l <slept)" $((n - 1))
	is "$(jq -r '[.last_sync_status, .sync_iterations] | join(" ")' \
		"$tmp/sync_state_live-features_backup-features.json")" "success $n"
	same_groups live-features backup-features
	is "$(fs get backup-features cust_001 | jq .age)" $((n - 1))
	[[ ${WHOLE-} ]] || return 0
	rm "$tmp/sync_state_live-features_backup-features.json"
	script sync.sh 'n\ny\nn\nq\n'
	is "$(grep -c '❌ 동기화 실패' "$out") $(grep -c '⏭️' "$out")" '1 1'
	said '🛑 동기화 종료'
}

# bats test_tags=whole
@test "script: quality improvement" {
	customers raw-customer-data "$features status:String"
	customers clean-customer-data "$features status:String"
	cat >raw.csv <<-'END'
		customer_id,event_time,age,balance,category,status
		c1,2024-01-01T00:00:00Z,150,5.5,"  RED ",On
		c2,2024-01-01T00:00:00Z,-4,2000000,NULL,
		c3,2024-01-01T00:00:00Z,44,12.25,"","  "
	END
	cat >wanted.csv <<-'END'
		customer_id,event_time,age,balance,category,status
		c1,2024-01-01T00:00:00Z,120,5.5,red,on
		c2,2024-01-01T00:00:00Z,0,1000000,,
		c3,2024-01-01T00:00:00Z,44,12.25,,
	END
	fs-put raw-customer-data raw.csv
	wait_until 20 arrived raw-customer-data 3
	script quality.sh ''
	said '입력 레코드: 3' '출력 레코드: 3' 'NULL 값 정리: 2' '범위 위반 수정: 3' \
		'🎉 데이터 품질 향상 마이그레이션 완료!'
	same_online clean-customer-data wanted.csv
}

# bats test_tags=whole
@test "script: large, with batch and workers from the machine" {
	customers huge-dataset "$features"
	customers optimized-dataset "$features"
	people 5000 >in.csv
	filled huge-dataset in.csv
	people 20 | sed 's/^cust_/old_/' >old.csv
	filled optimized-dataset old.csv
	script large.sh 'y\n'
	said '배치 크기: 500' '실제 처리 시간:' '✅ 예상보다 빠르게 완료!' 'Batch size: 500'
	wait_until 20 arrived optimized-dataset 5000
	same_groups huge-dataset optimized-dataset
}

# bats test_tags=whole
@test "script: recovery of failures" {
	customers failed-from "$features"
	customers failed-to "$features"
	people 25 >in.csv
	filled failed-from in.csv
	printf 'cust_003: 실패: ThrottlingException\ncust_009: 실패: timeout\n' >failed.log
	script recovery.sh 'y\n' "migration_recovery $PWD/failed.log failed-from failed-to"
	said '실패한 레코드 수: 2' '🔄 실패한 레코드 재시도' 'Batch size: 10' \
		'Concurrent workers: 1' '✅ 복구 프로세스 완료'
	wait_until 20 arrived failed-to 25
	same_groups failed-from failed-to
}

# Names of all kinds of case, with hyphens and underscores (but none in columns: SQL subtracts), and
# programs that speak Korean.
@test "script: all of them with other names and columns, for a Korean user" {
	local each types='age:Integral balance:Fractional category:String'

	id=Member_No time=Seen_At
	speaking=(-u LC_ALL LANG=ko_KR.UTF-8)
	for each in Orders_V1 orders-v2 Old_Orders Some-Orders Orders_Live Clean_1 Big-Orders; do
		customers $each "$time:String $types"
	done
	people 40 >in.csv
	filled Orders_V1 in.csv
	script schema-upgrade.sh 'y\n' 'schema_upgrade_migration Orders_V1 orders-v2'
	said '기존 피처 수: 5' '스키마 업그레이드 마이그레이션 완료!' '총 처리된 레코드: 40, 성공 40' \
		'✅ 타겟 Feature Group에서 데이터 조회 성공'
	wait_until 20 arrived orders-v2 40
	same_groups Orders_V1 orders-v2
	script archive.sh 'yes\n' 'archive_migration Orders_V1 Old_Orders 90'
	said '📊 아카이브 대상 레코드: 40개' '🎉 데이터 아카이빙 완료: 40개 레코드'
	same_online Old_Orders in.csv
	script partial.sh 'y\n' \
		'partial_migration Orders_V1 Some-Orders /tmp/target_customers.csv'
	said '✅ 부분 마이그레이션 완료' '총 처리된 레코드: 3, 성공 3'
	script sync.sh 'y\ny\ny\ny\n' \
		'realtime_sync_migration Orders_V1 Orders_Live 60 2'
	is "$(grep -c '✅ 동기화 완료' "$out")" 2
	wait_until 20 arrived Orders_Live 40
	same_groups Orders_V1 Orders_Live
	script quality.sh '' 'quality_improvement_migration Orders_V1 Clean_1'
	said '입력 레코드: 40' '출력 레코드: 40' '대량 입력 작업 완료: 레코드 40개, 성공 40'
	is "$(online Clean_1 | wc -l)" 41
	script large.sh 'y\n' 'optimize_large_migration Orders_V1 Big-Orders 2000000'
	said '배치 크기: 500' '실제 처리 시간:'
	printf 'cust_003: 실패: ThrottlingException\n' >failed.log
	script recovery.sh 'y\n' "migration_recovery $PWD/failed.log Orders_V1 Big-Orders"
	said '실패한 레코드 수: 1' '✅ 복구 프로세스 완료'
	wait_until 20 arrived Big-Orders 40
	same_groups Orders_V1 Big-Orders
	two_accounts
	fs-extract-athena "${dev[@]}" --no-seal Orders_V1 | LC_ALL=C sort >want
	where_args=("${prod[@]}")
	bucket=offline-prod
	customers Orders_V1 "$time:String $types"
	script cross-environment.sh '' \
		'cross_environment_migration dev-profile prod-profile Orders_V1'
	said '✅ 40개 레코드 변환 완료' '✅ 환경 간 마이그레이션 완료!' '✅ 타겟 환경 검증 성공'
	fs-extract-online "${prod[@]}" --no-seal Orders_V1 | LC_ALL=C sort >got
	same_file got want
}
