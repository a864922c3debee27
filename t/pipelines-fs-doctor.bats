load helper
load sandbox
load fs

# fs doctor: reads that are really made, and what IAM says of writing.

# doctor CODE [WORD...]: its lines as CHECK VERDICT, in `lines`
doctor() {
	run_rc "$1" "${fs:-fs}" doctor -o json "${@:2}"
	cp "$out" doctor.json
	jq -r '.[] | "\(.check) \(.verdict)"' doctor.json >lines
}

# says CHECK VERDICT TEXT...
says() {
	has lines "$1 $2"
	jq -r --arg name "$1" '.[] | select(.check == $name) | .finding, .remedy' doctor.json >line
	has line "${@:3}"
}

@test "fs doctor: region, credentials and what is read, by requests that are made" {
	local each

	group looked-at
	doctor 0 looked-at
	says connect OK 'are listed'
	says looked-at OK ''
	says looked-at/online OK ''
	says looked-at/offline OK ''
	is "$(sandbox_count PutRecord)" 0
	sandbox_set deny=GetRecord,BatchGetRecord
	doctor 1 looked-at
	says looked-at/online FAIL AccessDenied
	says looked-at/offline OK ''
	sandbox_set deny=StartQueryExecution
	doctor 1 looked-at
	says looked-at/offline FAIL StartQueryExecution
	sandbox_set deny=ListFeatureGroups
	doctor 1
	says connect FAIL ListFeatureGroups
	says rest 'NOT CHECKED' ''
	sandbox_set
	doctor 1 no-such-group
	says no-such-group FAIL 'there is no feature group "no-such-group"'
	by_turns 1 connection region credentials
	for each in "${turns[@]}"; do
		case $each in
		connection) AWS_ENDPOINT_URL=http://127.0.0.1:9 doctor 1 ;;
		region) doctor 1 --region no/region ;;
		credentials)
			(unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN &&
				AWS_EC2_METADATA_DISABLED=true doctor 1)
			;;
		esac
		says connect FAIL "$each"
	done
	run_rc 0 fs doctor looked-at
	has "$out" 'OK           aws     looked-at/online: it can be read'
	run_rc 64 fs doctor -o csv
}

@test "fs doctor: what may be written is asked of IAM, where that is allowed" {
	group written-to
	mkdir door
	ln -s "$FERRY_BIN"/* door
	cat >door/aws <<-'END'
		#!/bin/bash
		printf '%s\n' "$*" >>aws.calls
		case "$*" in
		*get-caller-identity*)
			printf 'arn:aws:sts::123456789012:assumed-role/loader/me\n' ;;
		*simulate*)
			[[ ! -f denied ]] || { printf '\nAccessDenied: no\n' >&2; exit 254; }
			printf 'sagemaker:%s\t%s\n' PutRecord allowed DeleteRecord implicitDeny ;;
		esac
	END
	chmod +x door/aws
	fs=door/fs doctor 1 written-to
	says sagemaker:PutRecord OK allowed
	says sagemaker:DeleteRecord FAIL implicitDeny \
		'allow sagemaker:DeleteRecord to arn:aws:iam::123456789012:role/loader'
	has aws.calls '-arn arn:aws:iam::123456789012:role/loader --action-names sagemaker:' \
		':feature-group/written-to --output'
	has aws.calls 's3:PutObject s3:DeleteObject' '-arns arn:aws:s3:::offline/fs/1234'
	# of no group in particular it may be one of all but some
	fs=door/fs doctor 0
	says sagemaker:DeleteRecord WARN ''
	touch denied
	fs=door/fs doctor 0 written-to
	says writing 'NOT CHECKED' 'AccessDenied: no' iam:SimulatePrincipalPolicy
}

@test "fs clear: its plan has what IAM says of deleting, where that is allowed" {
	loaded may-clear 5
	mkdir door
	ln -s "$FERRY_BIN"/* door
	cat >door/aws <<-'END'
		#!/bin/bash
		printf '%s\n' "$*" >>aws.calls
		case "$*" in
		*get-caller-identity*) printf 'arn:aws:iam::123456789012:user/me\n' ;;
		*DeleteRecord*) printf 'sagemaker:DeleteRecord\tallowed\n' ;;
		*DeleteObject*)
			[[ ! -f silent ]] || { printf 'AccessDenied: no\n' >&2; exit 254; }
			printf 's3:DeleteObject\t%s\n' "$(<decision)" ;;
		esac
	END
	chmod +x door/aws
	echo allowed >decision
	run_rc 0 door/fs clear may-clear --dry-run
	has "$out" 'would delete 5 records' 'deleting is allowed, as IAM says'
	has aws.calls ':feature-group/may-clear --output' 'arn:aws:s3:::offline/fs/'
	echo explicitDeny >decision
	run_rc 0 door/fs clear may-clear --dry-run
	has "$err" 'deleting is not allowed, as IAM says: s3:DeleteObject explicitDeny'
	touch silent
	run_rc 77 door/fs clear may-clear </dev/null
	has "$err" 'not checked: whether deleting is allowed'
	is "$(fs-extract-online may-clear --no-seal | wc -l)" 6
}
