# bundle.bash: what somebody who helps wants to see: versions, settings, the ledger, events. No data
# and no secrets: connection strings, commands and values of options are left out, and so is what
# messages quote or have in brackets, which may come from a row. Sourced by narrow-to-wide, behind
# doctor.bash.
# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of narrow-to-wide

bundle() {
	local folder name=ferry-bundle

	[[ $output ]] || misused $"bundle wants --output FILE"
	folder=$(mktemp -d -- "${TMPDIR:-/tmp}/ferry-bundle.XXXXXX") ||
		fail "$EX_CANTCREATE" $"cannot make a folder for files of this run" \
			$"TMPDIR names another place"
	defer rm -rf -- "$folder"
	mkdir -- "$folder/$name"
	# what one of them cannot say is no reason to leave out the others
	part versions bundle_versions
	part options bundle_options
	part doctor.json bundle_doctor
	part status.json pg-wide-ledger status --all -f json "${target[@]}"
	part chunks.csv to_target psql -XAqw --csv -c "$chunks_sql"
	part events.json to_target psql -XAqtw -c "$events_sql"
	part settings-source.csv to_source psql -XAqw --csv -c "$settings_sql"
	part settings-target.csv to_target psql -XAqw --csv -c "$settings_sql"
	(umask 077 && tar -C "$folder" -czf "$folder/all" "$name")
	keep "$folder/all" "$output"
	tell "$(fill $"%s has no data and no passwords; look into it before you send it" "$output")"
}

# part NAME COMMAND...: its output, and what it had to say
part() {
	local code=0

	"${@:2}" >"$folder/raw" 2>&1 </dev/null || code=$?
	quoteless <"$folder/raw" >"$folder/$name/$1"
	((code == 0)) || printf 'ended with %s\n' "$code" >>"$folder/$name/$1"
}

# quoteless: texts of JSON without what messages quote and servers detail, in any language: up to
# the first quote or bracket, since values may have either in them, and a text may be cut. What is
# no JSON loses =(…).
quoteless() {
	local any='([^"\\]|\\.)*' none='([^"\\]|\\[^"])*' no_open='([^"\\(]|\\.)*' q='\\"'
	# shellcheck disable=SC1112  # as messages have them
	local foreign='(«|»|‹|›|„|“|”|‘|’|「)'

	# by bytes, whatever the encoding
	LC_ALL=C sed -E -e '/^[[:space:]]*[]["{},]/!{s/=\(.*/=(../;b' -e '}' \
		-e "s/\"($none)$q$any\"/\"\\1$q..\"/g" -e "s/\"($no_open)\\($any\"/\"\\1(..\"/g" \
		-e "s/$foreign$any\"/..\"/g"
}

bundle_versions() {
	local each

	for each in pivot-wide pg-narrow-dump pg-copy-load pg-wide-ledger pg-wide-tables \
		pg-wide-validate; do
		"$each" --version | head -n 1
	done
	uname -srm
	printf 'bash %s, %s processors, state %s\n' "$BASH_VERSION" "$(nproc)" "$(state_folder)"
	psql --version || :
	cat /etc/os-release /proc/meminfo /proc/loadavg 2>/dev/null | head -n 40
	ulimit -a
}

# Which options come from where, and no value of any.
bundle_options() {
	# as one that no other has started
	env -u FERRY_RUN narrow-to-wide --print-config | sed -nE 's/^([a-z-]+) = .*  # /\1: /p'
	compgen -e | grep -E '^(FERRY|PG|AWS|LC_|LANG)' || :
}

bundle_doctor() (
	# shellcheck disable=SC2034  # doctor.bash reads it
	bad=WARN
	examine json look_at_servers
)

readonly chunks_sql='SELECT job_id, ship, chunk_from, chunk_to, state, attempt, failures,
	lease_until, rows, cells, dropped, rejects, started_at, finished_at FROM ferry.chunk
	ORDER BY started_at DESC NULLS LAST LIMIT 100000'
readonly events_sql='SELECT pg_catalog.to_json(e) FROM ferry.event AS e
	ORDER BY id DESC LIMIT 10000'
# commands and connection strings may have passwords in them
readonly settings_sql="SELECT name, setting, unit, source FROM pg_catalog.pg_settings
	WHERE source NOT IN ('default', 'override') AND name !~ 'command|conninfo|passphrase|file'
	ORDER BY name"
