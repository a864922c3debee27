# finish.bash: what is left to do when applications have moved: the wide tables in order, the narrow
# table in files, slot and publication gone. The narrow table is never dropped.
# shellcheck shell=bash disable=SC2154  # variables of narrow-to-wide

# done_with WHAT RESULT: a line of the report
done_with() { printf '%s,"%s"\n' "$1" "${2//\"/\"\"}" >>"$run/report"; }

# ask_job SQL|-f FILE [NAME=VALUE...]: ask_it, where the job is known by :'schema', :'prefix' and
# :'table'
ask_job() {
	ask_it "$@" schema="$(wide_schema)" \
		prefix="$(value_of target-prefix tbl_data_timeseries_ "${target[@]}")" \
		table="$(value_of table tenant.tbl_data_timeseries "${narrow[@]}")"
}

# ask_reads: $said is how the job was planned to read its source, an option a line: what
# pg-wide-validate takes from it (ledger_job_reads), which never is SQL
ask_reads() {
	said=''
	! has_ledger job || ask_job "SELECT format('--%s=%s', o.key, o.value)
		FROM ferry.job, LATERAL (SELECT to_jsonb(job) AS j) AS x, LATERAL
			(SELECT 'source-encoding' AS key, j ->> 'encoding' AS value UNION ALL
			SELECT * FROM jsonb_each_text(nullif(j ->> 'columns', '')::jsonb)) AS o
		WHERE target_schema = :'schema' AND target_prefix = :'prefix'
		AND source_table = :'table' AND o.value <> '' AND o.key !~ 'expression$'"
}

# ask_who_follows: $said is who is at work
ask_who_follows() {
	said=''
	! has_ledger follower || ask_job -f "$FERRY_LIB/lib/follows.sql"
}

# What is taken away from a follower at work ends it, and what it has not read yet is lost to the
# archive.
want_no_follower() {
	local said=''

	ask_who_follows
	[[ ! $said ]] || fail_busy "$(fill $"a follower is at work: %s" "$said")" \
		$"end it (SIGTERM), then finish"
}

# Nothing is finished before both sides are equal, also in what only a follower has brought: what a
# slot still holds is missing.
want_equal() {
	local code=0 said help=$"--mode validate shows where, --repair makes them equal"

	pg-wide-validate --followed "${loud[@]}" "${narrow[@]}" "${target[@]}" "${ships[@]}" \
		>"$run/validate" || code=$?
	if ((code == EX_DIFFERS)); then
		ask_follower
		[[ ! $said ]] || help=$"follow until all has come that was written, then finish"
		fail "$EX_DIFFERS" $"both sides differ: nothing was finished" "$help"
	fi
	((code == 0)) || return "$code"
	done_with compared equal
}

# Rows that are all visible are not looked at twice, and an index that has grown row by row is
# half empty.
tidy_wide() {
	local said='' each what count=0
	local -a tables=()

	mapfile -t tables < <(pg-wide-tables relations "${narrow[@]}" "${target[@]}" "${ships[@]}")
	wait "$!" || known_code "$?" || exit
	for each in "${tables[@]}"; do
		ask_it "SELECT relkind FROM pg_class WHERE oid = :'name'::regclass" name="$each"
		[[ $said == r ]] || continue
		tell "$(fill $"putting %s in order" "$each")"
		for what in "ALTER TABLE $each RESET (fillfactor, autovacuum_enabled)" \
			"REINDEX TABLE CONCURRENTLY $each" "VACUUM (ANALYZE) $each"; do
			ask_it "$what"
		done
		count=$((count + 1))
	done
	done_with tables "$count"
}

# leaves: the tables that hold the narrow rows, quoted; the table itself where it has no partitions
leaves() {
	to_source psql -XAtqw -v ON_ERROR_STOP=1 -v name="$(narrow_ident)" -f - <<-'SQL'
		BEGIN;
		SET LOCAL statement_timeout = 0;
		SET LOCAL search_path = pg_catalog;
		SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE c.oid IN (SELECT relid FROM pg_partition_tree(:'name'::regclass) WHERE isleaf
			UNION SELECT oid FROM pg_class
			WHERE oid = :'name'::regclass AND relkind = 'r')
		ORDER BY 1;
		COMMIT;
	SQL
}

# digest_of SOURCE...: of all cells that a command writes
digest_of() { "$@" | stream-digest --quiet --progress none --narrow --total -o csv; }

# rejected FILE NAME: its rows in an order of their own, without the numbers that tell where they
# were read, into $run/NAME; none where it is not there
rejected() {
	: >"$run/$2"
	[[ ! -e $1 ]] || sed 's/^{"record":[0-9]*,//' -- "$1" | LC_ALL=C sort >"$run/$2"
}

# archive_of TABLE: the name of its file. With --ship-id it is of these ships alone, so that others
# go beside it.
archive_of() {
	local name=${1//\"/} of='' sum

	case ${#ships[@]}:${ships[*]#--ship-id=} in
	0:) ;;
	*[!A-Za-z0-9:_-]*)
		sum=$(printf '%s\n' "${ships[@]}" | sort -u | sha256sum)
		of=.ships-${sum::16}
		;;
	*) of=.ship-${ships[0]#--ship-id=} ;;
	esac
	printf '%s' "$archive/${name//\//_}$of.csv.gz"
}

