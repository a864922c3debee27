# fs-deny.bash: every permission that a command of fs asks for, denied in turn. Both
# t/pipelines-fs-safety.bats and t/soak/features.bats use it, behind fs.bash.
# shellcheck shell=bash
# shellcheck disable=SC2154  # the helper's variables

# The commands that write; GROUP stands for one with six records in both stores, new.csv has three
# more, and deny-from nine others.
declare -gA instead=([BatchWriteRecord]=PutRecord [BatchGetRecord]=GetRecord)
writing='fs put GROUP --record {"id":"n1","event_time":"2024-06-01T00:00:00Z","count":"1"}
fs bulk-put GROUP new.csv
fs add-features GROUP -f more:String
fs clear GROUP --force
fs clear GROUP --force --backup-s3 s3://offline/copy
fs clear GROUP --force --online-only
fs migrate deny-from GROUP --yes
fs migrate deny-from GROUP --yes --clear-target
fs delete GROUP --force
fs-sync deny-from GROUP --iterations 1
fs-improve deny-from GROUP --yes --report r
fs-copy deny-from GROUP --yes
fs-recover deny-from GROUP --yes
fs-archive GROUP GROUP-old --older-than 1 --yes --no-copy --delete'

# held GROUP: rows of its offline store, markers included, records of its online store, features
held() {
	fs-extract-athena "$1" --store-columns -o ndjson --no-seal >offline.held 2>/dev/null &
	fs-extract-online "$1" -o ndjson --no-seal >online.held 2>/dev/null || :
	wait "$!" || :
	printf '%s %s %s\n' "$(wc -l <offline.held)" "$(wc -l <online.held)" \
		"$(fs-group describe "$1" -o json 2>/dev/null | jq '.FeatureDefinitions | length')"
}

# fresh: the next group, $each, as the commands are to find it, and an empty one for its archive
fresh() {
	local name

	each=deny-$((++numbers))
	for name in "$each" "$each-old"; do
		fs-group create "$name" --schema-file features.json --role-arn "$role" \
			--s3-uri s3://offline/fs >/dev/null
	done
	fs-put "$each" old.csv
	wait_until 3 arrived "$each" 6
}

# denied OPERATION COMMAND: runs it without that permission. What ends well did what was asked; what
# fails left all as it was, or did it (and could not look), or says what is done and what is not.
denied() {
	local code=0 after

	case $1 in # with what does instead
	BatchWriteRecord | BatchGetRecord) sandbox_set "deny=$1,${instead[$1]}" ;;
	*) sandbox_set "deny=$1" ;;
	esac
	# shellcheck disable=SC2086
	timeout 60 ${2//GROUP/$each} >"$out" 2>"$err" </dev/null || code=$?
	sandbox_set
	after=$(held "$each")
	printf '%-16s %-60s %3s %s\n' "$1" "$2" "$code" "$after" >>denied
	if [[ $after != "$asked" && ( $code == 0 || $after != "$before" ) ]] &&
		! { ((code)) && grep -Eq 'is empty, the offline store is not|still there' "$err"; }
	then
		printf '%s, without %s: %s, not %s or %s\n' "$2" "$1" "$after" "$before" "$asked"
		show_output
		return 1
	fi
	[[ $after == "$before" && $2 != *-old* ]] || fresh # the archive may be full
}

# deny_all EVERY: each permission that the undisturbed command used; one in EVERY of them by chance,
# of some of the commands by turns, and those by which a target was cleared once, and then not
# written.
deny_all() {
	local command op before asked each numbers=0
	local -a commands

	loaded deny-from 9
	records 6 20 >old.csv
	records 3 40 >new.csv
	fresh
	before=$(held "$each")
	mapfile -t commands <<<"$writing"
	by_turns 3 "${commands[@]}"
	[[ ${turns[*]} == *migrate*clear-target* ]] ||
		turns+=('fs migrate deny-from GROUP --yes --clear-target')
	(($1 > 1)) || turns=("${commands[@]}")
	for command in "${turns[@]}"; do
		sandbox_ask DELETE counters
		# shellcheck disable=SC2086
		run_rc 0 ${command//GROUP/$each}
		curl -sSf "$AWS_ENDPOINT_URL/_sandbox/counters" >used
		asked=$(held "$each")
		fresh
		for op in $(jq -r 'del(.unknown) | keys[]' used); do
			random "$1"
			((random == 0)) || [[ $op$command == BatchWrite*clear-target ]] || continue
			denied "$op" "$command"
		done
	done
	[[ ! ${DENIED-} ]] || cp denied "$DENIED"
}
