# route.bash: whether applications ask the narrow or the wide tables, by the search_path of their
# roles and by the names that ships have.
# shellcheck shell=bash disable=SC2154  # variables of narrow-to-wide

# no_route WHAT: what psql could not do, in $said, with the code of its reason
no_route() {
	local reason=$said state=$sqlstate lack help

	if [[ $reason == 'not whole: '* ]]; then
		lacks "${reason#not whole: }"
		fail "$EX_CONFIG" "$1: $lack" \
			"$help; $(fill $"%s does it all the same" --force)"
	fi
	if [[ $sqlstate == 55P03 ]] && at_target "$who_holds" && [[ $said ]]; then
		fail "$EX_TEMP" "$1: $(fill $"others hold its names: %s" "$said")" \
			$"pg_terminate_backend() ends a session; the same command tries again"
	fi
	said=$reason sqlstate=$state
	no_answer "$1"
}

# Who asks the views, or waits idle in a transaction that has asked them
who_holds="SELECT pg_catalog.string_agg(DISTINCT pg_catalog.format('pid %s (%s, %s)', a.pid,
	a.usename, a.state), ', ') FROM pg_catalog.pg_locks AS l
	JOIN pg_catalog.pg_stat_activity AS a USING (pid)
	JOIN pg_catalog.pg_class AS c ON c.oid = l.relation AND l.locktype = 'relation'
	JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
	WHERE l.granted AND n.nspname IN ('ferry_narrow', 'ferry_wide')
	AND l.database = (SELECT oid FROM pg_catalog.pg_database
		WHERE datname = pg_catalog.current_database())"

# at_names FILE [NAME=VALUE...]: at_target, again and again for some seconds while others hold a
# lock: to wait for it in the server would hold up all that ask later.
at_names() {
	local -i tries=${FERRY_ROUTE_TRIES:-30}

	until at_target -f "$@"; do
		[[ $sqlstate == 55P03 ]] && ((--tries > 0)) || return 1
		nap 250
	done
}

# lacks REASON: what the wide side of a ship lacks, as lib/whole.sql and route.sql have it, for
# people in $lack, and what helps in $help
lacks() {
	local words=$1

	help=$"--mode migration-only carries it over"
	case $words in
	failed*)
		lack=$(fill $"%s of its chunks failed" "${words#* }")
		help=$"--mode migration-only --retry-failed tries them again"
		;;
	open*) lack=$(fill $"%s of its chunks are not done" "${words#* }") ;;
	doubt*)
		lack=$"rows of it are in doubt"
		help=$"--mode validate --repair compares them and brings what is missing"
		;;
	stopped)
		lack=$"its follower does not run"
		help=$"--mode concurrent follows it"
		;;
	since*) lack=$(fill $"the narrow table has rows before %s" "${words#* }") ;;
	until*)
		lack=$(fill $"not followed, and the narrow table has rows behind %s" "${words#* }")
		help=$"--mode concurrent follows it"
		;;
	*) lack=$"nothing of it is carried over" ;;
	esac
}

# narrow_ident: the narrow table, quoted for SQL
narrow_ident() {
	local table

	table=$(value_of table tenant.tbl_data_timeseries "${narrow[@]}")
	[[ $table == *.* ]] || table=public.$table
	printf '%s.%s' "$(quoted "${table%%.*}")" "$(quoted "${table#*.}")"
}

# route_ship SHIP ARM: its names; in the wide arm those of the narrow shape only when they are fast
route_ship() {
	local said='' each lack help
	local -a columns=()

	for each in id:id ship:ship_id channel:data_channel_id time:created_time \
		format:value_format double:double_v long:long_v string:str_v boolean:bool_v; do
		columns+=("${each%:*}_column=$(value_of "${each%:*}-column" "${each#*:}" \
			"${narrow[@]}")")
	done
	at_names "$FERRY_LIB/lib/route.sql" schema="$(wide_schema)" ship="$1" \
		narrow="$(narrow_ident)" arm="$2" force="${force:-0}" \
		missing="$(<"$FERRY_LIB/lib/whole.sql")" "${columns[@]}" ||
		no_route "$(fill $"ship %s is not routed" "$1")"
	if [[ $2 == wide && $said == *$'\n'* ]]; then
		lacks "${said#*$'\n'}"
		warn "$(fill \
			$"ship %s is asked for in wide tables that are not complete: %s" \
			"$1" "$lack")"
		hint "$help"
	fi
	said=${said%%$'\n'*}
	case $said in
	*slower)
		IFS='|' read -r -a columns <<<"$said"
		warn "$(fill \
			$"ship %s: narrow rows stay as they were: %s ms instead of %s" \
			"$1" "${columns[1]}" "${columns[0]}")"
		hint $"--force makes them of the wide tables all the same"
		;;
	*made)
		tell "$(fill \
			$"ship %s: narrow rows are made of wide ones, the rest NULL" \
			"$1")"
		;;
	esac
}

# route_role ROLE ARM: of its next sessions
route_role() {
	local said=''

	at_names "$FERRY_LIB/lib/route-role.sql" role="$1" arm="$2" ||
		no_route "$(fill $"role %s is not routed" "$1")"
}

# show_routes: as a report; nothing where there are none
show_routes() {
	local said='' form

	form=$(value_of format table "${format[@]}")
	at_target -f "$FERRY_LIB/lib/routes.sql" \
		missing="$(<"$FERRY_LIB/lib/whole.sql")" || no_route $"the routes are not known"
	[[ $said == *$'\n'* ]] || return 0
	reformat --quiet --progress none -i csv -o "${form/prometheus/table}" <<<"$said"
}

has_routes() {
	local said=''

	ask_it "SELECT to_regnamespace('ferry_narrow')" && [[ $said ]]
}

# drop_routes SHIP...: before their wide tables are dropped; with the last of all ships the roles'
# paths are as they were, too.
drop_routes() {
	local said='' each

	has_routes || return 0
	at_names "$FERRY_LIB/lib/route-drop.sql" schema="$(wide_schema)" \
		ships="$(printf '%s\n' "$@")" cascade="${cascade:+CASCADE}" ||
		no_route $"the routes cannot be dropped"
	while IFS= read -r each; do
		[[ ! $each ]] || route_role "$each" none
	done <<<"$said"
}

route() {
	local each said
	local -a named=() reads=()

	if [[ ! $to ]]; then
		[[ ! $roles && ! $force ]] || misused $"route: --to says where"
		show_routes
		return
	fi
	((${#ships[@]} + ${#roles})) || misused $"route wants --ship-id, --roles or both"
	[[ ! $roles ]] || IFS=, read -ra named <<<"$roles"
	ask_reads
	[[ ! $said ]] || mapfile -t reads <<<"$said"
	narrow=("${reads[@]}" "${narrow[@]}")
	for each in "${ships[@]#--ship-id=}"; do
		# names of the ship stay where only roles are told
		[[ $to == narrow && $roles ]] || route_ship "$each" "$to"
	done
	for each in "${named[@]}"; do
		route_role "$each" "$to"
	done
	if ((${#named[@]})) && ! has_routes; then
		warn $"no ship is routed yet: these roles find no names in their path"
		hint $"--ship-id with --to makes the names of a ship"
	fi
	((${#named[@]} == 0)) ||
		tell $"sessions that are open keep their way until they connect anew"
}
