# What is decided by the version of a server: each branch is taken here whatever server there is,
# since t/liars/postgres.py has it call itself by another version. What older ones are asked newer
# ones can answer; what only 17 has an older one refuses, which shows that it was asked for.
# t/soak/packages.bats has the tests of PostgreSQL under the one of Debian 13.
load helper
load cuts

setup() { cuts_setup; }
teardown() { cuts_teardown; }

# as VERSION SIDE CASE: the case of cuts.bash, its tables as they are to be
as() {
	export SERVER_VERSION=$1
	: >run.err
	proxy_start "$2"
	"$3_begin"
	"$3_run"
	is "${codes//[ 0]/}" '' "$*" || {
		cat run.err
		return 1
	}
	[[ $3 != whole ]] || run_rc 0 pg-wide-validate
	proxy_stop
	is_carried_over
	"$3_check"
	"$3_end"
}

@test "versions: history and live rows, of sources from 12 on, into targets from 14 on" {
	local kind=slot each what
	by_turns 2 12.22:source 13.18:source 14.15:both 16.6:both
	for each in "${turns[@]}"; do
		by_turns 1 whole follow
		for what in "${turns[@]}"; do as "${each%:*}" "${each#*:}" "$what"; done
	done
}

@test "versions: a table by its key, of servers of which each says it otherwise" {
	sql 'CREATE TABLE keyed (k int PRIMARY KEY, v text)'
	local each
	for each in 14.15 15.10 16.6; do
		SERVER_VERSION=$each proxy_start target
		printf 'k,v\n1,%s\n' "$each" >in.csv
		run_rc 0 pg-copy-load --table keyed --key k in.csv
		is "$(sql 'TABLE keyed')" "1|$each"
		proxy_stop
	done
}

@test "versions: what is too old is said before anything is done" {
	SERVER_VERSION=13.18 proxy_start target
	run_rc 78 pg-wide-ledger plan --cutoff-time 2024-01-02
	has "$err" 'the ledger needs PostgreSQL 14 or newer'
	proxy_stop
	is "$(sql "SELECT to_regnamespace('ferry') IS NULL")" t
	past_begin
	past_run
	SERVER_VERSION=11.22 proxy_start source
	run_rc 78 pg-wide-validate
	has "$err" 'validation needs PostgreSQL 12 or newer'
	proxy_stop
}

@test "versions: from 17 on the time that a transaction may take has no end either" {
	local each real
	real=$(sql 'SHOW server_version_num')
	sql 'CREATE TABLE keyed (k int PRIMARY KEY, v text)'
	printf 'k,v\n1,a\n' >in.csv
	for each in 16.6 17.2 18.1; do
		SERVER_VERSION=$each proxy_start target
		if [[ $each == 16* ]] || ((real >= 170000)); then
			run_rc 0 pg-copy-load --table keyed --key k in.csv
		else
			run_rc fails pg-copy-load --table keyed --key k in.csv
			has "$err" transaction_timeout
		fi
		proxy_stop
	done
}
