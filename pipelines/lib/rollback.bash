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
	# Debian's wrapper is Perl, which complains of every locale that is not there
	export LC_ALL=C.UTF-8
	# It is none of ours, which would end with this shell by themselves. A statement is
	# short, and the units refuse what setpriv calls.
	[[ $1 == psql ]] || set -- setpriv --pdeathsig TERM "$@"
	exec "$@"
)

# back_up DIR: all or nothing.
back_up() {
	local part=$1.part
	local -a relations

	[[ ! -e $1 && ! -e $part ]] ||
		fail "$EX_CANTCREATE" "$(fill $"there is something already: %s" "$1")" \
			$"a backup makes its directory"
	mapfile -t relations < <(pg-wide-tables relations "${narrow[@]}" "${target[@]}" \
		"${ships[@]}")
	wait "$!" || known_code "$?" || exit
	((${#relations[@]})) || fail "$EX_CONFIG" $"there are no wide tables to back up"
	(umask 077 && mkdir -- "$part") || fail "$EX_CANTCREATE" "$(fill $"cannot make %s" "$part")"
	pg-wide-tables save "${narrow[@]}" "${target[@]}" "${ships[@]}" >"$part/ledger.ndjson"
	to_target pg_dump --format=directory --jobs="$workers" --file="$part/tables" \
		"${relations[@]/#/--table=}" ||
		fail "$EX_REFUSED" $"pg_dump failed: nothing was changed" \
			"$(fill $"what it left is in %s" "$part")"
	sync -- "$part" "$part/ledger.ndjson" "$part/tables" "$part"/tables/*
	mv -T -- "$part" "$1"
	sync -- "$(dirname -- "$1")"
	tell "$(fill $"the backup of %s tables and views is in %s" "${#relations[@]}" "$1")"
}

# is_there: something has the names that were given; so has what was made without a job.
is_there() {
	[[ ${#ships[@]} != 0 ||
		! " ${narrow[*]} ${target[*]}" =~ ' --'(table|target-schema|target-prefix) ]] ||
		pg-wide-ledger status "${narrow[@]}" "${target[@]}" >/dev/null 2>&1 ||
		(($? != EX_CONFIG)) ||
		[[ $(pg-wide-tables relations "${narrow[@]}" "${target[@]}") ]]
}

# plan_rollback: what would go, in the words of the run; nothing is changed
plan_rollback() {
	local each status
	local -a relations

	mapfile -t relations < <(pg-wide-tables relations "${narrow[@]}" "${target[@]}" \
		"${ships[@]}")
	wait "$!" || known_code "$?" || exit
	[[ ! $backup ]] || fill $"would save the wide tables and the ledger in %s\n" "$backup"
	for each in "${relations[@]}"; do
		fill $"would drop %s\n" "$each"
	done
	status=$(pg-wide-ledger status -f json "${narrow[@]}" "${target[@]}" "${ships[@]}") ||
		return 0
	[[ ! $status =~ \"done\":([0-9]+) ]] ||
		fill $"would forget %s chunks that are done\n" "${BASH_REMATCH[1]}"
	[[ ${#ships[@]} != 0 || $status != *'"kind":"slot"'* ]] ||
		printf '%s\n' $"would drop the slot, and the publication unless it is another's"
}

roll_back() {
	is_there || fail "$EX_CONFIG" \
		$"no job has this table and target: there is nothing to roll back" \
		$"narrow-to-wide --mode status --all lists those there are"
	if [[ $dry_run ]]; then
		plan_rollback
		return
	fi
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
	drop_routes
	pg-wide-tables rollback "${loud[@]}" "${narrow[@]}" "${target[@]}" "${ships[@]}" \
		${yes:+"$yes"} ${leave_slot:+"$leave_slot"} ${cascade:+"$cascade"}
	drop_names
}

# is_whole FILE: its last line says how many were before.
is_whole() {
	[[ $(tail -n 1 -- "$1") == "{\"end\":$(($(wc -l <"$1") - 1))}" ]]
}

# restore: the tables in one transaction, then what the ledger says of them.
restore() {
	[[ $backup ]] || misused $"restore wants --backup DIR"
	[[ -f $backup/ledger.ndjson && -d $backup/tables ]] ||
		fail "$EX_NOINPUT" "$(fill $"not a backup: %s" "$backup")"
	is_whole "$backup/ledger.ndjson" ||
		fail "$EX_STREAM" "$(fill $"a backup that was cut: %s" "$backup")"
	to_target pg_restore --single-transaction --exit-on-error --no-password --dbname= \
		"$backup/tables" ||
		fail "$EX_REFUSED" $"pg_restore failed: nothing was changed" \
			$"tables that are there are to be rolled back first"
	pg-wide-tables load "${loud[@]}" "${target[@]}" <"$backup/ledger.ndjson"
	make_names
	tell $"restored; validate tells what has changed since"
}
