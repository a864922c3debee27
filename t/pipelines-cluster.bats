#!/usr/bin/env bats
# The private PostgreSQL cluster.

load helper

setup() {
	helper_setup
	cluster=$root/pipelines/lib/cluster
	home=$(mktemp -d "${TMPDIR:-/tmp}/ferry-t.XXXXXX")
	chmod 755 "$home"
	dir=$home/c
}

teardown() {
	"$cluster" destroy "$dir"
	rm -rf "$home"
}

connect() {
	local -a names=("${!PG@}")
	unset "${names[@]}"
	# shellcheck disable=SC2046  # a word each
	export $("$cluster" env "$dir")
}

@test "cluster: starts, tells how to connect, stops, and leaves nothing when destroyed" {
	run_rc 69 "$cluster" status "$dir"
	is "$(<"$out")" absent
	run_ok "$cluster" start "$dir"
	run_ok "$cluster" status "$dir"
	has "$out" running
	connect
	is "$(sql <<<'select current_user')" postgres
	for each in listen_addresses= wal_level=logical server_encoding=UTF8 TimeZone=UTC; do
		is "$(sql "show ${each%%=*}")" "${each#*=}" "$each"
	done
	run_ok "$cluster" stop "$dir"
	run_rc 69 "$cluster" status "$dir"
	is "$(<"$out")" stopped
	run_ok "$cluster" stop "$dir"
	run_ok "$cluster" destroy "$dir"
	[ ! -e "$dir" ]
	run_ok "$cluster" destroy "$dir"
}

@test "cluster: starting again changes nothing, and only a stopped one takes other options" {
	run_ok "$cluster" start "$dir" --option fsync=off
	run_ok "$cluster" start "$dir"
	run_ok "$cluster" start "$dir" --option fsync=off
	run_rc 78 "$cluster" start "$dir" --option fsync=on
	has "$err" 'other options' hint
	connect
	sql 'create table kept as select 42 as a'
	run_ok "$cluster" stop "$dir"
	run_ok "$cluster" start "$dir" --option=fsync=on --option=max_connections=31
	is "$(sql <<<'show fsync; show max_connections; table kept')" $'on\n31\n42'
}

@test "cluster: four at once start one" {
	for _ in 1 2 3 4; do
		"$cluster" start "$dir" --option fsync=off &
	done
	wait
	connect
	is "$(sql 'select 1')" 1
	is "$(grep -c 'starting PostgreSQL' "$dir/home/server.log")" 1
}

@test "cluster: comes back after kill -9, also where the process number lives on" {
	run_ok "$cluster" start "$dir"
	connect
	sql 'create table kept as select 42 as a'
	psql -Xqc 'select pg_sleep(60)' >/dev/null 2>&1 &
	kill -9 "$(head -n 1 "$dir/home/data/postmaster.pid")"
	run_ok "$cluster" start "$dir"
	is "$(sql 'table kept')" 42
	run_ok "$cluster" stop "$dir" --immediate
	sleep 60 &
	printf '%s\n' "$!" >"$dir/home/data/postmaster.pid"
	run_rc 69 "$cluster" status "$dir"
	run_ok "$cluster" start "$dir"
	is "$(sql 'table kept')" 42
	kill "$!"
}

@test "cluster: a folder too deep for a socket, with blanks, or out of the server's reach" {
	by_turns 1 "$home/$(printf 'd%.0s' {1..99})" "$home/two words" "$home/closed/c"
	for each in "${turns[@]}"; do
		dir=$each
		mkdir -p "${dir%/*}"
		[[ $dir != */closed/* ]] || chmod 700 "${dir%/*}"
		run_ok "$cluster" start "$dir" --option fsync=off
		(
			connect
			[[ $PGHOST != *[[:space:]]* ]]
			is "$(sql 'select 1')" 1
		)
		places=$(readlink -f "$dir/home" "$dir/socket")
		run_ok "$cluster" destroy "$dir"
		while IFS= read -r place; do
			[ ! -e "$place" ]
		done <<<"$places"
	done
}

@test "cluster: no other user gets in" {
	[ "$EUID" = 0 ] || skip 'only root can be somebody else'
	run_ok "$cluster" start "$dir" --option fsync=off
	connect
	run_rc 2 setpriv --reuid 65534 --regid 65534 --clear-groups psql -XAtc 'select 1'
	has "$err" 'Permission denied'
	is "$(sql 'select 1')" 1
}

@test "cluster: destroy takes only what start made" {
	run_ok "$cluster" start "$dir" --option fsync=off
	printf 'mine\n' >"$dir/mine"
	run_ok "$cluster" destroy "$dir"
	is "$(ls -A "$dir")" mine
}

@test "cluster: a mistake is told apart from a failure" {
	run_rc 64 "$cluster"
	run_rc 64 "$cluster" start
	run_rc 64 "$cluster" start ''
	run_rc 64 "$cluster" begin "$dir"
	run_rc 64 "$cluster" start "$dir" --option
	run_rc 64 "$cluster" start "$dir" --option "fsync=off'; select"
	run_rc 69 "$cluster" env "$dir"
	has "$err" 'no cluster there'
	run_rc 69 "$cluster" start "$dir" --option fsync=purple
	has "$err" 'fsync' 'server.log'
}
