# rollback.bash: as if it had never been, with a backup first where asked; and back again.
#
# A backup is a directory: ledger.ndjson, what the ledger says, and tables/, the wide tables as
# pg_dump writes them. The ledger is saved first: what is committed in between is in the tables
# only, and carried over once more.
# shellcheck shell=bash disable=SC2154  # variables of narrow-to-wide

# to_target COMMAND...: a program of PostgreSQL that talks to the target; to_source: to the source.
to_target() { to_server "${FERRY_TARGET-}" "$@"; }
to_source() { to_server "${FERRY_SOURCE-}" "$@"; }

# to_server CONNINFO COMMAND...: the connection string may have a password, so it goes by the
# environment, and never over a command line of ours.
to_server() (
	env=()
	# nothing may go to another server because this one could not be told
	if [[ $1 ]]; then
		mapfile -d '' env < <(FERRY_TARGET=$1 pg-wide-tables env)
		wait "$!" || known_code "$?" || exit
		((${#env[@]} == 0)) || export "${env[@]}"
	fi
	shift
	unset FERRY_SOURCE FERRY_TARGET
	# Debian's wrapper is Perl, which complains of every locale that is not there; and what psql
	# says is looked into: LANGUAGE alone would translate it
	export LC_ALL=C.UTF-8 LANGUAGE=
	# It is none of ours, which would end with this shell by themselves. A statement is
	# short, and the units refuse what setpriv calls.
	[[ $1 == psql ]] || set -- setpriv --pdeathsig TERM "$@"
	exec "$@"
)

# clear_part DIR.part: what a backup has left that was killed goes: nothing was dropped after it.
clear_part() {
	[[ -e $1 ]] || return 0
	[[ -d $1 && ! $(find "$1" -mindepth 1 -maxdepth 1 -not -name ledger.ndjson \
		-not -name tables -printf x) ]] ||
		fail "$EX_CANTCREATE" "$(fill $"there is something already: %s" "$1")" \
			$"a backup makes its directory"
	flock --nonblock "$1" rm -rf -- "$1" ||
		fail_busy "$(fill $"another run writes %s" "$1")"
	note "$(fill $"%s was left by a backup that did not end: made anew" "$1")"
}

# list_relations: the wide tables and views are in $relations
list_relations() {
	mapfile -t relations < <(pg-wide-tables relations "${narrow[@]}" "${target[@]}" \
		"${ships[@]}")
	wait "$!" || known_code "$?" || exit
}

# keep_copy DIR: what DIR.part has may be the last copy of what went: no other backup clears it away
keep_copy() {
	local kept

	kept=$1.$(date -u +%Y%m%dT%H%M%S.%3NZ)
	(umask 077 && mkdir -- "$kept") || fail "$EX_CANTCREATE" "$(fill $"cannot make %s" "$kept")"
	mv -- "$1.part/ledger.ndjson" "$1.part/tables" "$kept"
	warn "$(fill $"tables went meanwhile, and what went is in %s" "$kept")"
}

# back_up DIR: all or nothing. What is made while it runs may be done in the ledger and not in the
# tables; then it is made once more.
back_up() {
	local part=$1.part listed='' tries=3
	local -a relations saved

	[[ ! -e $1 ]] ||
		fail "$EX_CANTCREATE" "$(fill $"there is something already: %s" "$1")" \
			$"a backup makes its directory"
	clear_part "$part"
	list_relations
	((${#relations[@]})) || fail "$EX_CONFIG" $"there are no wide tables to back up"
	(umask 077 && mkdir -- "$part") || fail "$EX_CANTCREATE" "$(fill $"cannot make %s" "$part")"
	exec {part_lock}<"$part"
	flock --nonblock "$part_lock" || fail_busy "$(fill $"another run writes %s" "$part")"
	while [[ $listed != "${relations[*]}" ]]; do
		[[ ! $listed ]] || note $"tables appeared or went: the backup is made once more"
		((tries-- > 0)) || fail "$EX_TEMP" \
			$"tables appear as fast as they are saved: nothing was changed" \
			$"end what is loading them, then run again"
		listed=${relations[*]} saved=("${relations[@]}")
		rm -rf -- "$part/tables"
		pg-wide-tables save "${narrow[@]}" "${target[@]}" "${ships[@]}" \
			>"$part/ledger.ndjson"
		to_target pg_dump --format=directory --jobs="$workers" --file="$part/tables" \
			"${relations[@]/#/--table=}" ||
			fail "$EX_REFUSED" $"pg_dump failed: nothing was changed" \
				"$(fill $"what it left is in %s" "$part")"
		list_relations
		[[ ! $(LC_ALL=C comm -23 <(printf '%s\n' "${saved[@]}" | LC_ALL=C sort) \
			<(printf '%s\n' "${relations[@]}" | LC_ALL=C sort)) ]] || keep_copy "$1"
		((${#relations[@]})) || fail "$EX_CONFIG" $"there are no wide tables to back up"
	done
	sync -- "$part" "$part/ledger.ndjson" "$part/tables" "$part"/tables/*
	mv -T -- "$part" "$1"
	sync -- "$(dirname -- "$1")"
	tell "$(fill $"the backup of %s tables and views is in %s" "${#relations[@]}" "$1")"
}

# is_gone [SHIP]...: neither a job nor a table is there any more; of ships, that they are not
is_gone() {
	local known each code=0

	if (($#)); then
		known=$(pg-wide-tables list --quiet "${target[@]}") || known_code "$?" || exit
		for each in "${@#--ship-id=}"; do
			! grep -qxF -e "$each" <<<"$known" || return 1
		done
		return
	fi
	pg-wide-ledger status "${narrow[@]}" "${target[@]}" >/dev/null 2>&1 || code=$?
	((code == EX_CONFIG)) || return 1
	known=$(pg-wide-tables relations "${narrow[@]}" "${target[@]}") || known_code "$?" || exit
	[[ ! $known ]]
}

# has_backup: it is whole, and of this job
has_backup() {
	local said='' list=$backup/ledger.ndjson

	[[ -f $list && -f $backup/tables/toc.dat ]] && is_whole "$list" || return 1
	ask_job "SELECT 1 FROM (SELECT :'job'::jsonb -> 'row' AS j) AS x
		WHERE j ->> 'target_schema' = :'schema' AND j ->> 'target_prefix' = :'prefix'
		AND (j ->> 'source_table' = :'table' OR :'named' = '')" \
		job="$(head -n 1 -- "$list")" named="$(value_of table '' "${narrow[@]}")"
	[[ $said ]]
}

# is_done: nothing is left to roll back, because a run before has done it. Of one target that says
# nothing where somebody has mistaken a name; of several the others vouch for it (in_turn).
is_done() {
	local named=$backup

	if [[ $backup ]] && is_gone "${ships[@]}" && has_backup; then
		note "$(fill $"rolled back already: the backup is in %s" "$backup")"
		return
	fi
	[[ ! " ${narrow[*]} ${target[*]}" =~ ' --'(table|target-schema|target-prefix) ]] || named=1
	[[ $named && (! ${ships[*]-} || $targets) ]] && is_gone || return 1
	[[ $targets ]] || fail "$EX_CONFIG" \
		$"no job has this table and target: there is nothing to roll back" \
		$"narrow-to-wide --mode status --all lists those there are"
	note $"no job has this table and target: there is nothing to roll back"
	: >"$folder/gone.$FERRY_LABEL"
}

# plan_rollback: what would go, in the words of the run; nothing is changed
plan_rollback() {
	local each status said=''
	local -a relations

	list_relations
	[[ ! $backup ]] || fill $"would save the wide tables and the ledger in %s\n" "$backup"
	for each in "${relations[@]}"; do
		fill $"would drop %s\n" "$each"
	done
	status=$(pg-wide-ledger status -f json "${narrow[@]}" "${target[@]}" "${ships[@]}") ||
		return 0
	[[ ! $status =~ \"done\":([0-9]+) ]] ||
		fill $"would forget %s chunks that are done\n" "${BASH_REMATCH[1]}"
	# who polls may have one, too, that could not be removed
	((${#ships[@]})) || [[ $leave_slot ]] || ! has_ledger follower ||
		ask_job "SELECT 1 FROM ferry.follower JOIN ferry.job USING (job_id)
			WHERE target_schema = :'schema' AND target_prefix = :'prefix'
			AND source_table = :'table' AND slot <> ''"
	[[ ! $said ]] ||
		printf '%s\n' $"would drop the slot, and the publication unless it is another's"
}

# want_known: tables that are named as ours, of which no ledger says anything, stay: not silently
want_known() {
	local said='' code=0

	pg-wide-ledger status "${narrow[@]}" "${target[@]}" >/dev/null 2>&1 || code=$?
	((code == EX_CONFIG)) || return 0
	# those of another job are known
	! has_ledger channel || ask_it "SELECT 1 FROM ferry.channel
		WHERE target_schema = :'schema' LIMIT 1" schema="$(wide_schema)"
	[[ $said != 1 ]] || return 0
	ask_it "SELECT string_agg(relname, ', ' ORDER BY relname) FROM pg_class
		WHERE relnamespace = to_regnamespace(quote_ident(:'schema'))
		AND relkind IN ('r', 'v') AND NOT relispartition
		AND oid NOT IN (SELECT inhrelid FROM pg_inherits)
		AND relname <> :'table' AND starts_with(relname, :'prefix')" \
		schema="$(wide_schema)" \
		table="$(value_of table '' "${narrow[@]}" | sed 's/.*\.//')" \
		prefix="$(value_of target-prefix tbl_data_timeseries_ "${target[@]}")"
	[[ ! $said ]] || fail "$EX_CONFIG" \
		"$(fill $"no job knows these tables, and nothing was changed: %s" "$said")" \
		$"restore --backup goes on where one has ended; what is not of ferry stays as it is"
}

roll_back() {
	local restoring place of_job undone=''
	local -a going

	if half_restored "$of_this_job"; then
		if [[ $dry_run ]]; then
			fill $"would undo what a restore of %s has begun, and nothing else\n" \
				"$place"
			return
		fi
		[[ $yes ]] || confirm "$(fill $"undo what a restore of %s has begun?" "$place")" ||
			fail "$EX_DIFFERS" $"nothing was changed"
		undo_restore "$of_this_job"
		# what the ledger knows was not meant: nobody was asked for it
		if [[ $undone ]]; then
			note $"nothing else was changed: another rollback drops what the ledger has"
			return
		fi
	fi
	want_known
	! is_done || return 0
	if [[ $dry_run ]]; then
		plan_rollback
		return
	fi
	# What stands in the way is found before anything is changed; the ships whose tables go.
	mapfile -t going < <(pg-wide-tables rollback --dry-run "${loud[@]}" "${narrow[@]}" \
		"${target[@]}" "${ships[@]}" ${leave_slot:+"$leave_slot"} ${cascade:+"$cascade"})
	wait "$!" || known_code "$?" || exit
	# asked before the backup, which may take long
	if [[ $backup && ! $yes ]]; then
		confirm $"back up and drop the wide tables, and what the ledger says of them?" ||
			fail "$EX_DIFFERS" $"nothing was changed"
		yes=--yes
	elif [[ ! $yes ]] && has_routes; then
		confirm $"drop the wide tables, and the names applications ask them by?" ||
			fail "$EX_DIFFERS" $"nothing was changed"
		yes=--yes
	fi
	[[ ! $backup ]] || back_up "$backup"
	drop_routes "${going[@]}" "${ships[@]#--ship-id=}"
	pg-wide-tables rollback "${loud[@]}" "${narrow[@]}" "${target[@]}" "${ships[@]}" \
		${yes:+"$yes"} ${leave_slot:+"$leave_slot"} ${cascade:+"$cascade"}
	drop_names
}

# is_whole FILE: its last line says how many were before.
is_whole() {
	[[ $(tail -n 1 -- "$1") == "{\"end\":$(($(wc -l <"$1") - 1))}" ]]
}

# A row of ferry.restoring, r, is of the job that was named; where no narrow table was, of the one
# that fills these wide tables. What is not said is of any.
of_this_job="coalesce(to_jsonb(r) ->> 'target_schema', :'schema') = :'schema'
	AND coalesce(to_jsonb(r) ->> 'target_prefix', :'prefix') = :'prefix'
	AND (coalesce(to_jsonb(r) ->> 'source_table', :'table') = :'table' OR :'named' = ''
		AND NOT EXISTS (SELECT FROM ferry.job AS j WHERE j.target_schema = :'schema'
			AND j.target_prefix = :'prefix'
			AND j.source_table <> to_jsonb(r) ->> 'source_table'))"

# half_restored [CONDITION]: a restore made its tables, and ended before the ledger knew of them, or
# is at work. $restoring is of which backup, $place where that is, $of_job the options that name its
# job.
half_restored() {
	local said='' each
	local -a lines

	restoring='' place='' of_job=''
	has_ledger restoring || return 1
	ask_job "SELECT concat_ws(E'\n', digest,
			'--table=' || (to_jsonb(r) ->> 'source_table'),
			'--target-schema=' || (to_jsonb(r) ->> 'target_schema'),
			'--target-prefix=' || (to_jsonb(r) ->> 'target_prefix'), place)
		FROM ferry.restoring AS r WHERE ${1-true} LIMIT 1" \
		named="$(value_of table '' "${narrow[@]}")"
	[[ $said ]] || return
	mapfile -t lines <<<"$said"
	restoring=${lines[0]} place=${lines[-1]}
	for each in "${lines[@]:1:${#lines[@]}-2}"; do
		of_job+=" ${each%%=*} $(printf %q "${each#*=}")"
	done
}

# undo_restore [CONDITION]: what it made goes, since no ledger knows it. One that is just filling
# the ledger keeps its table locked, so that this waits, and then finds nothing.
undo_restore() {
	local said='' list

	half_restored "$@" || return 0
	# not through the rows of others: only tables that are still what was made
	ask_it "SELECT coalesce(string_agg(format('DROP %s IF EXISTS %s;',
		CASE WHEN is_view THEN 'VIEW' ELSE 'TABLE' END, name), ' '
		ORDER BY is_view DESC), '') FROM ferry.restoring"
	list=$said
	if ! at_target "LOCK TABLE ferry.restoring; $list DROP TABLE ferry.restoring"; then
		[[ $sqlstate == 42P01 ]] || no_answer $"the target cannot be asked"
		return 0
	fi
	undone=1
	note "$(fill $"what a restore of %s had begun is undone" "$place")"
}

# restore_tables DIGEST: in one transaction, which also says of which backup they are. It is
# committed by its last statement: a script that ends early changes nothing.
restore_tables() {
	{
		echo 'BEGIN;'
		pg_restore --exit-on-error --no-password --file=- "$backup/tables" &&
			cat -- "$FERRY_LIB/lib/restore.sql" && echo 'COMMIT;'
	} | to_target psql -XAtq -v ON_ERROR_STOP=1 -v digest="$1" -v place="$backup" \
		-v job="$(head -n 1 -- "$backup/ledger.ndjson")" -f - >/dev/null
}

# restore: the tables, then what the ledger says of them. One that ended in between goes on.
restore() {
	local digest restoring place of_job undone='' code=0

	[[ $backup ]] || misused $"restore wants --backup DIR"
	[[ -f $backup/ledger.ndjson && -d $backup/tables ]] ||
		fail "$EX_NOINPUT" "$(fill $"not a backup: %s" "$backup")"
	is_whole "$backup/ledger.ndjson" ||
		fail "$EX_STREAM" "$(fill $"a backup that was cut: %s" "$backup")"
	digest=$(cat -- "$backup/ledger.ndjson" "$backup/tables/toc.dat" | sha256sum)
	if ! half_restored; then
		# a ledger, if there is none
		pg-wide-tables load --quiet "${target[@]}" <<<'{"end":0}'
		restore_tables "${digest%% *}" || {
			# its answer may have been lost, and not the tables
			! half_restored || fail "$EX_TEMP" $"not finished" \
				$"the same command again goes on from here"
			fail "$EX_REFUSED" $"pg_restore failed: nothing was changed" \
				$"tables that are there are to be rolled back first"
		}
	elif [[ $restoring != "${digest%% *}" ]]; then
		fail "$EX_CONFIG" "$(fill $"a restore of %s has not ended" "$place")" \
			"$(fill $"that backup goes on, --mode rollback%s undoes it" "$of_job")"
	else
		tell $"the tables are there already: going on with the ledger"
	fi
	pg-wide-tables load --restoring "${digest%% *}" "${loud[@]}" "${target[@]}" \
		<"$backup/ledger.ndjson" || code=$?
	((code != EX_CONFIG && code != EX_DATA)) || undo_restore # another run cannot succeed
	((code == 0)) || return "$code"
	make_names
	tell $"restored; validate tells what has changed since"
}
