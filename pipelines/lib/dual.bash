# dual.bash: narrow-to-wide --mode dual-write. A feed of narrow rows goes to the narrow table, for
# the applications there are, and to the wide ones, in the same transactions.
# shellcheck shell=bash
# shellcheck disable=SC2154  # what narrow-to-wide makes of its command line

dual_write() {
	local child='' told=''

	((${#ships[@]} == 0)) || misused 'dual-write: the feed names its ships, not --ship-id'
	# it commits what it has, and its code says so
	trap 'told=1; [[ ! $child ]] || kill -TERM "$child" 2>/dev/null || :' INT TERM
	pg-dual-load "${loud[@]}" --progress none "${narrow[@]}" "${target[@]}" "${interval[@]}" \
		--keep-rejects "${rejects[@]}" "${dual[@]}" "${reading[@]}" -- "${files[@]}" <&0 &
	child=$!
	[[ ! $told ]] || kill -TERM "$child" 2>/dev/null || :
	join "$child"
}
