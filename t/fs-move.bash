# fs-move.bash: groups that are migrated, and what is in them, for t/pipelines-fs-migrate.bats and
# t/soak/features.bats, behind fs.bash.
# shellcheck shell=bash
# shellcheck disable=SC2154  # role is that of fs.bash

# made NAME STORES [OPTION...]: a group of five features with the stores: online, offline, both.
made() {
	local -a stores=(--s3-uri s3://offline/fs)

	[[ $2 != online ]] || stores=(--no-offline-store)
	[[ $2 != offline ]] || stores+=(--no-online-store)
	[[ -f features.json ]] || fs-group template -O features.json
	fs-group create "$1" --schema-file features.json --role-arn "$role" "${stores[@]}" \
		"${@:3}" >/dev/null
}

# history GROUP: what its offline store has, without what the store itself adds; one line a row
history() {
	fs-extract-athena "$1" --store-columns --no-seal -o ndjson |
		sed -E 's/,"(write_time|api_invocation_time)":"[^"]*"//g' | LC_ALL=C sort
}

# newest GROUP: of each identifier in its offline store
newest() { fs-extract-athena "$1" --latest --no-seal -o ndjson | LC_ALL=C sort; }

# present GROUP: what its online store has
present() { fs-extract-online "$1" --no-seal -o ndjson | LC_ALL=C sort; }

# rows GROUP COUNT: its offline store has so many, deletions included
rows() { [[ $(fs-extract-athena "$1" --store-columns -o ndjson --no-seal | wc -l) == "$2" ]]; }

# lively GROUP: 60 records, of which 20 have a second state, 10 are deleted, 5 of these live again
lively() {
	records 60 >in.csv
	{
		head -n 1 in.csv
		sed -n '2,21p' in.csv | sed 's/,2024-01-01T/,2024-05-01T/; s/red/blue/'
	} >again.csv
	{
		printf 'id,event_time,is_deleted\n'
		seq -f 'id%g,2024-06-01T00:00:00.5Z,true' 10 19
	} >gone.csv
	{
		head -n 1 in.csv
		sed -n '17,21p' in.csv | sed 's/,2024-01-01T/,2024-07-01T/'
	} >back.csv
	for each in in again gone back; do
		fs-put "$1" $each.csv
	done
}

# migrated SOURCE TARGET [OPTION...]: without a question, and without a word of complaint
migrated() { run_rc 0 fs migrate "$@" --yes --verify-wait 30s --no-progress; }
