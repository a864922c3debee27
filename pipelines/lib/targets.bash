# targets.bash: narrow-to-wide over several targets, which a file names with the ships of each:
#
#	[busan]
#	ships = IMO91* IMO92*
#	target = host=db1 dbname=telemetry
#
# Each target is a run of its own, in a subshell, as if it were the only one; what is here finds the
# ships of each, runs them in turn or side by side, and puts together what they say. So each has its
# ledger, and one that is away does not keep the others from their work.
# shellcheck shell=bash disable=SC2034,SC2154  # variables of narrow-to-wide

# by number, in the order of the file; t_ships are patterns, t_more options such as --table=NAME
t_name=() t_line=() t_ships=() t_target=() t_source=() t_more=()
t_key=()  # by number: which source and table
t_mine=() # by number: the ships it has, of those the source has, each behind a newline
t_new=()  # by number: likewise those that it should have, and its ledger lacks
t_on=()   # by number: it takes part in this run
t_all=()  # by number: it is the only one of its source, and takes whatever ships come
declare -A t_said=() # what was warned of
t_mixed=''           # several sources fill the same tables
t_shared=()          # by number: it is one of those

readonly t_follow='realtime|concurrent|hybrid|streaming' \
	t_single='dual-write|correct|restore|bundle' \
	t_batch='schema-only|tables-only|migration-only|validate|compare|analyze|finish'
readonly t_listed="$t_batch|$t_follow" t_live="watch|web|$t_follow"

# ---- the file ----------------------------------------------------------------------------------

# t_wrong LINE WHAT
t_wrong() { fail "$EX_CONFIG" "$(fill $"%s, line %s: %s" "$targets" "$1" "$2")"; }

# t_place NUMBER: which target, for people
t_place() { fill $"[%s] (%s, line %s)" "${t_name[$1]}" "$targets" "${t_line[$1]}"; }

