# nights.bash: what a crontab starts every night, for many nights; loaded after helper, sandbox, fs
# and oracle. The clock jumps from night to night: `date` says $NIGHT, and files age by a day.
# shellcheck shell=bash
# shellcheck disable=SC2154  # of helper.bash

readonly week=1 # days that FERRY_KEEP_RUNS keeps here

# `date` as of the night; what names a day of its own means that.
false_clock() {
	local real
	real=$(type -P date)
	mkdir -p bin
	cat >bin/date <<-END
		#!/bin/bash
		words=() said=''
		while ((\$#)); do
			case \$1 in
			-d) shift; said=1 when=\$1
				[[ \$when =~ ^([0-9]{4}-|@) ]] || when="\$NIGHT 02:00 \$when"
				words+=(-d "\$when") ;;
			*) words+=("\$1") ;;
			esac
			shift
		done
		[[ \$said ]] || words+=(-d "\$NIGHT 02:00")
		exec $real "\${words[@]}"
	END
	chmod +x bin/date
	PATH=$PWD/bin:$PATH
	real_date=$real
}

# what there is becomes a day older
age() {
	local file seconds

	while IFS= read -r -d '' seconds && IFS= read -r -d '' file; do
		touch -d "@$((${seconds%.*} - 86400))" -- "$file"
	done < <(find "$FERRY_STATE" -depth -printf '%T@\0%p\0')
}

# job NAME: the command of the crontab as this night runs it.
job() {
	local word=$1

	case $1 in
	wide) word='narrow-to-wide -q --mode migration-only' ;;
	validate) word='narrow-to-wide -q --mode validate' ;;
	sync | archive) word=fs-$1 ;;
	esac
	sed -nE "s|^[0-9*/]+ .* ferry  (.*\\b$word .*)|\\1|p" "$root/pipelines/examples/crontab" |
		sed -E "s|/usr/local/share/ferry/examples|$root/pipelines/examples|; s|\\\\%|%|g
			s|/var/lib/ferry|$FERRY_STATE|g; s|/srv/ferry|$PWD/srv|g
			s|--wait-lock 10m|--wait-lock 1s|"
}

# run_job NAME: its mail is added to the file mail.
run_job() { bash -c "$(job "$1")" >>mail 2>&1 </dev/null || codes+=" $1:$?"; }

# ---- the world and its model -------------------------------------------------------------------

world() {
	local each

	export FERRY_STATE=$PWD/state FERRY_RETRY_PAUSE=50 FERRY_KEEP_RUNS=$week
	export TMPDIR=$PWD/tmp
	mkdir state srv tmp
	scratch_db
	"$root/t/telemetry" 2 3 60 --start '2023-12-30'
	for each in live backup orders orders-old customers customers-2 \
		orders-2; do
		group "$each"
	done
	declare -gA model=() # GROUP/ID → the record
	channels=2 features=0 ids=0
}

# put GROUP ID TIME NUMBER: writes a record, and remembers it
put() {
	printf 'id,event_time,count,price,category\n%s,%s,%s,%s.5,a\n' "$2" "$3" "$4" "$4" |
		fs-put -q --accept-unsealed --no-resume "$1"
	model[$1/$2]=$2,$3,$4,$4.5,a
}

# rows GROUP COUNT: so many have reached its offline store
rows() { (($(fs-extract-athena "$1" --no-seal | wc -l) > $2)); }

# What the day brought.
new_data() {
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format)
		SELECT s, '/c' || c, '$NIGHT'::timestamp - interval '1 hour' * i, i, 'Decimal'
		FROM unnest('{IMO9999993,NEW}'::text[]) AS s, generate_series(1, $channels) AS c,
			generate_series(1, 3) AS i"
	# and what comes late, for chunks and days that are done
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format)
		SELECT 'IMO9999993', '/late', '$NIGHT'::timestamp - interval '2 days 5 min', 5,
			'Decimal'"
	ids=$((ids + 1))
	((ids < 4)) || put orders "slow$ids" \
		"$("$real_date" -d "$NIGHT - 4 days" +%F)T23:00:00Z" "$ids"
	put live "new$ids" "${NIGHT}T01:00:00Z" "$ids"
	put live same "${NIGHT}T01:00:00Z" "$ids"
	put orders "order$ids" "$yesterday"T12:00:00Z "$ids"
	put orders "late$ids" "$("$real_date" -d "$NIGHT - 200 days" +%F)T12:00:00Z" "$ids"
	put customers "c$ids" "${NIGHT}T01:00:00Z" "$ids"
	wait_until 20 rows customers "$ids"
}

