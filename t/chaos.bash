# chaos.bash: the schema of a source changes at random while a job is followed and an application
# writes, updates and deletes. What chance decides follows from FERRY_SEED.
# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of the helper and the test

n=tenant.tbl_data_timeseries
chaos_columns="ship_id text NOT NULL, data_channel_id text NOT NULL,
	created_time timestamp NOT NULL, id bigint NOT NULL DEFAULT nextval('public.app'),
	bool_v boolean, str_v text, long_v bigint, double_v float8, value_format text"
chaos_key='PRIMARY KEY (ship_id, data_channel_id, created_time)'
declare -gi made=0 # load is a function
# Who follows is no superuser, but a member of the role that owns the tables.
follower=chaos_$$ owner=chaos_owner_$$

# hour NUMBER: FOR VALUES of a partition
hour() {
	printf "FOR VALUES FROM ('%s'::timestamp) TO ('%s'::timestamp)" \
		"$(date -u -d "2024-01-01 00:00 UTC + $1 hours" '+%F %T')" \
		"$(date -u -d "2024-01-01 00:00 UTC + $(($1 + 1)) hours" '+%F %T')"
}
new_table() {
	printf '%s' "SET ROLE $owner;
		CREATE TABLE $n ($chaos_columns, $chaos_key) PARTITION BY RANGE (created_time);
		CREATE TABLE tenant.part_$made PARTITION OF $n $(hour 0);"
}
# rows TABLE HOUR: SQL that fills it
rows() {
	printf '%s' "INSERT INTO $1 (ship_id, data_channel_id, created_time, long_v, value_format)
		SELECT 'S' || i % 3, 'c' || i % 4, '2024-01-01'::timestamp + interval '$2 hours'
			+ nextval('public.app') * interval '1 us', i, 'Integer'
		FROM generate_series(1, 12) AS i;"
}

# application: inserts, updates and deletes until ./stop is there; its errors are in app.err
application() {
	while [[ ! -e stop ]]; do
		rows "$n" 0
		printf '\n%s\n%s\n' "UPDATE $n SET long_v = long_v + 1000 WHERE id IN
			(SELECT id FROM $n ORDER BY random() LIMIT 2);" \
			"DELETE FROM $n WHERE id IN (SELECT id FROM $n ORDER BY random() LIMIT 1);"
		nap 50
	done | psql -XAtq 2>>app.err
}

# operator HOW: starts the pipeline again and does what its exit code asks for, until
# ./stop_follower is there
operator() {
	local codes

	export FERRY_SOURCE="user=$follower dbname=$PGDATABASE"
	while [[ ! -e stop_follower ]]; do
		# shellcheck disable=SC2016
		env job="$job" how="$1" ack="$([[ $1 != slot ]] || printf -- '--ack ack')" \
			setsid bash -c '
			export FERRY_WORKER=$$
			pg-narrow-dump --follow "$how" --job "$job" $ack --interval 20ms |
			pivot-wide -q | pg-copy-load --wide $ack
			printf "%s\n" "${PIPESTATUS[0]}" >codes' >>run.out 2>>run.err &
		printf '%s\n' "$!" >group
		wait "$!"
		codes=$(<codes)
		[[ $codes != 77 ]] || nap 50 # until it is granted again
		[[ $codes != 78 ]] || pg-wide-ledger accept -q 2>>run.err || nap 50
		[[ $codes != 66 && $codes != 78 ]] ||
			pg-wide-ledger follow -q --follow "$1" >>run.out 2>>run.err || :
	done
}

# end_follower: and the operator with it
end_follower() {
	touch stop stop_follower
	# the operator may just have begun another one
	while [[ -s group ]] && kill -0 "${others%% *}" 2>/dev/null; do
		pkill -TERM -g "$(<group)" -x pg-narrow-dump || :
		nap 200
	done
	# shellcheck disable=SC2086
	[[ ! ${others-} ]] || wait $others || :
	others=''
}

# change: one thing an administrator may do
change() {
	local part name

	name=$(sql 'SELECT publication FROM ferry.follower')
	part=$(sql "SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = '$n'::regclass
		ORDER BY hashtext(inhrelid::text || '$RANDOM') LIMIT 1")
	case $((RANDOM % 14)) in
	0) sql "SET ROLE $owner; CREATE TABLE tenant.part_$((++made)) (LIKE $n INCLUDING ALL);
			$(rows "tenant.part_$made" "$made")
			ALTER TABLE $n ATTACH PARTITION tenant.part_$made $(hour "$made")" ;;
	1) sql "SET ROLE $owner; BEGIN;
			CREATE TABLE tenant.part_$((++made)) PARTITION OF $n $(hour "$made");
			$(rows "$n" "$made") COMMIT" ;;
	2) [[ ! $part ]] || sql "ALTER TABLE $n DETACH PARTITION $part;
			$(rows "$n" 0)" 2>>change.err || : ;; # nowhere to put them
	3) made+=1 && sql "BEGIN; ALTER TABLE $n RENAME TO old_$made; $(new_table)
			$(rows "$n" 0) COMMIT" ;;
	4) # which may be gone already
		part=$(sql "SELECT quote_ident(conname) FROM pg_constraint
			WHERE conrelid = '$n'::regclass AND contype = 'p'")
		[[ ! $part ]] || sql "ALTER TABLE $n DROP CONSTRAINT $part" ;;
	5) sql "ALTER TABLE $n ADD $chaos_key" 2>>change.err || : ;;
	6) sql "TRUNCATE ${part:-$n}" ;;
	7) [[ ! $name ]] || sql "ALTER PUBLICATION $name DROP TABLE $n" 2>>change.err || : ;;
	8) [[ ! $name ]] ||
		sql "ALTER PUBLICATION $name SET (publish = 'insert')" 2>>change.err || : ;;
	9) [[ ! $name ]] || sql "DROP PUBLICATION IF EXISTS $name" ;;
	10) sql "SET ROLE $owner; CREATE UNLOGGED TABLE tenant.part_$((++made))
			PARTITION OF $n $(hour "$made");
			$(rows "$n" "$made") ALTER TABLE tenant.part_$made SET LOGGED" ;;
	11) sql "REVOKE $owner FROM $follower" && nap 300 && sql "GRANT $owner TO $follower" ;;
	12) sql "ALTER TABLE $n OWNER TO CURRENT_USER" && nap 300 &&
		sql "ALTER TABLE $n OWNER TO $owner" ;;
	13) sql "ALTER ROLE $follower NOREPLICATION" && nap 300 &&
		sql "ALTER ROLE $follower REPLICATION" ;;
	esac
}