# t_key_of LINE KEY VALUE: of the last section
t_key_of() {
	local i=$((${#t_name[@]} - 1)) secret='(^|[[:space:]?&])(ssl)?password[[:space:]]*='

	((i >= 0)) || t_wrong "$1" $"an option before the first [NAME]"
	[[ $3 ]] || t_wrong "$1" "$(fill $"%s is empty" "$2")"
	[[ ! ${t_set[$2]-} ]] ||
		t_wrong "$1" "$(fill $"%s was said in line %s" "$2" "${t_set[$2]}")"
	t_set[$2]=$1
	case $2 in
	ships) t_ships[i]=$3 t_line[i]=$1 ;;
	target) t_target[i]=$3 ;;
	source) t_source[i]=$3 ;;
	table | target-schema | target-prefix) t_more[i]+="--$2=$3"$'\n' ;;
	*)
		t_wrong "$1" "$(fill $"not one of %s: %s" \
			'ships, target, source, table, target-schema, target-prefix' "$2")"
		;;
	esac
	[[ $2 == @(target|source) ]] || return 0
	[[ ! $3 =~ $secret && ! $3 =~ ^[a-z]+://[^/@]*:[^/@]*@ ]] ||
		(((8#$(stat -Lc %a -- "$targets") & 8#77) == 0)) ||
		fail "$EX_NOTALLOWED" \
			"$(fill $"%s has a password, and others may read it" "$targets")" \
			$"chmod 600 keeps it to its owner"
}

# t_begin LINE NAME: a section
t_begin() {
	t_end
	[[ $2 =~ ^[A-Za-z0-9_.-]{1,60}$ && $2 != .* ]] ||
		t_wrong "$1" "$(fill $"not a name of letters, digits, - and _: %s" "$2")"
	[[ " ${t_name[*]-} " != *" $2 "* ]] ||
		t_wrong "$1" "$(fill $"there is another [%s]" "$2")"
	t_name+=("$2") t_line+=("$1") t_ships+=('') t_target+=('') t_source+=('') t_more+=('')
	t_set=()
}

# t_end: the last section is whole
t_end() {
	local i=$((${#t_name[@]} - 1)) each
	local -a more

	((i >= 0)) || return 0
	[[ ${t_ships[i]} ]] ||
		t_wrong "${t_line[i]}" "$(fill $"[%s] lacks %s" "${t_name[i]}" ships)"
	[[ ${t_target[i]} ]] ||
		t_wrong "${t_line[i]}" "$(fill $"[%s] lacks %s" "${t_name[i]}" target)"
	mapfile -t more <<<"${t_more[i]}"
	t_key[i]=${t_source[i]}$'\n'$(value_of table '' "${more[@]}")
	for ((each = 0; each < i; each++)); do
		[[ ${t_target[i]} == "${t_target[each]}" && ${t_more[i]} == "${t_more[each]}" ]] ||
			continue
		[[ ${t_key[i]} != "${t_key[each]}" ]] || fail "$EX_CONFIG" \
			"$(fill $"%s and %s are one job: put their ships together" \
				"$(t_place "$each")" "$(t_place "$i")")"
		t_mixed=1 t_shared[i]=1 t_shared[each]=1
	done
}

# read_targets [COPY]: one that was taken of a file that may change meanwhile
read_targets() {
	local line n=0 word='^([a-z-]+)[[:space:]]*=[[:space:]]*(.*)$'
	local -A t_set=()

	[[ -f $targets && -r $targets ]] ||
		fail "$EX_NOINPUT" "$(fill $"cannot read %s" "$targets")"
	t_name=() t_line=() t_ships=() t_target=() t_source=() t_more=() t_key=() t_mixed=''
	t_shared=()
	while IFS=$' \t\r' read -r line || [[ $line ]]; do
		n=$((n + 1))
		((n > 1)) || line=${line#$'\ufeff'} # as editors of Windows begin a file
		case $line in
		'' | [#\;]*) ;;
		\[*\]) t_begin "$n" "${line:1:-1}" ;;
		*)
			[[ $line =~ $word ]] || t_wrong "$n" $"neither [NAME] nor NAME = VALUE"
			t_key_of "$n" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
			;;
		esac
	done <"${1-$targets}"
	t_end
	((${#t_name[@]})) || fail "$EX_CONFIG" "$(fill $"%s names no target" "$targets")"
}

# choose_targets: --only, and those that whole sources go to
choose_targets() {
	local i each

	for each in "${only[@]}"; do
		[[ " ${t_name[*]} " == *" $each "* ]] ||
			fail "$EX_CONFIG" "$(fill $"%s has no [%s]" "$targets" "$each")"
	done
	for i in "${!t_name[@]}"; do
		t_on[i]=''
		[[ ${only[*]-} && " ${only[*]} " != *" ${t_name[i]} "* ]] || t_on[i]=1
		t_all[i]=''
		! t_takes "$i" '' || t_all[i]=1
		for each in "${!t_name[@]}"; do
			[[ $each == "$i" || ${t_key[each]} != "${t_key[i]}" ]] || t_all[i]=''
		done
	done
}

# ---- which ships are whose ---------------------------------------------------------------------

# t_takes NUMBER SHIP: one of its patterns fits
t_takes() {
	local - each

	set -f
	for each in ${t_ships[$1]}; do
		# shellcheck disable=SC2053  # a pattern
		[[ $2 != $each ]] || return 0
	done
	return 1
}

# ask_all FOLDER: what each source and each ledger has, into files of numbers. Who cannot be asked
# leaves none.
ask_all() (
	answer_for
	local i
	local -A asked=()

	for i in "${!t_name[@]}"; do
		t_ledger "$i" >"$1/ledger.$i" || rm -f -- "$1/ledger.$i" &
		[[ ! ${asked[${t_key[i]}]-} && $mode =~ ^($t_listed)$ ]] || continue
		asked[${t_key[i]}]=1
		t_list "$i" >"$1/ships.$i" || rm -f -- "$1/ships.$i" &
	done
	wait
)

t_list() (
	use_target "$1"
	exec pg-narrow-schema --quiet --ships "${narrow[@]}"
)

t_ledger() (
	said=''
	use_target "$1"
	# the jobs of a source that is away cannot be told from those of others
	[[ ! $t_mixed || ${FERRY_JOB_SOURCE-} ]] || exit "$EX_TEMP"
	at_target "SELECT to_regclass('ferry.follow_ship')" || exit
	[[ $said ]] || exit 0
	at_target "SELECT DISTINCT ship FROM (SELECT job_id, ship FROM ferry.chunk
			UNION ALL SELECT job_id, ship FROM ferry.follow_ship) AS s
		JOIN ferry.job USING (job_id)
		WHERE ship <> '' AND source_table = :'table' AND target_schema = :'schema'
		AND target_prefix = :'prefix' AND :'source' IN ('', source)" \
		schema="$(wide_schema)" source="${FERRY_JOB_SOURCE-}" \
		prefix="$(value_of target-prefix tbl_data_timeseries_ "${target[@]}")" \
		table="$(value_of table tenant.tbl_data_timeseries "${narrow[@]}")" || exit
	[[ ! $said ]] || printf '%s\n' "$said"
)

# t_clash WHAT: a mistake in the file ends a run that begins, is said in one that goes on, and must
# not be in the way of who only looks, or takes back.
t_clash() {
	[[ $t_begun || ! $mode =~ ^($t_listed)$ ]] ||
		fail "$EX_CONFIG" "$1" \
			$"a ship is in one target: change its patterns, or --mode rollback of one"
	t_warn "$1"
}

t_warn() {
	[[ ! ${t_said[$1]-} ]] || return 0
	t_said[$1]=1
	warn "$1"
}

# place_ships FOLDER: t_mine, t_lost and t_fits, of what was asked
place_ships() {
	local i each ship key
	local -A whose=() listed=()
	local -a none=() have=()

	t_mine=() t_new=() t_lost=() t_fits=''
	for i in "${!t_name[@]}"; do
		key=${t_key[i]}
		[[ ! -f $1/ships.$i ]] || listed[$key]=1
		[[ -f $1/ships.$i ]] || continue
		mapfile -t have <"$1/ships.$i"
		for ship in "${have[@]}"; do
			t_owner "$ship" "$key"
		done
	done
	for i in "${!t_name[@]}"; do
		[[ ! $mode =~ ^($t_listed)$ || ${listed[${t_key[i]}]-} ]] ||
			t_lost[i]=$"the source of %s cannot be asked for its ships"
		if [[ ! -f $1/ledger.$i ]]; then
			# what is compared is what the ledger has
			[[ ! $mode =~ ^(validate|finish)$ ]] ||
				t_lost[i]=$"the ledger of %s cannot be asked which ships it has"
			continue
		fi
		mapfile -t have <"$1/ledger.$i"
		for ship in "${have[@]}"; do
			t_recorded "$ship" "$i"
		done
	done
	warn_of $"ships of no target: %s, such as %s" "${none[@]}"
	[[ $mode =~ ^(validate|finish)$ ]] || return 0
	for ship in "${!whose[@]}"; do
		i=${whose[$ship]}
		t_fits+=${t_on[i]}
		[[ ${t_all[i]} || ${t_lost[i]-} ||
			${t_mine[i]-}$'\n' == *$'\n'"$ship"$'\n'* ]] || t_new[i]+=$'\n'$ship
	done
}

# warn_of TEXT SHIP...: how many there are, and one of them
warn_of() {
	(($# == 1)) || warn "$(fill "$1" "$(($# - 1))" "$2")"
}

# t_owner SHIP KEY: one that a source has
t_owner() {
	local i who=''

	for i in "${!t_name[@]}"; do
		[[ ${t_key[i]} == "$2" ]] || continue
		t_takes "$i" "$1" || continue
		[[ ! $who ]] || {
			t_two "$1" "$who" "$i"
			return 0
		}
		who=$i
	done
	if [[ ! $who ]]; then
		[[ ${t_said[$1]-} ]] || none+=("$1")
		t_said[$1]=1
	elif [[ ${whose[$1]-$who} != "$who" ]]; then
		t_two "$1" "${whose[$1]}" "$who"
	else
		whose[$1]=$who
		# what is compared is what the ledger has
		[[ $mode =~ ^(validate|finish)$ ]] || t_mine[who]+=$'\n'$1
	fi
}

# t_two SHIP NUMBER NUMBER: nobody has it then
t_two() {
	t_clash "$(fill $"ship %s is of two targets: %s and %s" "$1" "$(t_place "$2")" \
		"$(t_place "$3")")"
	t_take_out "$1" "$2"
}

t_take_out() {
	t_mine[$2]=${t_mine[$2]-}$'\n'
	t_mine[$2]=${t_mine[$2]/$'\n'"$1"$'\n'/$'\n'}
	t_mine[$2]=${t_mine[$2]%$'\n'}
}

# t_recorded SHIP NUMBER: one that its ledger has
t_recorded() {
	local i who=${whose[$1]-$2}

	# where the source was not asked, or has it no more, the patterns say
	[[ ${whose[$1]-} ]] || t_takes "$2" "$1" || for i in "${!t_name[@]}"; do
		[[ ${t_key[i]} != "${t_key[$2]}" ]] || ! t_takes "$i" "$1" || who=$i
	done
	if [[ $who != "$2" ]]; then
		t_clash "$(fill $"ship %s is of %s, but the ledger of %s has it" "$1" \
			"$(t_place "$who")" "$(t_place "$2")")"
		# who goes on leaves it where it is
		t_take_out "$1" "$who"
	elif [[ ${whose[$1]-} && ! $mode =~ ^(validate|finish)$ ]]; then
		return 0
	fi
	whose[$1]=$2
	[[ $who == "$2" && ! $mode =~ ^(validate|finish)$ ]] || t_mine[$2]+=$'\n'$1
}

# ships_of NUMBER: in `ships`, what its run is about; false: nothing
ships_of() {
	local each
	local -a names=("${ships[@]#--ship-id=}")

	if [[ ${names[*]-} ]]; then
		ships=()
		for each in "${names[@]}"; do
			! t_is_of "$1" "$each" || ships+=("--ship-id=$each")
		done
		((${#ships[@]}))
		return
	fi
	[[ $mode =~ ^($t_listed)$ && ! ${t_all[$1]} ]] || return 0
	mapfile -t ships <<<"${t_mine[$1]-}"
	ships=("${ships[@]:1}")
	ships=("${ships[@]/#/--ship-id=}")
	((${#ships[@]})) || return
	[[ ${t_new[$1]-} ]] || return 0
	mapfile -t names <<<"${t_new[$1]#$'\n'}"
	ships+=("${names[@]/#/--ship-id=}")
	new_ship=(--new-ship)
}

# t_is_of NUMBER SHIP: of those that somebody asks for. One that nobody has yet is whose pattern it
# fits.
t_is_of() {
	local i

	# the way out of a clash: whatever the patterns say
	[[ $mode != rollback || ${#only[@]} != 1 ]] || {
		[[ ${t_on[$1]} ]]
		return
	}
	for i in "${!t_name[@]}"; do
		[[ ${t_mine[i]-}$'\n' != *$'\n'"$2"$'\n'* ]] || {
			[[ $i == "$1" ]]
			return
		}
	done
	t_takes "$1" "$2"
}

# want_asked: who names ships means one target each
want_asked() {
	local each i who

	for each in "${ships[@]#--ship-id=}"; do
		who=''
		for i in "${!t_name[@]}"; do
			t_is_of "$i" "$each" || continue
			[[ ! $who ]] || t_two "$each" "$who" "$i"
			who=$i
		done
		[[ $who ]] || fail "$EX_CONFIG" \
			"$(fill $"ship %s is of no target in %s" "$each" "$targets")"
	done
}

# ---- a run -------------------------------------------------------------------------------------

# use_target NUMBER: in a subshell of its own
use_target() {
	local each

	export FERRY_LABEL=${t_name[$1]} FERRY_TARGET=${t_target[$1]}
	[[ ! ${t_source[$1]} ]] || export FERRY_SOURCE=${t_source[$1]}
	while IFS= read -r each; do
		case $each in
		--table=*) narrow+=("$each") ;;
		--*) target+=("$each") ;;
		esac
	done <<<"${t_more[$1]}"
	[[ ! $backup ]] || backup+=/${t_name[$1]}
	[[ ! $archive ]] || archive+=/${t_name[$1]}
	[[ ! $t_mixed ]] || name_source
	[[ $mode != web ]] || beside_pages "$1"
}

# beside_pages NUMBER: each target has a page, at the ports from that of --listen on, with links to
# those of the others
beside_pages() {
	local at host i links=''

	at=$(value_of listen 127.0.0.1:8420 "${web[@]}")
	[[ $at =~ ^(.+):([0-9]{1,5})$ ]] || return 0 # pg-wide-web says it
	host=$(value_of host "${BASH_REMATCH[1]}" "${web[@]}")
	at=${BASH_REMATCH[1]} i=$((10#${BASH_REMATCH[2]}))
	((i)) || return 0
	web+=("--listen=$at:$((i + $1))")
	for at in "${!t_name[@]}"; do
		links+="${t_name[at]} http://${host%:"$i"}:$((i + at))/"$'\n'
	done
	export FERRY_WEB_LINKS=$links
}

# name_source: as the ledger has it (ledger_source_name). One that is away has no name.
name_source() {
	local name ask='to_source psql -XAtqw -c'
	local end="|| '/' || current_database()"

	name=$($ask "SELECT system_identifier::text $end FROM pg_control_system()" 2>/dev/null) ||
		name=$($ask "SELECT coalesce(host(inet_server_addr()) || ':' ||
			inet_server_port(), 'local') $end" 2>/dev/null) || return 0
	export FERRY_JOB_SOURCE=$name
}

# one_target NUMBER: as the door by itself
one_target() {
	ferry_deferred=() ferry_ended=''
	trap 'ferry_at_exit $?' EXIT
	use_target "$1"
	ships_of "$1" || end_well
	[[ $mode != report ]] || web=()
	for each in "$backup" "$archive"; do
		[[ ! $each ]] || mkdir -p -- "${each%/*}" 2>/dev/null || :
	done
	one_run
	ferry_ended=1
}

# heavier CODE: `worst` is the code that matters most: what a person must look at, before what
# another run may mend, before what differs.
heavier() {
	local -A weight=([0]=0 [1]=1 [75]=2 [76]=3 [74]=3 [69]=4 [65]=5)

	((${weight[$1]-6} <= ${weight[$worst]-6})) || worst=$1
}

over_targets() {
	local i worst=0 t_begun='' t_fits folder
	local -a t_lost=() chosen=()

	folder=$(mktemp -d -- "${TMPDIR:-/tmp}/ferry-targets.XXXXXX") ||
		fail "$EX_CANTCREATE" $"cannot make a folder for files of this run" \
			$"TMPDIR names another place"
	defer rm -rf -- "$folder"
	# what is changed from here on is another file
	! [[ -e $targets ]] || touch -r "$targets" "$folder/seen"
	read_targets
	choose_targets
	if [[ ! $mode =~ ^(grants|doctor)$ ]]; then
		ask_all "$folder" &
		join "$!" || :
		place_ships "$folder"
		for i in "${!t_name[@]}"; do
			[[ -f $folder/ledger.$i || ${t_lost[i]-} ]] || warn "$(fill \
				$"the ledger of %s cannot be asked which ships it has" \
				"$(t_place "$i")")"
		done
	fi
	want_asked
	for i in "${!t_name[@]}"; do
		[[ ${t_on[i]} ]] || continue
		if [[ ${t_lost[i]-} ]] && { [[ ! ${ships[*]-} ]] || (ships_of "$i"); }; then
			say $"error" "$(fill "${t_lost[i]}" "$(t_place "$i")")"
			[[ $mode =~ ^($t_live)$ ]] || heavier "$EX_TEMP"
		elif ! (ships_of "$i"); then
			[[ ${ships[*]-}${t_new[i]-} ]] ||
				t_warn "$(fill $"no ship is of %s" "$(t_place "$i")")"
			[[ $mode =~ ^($t_live)$ && ! ${ships[*]-} ]] || continue
		fi
		[[ ${t_lost[i]-} && ! $mode =~ ^($t_live)$ ]] || chosen+=("$i")
	done
	((${#chosen[@]} == 1)) || [[ ! $mode =~ ^($t_single)$ ]] ||
		misused "$(fill $"%s is of one target: --only NAME says which" "$mode")"
	((${#chosen[@]} || worst)) || if [[ ${ships[*]-} ]]; then
		fail "$EX_CONFIG" $"no ship that is named is of a target that --only names"
	elif [[ ${t_fits-} ]]; then
		fail "$EX_CONFIG" "$(fill \
			$"no ledger of a target that was chosen from %s has a ship" \
			"$targets")" $"nothing was carried over yet: --mode concurrent begins to"
	else
		fail "$EX_CONFIG" "$(fill $"no ship is of a target that was chosen from %s" \
			"$targets")" \
			$"correct its patterns; pg-narrow-schema --ships lists the ships"
	fi
	want_all
	want_apart
	if [[ $mode =~ ^($t_live|migration-only)$ ]]; then
		side_by_side
	else
		in_turn
	fi
	return "$worst"
}

# want_all: what no ledger has is not compared, and would be in no archive: nothing of a target that
# lacks a ship is finished. Who names ships wants no others.
want_all() {
	local i
	local -a lack=()

	[[ ! ${ships[*]-} ]] || return 0
	for i in "${!t_new[@]}"; do
		[[ ${t_on[i]} ]] || continue
		mapfile -t lack < <(sort <<<"${t_new[i]#$'\n'}")
		((${#lack[@]} <= 10)) || lack[10]=...
		say $"error" "$(fill $"ships that %s lacks, so that they are not compared: %s" \
			"$(t_place "$i")" "${lack[*]::11}")"
		heavier "$EX_DIFFERS"
	done
	[[ ! ${lack[*]-} ]] || hint $"--mode concurrent or migration-only carries them over"
	[[ $mode == finish ]] || return 0
	for i in "${!chosen[@]}"; do
		[[ ! ${t_new[chosen[i]]-} ]] || unset "chosen[$i]"
	done
}

# want_apart: where several sources fill the same tables, dropping them would take the ships of
# sections that nobody named
want_apart() {
	local i

	[[ ! ${ships[*]-} && ($mode == rollback || $drop_tables) ]] || return 0
	for i in "${chosen[@]}"; do
		[[ ! ${t_shared[i]-} ]] || fail "$EX_CONFIG" \
			"$(fill $"the tables of %s have ships of other sources, too" \
				"$(t_place "$i")")" $"--ship-id says which are to go"
	done
}

# ---- in turn -----------------------------------------------------------------------------------

in_turn() {
	local i code text form gone=0

	form=$(value_of format table "${format[@]}")
	for i in "${chosen[@]}"; do
		# where a failure is asked about, set -e would not hold in the subshell
		set +e
		if [[ $mode == report || ($mode =~ ^($reports)$ && $mode != finish) ]]; then
			text=$(set -e && one_target "$i")
			code=$?
			[[ ! $text ]] || printf '%s\n' "$text" >"$folder/said.$i"
		else
			(set -e && one_target "$i")
			code=$?
		fi
		set -e
		heavier "$code"
		[[ ! -e $folder/gone.${t_name[i]} ]] || gone=$((gone + 1))
	done
	((gone == 0 || gone < ${#chosen[@]})) || fail "$EX_CONFIG" "$(fill \
		$"no target that was chosen from %s has a job: there is nothing to roll back" \
		"$targets")" $"narrow-to-wide --mode status --all lists those there are"
	put_together "$form"
}

# put_together FORM: what they have said, as one
put_together() {
	local i first=1

	if [[ $mode == report ]]; then
		one_page
		return
	fi
	if [[ $1 == json ]]; then
		put_json
		return
	fi
	for i in "${chosen[@]}"; do
		[[ -f $folder/said.$i ]] || continue
		put_one "$1" "${t_name[i]}" "$first" <"$folder/said.$i"
		first=''
	done | if [[ $1 == prometheus ]]; then by_metric; else cat; fi
}

# put_json: arrays become one, whose members say of which target they are; so do objects
put_json() {
	local i text all='' array=''

	for i in "${chosen[@]}"; do
		[[ -f $folder/said.$i ]] || continue
		text=$(<"$folder/said.$i")
		if [[ $text == \[* ]]; then
			array=1
			text=${text#\[} text=${text%\]}
			text=$(sed -e '/^ *$/d' -e "s/^ *{/{\"target\":\"${t_name[i]}\",/" \
				<<<"$text")
			all+=${text:+${all:+$',\n'}$text}
		else
			# shellcheck disable=SC2001  # at the beginning of lines
			sed -e "s/^{\(\"job\":\)/{\"target\":\"${t_name[i]}\",\1/" <<<"$text"
		fi
	done
	[[ ! $array ]] || printf '[\n%s\n]\n' "$all"
}

# put_one FORM NAME FIRST: a table below its name; of records each has it
put_one() {
	case $1 in
	csv)
		awk -v name="$2" -v first="$3" '
			NR == 1 && !first { next }
			{
				if (!open)
					printf "%s,", NR == 1 ? "target" : name
				print
				open = (open + gsub(/"/, "&")) % 2
			}'
		;;
	prometheus)
		sed -E -e '/^#/! {' -e "s/^([a-z_:0-9]+)\{/\1{target=\"$2\",/" -e t \
			-e "s/^([a-z_:0-9]+) /\1{target=\"$2\"} /" -e '}'
		;;
	markdown)
		[[ $3 ]] || printf '\n'
		printf '## %s\n\n' "$2"
		cat
		;;
	*)
		[[ $3 ]] || printf '\n'
		printf '[%s]\n' "$2"
		cat
		;;
	esac
}

# by_metric: samples of one metric stand together, below what is said of it
by_metric() {
	awk '
		{ name = /^#/ ? $3 : $1; sub(/\{.*/, "", name) }
		!(name in text) { order[++n] = name }
		/^#/ && index(text[name], $0 "\n") { next }
		{ text[name] = text[name] $0 "\n" }
		END { for (i = 1; i <= n; i++) printf "%s", text[order[i]] }'
}

# one_page: the pages of all as one, each below its name
one_page() {
	local i from

	for i in "${chosen[@]}"; do
		[[ ! -f $folder/said.$i ]] || from+=("$folder/said.$i")
	done
	for i in "${chosen[@]}"; do
		[[ -f $folder/said.$i ]] || continue
		awk -v name="${t_name[i]}" '
			/^<main>/ { inside = 1; printf "<h1 id=\"%s\">%s</h1>\n", name, name; next }
			/^<\/main>/ { exit }
			inside { gsub(/ id="/, " id=\"" name "-"); print }' "$folder/said.$i"
	done >"$folder/body"
	from=("$folder"/said.*)
	[[ -f ${from[0]} ]] || return 0
	{
		sed -e '/^<main>/q' "${from[0]}"
		cat -- "$folder/body"
		sed -n -e '/^<\/main>/,$p' "${from[0]}"
	} >"$folder/page"
	if [[ $output ]]; then
		keep "$folder/page" "$output"
	else
		cat -- "$folder/page" || fail "$EX_IO" $"cannot write to standard output"
	fi
}

# ---- side by side ------------------------------------------------------------------------------

# side_by_side: until all have ended. Those that follow go on until they are told to end; what needs
# another try gets it, and what is new in the file, or at a source, is taken up.
side_by_side() {
	local -A pid=() begun=() again=() tries=() as=() # by name
	local -A away=() stopped=() ended=()
	local i name told='' asking='' next now never
	local -i look=${FERRY_TARGETS_LOOK:-60000}

	exec {never}<> <(:)
	trap 'told=TERM' TERM
	trap 'told=INT' INT
	trap 'told=HUP' HUP
	[[ $workers_given ]] || ((${#chosen[@]} < 2)) ||
		workers=$((workers < ${#chosen[@]} ? 1 : workers / ${#chosen[@]}))
	t_begun=1
	uptime
	next=$((now + look))
	for i in "${chosen[@]}"; do
		if [[ ${t_lost[i]-} ]]; then
			away[${t_name[i]}]=1
			next=$((now + (look < 5000 ? look : 5000)))
		else
			begin_target "$i"
		fi
	done
	while goes_on; do
		if [[ $told ]]; then
			end_all
		elif [[ $mode =~ ^($t_live)$ ]]; then
			uptime
			begin_again
			look_for_more
		fi
		read -rt 0.2 -u "$never" || :
	done
	exec {never}>&-
	trap - TERM HUP
	trap 'exit 130' INT
	[[ ! $asking ]] || kill -TERM "$asking" 2>/dev/null || :
	((${#away[@]} == 0)) || heavier "$EX_TEMP"
}

goes_on() {
	local name i

	for name in "${!pid[@]}"; do
		look_after "$name"
	done
	((${#pid[@]} == 0)) || return 0
	[[ ! $told && $mode =~ ^($t_live)$ ]] || return 1
	for i in "${!t_name[@]}"; do
		[[ ! ${t_on[i]} || ${ended[${t_name[i]}]-} ]] || return 0
	done
	return 1
}

# begin_target NUMBER: never where its failure is asked about, or set -e would not hold in it
begin_target() {
	local name=${t_name[$1]}

	as[$name]=$(t_signature "$1")
	unset "again[$name]" "stopped[$name]" "ended[$name]"
	(ships_of "$1") || return 0 # none yet
	unset "away[$name]"
	uptime
	begun[$name]=$now
	rm -f -- "$folder/up.$name"
	set -m
	(
		answer_for
		trap - TERM HUP INT
		: >"$folder/up.$name"
		one_target "$1"
	) <&0 &
	pid[$name]=$!
	set +m
}

# t_signature NUMBER: another one wants another run
t_signature() {
	ships_of "$1" || :
	printf '%s\n' "${t_target[$1]}" "${t_source[$1]}" "${t_more[$1]}" "${ships[@]}"
	[[ $mode != web ]] || printf '%s\n' "${t_name[@]}" # which has links to all
}

# look_after NAME: has it ended?
look_after() {
	local code=0 first=${FERRY_RETRY_PAUSE:-1000}

	! kill -0 "${pid[$1]}" 2>/dev/null || return 0
	wait "${pid[$1]}" || code=$?
	known_code "$code" || code=$?
	unset "pid[$1]"
	# one that was away dies of the signal, or knows already that it has not done all
	[[ ! $told || ! ${tries[$1]-} ]] || ((code <= 128)) || code=$EX_TEMP
	[[ ! ${stopped[$1]-} || $told ]] || return 0
	if [[ ! $told && ! ${once[*]-} && $mode =~ ^($t_live)$ ]] &&
		((code == EX_TEMP || code > 128)); then
		uptime
		((now - begun[$1] < 60000)) || tries[$1]=0
		tries[$1]=$((${tries[$1]-0} + 1))
		again[$1]=$((now + first * (tries[$1] > 5 ? 64 : 2 ** tries[$1])))
		away[$1]=1
		return 0
	fi
	ended[$1]=1
	heavier "$code"
	((code == 0)) || [[ $told ]] || ((${#pid[@]} == 0)) ||
		warn "$(fill $"[%s] ended with exit code %s; the others go on" "$1" "$code")"
}

begin_again() {
	local name i

	for i in "${!t_name[@]}"; do
		name=${t_name[i]}
		[[ ${again[$name]-} && ! ${pid[$name]-} ]] || continue
		if ((now >= again[$name])); then
			begin_target "$i"
		fi
	done
}

end_all() {
	local name

	for name in "${!pid[@]}"; do
		# one that is just being started has our traps, and would lose it
		[[ ${as[$name]-} != "$told" && -f $folder/up.$name ]] || continue
		kill "-$told" "${pid[$name]}" 2>/dev/null || :
		as[$name]=$told
	done
}

# look_for_more: once a minute, and when the file has changed; others are asked beside all else
look_for_more() {
	if [[ $asking ]]; then
		! kill -0 "$asking" 2>/dev/null || return 0
		asking=''
		take_more
	fi
	if [[ -f $targets && ($targets -nt $folder/seen || $targets -ot $folder/seen) ]]; then
		touch -r "$targets" "$folder/seen" && cp -- "$targets" "$folder/copy" || return 0
		# a mistake in it is said, and changes nothing
		(read_targets "$folder/copy" && choose_targets) || return 0
		read_targets "$folder/copy"
		choose_targets
		t_mine=() # which goes by the old numbers, until all are asked
		next=$now
	fi
	((now >= next)) || return 0
	next=$((now + look))
	rm -f -- "$folder"/ships.* "$folder"/ledger.*
	ask_all "$folder" 2>/dev/null &
	asking=$!
}

# take_more: what has another target, source or more ships is begun anew, and goes on where it was
take_more() {
	local i name
	local -a t_lost=()

	place_ships "$folder"
	for name in "${!pid[@]}"; do
		[[ " ${t_name[*]} " == *" $name "* ]] || stop_target "$name" || :
	done
	for i in "${!t_name[@]}"; do
		name=${t_name[i]}
		[[ ! ${t_on[i]} || ! ${t_lost[i]-} || ${pid[$name]-} ]] || away[$name]=1
		[[ ${t_on[i]} && ! ${t_lost[i]-} && ! ${again[$name]-} ]] || continue
		[[ ${as[$name]-} != "$(t_signature "$i")" ]] || continue
		if [[ ${pid[$name]-} ]]; then
			! stop_target "$name" || again[$name]=$now
		else
			note "$(fill $"[%s] is begun" "$name")"
			begin_target "$i"
		fi
	done
}

# stop_target NAME: it is not there any more, or has changed. False: not yet
stop_target() {
	[[ ! ${stopped[$1]-} && -f $folder/up.$1 ]] || return 1
	note "$(fill $"[%s] has changed: ended, and begun again if it is there" "$1")"
	stopped[$1]=1
	unset "as[$1]"
	kill -TERM "${pid[$1]}" 2>/dev/null || :
}
