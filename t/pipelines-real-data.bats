load helper

# Real measurements and real channel ids, where FERRY_TEST_DATA leads to them. The oracle is plain
# SQL: the wide tables taken apart by jsonb, columns named by the registry.

# cells_of_wide PREFIX: a query for (ship, time, channel, value) of every cell in the wide tables
cells_of_wide() {
	sql <<-END
		SELECT string_agg(format(
			'SELECT c.ship, w.created_time, c.channel, e.value FROM tenant.%I AS w, '
			'jsonb_each_text(to_jsonb(w) - ''created_time'') AS e '
			'JOIN ferry.channel AS c ON c.table_name = %L AND c.column_name = e.key '
			'WHERE e.value IS NOT NULL',
			table_name, table_name), ' UNION ALL ')
		FROM (SELECT DISTINCT table_name FROM ferry.channel
			WHERE left(table_name, length('$1')) = '$1') AS t
	END
}

# bats test_tags=whole
@test "real data: the Numenta benchmark, 365,558 rows without a key, of which 49 repeat" {
	need_data nab-narrow.csv.gz
	scratch_db
	sql "CREATE SCHEMA tenant; CREATE TABLE tenant.nab (ship_id text, created_time timestamp,
		data_channel_id text, value double precision)"
	run_ok pg-copy-load --table tenant.nab "$data"
	is "$(sql 'SELECT count(*) FROM tenant.nab')" 365558
	run_pipe '0 0 0' 'pg-narrow-dump --table tenant.nab --value-column value --chunk 90d |
		pivot-wide | pg-copy-load --wide --target-prefix nab_'
	has "$err" 'pivot-wide: 49 repeated cells, the last value won'
	same_rows "$(cells_of_wide nab_)" \
		"SELECT DISTINCT ON (ship_id, created_time, data_channel_id) ship_id, created_time,
			data_channel_id, value::text FROM tenant.nab
			ORDER BY ship_id, created_time, data_channel_id, ctid DESC"
	is "$(sql "SELECT count(DISTINCT (ship, channel)) FROM ferry.channel")" 58
}

# iso_ship SHIP N: three instants of the first N real ids, one of them with a gap, as narrow rows
iso_ship() {
	zcat "$data" | awk -v n="$2" '!seen[$0]++ && n-- > 0' |
		awk -v ship="$1" -v OFS=, 'NR == 1 {
			print "ship_id,created_time,data_channel_id,value"
		} {
			for (i = 0; i < 3; i++)
				if (NR % 7 != i)
					print ship, "2024-01-01 00:00:" 15 * i, $0, NR "." i
		}' | sed 's/00:00:0,/00:00:00,/'
}

@test "real data: ships of 1,500 and 2,000 channels with ISO 19848 ids; the second has no view" {
	need_data iso19848-local-ids.txt.gz
	scratch_db
	sql 'CREATE SCHEMA tenant; CREATE TABLE tenant.iso (ship_id text, created_time timestamp,
		data_channel_id text, value text)'
	iso_ship A 1500 >a.csv
	iso_ship B 2000 >b.csv
	run_ok pg-copy-load --table tenant.iso a.csv
	run_ok pg-copy-load --table tenant.iso b.csv
	run_pipe '0 0 0' 'pg-narrow-dump --table tenant.iso --value-column value |
		pivot-wide | pg-copy-load --wide --target-prefix iso_'
	has "$err" 'ship "B" has 2000 channels: no view can hold so many'
	same_rows "$(cells_of_wide iso_)" \
		'SELECT ship_id, created_time, data_channel_id, value FROM tenant.iso'
	is "$(sql "SELECT string_agg(viewname, ' ') FROM pg_views
		WHERE schemaname = 'tenant'")" iso_a
	is "$(sql 'SELECT count(*) FROM tenant.iso_a')" 3
	# every name fits, none is cut silently, and where it is not the id, the id stays with it
	is "$(sql "SELECT count(*) FROM ferry.channel WHERE octet_length(column_name) > 63")" 0
	is "$(sql "SELECT count(*) FROM ferry.channel WHERE octet_length(channel) > 63
		AND column_name = left(channel, 63)")" 0
	is "$(sql "SELECT count(*) FROM pg_attribute AS a JOIN pg_class AS r ON r.oid = a.attrelid
		JOIN ferry.channel AS c ON c.table_name = r.relname AND c.column_name = a.attname
		WHERE c.column_name <> c.channel
		AND col_description(a.attrelid, a.attnum) IS DISTINCT FROM c.channel")" 0
	is "$(sql 'SELECT count(*) > 2000 FROM ferry.channel WHERE column_name <> channel')" t
}
