# options.bash: the command line of a front door, sourced behind lib.bash.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # ferry_name and EX_* are those of lib.bash

declare -A opt=() # options of the command by name; flags are 1, or 0 for --no-NAME
repeated=()       # --NAME=VALUE of options that may be repeated, as they came
words=()          # its operands
aws=()            # --profile and --region, for the programs
target_aws=()     # --profile and --region of the target
# how a file of records is read
reader=(input-format= delimiter= encoding= allow-no-newline no-header names= rename-columns
	lenient-quotes skip-lines= comment= null= at= max-record=)
part=()           # option of what reads: the shard of this run
known=()          # options of fs-put: what the target has already
declare -A plan=() # what fs-plan said

# read_options SPEC... -- ARGUMENT...: SPEC is NAME= (wants a value), NAME+ (wants one, and may be
# repeated: they are kept in `repeated`), NAME (a flag) or NAME? (a flag that may have a value
# behind =), with X: before it for a letter.
read_options() {
	local name letter own_stats stats='' several=' ' table=$'\n\n'

	own_stats=1 # a program behind the command writes it
	if [[ " ${*%% -- *} " != *' stats= '* ]]; then
		set -- stats= "$@"
		own_stats=''
	fi
	for name; do
		[[ $name != -- ]] || break
		letter=''
		[[ $name != ?:* ]] || letter="-${name%%:*}, " name=${name#*:}
		case $name in
		# the programs behind it would refuse it later, when other things are done
		*-wait= | *-timeout= | retry-for= | progress-every= | wait-lock=)
			name+='DURATION {unit 1000000}'
			;;
		ttl=) name+=DURATION ;;
		max-workers=) name+='N {1..1024}' ;;
		batch-size=) name+='N {1..1000000}' ;;
		expect= | limit= | skip-lines=) name+=N ;;
		method=) name+='csv|unload' ;;
		target-stores=) name+='all|online|offline' ;;
		event-time=) name+='keep|missing|now|later|next' ;;
		*=) name+=VALUE ;;
		*\?) name="${name%?}[=VALUE]" ;;
		*+)
			several+="${name%+} "
			name="${name%+}=VALUE {list}"
			;;
		esac
		case $name in
		# destroys something or weakens a guarantee: for a person to say
		yes | force | delete | delete-data | clear-target | no-verify | \
			allow-* | without-* | accept-*)
			name+=' {weakens}'
			;;
		esac
		table+="  $letter--$name"$'\n'
		shift
	done
	shift
	for name; do
		[[ $name != -- ]] || break
		[[ $name != @(-h|--help) ]] || show_usage
	done
	table+=$'  --profile=VALUE\n  --region=VALUE\n'
	[[ $command != "$ferry_name" ]] ||
		table+=$'  -o, --output-format=text|json {not-with stats}\n'
	# a command has a section of its own in ferry.conf, such as [fs bulk-put]
	FERRY_COMMAND=${command/#"$ferry_name"/} parse_options "$table" take_option "$@"
	if [[ $command == "$ferry_name" && ${opt[output-format]-} == json ]]; then
		# its statistics are what it prints; what is for people stands beside its messages
		exec {answer_fd}>&1 >&2
		stats=/dev/fd/$answer_fd
	fi
	[[ ! $stats ]] || stats_to "$stats" "$command" "${words[@]}" "${opt[@]}" "${repeated[@]#*=}"
	[[ $command != "$ferry_name" ]] || hush
	options_fit "${repeated[@]}"
	local -a args=()
	pass "${reader[@]}"
	options_fit "${args[@]}"
}

