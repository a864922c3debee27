load ../helper

# The sizes of production, where `make check` takes small ones. The oracle is plain SQL: the wide
# tables taken apart by jsonb, columns named by the registry.

cells_of_wide() {
	sql <<-'END'
		SELECT string_agg(format(
			'SELECT c.ship, w.created_time, c.channel, e.value FROM tenant.%I AS w, '
			'jsonb_each_text(to_jsonb(w) - ''created_time'') AS e '
			'JOIN ferry.channel AS c ON c.table_name = %L AND c.column_name = e.key '
			'WHERE e.value IS NOT NULL',
			table_name, table_name), ' UNION ALL ')
		FROM (SELECT DISTINCT table_name FROM ferry.channel) AS t
	END
}

# jsonb has no NaN, no -0 and no infinities as numbers, but texts of text columns pass unchanged
cells_of_narrow() {
	printf '%s' "SELECT DISTINCT ON (ship_id, created_time, data_channel_id) ship_id,
		created_time, data_channel_id, CASE value_format WHEN 'Decimal' THEN double_v::text
			WHEN 'Integer' THEN long_v::text WHEN 'Boolean' THEN bool_v::text
			ELSE str_v END
		FROM tenant.tbl_data_timeseries
		WHERE num_nonnulls(double_v, long_v, bool_v, str_v) > 0
		ORDER BY ship_id, created_time, data_channel_id, id DESC"
}

@test "soak: 8 M rows of 2 ships × 1,052 channels, keyed and indexed, two workers" {
	scratch_db
	"$root/t/telemetry" 2 1052 8000000
	RUN_TIMEOUT=600 run_rc 0 narrow-to-wide --mode migration-only --workers 2 \
		--cutoff-time 2030-01-01
	RUN_TIMEOUT=600 run_rc 0 narrow-to-wide --mode validate
	sed "s/^/# /" "$out" >&3
	has "$out" '8000000 rows' ' 0 differences'
	same_rows "$(cells_of_wide)" "$(cells_of_narrow)"
	RUN_TIMEOUT=60 run_rc 0 narrow-to-wide --mode rollback --yes
	is "$(sql "SELECT count(*) FROM pg_class WHERE relname ~ 'tbl_data_timeseries_imo'")" 0
}

@test "soak: 4 M rows with repeats, without a key" {
	scratch_db
	"$root/t/telemetry" 4 1052 4000000 --repeats
	RUN_TIMEOUT=600 run_rc 0 narrow-to-wide --mode migration-only --workers 2 \
		--cutoff-time 2030-01-01
	RUN_TIMEOUT=600 run_rc 0 narrow-to-wide --mode validate
	sed "s/^/# /" "$out" >&3
	has "$out" ' 0 differences'
	same_rows "$(cells_of_wide)" "$(cells_of_narrow)"
}

@test "soak: memory of all programs together stays below 200 MiB" {
	local peak
	scratch_db
	"$root/t/telemetry" 2 1052 8000000
	narrow-to-wide --mode schema-only >channels
	peak=0
	MARK=$PWD narrow-to-wide --mode migration-only --cutoff-time 2030-01-01 2>log &
	local pid=$! sum
	while kill -0 "$pid" 2>/dev/null; do
		# of this run alone: others may migrate beside it
		sum=$({ ps -o rss=,comm= -p "$(marked "$PWD" | paste -sd ,)" || :; } |
			awk '$2 ~ /^(pg-narrow|pivot-wide|pg-copy|pg-wide|narrow-to)/ { s += $1 }
				END { print s + 0 }')
		((sum <= peak)) || peak=$sum
		nap 100 # between samples
	done
	wait "$pid"
	printf '# peak of all programs: %s kB\n' "$peak" >&3
	[[ ${SAN-} ]] || ((peak < 200 * 1024))
}