# archive_one TABLE: all or nothing; what the files say is compared with the table once more: cells
# by digest, rows that cannot be carried over line by line. A ship need not be in every partition.
archive_one() {
	local written there rows values bad file
	local -a from=(pg-narrow-dump "${loud[@]}" --progress none "${of_table[@]}" --table "$1"
		"${ships[@]}" ${ships[*]:+--new-ship} --max-rejects=100%)

	file=$(archive_of "$1")
	[[ -e $file ]] || {
		"${from[@]}" --seal --gzip 6 --rejects "$file.rejects" -O "$file.part"
		sync -- "$file.part" "$file.rejects"
		mv -T -- "$file.part" "$file"
		[[ -s $file.rejects ]] || rm -f -- "$file.rejects"
	}
	# also of one that a run before has made
	written=$(digest_of cat "$file")
	there=$(digest_of "${from[@]}" --quiet --no-seal --rejects "$run/rejects")
	rejected "$run/rejects" rejected.now
	rejected "$file.rejects" rejected.then
	if [[ $written != "$there" ]] || ! cmp -s -- "$run"/rejected.{now,then}; then
		fail "$EX_DIFFERS" \
			"$(fill $"the table says something else than its archive: %s" "$file")" \
			$"it was written to since; where the file is moved away it is archived anew"
	fi
	bad=$(wc -l <"$run/rejected.now")
	rm -f -- "$run"/rejected.{now,then}
	IFS=, read -r _ rows values written <<<"${written##*$'\n'}"
	done_with archived "$file rows=$rows values=$values digest=$written rejects=$bad"
}

archive_narrow() {
	local each said
	local -a tables=() of_table=()

	for each in "${narrow[@]}"; do
		[[ $each == --table=* ]] || of_table+=("$each")
	done
	ask_reads
	[[ ! $said ]] || mapfile -t -O "${#of_table[@]}" of_table <<<"$said"
	mkdir -p -- "$archive" || fail "$EX_CANTCREATE" "$(fill $"cannot make %s" "$archive")"
	mapfile -t tables < <(leaves)
	wait "$!" || fail "$EX_TEMP" $"the source cannot be asked"
	((${#tables[@]})) || fail "$EX_CONFIG" $"there is no narrow table to archive"
	for each in "${tables[@]}"; do
		tell "$(fill $"archiving %s" "$each")"
		archive_one "$each"
	done
	sync -- "$archive"
}

# ask_follower: $said is empty where the ledger knows of no follower, at work or not
ask_follower() {
	said=''
	! has_ledger follower || ask_job "SELECT 1 FROM ferry.follower JOIN ferry.job USING (job_id)
		WHERE target_schema = :'schema' AND target_prefix = :'prefix'
		AND source_table = :'table'"
}

# ask_others: $said is a ship of the job that is none of those asked for
ask_others() {
	ask_job "SELECT min(ship) FROM ferry.job JOIN (SELECT job_id, ship FROM ferry.chunk
			UNION SELECT job_id, ship FROM ferry.follow_ship) AS s USING (job_id)
		WHERE target_schema = :'schema' AND target_prefix = :'prefix'
		AND source_table = :'table' AND ship <> ''
		AND NOT ship = ANY (string_to_array(:'ships', E'\n'))" \
		ships="$(printf '%s\n' "${ships[@]#--ship-id=}")"
}

# end_following: slot and publication go, and what the ledger says of a follower. 1: that was not
# wanted. Where the ledger knows of none nobody need be asked: what a set-up may have left goes.
# They are the job's, so of all its ships, which were not all compared where some were named.
end_following() {
	local said='' what='slot, publication'

	((${#ships[@]} == 0)) || ask_others
	if [[ $said ]]; then
		tell "$(fill \
			$"slot and publication stay: they are of other ships, too, such as %s" \
			"$said")"
		done_with unfollowed "not: of other ships, too"
		return
	fi
	ask_follower
	if [[ ! $said ]]; then
		tell $"nothing follows the source: there is nothing to end"
		what='nothing to end'
	elif [[ ! $yes ]]; then
		confirm $"end following, and remove slot and publication?" || return "$EX_DIFFERS"
	fi
	# the archive may have taken hours
	want_no_follower
	pg-wide-ledger unfollow --quiet "${narrow[@]}" "${target[@]}" ||
		known_code "$?" || return
	done_with unfollowed "$what"
}

finish() {
	local code=0

	: >"$run/report"
	want_no_follower
	want_equal
	tidy_wide
	[[ ! $archive ]] || archive_narrow
	end_following || code=$?
	{ printf 'step,result\n' && cat -- "$run/report"; } |
		reformat --quiet --progress none -i csv -o "$(value_of format table "${format[@]}")"
	((code == 0)) || fail "$code" $"following was not ended: slot and publication are left" \
		$"--mode finish --yes removes them"
}
