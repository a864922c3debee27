# names.bash: functions beside the wide tables, latest(ship) and read(ship, channels, from, to): one
# set for a schema, since they find the tables by the registry.
# shellcheck shell=bash disable=SC2154  # variables of narrow-to-wide

# at_target SQL|-f FILE [NAME=VALUE...]: by psql, quietly; what it cannot do is in $said.
at_target() {
	local -a what=(-c "$1") values=()

	[[ $1 != -f ]] || { what=(-f "$2") && shift; }
	shift
	(($# == 0)) || values=("${@/#/--set=}")
	said=$(to_target psql -XAtqw -v ON_ERROR_STOP=1 -v VERBOSITY=terse "${values[@]}" \
		"${what[@]}" 2>&1)
}

# as_text VALUE: as a text of SQL
as_text() { printf "'%s'" "${1//\'/\'\'}"; }

wide_schema() { value_of target-schema tenant "${target[@]}"; }

# Whoever may not make functions, or has others of these names, has the tables all the same.
make_names() {
	local said=''

	at_target -f "$FERRY_LIB/lib/names.sql" schema="$(wide_schema)" ||
		warn "$(fill $"the functions latest and read are not made: %s" \
			"${said##*ERROR:  }")"
}

# drop_names: with the last of the tables.
drop_names() {
	local said=''

	at_target -f "$FERRY_LIB/lib/names-drop.sql" schema="$(wide_schema)" ||
		warn "$(fill $"the functions latest and read are left: %s" "${said##*ERROR:  }")"
}
