#!/usr/bin/env bats
# AWS that lies, or somebody on the way there: whatever it answers, a program ends, says so once,
# and has neither told nor stored anything wrong. t/unit/aws_answer.c and t/unit/aws_faults.c have
# the same of single answers, t/sandbox-faults.bats and t/load-fs-put.bats what goes wrong honestly.
load helper
load sandbox
load fs
load liars

setup_file() {
	sandbox_start --set group-delay=0 --set offline-delay=0 --set athena-delay=0
	liar_start
	cd "$BATS_FILE_TMPDIR" || return
	# the first answers of each kind are of another group
	loaded other 30
	{
		fs-extract-online other --no-seal --id id3
		fs-extract-athena other --no-seal --method unload
		fs-group list
		fs-group size other
	} >first
	loaded lied 250
	fs-extract-online lied --no-seal --id id0 >first
}
teardown_file() {
	liar_stop
	sandbox_stop
	helper_teardown_file
}
setup() {
	helper_setup
	lies=0
	records 250 | LC_ALL=C sort >want
}
teardown() {
	lie
	printf '# %s lies\n' "$lies" >&3
	[[ ! -s $liar/led ]]
}

online=(fs-extract-online lied --no-seal -O result --retry-for 50ms)
athena=(fs-extract-athena lied --no-seal -O result)
unload=("${athena[@]}" --method unload)

@test "liars: the online store is read whole or not at all" {
	lies_about DescribeFeatureGroup "${online[@]}" -- "${json[@]}" twice
	lies_about ListRecords "${online[@]}" -- html empty null array number loop
	lies_about BatchGetRecord "${online[@]}" -- "${json[@]}" twice
	# what was listed, but is not there, may have been deleted since
	lie BatchGetRecord fewer
	run_rc 0 "${online[@]}"
	is "$(wc -l <result)" 248
	has "$err" '3 identifiers have no record'
}

@test "liars: a result of Athena is read whole or not at all" {
	lies_about StartQueryExecution "${athena[@]}" -- "${json[@]}"
	rm -rf "$HOME/.local" # the query of another, which is not to be had
	lies_about GetQueryExecution "${athena[@]}" -- "${json[@]}" elsewhere
	lies_about GetQueryRuntimeStatistics "${athena[@]}" -- "${json[@]}" rows+1 rows-1
	lies_about GetResult "${athena[@]}" -- html empty null other last-line-twice \
		last-line-lost first-line-twice first-line-lost
	lies_about DeleteObject "${athena[@]}" -- html
}

@test "liars: the parts of an UNLOAD are read whole, each once, or not at all" {
	lies_about GetManifest "${unload[@]}" -- html empty null other elsewhere first-line-twice \
		first-line-lost
	lies_about GetObject "${unload[@]}" -- html empty null other first-line-lost last-line-lost
	lies_about GetQueryRuntimeStatistics "${unload[@]}" -- rows+1
	lies_about ListObjectsV2 "${unload[@]}" -- html empty loop
	lied_to GetManifest first-line-twice "${unload[@]}"
	is "$code" 76
	has "$err" 'the manifest names a part twice'
	# nor is a list read that has no end
	lie GetManifest huge-body
	run_rc 76 env time -f %M "${unload[@]}"
	has "$err" 'cannot fetch the list of the parts: GetObject: answer too large'
	[[ ${SAN-} ]] || (($(tail -n 1 "$err") < 250000)) # a sanitizer keeps what is freed
}

@test "liars: a value of another type is never none, nor anything else" {
	by_turns 1 DescribeFeatureGroup ListRecords
	for each in "${turns[@]}"; do wrong_types "$each" "${online[@]}"; done
	by_turns 1 GetQueryRuntimeStatistics GetWorkGroup
	for each in "${turns[@]}"; do wrong_types "$each" "${athena[@]}"; done
	wrong_types GetQueryExecution "${unload[@]}"
	records 3 | LC_ALL=C sort >want
	wrong_types BatchGetRecord "${online[@]}" --id id0 --id id1 --id id2
	fs get lied id0 >want.json
	jq -cS . want.json >want
	get() { fs get lied id0 | jq -cS . >result || { rm -f result; return 75; }; }
	for ((i = 0; i < 3; i++)); do
		random 17
		lied_to GetRecord "types-$random" bash -c "$(declare -f get); set -o pipefail; get"
	done
}