# options_fit OPTION...: map-fields, which knows them, is shown nothing: what it refuses of them is
# refused before anybody is asked.
options_fit() {
	local code=0 said

	(($#)) || return 0
	said=$(
		unset FERRY_STATS_LOG
		map-fields "$@" --quiet --progress=none </dev/null 2>&1 >/dev/null
	) || code=$?
	((code == 0 || code == EX_DATA)) && return 0 # there is not even a header
	relay <<<"${said//map-fields/$ferry_name}"
	exit "$code"
}

# like NAME VALUE FORM: FORM is the regular expression in `form`, for people.
like() {
	[[ $2 =~ $form ]] || misused "$(fill $"--%s: not like %s: %s" "$1" "$3" "$2")"
}

# hush: what a command prints that is no data is a report, and -q wants none.
hush() { [[ ! ${FERRY_QUIET-} ]] || exec >/dev/null; }

take_option() {
	case $1 in
	--) words+=("$2") ;;
	profile | region) aws+=("--$1=$2") ;;
	quiet) be_quiet ;;
	log-time | log-format | log-file) log_option "$1" "$2" ;;
	where | filter-query | resume-from | as-of | only | before | query)
		[[ $2 == *[![:space:]]* ]] ||
			misused "$(fill $"--%s is empty: is a variable not set?" "$1")"
		opt[$1]=$2
		check_value "$1" "$2"
		;;
	stats) if [[ $own_stats ]]; then opt[$1]=$2; else stats=$2; fi ;;
	*)
		opt[$1]=$2
		[[ $several != *" $1 "* ]] || repeated+=("--$1=$2")
		check_value "$1" "$2"
		;;
	esac
}