# wanted GROUP [CONDITION of awk]: what the model says of it
wanted() {
	local each
	for each in "${!model[@]}"; do
		[[ $each != "$1/"* ]] || printf '%s\n' "${model[$each]}"
	done | awk -F , "${2-1}" | LC_ALL=C sort
}

# Everything is where it belongs, as of the last night.
as_modelled() {
	local old day each
	old=$("$real_date" -d "$NIGHT - 180 days" +%F)
	is_carried_over "$NIGHT"
	# shellcheck disable=SC2046  # words
	run_rc 0 $(sed -nE 's|^ExecStart=/usr/local/bin/([^$]*).*|\1|p' \
		"$root/pipelines/systemd/ferry-validate@.service")
	online_is backup "$(wanted live)"
	online_is customers-2 "$(wanted customers)"
	online_is orders-2 "$(wanted orders)"
	online_is orders-old "$(wanted orders "\$2 < \"$old\"")"
	online_is orders "$(wanted orders "\$2 >= \"$old\"")"
	for each in $(seq "$features"); do
		is "$(fs-extract-online backup --no-seal -c "id,more$each" | grep "^more$each,")" \
			"more$each,7"
	done
	# what came 200 days later is in none of its files, as batch.mk says
	for day in $days; do
		is "$(gzip -cd "srv/days/orders-$day.ndjson.gz" | jq -r .id | sort)" \
			"$(wanted orders "\$1 !~ /^late/ && substr(\$2, 1, 10) == \"$day\"" |
				cut -d , -f 1)" "$day"
	done
}
online_is() {
	is "$(fs-extract-online "$1" --no-seal -c id,event_time,count,price,category | sed 1d |
		LC_ALL=C sort)" "$2" "$1"
}

# ---- what goes wrong ---------------------------------------------------------------------------
#
# Each runs the jobs of its night, in $tonight. What the mail must say is in $told, and what else it
# may say beside hints in $beside, as extended regular expressions of lines. Without `told` a night
# is silent.

night_good() { run_all; }
run_all() {
	local each
	for each in "${tonight[@]}"; do
		run_job "$each"
	done
}

# One of the front doors, at any moment. What it had begun may say how it ended.
night_killed() {
	local each pid doomed

	any_of "${tonight[@]}"
	doomed=$victim
	for each in "${tonight[@]}"; do
		if [[ $each != "$doomed" ]]; then
			run_job "$each"
			continue
		fi
		random 900
		MARK=night-$n bash -c "exec $(job "$each")" >>mail 2>&1 </dev/null 3>&- &
		pid=$!
		nap "$random"
		kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
		wait_until 20 none_left "night-$n"
	done
	beside='ended by SIG[A-Z]+|interrupted|^Terminated$|the program before it did not begin$'
	# the comparison says which chunks a killed run still holds
	[[ $doomed != wide ]] || beside+='|^ship +ranges|^(IMO[0-9]+|NEW) |, 0 differences$|^$'\
'|^repaired: .* 0 rows too many$|chunks or ranges are not carried over yet'
}

# The disk of the state folder has no room: its files move to a small one for this night.
night_full() {
	local -a namespace=(-m)
	((EUID == 0)) || namespace=(-rm)
	export -f run_job job run_all
	# shellcheck disable=SC2016  # for the bash in there
	unshare "${namespace[@]}" bash -c '
		root=$1 codes="" tonight=("${@:2}")
		mkdir -p small was
		mount -t tmpfs -o size=256k small small
		cp -a state/. small/
		mount --bind state was
		mount --bind small state
		cat /dev/zero >small/filler 2>/dev/null
		run_all
		rm small/filler
		find was -mindepth 1 -delete
		cp -a small/. was/' - "$root" "${tonight[@]}"
	told='No space left on device' beside='cannot write to |its log is empty: is the disk full'
}

night_locked() {
	local fd lock=$FERRY_STATE/locks/arn-aws-sagemaker-$AWS_REGION-123456789012-feature-group

	any_of backup orders-old
	exec {fd}>>"$lock-$victim"
	flock "$fd"
	run_all
	exec {fd}>&-
	told='another run writes to ' beside='is not up to date with'
}

