# fs-doctor.bash: the part of `fs doctor` that asks AWS. What reads is really made, with an
# identifier that nobody has; what writes is never tried: IAM is asked whether it would be allowed,
# by the aws command, where there is one and the caller may ask.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # variables of fs, options.bash and doctor.bash

# look_at_aws [GROUP...]
look_at_aws() {
	local each now began

	look_here fs-group fs-put fs-extract-online fs-extract-athena fs-plan fs-verify
	uptime
	began=$now
	# region, credentials, the way there, our clock: whatever is wrong, it is said here first
	if ! fs-group "${aws[@]}" list -o csv >/dev/null 2>"$scratch/err"; then
		failed aws connect
		found aws rest 'NOT CHECKED' $"all else: there is no connection"
		return
	fi
	uptime
	found aws connect OK "$(fill $"the groups of the region are listed, in %s ms" \
		"$((now - began))")"
	for each; do
		look_at_group "$each"
	done
	(($#)) || found aws groups 'NOT CHECKED' $"groups: none is named" 'fs doctor GROUP'
	look_at_writing "$@"
}

# try_reading CHECK COMMAND...: a request that is really made
try_reading() {
	if "${@:2}" >"$scratch/answer" 2>"$scratch/err" </dev/null; then
		found aws "$1" OK "$(fill $"%s: it can be read" "$1")"
	else
		failed aws "$1"
		return "$EX_DIFFERS"
	fi
}

# place_of FILE: the ARN of its objects, out of the description of a group.
place_of() { sed -nE 's,^OfflineS3Uri\,s3://(.*),arn:aws:s3:::\1/*,p' "$1"; }

look_at_group() {
	local identifier time time_type online offline table_format created arn s3 code=0
	local -a args=()

	try_reading "$1" fs-group "${aws[@]}" describe -o csv -- "$1" || return 0
	facts "$1"
	arns+=("$arn")
	s3=$(place_of "$scratch/answer")
	[[ ! $s3 ]] || places+=("$s3")
	if [[ $online ]]; then
		# nobody has it; and where it is a number, it is one
		printf '0\n' >"$scratch/ids"
		try_reading "$1/online" fs-extract-online "${aws[@]}" --quiet --no-seal --lines \
			"--ids=$scratch/ids" -- "$1" || :
	fi
	if [[ $offline ]]; then
		pass workgroup= s3-output-location=
		try_reading "$1/offline" fs-extract-athena "${aws[@]}" --quiet --progress=none \
			--no-seal --limit=1 "--columns=$identifier" "${args[@]}" -- "$1" || :
	fi
}

# What a load, a migration and the making of a group ask for; of objects and groups only where
# some are named.
readonly on_groups='sagemaker:PutRecord sagemaker:BatchWriteRecord sagemaker:DeleteRecord
sagemaker:CreateFeatureGroup sagemaker:UpdateFeatureGroup sagemaker:DeleteFeatureGroup'
readonly on_objects='s3:PutObject s3:DeleteObject s3:AbortMultipartUpload'

# look_at_writing: by SimulatePrincipalPolicy, of the groups in `arns` and objects in `places`
look_at_writing() {
	local who

	if ! command -v aws >/dev/null; then
		not_simulated $"there is no aws command here"
		return
	fi
	who=$(caller) || {
		not_simulated "$(tail -n 1 "$scratch/err")"
		return
	}
	# shellcheck disable=SC2086  # lists of words
	simulate "$who" "${arns[*]}" $on_groups
	# shellcheck disable=SC2086
	((${#places[@]} == 0)) || simulate "$who" "${places[*]}" $on_objects
}

# caller: who asks, as IAM has it: a session is none of its, the role of one is.
caller() {
	local who

	who=$(aws "${cli[@]}" sts get-caller-identity --query Arn --output text \
		2>"$scratch/err" </dev/null) || return
	[[ ! $who =~ ^(arn:[^:]*):sts:(.*):assumed-role/([^/]*)/ ]] ||
		who=${BASH_REMATCH[1]}:iam:${BASH_REMATCH[2]}:role/${BASH_REMATCH[3]}
	printf '%s\n' "$who"
}

# decide WHO ACTION... -- OPTION...: lines of action and decision.
decide() {
	local who=$1
	local -a actions=()

	while shift && [[ $1 != -- ]]; do actions+=("$1"); done
	shift
	aws "${cli[@]}" iam simulate-principal-policy --policy-source-arn "$who" \
		--action-names "${actions[@]}" "$@" --output text \
		--query 'EvaluationResults[].[EvalActionName,EvalDecision]' \
		2>"$scratch/err" </dev/null
}

not_simulated() {
	found aws writing 'NOT CHECKED' "$(fill $"whether anything may be written: %s" "$1")" \
		$"allow iam:SimulatePrincipalPolicy, or try with one record"
}

# simulate WHO RESOURCES ACTION...: each is a line; of no resource in particular a denial may be
# one of all but some.
simulate() {
	local action decision worst=FAIL
	local -a on=()

	read -ra on <<<"$2"
	if ((${#on[@]})); then
		on=(--resource-arns "${on[@]}")
	else
		worst=WARN
	fi
	if ! decide "$1" "${@:3}" -- "${on[@]}" >"$scratch/answer"; then
		not_simulated "$(sed '/^[[:space:]]*$/d' "$scratch/err" | tail -n 1)"
		return
	fi
	while read -r action decision; do
		if [[ $decision == allowed ]]; then
			found aws "$action" OK "$(fill $"%s is allowed" "$action")"
		else
			found aws "$action" "$worst" "$(fill $"%s is not allowed: %s" "$action" \
				"$decision")" "$(fill $"allow %s to %s" "$action" "$1")"
		fi
	done <"$scratch/answer"
}
