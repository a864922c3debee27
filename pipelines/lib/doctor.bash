# doctor.bash: is all there that a run needs? For front doors, sourced behind lib.bash and
# clean.bash. Each finding is a line: OK, WARN, FAIL or NOT CHECKED, and what mends it. Nothing is
# changed, neither here nor there; what could not be asked is said, and never taken for granted.
#
# What servers say of themselves comes from doctor-source.sql and doctor-target.sql, by psql, which
# is given passwords by the environment alone; what only a client can tell, from pg-wide-analyze.
# shellcheck shell=bash
# shellcheck disable=SC2154  # EX_* are those of lib.bash; variables of the front doors

doctor_json='' doctor_failed='' doctor_between='['

# examine FORMAT COMMAND...: runs the checks, table or json, and ends with 1 when one has failed.
examine() {
	case $1 in
	table) ;;
	json) doctor_json=1 ;;
	*) misused "$(fill $"doctor prints table or json, not %s" "$1")" ;;
	esac
	scratch=$(mktemp -d -- "${TMPDIR:-/tmp}/ferry-doctor.XXXXXX") ||
		fail "$EX_CANTCREATE" $"cannot make a folder for files of this run" \
			$"TMPDIR names another place"
	defer rm -rf -- "$scratch"
	"${@:2}"
	[[ ! $doctor_json ]] || printf ']\n'
	[[ ! $doctor_failed ]] || exit "$EX_DIFFERS"
}