night_rejected() {
	sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time,
		value_format) VALUES ('NEW', '/c1', '$NIGHT'::timestamp - interval '30 min', 'Odd')"
	run_all
	told='rows could not be carried over'
}

# A channel that no table has: nobody has to know.
night_channel() {
	channels=$((channels + 1))
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, long_v, value_format)
		VALUES ('NEW', '/c$channels', '$NIGHT'::timestamp - interval '10 min', 7,
			'Integer')"
	run_all
}

# The source has a feature more; the day after somebody adds it to the target.
night_feature() {
	features=$((features + 1))
	fs add-features live -f "more$features:Integral" >/dev/null
	printf 'id,event_time,more%s\nmore%s,%sT03:00:00Z,7\n' "$features" "$features" "$NIGHT" |
		fs-put -q --accept-unsealed --no-resume live
	model[live/more$features]=more$features,${NIGHT}T03:00:00Z,,,
	run_all
	fs add-features backup -f "more$features:Integral" >/dev/null
	told='features would be lost' beside='is not up to date with'
}

night_away() {
	PGPORT=1 AWS_ENDPOINT_URL=http://127.0.0.1:9 run_all
	told='cannot connect, target' beside='no connection: '
}

faults=(killed full locked rejected channel feature away)
unshare -m true 2>/dev/null || unshare -rm true 2>/dev/null || faults=("${faults[@]/full/away}")

# ---- the nights --------------------------------------------------------------------------------

# mail_is_right: it says what somebody has to know of this night, and nothing else
mail_is_right() {
	local lines='hint: |^make: (\*\*\* .* Error [0-9]+|Target .* not remade)'

	[[ ! $told ]] || grep -qE -e "$told" mail || {
		printf 'nobody was told: %s\n' "$told"
		return 1
	}
	lines+=${told:+"|$told"}${beside:+"|$beside"}
	[[ $told$beside ]] || lines='^$'
	! grep -vE -e "$lines" mail
}

# what lies in the state folder, whatever its dates
kept_names() { find "$FERRY_STATE" -type f -printf '%P\n' | sed -E 's/[0-9-]{10}/DATE/' | sort; }

# nights COUNT: the first one and the last are good, others by chance
nights() {
	local n fault days='' first bytes most=0 now
	local -a left=()
	local -A seen=()

	world
	for ((n = 1; n <= $1; n++)); do
		NIGHT=$("$real_date" -d "2024-01-01 + $n days" +%F)
		yesterday=$("$real_date" -d "$NIGHT - 1 day" +%F)
		export NIGHT
		tonight=(wide validate sync archive days)
		((n % 3 != 1 && n < $1)) || tonight+=(groups)
		choose_fault "$1"
		told='' beside='' codes=''
		: >mail
		new_data
		"night_$fault"
		mail_is_right || {
			printf 'night %s, %s:%s\n' "$n" "$fault" "$codes"
			cat mail
			return 1
		}
		seen[$fault]=$((${seen[$fault]-0} + 1))
		days+=" $yesterday"
		now=$(du -sb "$FERRY_STATE" | cut -f 1)
		((n != 1)) || first=$(kept_names) bytes=$now
		((now <= most)) || most=$now
		age
	done
	is "$(kept_names)" "$first" 'left in the state folder'
	printf '# state: %s bytes after a night, %s after %s, at most %s\n' "$bytes" "$now" "$1" \
		"$most"
	for n in "${!seen[@]}"; do
		printf '# %s nights %s\n' "${seen[$n]}" "$n"
	done
	((now <= bytes + 512))
	is "$(find srv tmp -type f -not -name 'orders-*.done' -not -name 'orders-*.log' \
		-not -name 'orders-*.ndjson.gz')" ''
	as_modelled
}

# The first night is as all should be, and the last ones have time to put all in order.
choose_fault() {
	fault=${FAULT:-good}
	if ((n == 1 || n > $1 - week - 1)); then
		fault=good
	elif [[ ! ${FAULT-} ]]; then
		((${#left[@]})) || left=("${faults[@]}")
		any_of "${left[@]}"
		fault=$victim
		left=("${left[@]:0:random}" "${left[@]:random+1}")
		random 2
		(($1 < 10 || random == 0)) || fault=good
	fi
}