# check_value NAME VALUE: what can be told of it before anybody is asked.
check_value() {
	local form folder=./

	case $1 in
	as-of)
		form='^([-+]?[0-9.]+([eE][-+]?[0-9]+)?|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)$'
		like "$@" '2024-01-01T00:00:00Z'
		;;
	only)
		form='^[^=]+=.' && like "$@" FEATURE=FILE
		[[ -r ${2#*=} ]] ||
			fail "$EX_NOINPUT" "$(fill $"cannot read %s" "${2#*=}")"
		;;
	column-mapping) form='^[^:]+:[^:]' && like "$@" OLD:NEW ;;
	s3-output-location | s3-uri) form='^s3://[^/]+(/|$)' && like "$@" s3://BUCKET/PREFIX ;;
	progress) form='^(0|1|auto|bar|json|none)$' && like "$@" 'bar, json, none' ;;
	failed | journal) # of a migration that is a folder, and made
		[[ $2 != */* ]] || folder=${2%/*}/
		[[ $1$command == journalmigrate ||
			(! -d $2 && (-w $2 || (! -e $2 && -w $folder))) ]] ||
			fail "$EX_CANTCREATE" "$(fill $"cannot write to %s" "$2")"
		;;
	esac
}

# Lines of options wrap at 80 places; of Korean in UTF-8, a character takes two.
wrapped() {
	LC_ALL=C awk '
		function width(s, n) {
			n = length(s) - gsub(/[\200-\277]/, "", s)
			return n + gsub(/[\343-\355]/, "", s)
		}
		/^ ? ? ? ? ? ?  ?-/ && match($0, /[^ ]   *[^ ]/) && RSTART < 34 {
			at = RSTART + RLENGTH - 2
			line = substr($0, 1, at)
			n = split(substr($0, at + 1), word, " ")
			for (i = 1; i <= n; i++) {
				if (i > 1 && used + 1 + width(word[i]) > 80) {
					print line
					line = sprintf("%" at "s", "")
					used = at
				} else if (i > 1) {
					line = line " "
					used++
				} else {
					used = at
				}
				line = line word[i]
				used += width(word[i])
			}
			$0 = line
		}
		{ print }' 2>/dev/null
}

show_usage() {
	usage | wrapped || fail "$EX_IO" $"cannot write to standard output"
	end_well
}

# operands COUNT WHAT: there must be so many.
operands() {
	((${#words[@]} == $1)) || misused "$(fill $"%s takes %s" "$command" "$2")"
}

# figure NAME FILE: a number out of a JSON summary, or nothing.
figure() {
	local text
	text=$(<"$2")
	[[ ! $text =~ .*\"$1\":([0-9]+) ]] || printf '%s\n' "${BASH_REMATCH[1]}"
}

# counted: the load that ended has said in $run/stats.json what it did; one that was killed has not.
counted() { [[ -f $run/stats.json && $(figure records "$run/stats.json") ]]; }

# pass NAME...: those that were given, as arguments, in the array `args`; flags as they stand.
pass() {
	local name
	for name; do
		case $name in
		*=) [[ ! ${opt[${name%=}]+set} ]] || args+=("--$name${opt[${name%=}]}") ;;
		*)
			case ${opt[$name]-} in
			1) args+=("--$name") ;;
			0) args+=("--no-$name") ;;
			esac
			;;
		esac
	done
}

# pass_part: --shard, for what reads.
pass_part() { [[ ! ${opt[shard]+set} ]] || part=("--shard=${opt[shard]}"); }

# pass_progress: --progress as it is, or with one of the programs' own ways to show it.
pass_progress() {
	case ${opt[progress]-1} in
	1) ;;
	0) args+=(--progress=none) ;;
	*) args+=("--progress=${opt[progress]}") ;;
	esac
}

# quantity NAME DEFAULT MIN: the value of an option that is a whole number.
quantity() {
	local value=${opt[$1]-$2}

	[[ $value =~ ^[0-9]+$ && ${#value} -lt 16 ]] ||
		misused "$(fill $"--%s: not a number: %s" "$1" "$value")"
	((10#$value >= $3)) ||
		misused "$(fill $"--%s: less than %s: %s" "$1" "$3" "$value")"
	printf '%s\n' "$((10#$value))"
}

# common_usage: the lines of --help that all of them share.
common_usage() {
	fill \
$"      --profile=NAME              section of ~/.aws/config and credentials [$AWS_PROFILE]
      --region=NAME               region, such as ap-northeast-2 [$AWS_REGION]
      --yes                       do not ask
      --wait-lock=TIME            wait so long for whoever writes to the group (default: not)
      --skip-if-running           end well when somebody does
      --stats=FILE                a JSON summary of the run, also when it fails
  -o, --output-format=text|json   json: print that summary instead of a report
  -q, --quiet                     print errors only
      --log-time                  begin messages with the time
      --log-format=text|json      of messages
      --log-file=FILE             append messages to it
  -h, --help                      print this help
      --version                   print the version
"
}

# read_known GROUP [FILE]: what its stores have, in files; into `known`, those that have anything.
# With FILE only of the identifiers in its lines. `online` and `offline` say which stores there are.
# Called under `||`, so each command says for itself that it failed.
read_known() {
	local code=0
	local -a args=() from=("${target_aws[@]}" --progress=none --no-seal -o ndjson)

	known=()
	defer rm -f -- "$run/there.offline" "$run/there.online"
	if [[ $offline ]]; then
		pass workgroup= query-timeout=
		args+=("${part[@]}")
		[[ ! ${2-} ]] || args+=("--only=$identifier=$2")
		fs-extract-athena "${from[@]}" "${args[@]}" --reuse=never --unique \
			--store-columns --without-collections -O "$run/there.offline" -- "$1" ||
			return
		[[ ! -s $run/there.offline ]] || known+=("--there-offline=$run/there.offline")
	fi
	if [[ $online && ( ! $offline || -s $run/there.offline ) ]]; then
		args=("${part[@]}")
		[[ ! ${2-} ]] || args=(--quiet --lines "--ids=$2")
		fs-extract-online "${from[@]}" "${args[@]}" -O "$run/there.online" -- "$1" \
			2>"$run/err" || code=$?
		# where it cannot be listed, what the offline store has does: the rest is not there
		if [[ $offline && ! ${2-} && $code == @("$EX_NOTALLOWED"|"$EX_REFUSED") ]]; then
			code=0
			fs-extract-online "${from[@]}" --quiet "--ids=$run/there.offline" \
				-O "$run/there.online" -- "$1" 2>"$run/err" || code=$?
		fi
		[[ ! ${opt[only-missing]+set} && $code == @("$EX_NOTALLOWED"|"$EX_REFUSED") ]] ||
			relay <"$run/err"
		rm -f -- "$run/err"
		((code == 0)) || return "$code"
		[[ ! -s $run/there.online ]] || known+=("--there-online=$run/there.online")
	fi
}

# know GROUP [FILE]: the same; where nobody may ask, all of it is sent, unless --only-missing was
# said. Whatever else is wrong may be right the next time.
know() {
	local code=0

	read_known "$@" || code=$?
	((code)) || return 0
	[[ ! ${opt[only-missing]+set} && $code == @("$EX_NOTALLOWED"|"$EX_REFUSED") ]] ||
		exit "$code"
	warn "$(fill $"what %s has already is not known: all of it is sent" "$1")"
	known=()
}

# apart NAME FILE OTHER...: what --NAME writes is none of the files that are read, or written too.
apart() {
	local each

	[[ ! -e $2 || -f $2 ]] || return 0
	for each in "${@:3}"; do
		[[ ! $each || (! $2 -ef $each && \
			$(readlink -m -- "$2") != "$(readlink -m -- "$each")") ]] ||
			misused "$(fill $"--%s is a file that is used otherwise, too: %s" "$1" \
				"$2")"
	done
}

# arn_file: the group that `arn` names, as part of a file's name (fs_state_path() of fs_run.h)
arn_file() {
	local name=${arn,,}

	printf '%s' "${name//[:\/]/_}"
}

# lock_group: nobody else on this machine writes to the group that `arn` names until this
# script, and whatever it began, has ended, or until unlock_group. Doors that this one calls know
# that it is theirs.
lock_group() {
	local code folder name=${arn//[:\/]/-}

	name=${name,,}

	[[ " ${FERRY_LOCKED-} " != *" $name "* ]] || return 0
	lock_folder
	exec {group_lock}>>"$folder/$name"
	take_lock "$group_lock" "$(fill $"another run writes to %s" "${arn##*/}")" || {
		exec {group_lock}>&-
		return "$EX_TEMP"
	}
	mark_group || {
		code=$?
		exec {group_lock}>&-
		return "$code"
	}
	export FERRY_LOCKED="${FERRY_LOCKED-} $name"
}

