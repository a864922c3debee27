load helper

# narrow-to-wide --mode bundle: what somebody who helps wants to see, and nothing else.

setup_file() {
	scratch_db
	"$root/t/telemetry" 2 4 200
}

@test "bundle: versions, settings, ledger and events; no data, no secrets" {
	local each
	sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, str_v,
		value_format) VALUES ('IMO9999993', '/odd', '2024-10-02', 'PLANTED-1', 'Decimal');
		CREATE ROLE planted LOGIN PASSWORD 'PLANTED-2' SUPERUSER" 2>/dev/null
	mkdir -p .config/ferry
	printf '[narrow-to-wide]\nalert-command = true PLANTED-3\n' >.config/ferry/ferry.conf
	run_rc 0 narrow-to-wide --mode migration-only --cutoff-time 2025-01-01 --workers 1
	sql "INSERT INTO ferry.event (level, job_id, message) SELECT 'WARNING', job_id, m
		FROM ferry.job, (VALUES ('bad value: \"PLANTED-4\", look'),
			('Key (ship)=(PLANTED-5) is there'),
			('rejected: Failing row contains (2024, a) PLANTED-9, b).'),
			('a \"word\": Fehlerhafte Zeile enthält (2024, PLANTED-9'),
			('no number: \"a\"PLANTED-9\": of a text'), ('of \"a\", not \"PLANTED-9'),
			('kein Wert: »PLANTED-9«'), ('keine ‘Zahl’: PLANTED-9'),
			('Failing row contains (1, x) PLANTED-9'),
			('no number: \"a\" or \"b\"PLANTED-9')) AS v (m);
		UPDATE ferry.chunk SET error = 'no number: \"PLANTED-6\"'"
	export PGPASSWORD=PLANTED-7 AWS_SECRET_ACCESS_KEY=PLANTED-8
	FERRY_SOURCE="user=planted password=PLANTED-2 dbname=$PGDATABASE" \
		run_rc 0 narrow-to-wide --mode bundle -O out.tar.gz \
		--target "user=planted password=PLANTED-2 dbname=$PGDATABASE"
	has "$err" 'look into it before you send it'
	sql 'DROP ROLE planted'
	is "$(stat -c %a out.tar.gz)" 600
	tar -xzf out.tar.gz
	is "$(printf '%s ' ferry-bundle/*)" "$(printf 'ferry-bundle/%s ' chunks.csv doctor.json \
		events.json options settings-{source,target}.csv status.json versions)"
	for each in ferry-bundle/*; do
		has_no "$each" PLANTED 'ended with'
	done
	has ferry-bundle/versions 'pg-copy-load (ferry) ' 'open files'
	jq -r .message ferry-bundle/events.json >messages
	has messages 'bad value: "..' 'Key (..' 'rejected: Failing row contains (..' 'of "..' \
		'kein Wert: ..' 'keine ..'
	is "$(wc -l <ferry-bundle/chunks.csv)" \
		"$(sql 'SELECT count(*) + 1 FROM ferry.chunk')"
	is "$(jq -s 'length' ferry-bundle/status.json)" 1
	jq -e '.[] | select(.check == "wal_level")' ferry-bundle/doctor.json
	has ferry-bundle/settings-target.csv 'max_connections,'
	has ferry-bundle/options AWS_SECRET_ACCESS_KEY 'alert-command: /' ferry.conf
	# what cannot be had is said, and the rest is there
	run_rc 0 narrow-to-wide -q --mode bundle -O out.tar.gz --target 'dbname=none'
	tar -xzf out.tar.gz
	has ferry-bundle/status.json 'cannot connect' 'ended with'
	has ferry-bundle/versions 'pg-copy-load (ferry) '
	# no JSON either
	mkdir bin
	printf '#!/bin/sh\ncase $* in *ferry.chunk*) echo "%s"; exit 3; esac\nexec %s "$@"\n' \
		'DETAIL: Key (ship)=(PLANTED)-9) is there' "$(command -v psql)" >bin/psql
	chmod +x bin/psql
	PATH=$PWD/bin:$PATH run_rc 0 narrow-to-wide --mode bundle -O out.tar.gz
	tar -xzf out.tar.gz
	has ferry-bundle/chunks.csv 'DETAIL: Key (ship)=(..' 'ended with 3'
	has_no ferry-bundle/chunks.csv PLANTED
	run_rc 64 narrow-to-wide --mode bundle
	run_rc 73 narrow-to-wide --mode bundle -O /proc/none/x
}
