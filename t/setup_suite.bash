# Runs once per call of bats. `make check` has a cluster for all files; a file run by hand gets its
# own.
# shellcheck shell=bash

setup_suite() {
	local root
	root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

	[[ ! ${FERRY_TEST_CLUSTER-} ]] || return 0
	# beside the folder of bats, which the server's user cannot enter
	FERRY_TEST_POOL=$(mktemp -d "${TMPDIR:-/tmp}/ferry-pool.XXXXXX")
	chmod 711 "$FERRY_TEST_POOL"
	export FERRY_TEST_POOL
	export FERRY_TEST_CLUSTER=$BATS_RUN_TMPDIR/cluster FERRY_TEST_OWN_CLUSTER=1
	"$root/pipelines/lib/cluster" start "$FERRY_TEST_CLUSTER" \
		--option fsync=off --option shared_buffers=256MB
	unset "${!PG@}"
	# shellcheck disable=SC2046,SC2163  # a word each: no value holds a blank
	export $("$root/pipelines/lib/cluster" env "$FERRY_TEST_CLUSTER")
}

teardown_suite() {
	local root
	root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

	[[ ${FERRY_TEST_OWN_CLUSTER-} ]] || return 0
	"$root/pipelines/lib/cluster" destroy "$FERRY_TEST_CLUSTER"
	rm -rf "$FERRY_TEST_POOL"
}