# ---- runs on other machines, and of other users ------------------------------------------------
#
# With FERRY_MARK set a tag of the group says who writes to it, `HOST PID:START SECONDS`; the time
# is renewed while he does. A mark of this machine whose process has gone counts for nothing, nor
# one that nobody has renewed for longer than clocks may differ by which requests are signed; with
# FERRY_MARK=steal none does. A tag is no lock: two that begin at the same moment may both go on.

readonly mark_name=ferry:writer mark_lasts=1800
declare -A marks=() # by ARN, of those that are ours: the process that renews it

# mark [VALUE]: sets the tag of the ARN `marked`; prints what it is then.
mark() {
	fs-group "${mark_aws[@]}" tags ${1+"--tags=$mark_name=$1"} -- "$marked" |
		sed -n "s/^$mark_name=//p"
}

# free_mark VALUE: nobody is at work but this run
free_mark() {
	local host process seconds

	read -r host process seconds <<<"$1"
	[[ $process && $process != "${FERRY_RUN##* }" && $FERRY_MARK != steal ]] || return 0
	((EPOCHSECONDS - seconds < mark_lasts)) || return 0
	[[ $host == "$HOSTNAME" ]] && ! lives "$process"
}

# lives PID:START: as answer_for writes it
lives() {
	local stat=''
	local -a fields

	IFS= read -rd '' stat 2>/dev/null <"/proc/${1%:*}/stat" || [[ $stat ]] || return 1
	read -ra fields <<<"${stat##*)}"
	[[ ${fields[19]} == "${1#*:}" ]]
}

