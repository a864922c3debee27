# grants.bash: the statements with which an administrator makes the roles of a migration.
# shellcheck shell=bash disable=SC2154  # variables of narrow-to-wide

# quoted NAME: as an identifier of SQL; one in double quotes is one already.
quoted() {
	if [[ $1 =~ ^[a-z_][a-z0-9_]*$ || $1 == \"* ]]; then
		printf '%s' "$1"
	else
		printf '"%s"' "${1//\"/\"\"}"
	fi
}

# value_of NAME DEFAULT OPTION...: of the last --NAME=VALUE among the options
value_of() {
	local each value=$2
	for each in "${@:3}"; do
		[[ $each != "--$1="* ]] || value=${each#*=}
	done
	printf '%s' "$value"
}

# narrow_table: $table with its $schema, both as identifiers
narrow_table() {
	table=$(value_of table tenant.tbl_data_timeseries "${narrow[@]}")
	schema=public
	[[ $table != *.* ]] || schema=${table%%.*}
	schema=$(quoted "$schema")
	table=$schema.$(quoted "${table#*.}")
}

grants() {
	local table schema wide

	narrow_table
	wide=$(quoted "$(value_of target-schema tenant "${target[@]}")")
	cat <<-SQL || fail "$EX_IO" $"cannot write to standard output"
		-- At the source. Enough for a migration, a validation and --follow poll.
		CREATE ROLE ferry_source LOGIN;
		GRANT USAGE ON SCHEMA $schema TO ferry_source;
		GRANT SELECT ON $table TO ferry_source;

		-- At the source, for --follow slot: a publication takes the rights of the
		-- table's owner. On Amazon RDS without REPLICATION, and then
		-- GRANT rds_replication TO ferry_follower;
		CREATE ROLE ferry_follower LOGIN REPLICATION IN ROLE ferry_source;
		DO \$\$ BEGIN
			EXECUTE format('GRANT CREATE ON DATABASE %I TO ferry_follower',
				current_database());
			EXECUTE format('GRANT %I TO ferry_follower', (SELECT
				pg_get_userbyid(relowner) FROM pg_class
				WHERE oid = '${table//\'/\'\'}'::regclass));
		END \$\$;

		-- At the target. It owns the ledger and the wide tables.
		CREATE ROLE ferry_target LOGIN;
		CREATE SCHEMA IF NOT EXISTS ferry AUTHORIZATION ferry_target;
		CREATE SCHEMA IF NOT EXISTS $wide;
		GRANT USAGE, CREATE ON SCHEMA $wide TO ferry_target;
		DO \$\$ BEGIN
			EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO ferry_target',
				current_database());
		END \$\$;
	SQL
}