@test "liars: what is not acknowledged is unknown, and nobody's fault" {
	local put=(fs-put other few.csv --stats s --no-resume --retry-for 10ms)

	records 9 | head -n 9 >few.csv
	by_turns 3 cut-body html redirect-302 huge-header error-of-none error-of-another
	for each in "${turns[@]}" other; do
		lie BatchWriteRecord "$each"
		[[ $each != other ]] || continue # there is one good answer, the same to all
		run_rc 75 "${put[@]}"
		is "$(jq -c '[.acknowledged, .rejected, .unknown]' s)" '[0,0,8]' "$each"
		lies=$((lies + 1))
	done
	lie BatchWriteRecord types-0
	run_rc 75 "${put[@]}"
	by_turns 3 html null array long no-length redirect-307
	for each in "${turns[@]}"; do
		lie PutRecord "$each"
		run_rc 75 "${put[@]}" --no-batch-write
		is "$(jq -c '[.acknowledged, .rejected, .unknown]' s)" '[0,0,8]' "$each"
		lies=$((lies + 1))
	done
}

@test "liars: a listing that leads back to itself ends" {
	while IFS='|' read -r op command; do
		lie "$op" loop
		# shellcheck disable=SC2086
		run_rc 76 $command
		has "$err" "$op: bad answer: behind a page is the same page"
		lies=$((lies + 1))
	done <<-END
		DescribeFeatureGroup|fs-group describe lied
		ListFeatureGroups|fs-group list
		ListRecords|fs-extract-online lied --no-seal
		ListObjectsV2|fs-group size lied
		ListObjectsV2|fs-group clear lied --dry-run
	END
}

@test "liars: objects of another group are never taken for those that were asked for" {
	local n
	n=$(aws --endpoint-url "$truth" s3 ls --recursive s3://offline/fs/ | wc -l)
	for command in 'clear lied' 'backup lied --backup-s3 s3://offline/copy' 'size lied'; do
		lie ListObjectsV2 other
		# shellcheck disable=SC2086
		run_rc 76 fs-group $command
		has "$err" 'it names an object that is elsewhere'
		lies=$((lies + 1))
	done
	is "$(aws --endpoint-url "$truth" s3 ls --recursive s3://offline/fs/ | wc -l)" "$n"
	# a page that is cut where nobody said so is not fewer objects
	lie ListObjectsV2 untold
	run_rc 76 fs-group size lied
	for each in short cut-body cut-chunks; do
		lie ListObjectsV2 "$each"
		run_rc 75 fs-group size lied
		lies=$((lies + 1))
	done
	lie GetWorkGroup cut-body
	run_rc 75 "${athena[@]}"
	has "$err" 'cannot ask for the workgroup: GetWorkGroup: '
}

@test "liars: a migration that was lied to is done by the next run" {
	local op each

	for ((each = 0; each < ${MIGRATIONS:-1}; each++)); do
		group "into-$each"
		random 8
		op=$(sed -n $((random + 1))p <<-END
			DescribeFeatureGroup
			StartQueryExecution
			GetQueryExecution
			GetResult
			GetObject
			BatchGetRecord
			BatchWriteRecord
			ListRecords
		END
		)
		random ${#wire[@]}
		# the second answer, so that something has been done
		lie "$op" "${wire[random]}" 1
		AWS_MAX_ATTEMPTS=1 ends_well fs migrate other "into-$each" --yes --retry-for 50ms ||
			return
		lie
		run_rc 0 fs migrate other "into-$each" --yes
		run_rc 0 fs-verify other "into-$each"
		fs-extract-online other --no-seal | LC_ALL=C sort >want
		online "into-$each" >got
		same_file got want
	done
}
