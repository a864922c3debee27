# The examples of the manual pages of programs around PostgreSQL: run line by line, in an order in
# which they make sense, and what they have made compared.
load helper
export TZ=UTC # Miller does not know UTC0

# world: a narrow table of two ships, a day of October and some of yesterday, and the files that the
# pages speak of
world() {
	scratch_db
	sql "CREATE SCHEMA tenant;
		CREATE TABLE tenant.tbl_data_timeseries (id bigserial, ship_id text NOT NULL,
			data_channel_id text NOT NULL, created_time timestamp NOT NULL,
			server_created_time timestamp, bool_v boolean, str_v text, long_v bigint,
			double_v double precision, value_format varchar(50),
			PRIMARY KEY (ship_id, data_channel_id, created_time));
		CREATE INDEX ON tenant.tbl_data_timeseries (created_time DESC);
		INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time,
			long_v, double_v, value_format)
		SELECT s, c, t, CASE f WHEN 'Integer' THEN i END, CASE f WHEN 'Decimal' THEN i / 4.0
			END, f
		FROM unnest('{S1,IMO9999993}'::text[]) AS s, (VALUES
			('/me01/exh_gas/temp', 'Decimal'), ('/engine/rpm', 'Integer')) AS c (c, f),
			generate_series(0, 59) AS i, (VALUES (timestamp '2024-01-01 12:00'),
			('2024-10-01'), (current_date - interval '12 hours')) AS d (day),
			LATERAL (SELECT day + i * interval '1 min') AS t (t);
		CREATE TABLE public.readings (id serial, site text, sensor text, at timestamptz,
			reading text);
		INSERT INTO public.readings (site, sensor, at, reading) VALUES
			('A', 't', '2024-01-01Z', '1'), ('B', 't', '2024-01-02Z', '2');
		CREATE TABLE public.rates (day date, currency text, rate numeric,
			PRIMARY KEY (day, currency))"
	printf '%s\n' day,currency,rate 2024-01-01,KRW,1300.5 2024-01-01,EUR,0.91 >rates.csv
	printf '{"at":"2024-01-01T00:00:00Z","msg":"x"}\n' | gzip >log.ndjson.gz
	printf '%s\n' timestamp,/engine/rpm '2024-10-01 00:00:00,900' >fix.csv
	printf '%s\n' ship_id,created_time,data_channel_id,value \
		'S1,2024-10-03 00:00:00,/engine/rpm,7' >late-rows.csv
}

# run_examples PAGE [PATTERN]: those that end by themselves and need no other server
run_examples() {
	local line n=0

	while IFS= read -r -u 4 line; do
		[[ $line =~ ${2-.} ]] || continue
		# those that wait for others, or go on until they are told to stop
		[[ ! $line =~ mosquitto|--listen|ssh|' watch '|concurrent|service= ]] || continue
		[[ $line != *'--repair --every'* ]] || continue
		[[ $line != *mlr* ]] || command -v mlr >/dev/null || continue
		[[ $line != *mlr* ]] || sql 'TRUNCATE public.rates'
		printf '%s: %s\n' "${1##*/}" "$line"
		run_rc 0 bash -euo pipefail -c "$(declare -p job 2>/dev/null || :)"$'\n'"$line
			declare -p job >job 2>/dev/null || :" < <(yes 2>/dev/null)
		cp "$out" last
		[[ ! -s job ]] || source ./job
		n=$((n + 1))
	done 4< <(examples "$root/$1.1")
	((n > 0))
}

digest() { stream-digest --narrow -o csv "$@"; }

@test "examples: pages of programs around PostgreSQL" {
	world
	run_examples src/extract/pg-narrow-schema
	is "$(wc -l <channels.ndjson)" 4
	run_examples src/load/pg-wide-analyze 'migration'
	run_examples src/extract/pg-narrow-dump
	is "$(jq -s length narrow.ndjson)" 720
	is "$(wc -l <s1.csv)" 61
	is "$(tail -n +2 last | wc -l)" 2
	run_examples src/load/pg-wide-tables 'register|create'
	run_examples src/load/pg-wide-ledger
	has ferry.prom ferry_
	run_examples pipelines/narrow-to-wide '-only|validate|report'
	grep -q '</html>' report.html
	run_examples src/load/pg-wide-validate
	run_examples src/load/pg-wide-web
	run_examples src/load/pg-wide-analyze queries
	pg-narrow-dump --since yesterday | pivot-wide | pg-copy-load --wide
	# the way back is what the narrow table has
	run_examples src/extract/pg-wide-dump
	is "$(wc -l <exhaust.csv)" 61
	pg-narrow-dump --no-seal -s S1 >want.csv 2>"$err"
	is "$(digest narrow.csv)" "$(digest want.csv)"
	run_examples src/load/pg-dual-load
	run_examples src/load/pg-copy-load
	same_rows 'TABLE public.rates' "VALUES (date '2024-01-01', 'KRW', 1300.5),
		('2024-01-01', 'EUR', 0.91)"
	is "$(sql "SELECT \"/engine/rpm\" FROM tenant.tbl_data_timeseries_imo9999993
		WHERE created_time = '2024-10-01'")" 900
	run_examples pipelines/narrow-to-wide rollback
	run_examples src/load/pg-wide-tables rollback
}
