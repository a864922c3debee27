# names.bash: functions beside the wide tables, latest(ship) and read(ship, channels, from, to): one
# set for a schema, since they find the tables by the registry.
# shellcheck shell=bash disable=SC2154,SC2034  # variables of narrow-to-wide

# at_target SQL|-f FILE [NAME=VALUE...]: by psql, quietly, in one transaction, which no timeout of a
# role ends; a value stands in the statements as :'NAME'. The answer is in $said, without what psql
# and the server warn of; where it cannot be done, why, and in $sqlstate the code of that, which is
# the same in every language of a server.
at_target() {
	local sql=$1 file=- why
	local -a values=() way=(--single-transaction -f "$FERRY_LIB/lib/limits.sql")

	# they take no transaction; what is a target keeps a session
	[[ $1 != @(REINDEX|VACUUM)* ]] || way=(-c 'SET statement_timeout = 0')
	[[ $1 != -f ]] || { sql='' file=$2 && shift; }
	shift
	(($# == 0)) || values=("${@/#/--set=}")
	sqlstate=''
	said=$({
		why=$(to_target psql -XAtqw -v ON_ERROR_STOP=1 -v VERBOSITY=verbose \
			"${values[@]}" "${way[@]}" -f "$file" 2>&1 >&9 9>&- <<<"$sql") ||
			{ printf '%s' "$why" && false; }
	} 9>&1) && return 0
	# (a bare return would say, to a trap, how what was before it ended)
	# what comes before the code is a word of the server's language
	if [[ $said =~ .*:\ \ ([0-9A-Z]{5}):\ (.*) ]]; then
		sqlstate=${BASH_REMATCH[1]} said=${BASH_REMATCH[2]%%$'\n'*}
	fi
	return 1
}

# no_answer WHAT: ends with what psql could not do, in $said, and the code of its reason
no_answer() {
	local code=$EX_REFUSED why=${said#*ERROR:  }

	# libpq may have warned of something first
	[[ $why != *'psql: error: '* ]] || why="psql: error: ${why#*psql: error: }"
	case $sqlstate:$said in
	42501:*) code=$EX_NOTALLOWED ;;
	42P0[17]:* | 42622:* | 42703:* | 42704:*) code=$EX_CONFIG ;;
	55P03:* | 57P0[1-3]:* | :*'connection to server'* | :*'server closed'*) code=$EX_TEMP ;;
	esac
	fail "$code" "$1: ${why%%$'\n'*}"
}

# ask_it SQL|-f FILE [NAME=VALUE...]: at_target, where what nobody could tell is no answer
ask_it() { at_target "$@" || no_answer $"the target cannot be asked"; }

# has_ledger TABLE: there is that table of the ledger
has_ledger() {
	local said=''

	ask_it "SELECT to_regclass(:'name')" name="ferry.$1" && [[ $said ]]
}

wide_schema() { value_of target-schema tenant "${target[@]}"; }

# Whoever may not make functions, or has others of these names, has the tables all the same.
make_names() {
	local said=''

	at_target -f "$FERRY_LIB/lib/names.sql" schema="$(wide_schema)" ||
		warn "$(fill $"the functions latest and read are not made: %s" "$said")"
}

# drop_names: with the last of the tables.
drop_names() {
	local said=''

	at_target -f "$FERRY_LIB/lib/names-drop.sql" schema="$(wide_schema)" ||
		warn "$(fill $"the functions latest and read are left: %s" "$said")"
}