# take_mark [look]: whoever sets it last has it; 1 where another has, else the code of what failed
take_mark() {
	who=$(mark) || return
	free_mark "$who" || return 1
	((! $#)) || return 0
	who=$(mark "$HOSTNAME ${FERRY_RUN##* } $EPOCHSECONDS") || return
	free_mark "$who"
}

# mark_group [look]: behind the lock of this machine, with the options of take_lock. What fails ends
# the script, unless `lock_stay`. With `look` the mark of another is respected, but none is set.
mark_group() {
	local code who wait=$SECONDS

	[[ ${FERRY_MARK-} ]] || return 0
	marked=${arn,,} mark_aws=("${aws[@]}")
	((${#target_aws[@]} == 0)) || mark_aws=("${target_aws[@]}")
	wait=$((wait + $(lock_wait)))
	while
		code=0
		take_mark "$@" || code=$?
		((code))
	do
		((code == 1)) || {
			[[ ${lock_stay-} ]] || exit "$code"
			return "$code"
		}
		((SECONDS < wait)) || {
			busy "$(fill $"another run writes to %s" "${arn##*/}, ${who% *}")"
			return
		}
		nap 2000
	done
	((! $#)) || return 0
	renew_mark >/dev/null &
	marks[$marked]=$!
	[[ ${marks_go-} ]] || defer unmark_groups
	marks_go=1
}

# renew_mark: beside the run, without its locks, which it may outlive by a moment
renew_mark() {
	local fd

	for fd in /proc/"$BASHPID"/fd/*; do
		fd=${fd##*/}
		((fd < 3 || fd == 255)) || exec {fd}>&- # 255: the script, as bash reads it
	done
	while nap "$((mark_lasts * 250))" && kill -0 $$ 2>/dev/null; do
		mark "$HOSTNAME ${FERRY_RUN##* } $EPOCHSECONDS" >/dev/null || :
	done
}

unmark_groups() {
	for marked in "${!marks[@]}"; do
		kill "${marks[$marked]}" 2>/dev/null || :
		mark '' >/dev/null || :
	done
	marks=()
}

# lock_shard I/N: nobody else on this machine writes this part of the group, nor the group whole,
# nor in parts of another number. Whoever comes first writes the number into the file.
lock_shard() {
	local folder name=${arn//[:\/]/-} busy

	name=${name,,}
	lock_folder
	busy=$(fill $"another run writes to %s" "${arn##*/}")
	exec {group_lock}>>"$folder/$name" {shard_lock}>>"$folder/$name.${1/\//-}"
	! flock -n "$group_lock" || printf '%s\n' "${1#*/}" >"$folder/$name"
	take_lock "$group_lock" "$busy" --shared
	[[ $(<"$folder/$name") == "${1#*/}" ]] ||
		fail_busy "$(fill $"%s, in %s shards" "$busy" "$(<"$folder/$name")")"
	take_lock "$shard_lock" "$(fill $"%s: shard %s" "$busy" "$1")"
	mark_group look # one of several parts cannot say when the last has ended
	export FERRY_LOCKED="${FERRY_LOCKED-} $name"
}
unlock_group() {
	unmark_groups
	[[ ! ${group_lock-} ]] || exec {group_lock}>&-
	FERRY_LOCKED=${FERRY_LOCKED% *}
}

# ask_plan OPTION... -- SOURCE TARGET: prints what fs-plan does; into `plan` goes what it says.
ask_plan() {
	local name value

	fs-plan "${aws[@]}" "--facts=$run/facts" "$@" || return
	while IFS= read -r -d '' name && IFS= read -r -d '' value; do
		plan[$name]=$value
	done <"$run/facts"
	rm -f -- "$run/facts"
}

# sure QUESTION [COMMAND...]: runs what shows more and asks, unless told not to; no ends the script.
sure() {
	[[ ${opt[force]-} != 1 && ${opt[yes]-} != 1 ]] || return 0
	"${@:2}" >&2
	confirm "$1" || fail "$EX_NOTALLOWED" $"not confirmed, nothing was done"
}

# facts GROUP: the names of identifier and event time, its type, which stores there are, in which
# format, when it was made, and its ARN, with the name as it is: ARNs have it in lower case.
facts() {
	local key value _ role text group=''

	text=$(fs-group "${aws[@]}" describe -o csv -- "$1") || return
	identifier='' time='' time_type='' online='' offline='' table_format='' created='' arn=''
	{
		while IFS=, read -r key value _ && [[ $key,$value != FeatureName,FeatureType ]]; do
			[[ $key != CreationTime ]] || created=$value
			[[ $key != FeatureGroupName ]] || group=$value
			[[ $key != FeatureGroupArn ]] || arn=${value%/*}/$group
			[[ $key,$value != IngestMode,*Online* ]] || online=1
			[[ $key,$value != IngestMode,*Offline* ]] || offline=1
			[[ $key != TableFormat ]] || table_format=$value
		done
		# its features, whatever their names
		while IFS=, read -r key value _ role; do
			[[ $role != 'record identifier' ]] || identifier=$key
			[[ $role != 'event time' ]] || time=$key time_type=$value
		done
	} <<<"$text"
}
