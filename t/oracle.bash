# oracle.bash: what wide tables must hold, said by plain SQL alone. The test sets $cutoff.
# shellcheck shell=bash

# The oracle: what the narrow table says by plain SQL, (ship, instant, channel, value).
oracle() {
	printf '%s' "SELECT DISTINCT ON (ship_id, data_channel_id, created_time)
		ship_id, created_time, data_channel_id, v FROM (
			SELECT *, CASE value_format WHEN 'Decimal' THEN double_v::text
				WHEN 'Integer' THEN long_v::text WHEN 'Boolean' THEN bool_v::text
				WHEN 'String' THEN str_v END AS v
			FROM tenant.tbl_data_timeseries) AS n
		WHERE v IS NOT NULL AND created_time < '${1-$cutoff}'
		ORDER BY ship_id, data_channel_id, created_time, id DESC"
}

ships() { sql "SELECT DISTINCT ship FROM ferry.channel WHERE target_schema = 'tenant' ORDER BY 1"; }

# The same from the wide tables, through the names that readers use.
wide() {
	local ship query='' each
	for ship in $(ships); do
		each="SELECT '$ship' AS ship_id, created_time, c.channel, e.value
			FROM tenant.tbl_data_timeseries_${ship,,} AS w,
				jsonb_each_text(to_jsonb(w) - 'created_time') AS e
				JOIN ferry.channel AS c ON c.target_schema = 'tenant'
					AND c.ship = '$ship' AND c.column_name = e.key
			WHERE e.value IS NOT NULL"
		query+="${query:+ UNION ALL }$each"
	done
	printf '%s' "$query"
}

# The wide tables say what the narrow one does, no cell more or less, and no row without reason.
is_carried_over() {
	local ship

	same_rows "$(wide)" "$(oracle "$@")"
	for ship in $(ships); do
		same_rows "SELECT created_time FROM tenant.tbl_data_timeseries_${ship,,}" \
			"SELECT DISTINCT created_time FROM tenant.tbl_data_timeseries
			WHERE ship_id = '$ship' AND created_time < '${1-$cutoff}'
				AND num_nonnulls(double_v, long_v, bool_v, str_v) >= 0
				AND value_format IN ('Decimal', 'Integer', 'Boolean', 'String')"
	done
}