# found SIDE CHECK VERDICT FINDING [REMEDY]: one line; what is well needs no remedy.
found() {
	local side=$1 check=$2 verdict=$3 finding=${4//[[:cntrl:]]/?} remedy=${5-}

	[[ $verdict != FAIL ]] || doctor_failed=1
	remedy=${remedy//[[:cntrl:]]/?}
	[[ $verdict != OK ]] || remedy=''
	if [[ $doctor_json ]]; then
		printf '%s{"side":%s,"check":%s,"verdict":%s,"finding":%s,"remedy":%s}' \
			"$doctor_between" "$(quote_json "$side")" "$(quote_json "$check")" \
			"$(quote_json "$verdict")" "$(quote_json "$finding")" \
			"$([[ ! $remedy ]] && printf null || quote_json "$remedy")" &&
			doctor_between=$',\n '
	else
		printf '%-11s  %-6s  %s\n' "$verdict" "$side" "$finding" &&
			{ [[ ! $remedy ]] || printf '%23s%s\n' '-> ' "$remedy"; }
	fi 2>/dev/null || fail "$EX_IO" $"cannot write to standard output"
}

# said LEVEL FILE: what a program of ours has said first at this level, in the user's language.
said() {
	local line

	while IFS= read -r line; do
		[[ $line != *": $1: "* ]] || {
			printf '%s' "${line#*": $1: "}"
			return
		}
	done <"$2"
}

# failed SIDE CHECK: as a program has said in err
failed() {
	found "$1" "$2" FAIL "$(said $"error" "$scratch/err")" "$(said $"hint" "$scratch/err")"
}

# ---- this machine ------------------------------------------------------------------------------

# look_here PROGRAM...: these programs, the shell's limits, the state folder, the language
look_here() {
	same_versions "$@"
	shell_limits
	state_room
	if [[ ${ferry_no_locale-} ]]; then
		found here locale WARN \
			"$(fill $"the locale %s is not installed" "$ferry_no_locale")" \
			"localedef -i ${ferry_no_locale%%.*} -f UTF-8 $ferry_no_locale"
	else
		found here locale OK "$(fill $"the locale is %s" "$LC_MESSAGES")"
	fi
}

# Programs of two installations do not understand each other.
same_versions() {
	local each version first=''

	for each; do
		version=$("$each" --version 2>/dev/null | sed -n '1s/.*(ferry) //p') || version=''
		: "${first:=$version}"
		[[ $version != "$first" || ! $version ]] || continue
		found here versions FAIL \
			"$(fill $"%s is of version %s, the others are of %s" "$each" \
				"${version:-?}" "$first")" \
			$"install all programs anew, from one package"
		return
	done
	found here versions OK "$(fill $"all programs are of version %s" "$first")"
}

shell_limits() {
	local files size memory verdict=OK

	files=$(ulimit -n) size=$(ulimit -f) memory=$(ulimit -v)
	[[ $files == unlimited ]] || ((files >= 1024)) || verdict=WARN
	[[ $files == unlimited ]] || ((files >= 64)) || verdict=FAIL
	found here open_files "$verdict" "$(fill $"a process may open %s files" "$files")" \
		'ulimit -n 4096'
	[[ $size$memory == unlimitedunlimited ]] ||
		found here limits WARN "$(fill \
			$"files may grow to %s KiB, processes to %s KiB" "$size" "$memory")" \
			'ulimit -f unlimited; ulimit -v unlimited'
}

# state_room: may we write where runs keep what they leave, and is there room?
state_room() {
	local state there free verdict=OK used

	if ! state=$(state_folder 2>"$scratch/err"); then
		failed here state
		return
	fi
	there=$state
	until [[ -d $there ]]; do there=$(dirname -- "$there"); done
	if ! mktemp -d -- "$there/.ferry-doctor.XXXXXX" >"$scratch/made" 2>/dev/null; then
		found here state FAIL "$(fill $"nothing can be written to %s" "$there")" \
			$"FERRY_STATE names another place"
		return
	fi
	rmdir -- "$(<"$scratch/made")"
	used=$(room_of "$state") || used=0
	free=$(df -Pk -- "$there" | awk 'NR == 2 { print int($4 / 1024) }')
	((free >= 1024)) || verdict=WARN
	((free >= 64)) || verdict=FAIL
	found here state "$verdict" \
		"$(fill $"the state folder %s has %s; %s MiB of its disk are free" "$state" \
			"${used:-0}" "$free")" \
		$"--mode clean --all (or fs clean --all) removes what ended runs have left"
}

# ---- PostgreSQL --------------------------------------------------------------------------------

look_at_servers() {
	local slots='{}' publications='{}' own='{}' known=0

	look_here pivot-wide pg-narrow-schema pg-narrow-dump pg-copy-load pg-dual-load \
		pg-wide-tables pg-wide-ledger pg-wide-validate pg-wide-analyze
	look_at target
	look_at source
}

# look_at SIDE: the way there, and what it says of itself
look_at() {
	if ! pg-wide-analyze "$1" "${loud[@]}" "${target[@]}" -f csv >"$scratch/facts" \
		2>"$scratch/err"; then
		failed "$1" connect
		found "$1" rest 'NOT CHECKED' $"all else: there is no connection"
		return
	fi
	look_at_way "$1"
	if ! command -v psql >/dev/null; then
		found "$1" rest 'NOT CHECKED' $"all else: there is no psql here" \
			'apt-get install postgresql-client'
		return
	fi
	"ask_$1"
}

# look_at_way SIDE: what pg-wide-analyze has measured
look_at_way() {
	local line name value verdict

	while IFS= read -r line; do
		verdict=OK name=${line%,*} value=${line##*,}
		case $name in
		server_version)
			((value >= 120000)) || verdict=WARN
			found "$1" version "$verdict" \
				"PostgreSQL $((value / 10000)).$((value % 10000))" \
				$"releases before 12 are not tried any more"
			[[ $1 != target ]] || look_at_dump "$((value / 10000))"
			;;
		pooled)
			((value == 0)) || verdict=WARN
			[[ $1$verdict != sourceWARN ]] || verdict=$bad
			found "$1" pooler "$verdict" "$(
				if ((value)); then
					printf '%s' $"there is a connection pooler in the way"
				else
					printf '%s' $"there is no connection pooler in the way"
				fi
			)" $"give the address of the server itself; a slot needs it"
			;;
		round_trip_ms)
			((${value%.*} < 20)) || verdict=WARN
			found "$1" round_trip "$verdict" \
				"$(fill $"an answer takes %s ms" "$value")" \
				$"run nearer to it, with more --workers"
			;;
		clock_ahead_s)
			[[ ${value#-} =~ ^[01]\. ]] || verdict=WARN
			[[ ${value#-} =~ ^[0-9]{1,2}\. ]] || verdict=FAIL
			found "$1" clock "$verdict" \
				"$(fill $"its clock is %s s ahead of ours" "$value")" \
				$"set both by NTP: 'timedatectl' and 'chronyc tracking' tell"
			;;
		'"free_percent of '* | 'free_percent of '*)
			name=${name#*of } name=${name%\"}
			((${value%.*} >= 10)) || verdict=WARN
			((${value%.*} >= 5)) || verdict=FAIL
			found "$1" disk "$verdict" \
				"$(fill $"%s %% of the disk of %s are free" "$value" "$name")" \
				$"make room: --mode analyze tells how much the wide tables take"
			;;
		esac
	done < <(sed 1d "$scratch/facts" | sed 's/""/"/g')
	[[ $1 == source ]] || grep -q free_percent "$scratch/facts" ||
		found target disk 'NOT CHECKED' \
			$"the disk is elsewhere, or its folders are not shown to this role" \
			$"GRANT pg_read_all_settings to the role, or look there with 'df -h'"
}

# A backup needs a pg_dump that is not older than the server.
look_at_dump() {
	local major

	major=$(pg_dump --version 2>/dev/null | sed -n 's/^[^0-9]*\([0-9]*\).*/\1/p') || major=''
	if ((${major:-0} >= $1)); then
		found here pg_dump OK "$(fill $"pg_dump is of version %s" "$major")"
	else
		found here pg_dump WARN \
			"$(fill $"pg_dump is of version %s, the target of %s" "${major:--}" "$1")" \
			"apt-get install postgresql-client-$1"
	fi
}

ask_target() {
	ask target "schema=$(value_of target-schema tenant "${target[@]}")" \
		"prefix=$(value_of target-prefix tbl_data_timeseries_ "${target[@]}")" \
		"named=$(value_of table tenant.tbl_data_timeseries "${narrow[@]}")"
}

ask_source() {
	narrow_table
	ask source "table=$table" "bad=$bad" "known=$known" "slots=$slots" \
		"own=$own" "publications=$publications"
}

# Everything that is asked of a side; what gave no answer was not checked.
# shellcheck disable=SC2034  # by its name
checks_target='writable ledger wide temporary durable connections archive'
# shellcheck disable=SC2034
checks_source='table read standby wal_level slot_limit replication slots_free slots_left slots_lost
publications long_transactions prepared encoding archive'

# ask SIDE VARIABLE=VALUE...
ask() {
	local side=$1 check verdict a b remedy each name=checks_$1
	local -A asked=()

	shift
	"to_$side" psql -XAtqw0 -F $'\x1f' "${@/#/--set=}" \
		-f "$FERRY_LIB/lib/doctor-$side.sql" </dev/null >"$scratch/rows" \
		2>"$scratch/err" || :
	while IFS=$'\x1f' read -r -d '' check verdict a b remedy; do
		if [[ $check == known ]]; then
			known=1 slots=$a publications=$b own=$remedy
			continue
		fi
		asked[$check]=1
		explain "$check" "$verdict" "$a" "$b"
		advise "$check" "$verdict" "$remedy"
		found "$side" "$check" "$verdict" "$finding" "$remedy"
	done <"$scratch/rows"
	for each in ${!name}; do
		[[ ! ${asked[$each]-} ]] || continue
		b=$(sed -n 's/^psql:.*:  //p' "$scratch/err" | head -n 1)
		[[ $each != @(slots_left|slots_lost|publications) || $known == 1 ]] ||
			b=$"the ledger could not be asked"
		[[ $each != read ]] || b=${b:-$"there is no such table"}
		found "$side" "$each" 'NOT CHECKED' "$each: ${b:-?}"
	done
}

# explain CHECK VERDICT A B: in `finding`
explain() {
	local text a=$3 b=$4 ok=bad

	[[ $2 != OK ]] || ok=ok
	case $1.$ok in
	table.ok) text=$"the narrow table is there: %s" ;;
	table.bad) text=$"there is no table %s" ;;
	read.ok) text=$"%s may read %s" ;;
	read.bad) text=$"%s may not read all of %s" ;;
	standby.ok) text=$"the source is no standby" ;;
	standby.bad) text=$"the source is a standby: it is polled, it can have no slot" ;;
	wal_level.ok) text=$"wal_level is %s" ;;
	wal_level.bad) text=$"wal_level is %s: the source is polled, it can have no slot" ;;
	slot_limit.ok) text=$"a slot keeps %s of WAL at most" ;;
	slot_limit.bad) text=$"a slot that nobody reads fills the disk of the source" ;;
	replication.ok) text=$"%s may have a slot" ;;
	replication.bad) text=$"%s may not have a slot" ;;
	slots_free.*) text=$"%s slots and %s WAL senders are free" ;;
	slots_left.ok) text=$"no slot is left over" ;;
	slots_left.bad)
		text=$"slots that no job of this target knows: %s; they hold up to %s of WAL"
		;;
	slots_lost.ok) text=$"no slot of a job is lost" ;;
	slots_lost.bad) text=$"slots of jobs that are gone or lost: %s" ;;
	publications.ok) text=$"publications of jobs have all partitions" ;;
	publications.bad) text=$"publication %s does not have %s" ;;
	long_transactions.ok) text=$"no transaction is older than an hour" ;;
	long_transactions.bad) text=$"%s transactions are older than an hour, the oldest by %s" ;;
	prepared.ok) text=$"no prepared transaction is left over" ;;
	prepared.bad) text=$"%s prepared transactions are older than an hour" ;;
	encoding.ok) text=$"the encoding is %s" ;;
	encoding.bad) text=$"the encoding is %s, which says nothing of what texts are" ;;
	archive.ok) text=$"WAL is archived: archive_mode is %s" ;;
	archive.bad)
		text=$"archive_mode is %s: the server cannot be brought back to a time"
		[[ $2 != FAIL ]] || text=$"WAL is not archived, since archive_command fails: %s"
		;;
	writable.ok) text=$"the target can be written to" ;;
	writable.bad) text=$"the target only reads: %s" ;;
	ledger.ok | wide.ok) text=$"schema %s can be used by %s" ;;
	ledger.bad | wide.bad) text=$"schema %s cannot be made or used by %s" ;;
	temporary.ok) text=$"%s may make temporary tables" ;;
	temporary.bad) text=$"%s may not make temporary tables" ;;
	durable.ok) text=$"fsync, full_page_writes and autovacuum are on" ;;
	durable.bad) text=$"what is off: %s" ;;
	connections.*) text=$"%s more connections can be made" ;;
	failed.ok) text=$"no chunk has failed" ;;
	failed.bad) text=$"%s chunks have failed" ;;
	paused.ok) text=$"no job is paused" ;;
	paused.bad) text=$"jobs that an operator has paused: %s" ;;
	esac
	# words that a text has no place for are left out
	case $text in
	*%s*%s*) finding=$(fill "$text" "$a" "$b") ;;
	*%s*) finding=$(fill "$text" "$a") ;;
	*) finding=$text ;;
	esac
}

# advise CHECK VERDICT STATEMENT: in `remedy`, with what is to be done beside the statement
advise() {
	local text=''

	remedy=$3
	case $1.$2 in
	table.*) text=$"--table SCHEMA.TABLE names it" ;;
	standby.*) text=$"give --source the address of the primary, or --follow poll" ;;
	wal_level.*) text=$"and a restart of the server; or --follow poll" ;;
	slots_free.*) text=$"and a restart of the server" ;;
	slots_left.*) text=$"unless another target follows by it" ;;
	slots_lost.*) text=$"the same command again makes another, and compares everything" ;;
	encoding.*) text=$"--source-encoding says what they are" ;;
	archive.WARN) text=$"and a restart; ferry-migration(7) says how to go back to a time" ;;
	archive.FAIL) text=$"the server's log says why" ;;
	durable.*) text=$"unless this server may be lost" ;;
	connections.*) text=$"and a restart of the server, or fewer --workers" ;;
	failed.*) text=$"--mode failed lists them; --retry-failed tries them again" ;;
	esac
	[[ ! $text ]] || remedy+=${remedy:+ -- }$text # a comment of SQL
}