# is_quiet LSN TIME: what was committed by then is in the wide tables, and nothing is held back.
is_quiet() {
	[[ $(sql "SELECT count(*) = 0 AND (SELECT lease_until > clock_timestamp()
			AND CASE kind WHEN 'poll' THEN newest_commit > '$2'
				ELSE upto::pg_lsn >= '$1' END FROM ferry.follower)
		FROM ferry.doubt WHERE held") == t ]]
}
# missed: differences of both sides that nobody has put in doubt
missed() {
	pg-wide-validate -f json --settle 1ms --max-differences 1000000 2>>run.err >differ.json || :
	sql 'SELECT time_from, time_to FROM ferry.doubt' >doubts
	python3 - <<-'END'
		import json
		doubts = [line.rstrip("\n").split("|") for line in open("doubts")]
		differing = json.load(open("differ.json"))["differing"]
		def known(t):
		    return any((not a or a <= t) and (not b or t < b) for a, b in doubts)
		lost = [d for d in differing if not known(d["time"])]
		print(len(lost), *lost[:5])
	END
}

nothing_doubted() {
	pg-wide-validate --repair --delete --settle 1ms >>run.out 2>>run.err &&
		[[ $(sql 'SELECT count(*) FROM ferry.doubt') == 0 ]]
}

# chaos HOW ROUNDS
chaos() {
	local -i round
	local goal

	RANDOM=$((FERRY_SEED % 32768))
	printf '# FERRY_SEED=%s\n' "$FERRY_SEED" >&3
	sql "DROP SCHEMA IF EXISTS tenant, ferry CASCADE; CREATE SCHEMA tenant;
		DROP SEQUENCE IF EXISTS public.app; CREATE SEQUENCE public.app;
		CREATE ROLE $owner; CREATE ROLE $follower LOGIN REPLICATION IN ROLE $owner;
		GRANT ALL ON SCHEMA tenant TO $owner; GRANT ALL ON SEQUENCE public.app TO $owner;
		GRANT CREATE ON DATABASE \"$PGDATABASE\" TO $follower;
		$(new_table)" 2>/dev/null
	job=$(FERRY_SOURCE="user=$follower dbname=$PGDATABASE" \
		pg-wide-ledger follow --follow "$1" 2>>run.err)
	job=${job% *}
	operator "$1" 3>&- &
	others=$!
	application 3>&- &
	others+=" $!"
	for ((round = 0; round < $2; round++)); do
		change
		sleep "0.$((RANDOM % 5))"
	done
	touch stop
	wait "${others##* }"
	goal=$(sql "SELECT pg_current_wal_insert_lsn(), clock_timestamp() AT TIME ZONE 'UTC'")
	# a last row, which moves a follower that is silent on
	sql "SET ROLE $owner; CREATE TABLE tenant.part_$((++made)) PARTITION OF $n $(hour "$made");
		$(rows "$n" "$made")"
	wait_until 60 is_quiet "${goal%|*}" "${goal#*|}"
	# polling does not promise to notice deletions
	[[ $1 == poll ]] || is "$(missed)" 0 'differences that nobody had put in doubt'
	# the follower may look at the newest part, and at the last change, only now, and doubt more
	wait_until 60 nothing_doubted
	run_rc 0 pg-wide-validate
	end_follower
	# refused between a dropped key and the next look; and where the table has no partition
	grep 'ERROR' app.err | grep -v 'no partition of relation' >errors || :
	printf '# %s errors of a key that was dropped\n' "$(grep -c 'replica identity' errors)" >&3
	is "$(grep -v 'replica identity' errors)" ''
}
chaos_teardown() {
	end_follower
	[[ ${BATS_TEST_COMPLETED-} || ! -f run.err ]] || tail -n 10 run.err | cut -c 1-300
	[[ ! ${job-} ]] || pg-wide-ledger unfollow --quiet || :
	sql "DROP OWNED BY $owner, $follower CASCADE; DROP ROLE $owner, $follower" 2>/dev/null || :
}
