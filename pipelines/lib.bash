# lib.bash: what the front doors and pipelines share. Source it first:
#
#	self=$(readlink -f -- "${BASH_SOURCE[0]}")
#	source "${self%/*}/lib.bash"
#
# A pipeline is written as plain commands, so that a failure ends the script with its code:
#
#	begin narrow-to-wide
#	pg-narrow-dump ... | pivot-wide ... | pg-copy-load ... ||
#		pipe_failed dump pivot load -- "${PIPESTATUS[@]}"
#
# Mind bash: PIPESTATUS is read in the same list as the pipe; a function in a condition or before ||
# runs without `set -e`; `local x=$(cmd)` hides the code of cmd; what runs in <(...) has none.
# shellcheck shell=bash
set -Eeuo pipefail
shopt -s inherit_errexit

# A standard descriptor that was closed: as our programs do (core/opt.c), /dev/null in the wrong
# direction keeps the place, and fails for who needs it.
ferry_closed=''
[[ -L /proc/self/fd/0 ]] || exec 0>/dev/null
[[ -L /proc/self/fd/1 ]] || { ferry_closed=1 && exec 1</dev/null; }
[[ -L /proc/self/fd/2 ]] || exec 2>/dev/null

readonly FERRY_LIB=${BASH_SOURCE[0]%/*}

# Messages speak the user's language; order, numbers and times are the same everywhere. Texts in
# $"..." are translated by bash, with gettext, when it reads them. A locale that is not installed
# here is no reason for another language: C.UTF-8 and LANGUAGE do.
ferry_wanted=${LC_ALL:-${LC_MESSAGES:-${LANG:-C}}}
unset LC_ALL
export LC_COLLATE=C LC_NUMERIC=C LC_TIME=C LC_CTYPE=C.UTF-8 TZ=UTC0
# shellcheck disable=SC2030,SC2031  # tried in a subshell: bash complains where it is not there
if [[ $ferry_wanted != C* && $({ LC_MESSAGES=$ferry_wanted; } 2>&1) ]]; then
	export LANGUAGE=${LANGUAGE:-${ferry_wanted%%[._@]*}}
	# shellcheck disable=SC2034  # for doctor.bash
	ferry_no_locale=$ferry_wanted
	ferry_wanted=C.UTF-8
fi
# shellcheck disable=SC2031
export LC_MESSAGES=$ferry_wanted
shopt -s noexpand_translation 2>/dev/null || : # a translation is text, whatever is in it
# shellcheck disable=SC2034  # bash reads it
TEXTDOMAIN=ferry
TEXTDOMAINDIR=$FERRY_LIB/../locale
[[ -d $TEXTDOMAINDIR ]] || TEXTDOMAINDIR=$FERRY_LIB/../build/locale

# The programs lie beside the front door as it was called, or beside what that is a link to: bin/x
# is a link to this folder, and a user may have one to bin/x.
ferry_find_programs() {
	local door=$0 next

	[[ $door == */* ]] || door=./$door
	until [[ -x ${door%/*}/pivot-wide ]]; do
		if [[ ! -L $door ]]; then
			door=$FERRY_LIB/../bin/x
			break
		fi
		next=$(readlink -- "$door")
		[[ $next == /* ]] || next=${door%/*}/$next
		door=$next
	done
	[[ ! -x ${door%/*}/pivot-wide ]] || PATH=$(cd -- "${door%/*}" && pwd):$PATH
}
ferry_find_programs

# Exit codes, as in core/msg.h.
# shellcheck disable=SC2034  # for the scripts that source this
readonly EX_DIFFERS=1 EX_USAGE=64 EX_DATA=65 EX_NOINPUT=66 EX_REFUSED=69 EX_BUG=70 \
	EX_CANTCREATE=73 EX_IO=74 EX_TEMP=75 EX_STREAM=76 EX_NOTALLOWED=77 EX_CONFIG=78

ferry_name=${0##*/}

# say LEVEL TEXT: one line on stderr; control bytes that came with data cannot reach the terminal.
say() {
	# a subshell cannot tell it otherwise
	[[ $1 != $"error" || ! ${FERRY_STATS_LOG-} ]] || printf '%s' "$2" >"$FERRY_STATS_LOG.said"
	[[ ! ${FERRY_QUIET-} || $1 == $"error" || $1 == $"hint" ]] || return 0
	log_line "$1" "${2//[[:cntrl:]]/?}"
}

# is_stderr STREAM: whether standard error is this file or pipe, "DEVICE:INODE".
is_stderr() { [[ $1 && $1 == "$(stat -Lc %d:%i /dev/fd/2)" ]]; }

# priority and name of a level; others are notes
declare -rA log_levels=([$"error"]='3 error' [AWS]='3 error' [$"warning"]='4 warning'
	[$"hint"]='5 hint')

# log_line LEVEL TEXT: as log_line() of core/log.c.
log_line() {
	local who="$ferry_name${FERRY_LABEL:+[$FERRY_LABEL]}"
	local stamp='' line="$who: $1: $2" file='' ours='' text
	local level=${log_levels[$1]-6 note}

	[[ ! ${FERRY_LOG_TIME-}${FERRY_LOG_STREAM-} ]] || printf -v stamp '%(%FT%TZ)T' -1
	if is_stderr "${FERRY_LOG_STREAM-}"; then
		ours=1 file=${FERRY_LOG_FILE-}
		[[ ! $file ]] || line="${FERRY_RUN%% *} $line"
	fi
	if [[ $ours && ${FERRY_LOG_FORMAT-} == json ]]; then
		text=${2//\\/\\\\}
		printf -v line '{"time":"%s","program":"%s","run":"%s",' \
			"$stamp" "$who" "${FERRY_RUN%% *}"
		line+="\"level\":\"${level#* }\",\"message\":\"${text//\"/\\\"}\"}"
	elif [[ $file || ${FERRY_LOG_TIME-} ]]; then
		line="$stamp $line"
	fi
	[[ ! $file ]] || ! { printf '%s\n' "$line" >>"$file"; } 2>/dev/null || return 0
	! is_stderr "${JOURNAL_STREAM-}" || line="<${level% *}>$line"
	printf '%s\n' "$line" >&2
}

# relay: says what our programs have said, which was read first: the lines of standard input.
relay() {
	local name=$ferry_name line level
	local ferry_name

	[[ ${FERRY_LOG_STREAM-} ]] || {
		cat >&2
		return
	}
	while IFS= read -r line || [[ $line ]]; do
		[[ $line ]] || continue
		line=${line#????-??-??T??:??:??Z }
		ferry_name=$name level=''
		# nor is all that a program prints a message of ours
		[[ $line != *': '* ]] ||
			ferry_name=${line%%[:[]*} line=${line#*: } level=${line%%: *}
		[[ ${log_levels[${level:-none}]-} ]] && line=${line#*: } || level=$"note"
		log_line "$level" "$line"
	done
}
be_quiet() { export FERRY_QUIET=1; } # the programs, too

# log_option NAME VALUE: what --log-time, --log-format and --log-file say; the programs, too.
log_option() {
	local name=${1//-/_} value=$2

	[[ $value ]] || misused "$(fill $"--%s is empty: is a variable not set?" "$1")"
	if [[ $1 == log-file && $value != - ]]; then
		[[ $value == /* ]] || value=$PWD/$value
		{ : >>"$value"; } 2>/dev/null ||
			fail "$EX_CANTCREATE" "$(fill $"cannot write to %s" "$2")"
	fi
	export "FERRY_${name^^}=$value"
	log_here
}

# log_here: what their standard error must be, so that it is ours (core/log.h).
log_here() {
	[[ ${FERRY_LOG_FILE-} != - ]] || FERRY_LOG_FILE=''
	[[ ! ${FERRY_LOG_STREAM-} && ${FERRY_LOG_FORMAT-}${FERRY_LOG_FILE-} ]] || return 0
	# whose messages nobody is to see are sent to /dev/null, which is none of the others
	! [[ /dev/fd/2 -ef /dev/null ]] || exec 2>/dev/zero
	FERRY_LOG_STREAM=$(stat -Lc %d:%i /dev/fd/2)
	export FERRY_LOG_STREAM
}
log_here
note() { say $"note" "$1"; }
warn() { say $"warning" "$1"; }
hint() { say $"hint" "$1"; }

# fill FORMAT WORD...: a text with what goes into its %s.
fill() {
	# shellcheck disable=SC2059  # that is what it is for
	printf -- "$@"
}

# because CODE WORD: why it ends so, for --stats (ferry-json(7)).
because() { [[ ! ${FERRY_STATS_LOG-} ]] || printf '%s' "$*" >"$FERRY_STATS_LOG.why"; }

# reason_of CODE: the same of a code, as msg_reason() of core/msg.c.
reason_of() {
	local -A kinds=([1]=differs [64]=usage [65]=data [66]=no-input [69]=refused [70]=bug
		[73]=cannot-create [74]=io [75]=temporary [76]=stream [77]=not-allowed
		[78]=configuration)

	printf '%s' "${kinds[$1]-ended}"
}

# fail CODE WHAT [HINT]: says it and ends the script. What is temporary the programs know better.
fail() {
	(($1 == EX_TEMP)) || because "$1" "$(reason_of "$1")"
	say $"error" "$2"
	[[ -z ${3-} ]] || hint "$3"
	exit "$1"
}

# fail_busy WHAT [HINT]: somebody else is at work.
fail_busy() {
	because "$EX_TEMP" busy
	fail "$EX_TEMP" "$@"
}

# misused WHAT: a mistake on the command line.
misused() {
	fail "$EX_USAGE" "$1" "$(fill $"'%s --help' lists the options" "$ferry_name")"
}

# parse_options TABLE FUNCTION ARGUMENT...: calls FUNCTION NAME VALUE for each option and operand,
# as src/common/core/opt_shell.h says; flags turned off by --no-NAME have the value 0. --help and
# mistakes end the script.
parse_options() {
	local take=$2 out
	local -a got=()

	exec {out}>&1
	mapfile -d '' -t got < <(pivot-wide --front-door "$ferry_name" "${@:3}" 3>&1 >&"$out" \
		<<<"$1")
	exec {out}>&-
	# an answer that is whole ends with `end`, or says why there is none
	if ((${#got[@]} < 2)); then
		wait "$!" || known_code "$?" || exit
		exit "$EX_TEMP"
	fi
	if [[ ${got[-2]} != end ]]; then
		[[ ${got[-1]} == 0 ]] || exit "${got[-1]}"
		end_well # it has printed the help, or the version
	fi
	set -- "${got[@]::${#got[@]}-2}"
	while (($#)); do
		"$take" "$1" "$2"
		shift 2
	done
}

# confirm QUESTION: true for y or yes. Asked on stderr, answered by one line; no line means no.
confirm() {
	local answer=

	printf '%s: %s [y/N] ' "$ferry_name${FERRY_LABEL:+[$FERRY_LABEL]}" "$1" >&2
	IFS= read -r answer || printf '\n' >&2
	[[ ${answer,,} == @(y|yes|예|네) ]]
}

# defer COMMAND ARGUMENT...: runs it when the script ends, however it ends; the last deferred runs
# first. Each takes its words and then their number on the stack, so nothing is ever parsed again.
ferry_deferred=()
defer() {
	ferry_deferred+=("$@" "$#")
}

ferry_at_exit() {
	local count at

	ferry_code=$1
	trap - EXIT ERR
	trap '' HUP INT TERM
	set +e
	while ((${#ferry_deferred[@]})); do
		count=${ferry_deferred[-1]}
		at=$((${#ferry_deferred[@]} - 1 - count))
		"${ferry_deferred[@]:at:count}"
		ferry_deferred=("${ferry_deferred[@]:0:at}")
	done
	exit "$ferry_code"
}
trap 'ferry_at_exit $?' EXIT
trap 'exit 130' INT
# TERM and HUP end bash at once: a trap would wait for the command in the foreground, for as long as
# that takes. The programs end by themselves then (core/life.h).

# answer_for: the programs that this shell starts end when it does, however it does (core/life.h).
# For front doors, and for subshells that are waited for by others.
answer_for() {
	local stat=''
	local -a fields

	IFS= read -rd '' stat 2>/dev/null <"/proc/$BASHPID/stat" || [[ $stat ]] || return 0
	read -ra fields <<<"${stat##*)}"
	export FERRY_RUN="${FERRY_RUN:+$FERRY_RUN }$BASHPID:${fields[19]}"
}
answer_for

# uptime: sets $now, milliseconds of a clock that nobody sets.
uptime() {
	read -r now _ </proc/uptime
	now=${now/./}0
}

# nap MILLISECONDS: as sleep, but over when the front door is.
nap() {
	local -i left=$1

	while ((left > 0)) && kill -0 $$ 2>/dev/null; do
		sleep "0.$(printf %03d $((left > 500 ? 500 : left)))"
		left+=-500
	done
}

# What bash or a common tool could not do is no answer: 1 means "differs". This runs where a failure
# that nobody asked about ends the script, or a part of it.
ferry_broken() {
	local code=$1 word=${2%%[[:space:]]*} advice=

	((code < 64 || code == 126 || code == 127)) || return 0
	((code < 126)) || fail "$EX_CONFIG" "$(fill $"cannot run %s: is it installed?" "$word")"
	case $(type -t -- "$word") in
	function)
		# its own code, unless its output could not even be opened
		[[ $2 =~ '>'[[:blank:]]*[^'&'[:blank:]] ]] || return 0
		;;
	file)
		# ours know what they say
		[[ $word != @(fs|fs-*|pg-*|*-fs|narrow-to-wide|pivot-wide|via) ]] || return 0
		;;
	builtin) [[ $word == @(printf|echo|mapfile|cd|exec|:|.|source) ]] || return 0 ;;
	*) return 0 ;;
	esac
	[[ ! $ferry_closed ]] || fail "$EX_IO" $"cannot write to standard output" $"it is closed"
	[[ $word == aws ]] || # which has said why
		advice=$"is there room on the disk, and in the folders of FERRY_STATE and TMPDIR?"
	fail "$EX_IO" "$(fill $"%s failed" "$word")" "$advice"
}
trap 'ferry_broken "$?" "$BASH_COMMAND"' ERR

command -v pivot-wide >/dev/null ||
	fail "$EX_CONFIG" $"the programs of ferry are not beside it, nor in PATH" \
		$"call it where it is installed, or by a link to it"

# need_package NAME PACKAGE: a program that Debian has in a package of its own
need_package() {
	command -v "$1" >/dev/null ||
		fail "$EX_CONFIG" "$(fill $"%s is not installed" "$1")" \
			"$(fill $"on Debian it is in the package %s" "$2")"
}

# state_folder: prints where everything is that outlives a run.
state_folder() {
	local base=${XDG_STATE_HOME:-${HOME:+$HOME/.local/state}}

	[[ ${FERRY_STATE-}$base ]] ||
		fail "$EX_CONFIG" $"there is no HOME to keep state in" $"FERRY_STATE names a folder"
	printf '%s\n' "${FERRY_STATE:-$base/ferry}"
}

# lock_wait: the seconds of --wait-lock
lock_wait() {
	local unit=1 wait=${opt[wait-lock]-0}

	[[ $wait =~ ^([0-9]{1,7})([smhd]?)$ ]] ||
		misused "$(fill $"--wait-lock: not like 30s, 15m or 2h: %s" "$wait")"
	case ${BASH_REMATCH[2]} in m) unit=60 ;; h) unit=3600 ;; d) unit=86400 ;; esac
	printf '%s' "$((10#${BASH_REMATCH[1]} * unit))"
}

# take_lock FD WHAT [OPTION of flock]: another run may have it. --wait-lock waits for its end.
take_lock() {
	local wait

	wait=$(lock_wait)
	! flock "${@:3}" -w "$wait" "$1" || return 0
	busy "$2"
}

# busy WHAT: --skip-if-running ends well, unless `lock_stay`; otherwise it is said, with 75.
busy() {
	# shellcheck disable=SC2034  # whoever goes on asks for it
	was_busy=1
	if [[ ${opt[skip-if-running]-} == 1 ]]; then
		note "$1"
		[[ ${lock_stay-} ]] || end_well
	else
		because "$EX_TEMP" busy
		say $"error" "$1"
		hint $"--wait-lock TIME waits for it, --skip-if-running leaves this one out"
	fi
	return "$EX_TEMP"
}

# lock_folder: sets $folder, where the locks are.
lock_folder() {
	folder=$(state_folder)/locks
	(umask 077 && mkdir -p -- "$folder") 2>/dev/null ||
		fail "$EX_CANTCREATE" "$(fill $"cannot make the folder %s" "$folder")" \
			$"FERRY_STATE names another place"
}

# keep_seconds [TIME]: how long is kept what runs have left, 7d or 12h; a bare number is days.
keep_seconds() {
	local unit=86400

	[[ ${1:-${FERRY_KEEP_RUNS:-7}} =~ ^([0-9]{1,5})([smhd]?)$ ]] || {
		[[ ! $1 ]] || misused "$(fill $"--keep-runs: not like 12h or 7d: %s" "$1")"
		fail "$EX_CONFIG" "$(fill $"FERRY_KEEP_RUNS=%s is no number of days" \
			"$FERRY_KEEP_RUNS")"
	}
	case ${BASH_REMATCH[2]} in s) unit=1 ;; m) unit=60 ;; h) unit=3600 ;; esac
	printf '%s\n' "$((10#${BASH_REMATCH[1]} * unit))"
}

# forget_runs FOLDER: what runs that are over have left is kept for FERRY_KEEP_RUNS days, as are the
# names of queries whose program was killed, and files it had not named yet: NAME.PID.0. A run that
# lasts, or a process of it that does, holds the lock on its folder.
forget_runs() {
	local each keep n=0
	local state=${1%/run/*}
	local -a runs=("$1"/*) names=("$state"/*/*.run "$state"/*/*.[0-9]*.[0-9])

	keep=$(keep_seconds '')
	# mostly there is this run alone, and nothing to start a process for
	((${#runs[@]} == 1)) || while IFS= read -r -d '' each; do
		! flock --nonblock "$each" rm -rf -- "$each" || n=$((n + 1))
	done < <(find "$1" -mindepth 1 -maxdepth 1 -type d -not -newermt "-$keep seconds" -print0)
	[[ ! -e ${names[0]} && ! -e ${names[-1]} ]] ||
		find "$state" -mindepth 2 -maxdepth 2 -type f -not -path "$state/locks/*" \
			-regex '.*\.\(run\|[0-9]+\.[0-9]\)' -not -newermt "-$keep seconds" -delete
	((n == 0)) || note "$(fill $"removed what %s runs had left more than %s days ago" \
		"$n" "$((keep / 86400))")"
}

# quote_json TEXT: as a JSON string.
quote_json() {
	local text=${1//\\/\\\\}

	text=${text//[[:cntrl:]]/ }
	printf '"%s"' "${text//\"/\\\"}"
}

# stats_to FILE MODE [WORD...]: when the script ends, however it ends, FILE says how, and what each
# of its programs has counted (ferry-json(7)). No WORD of the command line may be that file, too.
stats_to() {
	local folder=. each

	for each in /dev/stdin "${@:3}"; do
		[[ $1 != - && (! $each -ef $1 || ! -f $1) ]] ||
			misused "$(fill $"--stats is a file that is used otherwise, too: %s" "$1")"
	done
	[[ $1 != */* ]] || folder=${1%/*}/
	[[ -w $1 || (! -e $1 && -w $folder) ]] ||
		fail "$EX_CANTCREATE" "$(fill $"cannot write to %s" "$1")"
	# those of killed runs go
	find "${TMPDIR:-/tmp}" -maxdepth 1 -type f -user "$EUID" -name 'ferry-stats.*' \
		-mtime +7 -delete 2>/dev/null || :
	unended "$1"
	FERRY_STATS_LOG=$(mktemp -- "${TMPDIR:-/tmp}/ferry-stats.XXXXXX") || {
		unset FERRY_STATS_LOG
		fail "$EX_CANTCREATE" $"cannot make a folder for files of this run" \
			$"TMPDIR names another place"
	}
	export FERRY_STATS_LOG
	uptime
	defer write_stats "$1" "${2-}" "$now"
}

# unended FILE: it says so, and nothing of an earlier run. parse_options has seen to that already.
unended() {
	local version

	is_file "$1" && ! grep -q 'or it still runs' "$1" || return 0
	version=$(pivot-wide --version | sed '1s/.* //; q')
	printf '{"program":"%s","version":"%s","exit":143,"reason":"ended","error":"%s"}\n' \
		"$ferry_name" "$version" 'it was ended by a signal, or it still runs' \
		>"$1.part$$" && sync -- "$1.part$$" &&
		mv -fT -- "$1.part$$" "$(readlink -f -- "$1")"
}

# A script that gets to its end by itself sets ferry_ended, in its last line or by end_well: a
# signal that ends bash at once leaves the code of the command before, which may be 0, too.
ferry_ended=''
end_well() {
	ferry_ended=1
	exit 0
}

write_stats() {
	local all cause='""' code reason version now

	uptime
	now=$((now - $3))
	all=$(paste -sd , -- "$FERRY_STATS_LOG")
	version=$(pivot-wide --version | sed '1s/.* //; q')
	if ((ferry_code == 0)) && [[ ! $ferry_ended ]]; then
		ferry_code=143 # or that of another signal: nobody tells which
		cause='"ended by a signal"'
	fi
	[[ ! -f $FERRY_STATS_LOG.said ]] || cause=$(quote_json "$(<"$FERRY_STATS_LOG.said")")
	# what the door itself did not say, the program that failed last did
	[[ $cause != '""' || ! $all =~ .*'"error":'(\"([^\"\\]|\\.)*\") ]] ||
		cause=${BASH_REMATCH[1]}
	if [[ -f $FERRY_STATS_LOG.why &&
		$(<"$FERRY_STATS_LOG.why") == "$ferry_code "* ]]; then
		reason=$(cut -d ' ' -f 2 -- "$FERRY_STATS_LOG.why")
	elif [[ $all =~ .*"\"exit\":$ferry_code,\"reason\":\""([a-z-]+) ]]; then
		reason=${BASH_REMATCH[1]}
	else
		reason=$(reason_of "$ferry_code")
	fi
	if ((ferry_code)) && [[ -f $FERRY_STATS_LOG.waits ]]; then
		[[ $cause == '""' ]] || cause="${cause%\"}; \""
		cause="${cause%\"}the past waits: $(<"$FERRY_STATS_LOG.waits")\""
	fi
	{
		printf '{"program":"%s","version":"%s","mode":"%s","exit":%s' "$ferry_name" \
			"$version" "$2" "$ferry_code"
		printf ',"seconds":%d.%03d' "$((now / 1000))" "$((now % 1000))"
		((ferry_code == 0)) || printf ',"reason":"%s","error":%s' "$reason" "$cause"
		printf ',"programs":[%s]}\n' "$all"
	} >"$FERRY_STATS_LOG.all"
	(keep "$FERRY_STATS_LOG.all" "$1") || {
		code=$?
		((ferry_code)) || ferry_code=$code
	}
	rm -f -- "$FERRY_STATS_LOG" "$FERRY_STATS_LOG".{all,said,waits,why}
}

# is_file PATH: a regular one by that name, which another may take the place of; not what a
# descriptor is.
is_file() { [[ -f $1 && ! $1 =~ ^/(dev/(std|fd/)|proc/) ]]; }

# keep FILE PLACE: moves it there, whole and on the disk: through a link, and into what is no file.
keep() {
	local to=$2

	if [[ -e $to ]] && ! is_file "$to"; then
		{ cat -- "$1" >>"$to"; } 2>/dev/null && rm -f -- "$1"
	else
		to=$(readlink -f -- "$to") && mv -f -- "$1" "$to.part$$" 2>/dev/null &&
			sync -- "$to.part$$" && mv -fT -- "$to.part$$" "$to" && sync -- "${to%/*}/"
	fi || {
		rm -f -- "$to.part$$"
		# that of --output-format json
		[[ $2 != "/dev/fd/${answer_fd-}" ]] ||
			fail "$EX_IO" $"cannot write to standard output"
		fail "$EX_CANTCREATE" "$(fill $"cannot write to %s" "$2")"
	}
}

# begin NAME: names the messages and makes the run's own directory, $run. It is removed when the
# script succeeds; after a failure it stays for some days, if anything is in it, and is named.
begin() {
	local runs now

	ferry_name=$1
	runs=$(state_folder)
	runs+=/run/$1
	printf -v now '%(%Y%m%dT%H%M%SZ)T' -1
	if ! run=$({ { [[ -d $runs ]] || (umask 077 && mkdir -p -- "$runs"); } &&
		mktemp -d -- "$runs/$now.XXXXXX"; } 2>&1); then
		fail "$EX_CANTCREATE" "$(fill $"cannot make a folder in %s (%s)" "$runs" \
			"${run##*: }")" $"FERRY_STATE names another place"
	fi
	readonly run
	exec {run_lock}<"$run"
	flock --shared "$run_lock"
	defer ferry_end_run
	forget_runs "$runs"
}

ferry_end_run() {
	if ((ferry_code == 0)); then
		rm -rf -- "$run"
	elif ! rmdir -- "$run" 2>/dev/null; then
		note "$(fill $"what this run left is in %s" "$run")"
	fi
}

# known_code CODE: returns it. A signal that meets a child's end makes bash lose the child's code;
# wait says -1 then (bash 5.2). What is not known is worth another run, as is a shell of ours that
# was killed.
known_code() {
	(($1 >= 0)) || return "$EX_TEMP"
	(($1 <= 128)) || return "$(signal_code "$1")"
	return "$1"
}

# attend COMMAND...: runs a function or program, passes SIGINT and SIGTERM on to all of its
# processes and waits until the last has gone. Without it bash sees a signal only when the pipe in
# the foreground has ended. What asks to be run again because it was told to stop, or is cut short
# by that, ended by the signal. A program that bash is just starting can lose a signal: bash has a
# trap there, and runs the program instead. So programs look at FERRY_TOLD, too (core/stop.h).
attend() {
	local job code signal=again told=''
	local -x FERRY_TOLD=${run:+$run/told}

	rm -f -- "$FERRY_TOLD"
	set -m
	(
		answer_for
		trap : INT TERM # the pipe's own codes count, so its shell outlives it
		"$@"
	) <&0 &
	job=$!
	set +m
	trap 'signal=INT told=130; pass_on' INT
	trap 'signal=TERM told=143; pass_on' TERM
	trap 'signal=HUP told=129; pass_on' HUP
	while [[ $signal ]]; do
		signal=''
		code=0
		wait "$job" || code=$?
	done
	trap - HUP TERM
	trap 'exit 130' INT
	rm -f -- "$FERRY_TOLD"
	known_code "$code" || code=$?
	[[ ! $told ]] || ((code != EX_TEMP && code != EX_STREAM && code != EX_IO)) || code=$told
	return "$code"
}

# pass_on: attend's $signal, to its $job.
pass_on() {
	[[ ! $FERRY_TOLD ]] || printf '%s\n' "$signal" >"$FERRY_TOLD"
	kill "-${signal/HUP/TERM}" -- "-$job"
}

# pipe_failed STAGE... -- STATUS...: names the stage that failed first and returns its code. A stage
# ended by SIGPIPE (141) only lost its reader, so it is the answer only when nobody else is.
pipe_failed() {
	local -a stages=() codes=()
	local i code=0 stage=

	while [[ $1 != -- ]]; do
		stages+=("$1")
		shift
	done
	codes=("${@:2}")
	for i in "${!codes[@]}"; do
		((codes[i] != 0)) || continue
		if ((code == 0 || code == 141)) && ((codes[i] != 141 || code == 0)); then
			code=${codes[i]}
			stage=${stages[i]-stage $((i + 1))}
		fi
	done
	((code != 0)) || return 0
	if ((code > 128)); then
		say $"error" "$(fill $"%s was ended by SIG%s" "$stage" \
			"$(kill -l "$((code - 128))")")"
		code=$(signal_code "$code")
	else
		say $"error" "$(fill $"%s failed with exit code %s" "$stage" "$code")"
	fi
	return "$code"
}

# The exit code that stands for a stage's death: a crash is a bug, an operator's signal is passed
# on, and anything else (a kill for want of memory, say) is worth another run.
signal_code() {
	case $(kill -l "$(($1 - 128))") in
	SEGV | ABRT | BUS | FPE | ILL | SYS) printf '%s\n' "$EX_BUG" ;;
	INT | TERM) printf '%s\n' "$1" ;;
	PIPE) printf '%s\n' "$EX_IO" ;;
	*) printf '%s\n' "$EX_TEMP" ;;
	esac
}

# retry75 TRIES COMMAND...: runs it again while it ends with 75, after a pause that doubles up to a
# minute and varies, so that many workers do not come back at once. FERRY_RETRY_PAUSE is the first
# one, in milliseconds.
retry75() {
	local tries=$1 pause=${FERRY_RETRY_PAUSE:-1000} code wait
	shift
	while :; do
		code=0
		"$@" || code=$?
		known_code "$code" || code=$?
		((code == EX_TEMP && --tries > 0)) || return "$code"
		wait=$((pause / 2 + RANDOM % pause))
		note "$(fill $"%s asks to be run again, in %s ms" "$1" "$wait")"
		nap "$wait"
		pause=$((pause * 2 > 60000 ? 60000 : pause * 2))
	done
}

# use_cluster DIR: from here on every client talks to that private cluster, whatever PG* said
# before.
use_cluster() {
	local settings

	unset "${!PG@}"
	settings=$("$FERRY_LIB/lib/cluster" env "$1")
	# shellcheck disable=SC2086,SC2163  # a word each: no value holds a blank
	export $settings
}
