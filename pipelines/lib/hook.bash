# hook.bash: programs of the user that are told what happens: hooks by its name, alerts by its
# level. No shell reads a command, each has a time limit, and whatever it does, the work goes on.
# Sourced behind lib.bash by narrow-to-wide and by ferry-alert.
# shellcheck shell=bash
# shellcheck disable=SC2154  # EX_* are those of lib.bash

readonly hook_names='start|chunk-failed|caught-up|lag|finished|failed|rollback'
readonly hook_seconds=${FERRY_HOOK_SECONDS:-60}

# limited ARGUMENT...: those of timeout; bash has words of its own for a command that was killed
limited() {
	{ timeout "$@" 2>&9 9>&-; } 9>&2 2>/dev/null
}

# hook NAME [FACT=VALUE...]: runs that program of FERRY_HOOK_DIR, if there is one: facts in its
# environment (FERRY_HOOK_FACT) and as JSON on its standard input.
hook() {
	local each json='' code=0
	local -a env=()

	[[ ${FERRY_HOOK_DIR-} && -x $FERRY_HOOK_DIR/$1 ]] || return 0
	for each in "hook=$1" "${@:2}"; do
		env+=("FERRY_HOOK_$(tr a-z- A-Z_ <<<"${each%%=*}")=${each#*=}")
		json+=,$(quote_json "${each%%=*}"):$(quote_json "${each#*=}")
	done
	printf '{%s}\n' "${json#,}" |
		limited -k 5 "$hook_seconds" env -u FERRY_SOURCE -u FERRY_TARGET -u PGPASSWORD \
			"${env[@]}" "$FERRY_HOOK_DIR/$1" >&2 ||
		code=${PIPESTATUS[1]}
	((code != 124 && code != 137)) ||
		warn "$(fill $"hook %s had not ended after %s s" "$1" "$hook_seconds")"
	((code == 0 || code == 124 || code == 137)) ||
		warn "$(fill $"hook %s failed with exit code %s" "$1" "$code")"
}

# check_hook_times: numbers that would only be met when something has gone wrong
check_hook_times() {
	local each

	for each in FERRY_HOOK_SECONDS FERRY_ALERT_FOLD; do
		[[ ${!each-0} =~ ^[0-9]{1,6}$ ]] ||
			fail "$EX_CONFIG" "$(fill $"%s is no number of seconds: %s" "$each" \
				"${!each}")"
	done
}

# check_program HOOK: what could not be started is a mistake
check_program() {
	local first='' name=${1##*/}

	[[ -x $1 ]] || fail "$EX_CONFIG" "$(fill $"--hook-dir: %s cannot be run" "$name")" \
		"chmod +x $name"
	IFS= read -r first <"$1" 2>/dev/null || :
	[[ $first =~ ^'#!'[[:blank:]]*([^[:blank:]]+) ]] || return 0
	[[ -x ${BASH_REMATCH[1]} ]] ||
		fail "$EX_CONFIG" "$(fill $"--hook-dir: %s wants %s, which is not there" "$name" \
			"${BASH_REMATCH[1]}")"
}

# check_hooks DIR: a file there that nothing would ever run is a mistake
check_hooks() {
	local each

	[[ -d $1 ]] || fail "$EX_NOINPUT" "$(fill $"--hook-dir: no such folder: %s" "$1")"
	for each in "$1"/*; do
		if [[ -f $each && ${each##*/} =~ ^($hook_names)$ ]]; then
			check_program "$each"
		fi
		[[ ! -x $each || -d $each ]] || [[ ${each##*/} =~ ^($hook_names)$ ]] ||
			fail "$EX_CONFIG" "$(fill $"--hook-dir: no hook has this name: %s" \
				"${each##*/}")" "$(fill $"there are %s" "${hook_names//|/ }")"
	done
	FERRY_HOOK_DIR=$(cd -- "$1" && pwd)
	export FERRY_HOOK_DIR
}

# check_alert_at LEVEL=COMMAND: kept in FERRY_ALERTS, a line each
check_alert_at() {
	local -a words

	[[ $1 =~ ^(WARNING|CRITICAL)=(.*) ]] ||
		misused "$(fill $"--alert: not like WARNING=COMMAND or CRITICAL=COMMAND: %s" "$1")"
	alert_words "${BASH_REMATCH[2]}"
	command -v -- "${words[0]:-/}" >/dev/null ||
		fail "$EX_CONFIG" "$(fill $"--alert: no such program: %s" "${words[0]-}")" \
			$"a program and its arguments, divided by blanks; no shell reads it"
	export FERRY_ALERTS=${FERRY_ALERTS:+$FERRY_ALERTS$'\n'}${1//$'\n'/ }
}

# alert_words COMMAND: its `words`; alerts/NAME is one of the senders that came with this
alert_words() {
	read -ra words <<<"$1"
	[[ ${words[0]-} != alerts/* ]] || words[0]=$FERRY_LIB/${words[0]}
}
