load helper

# Values of options from ferry.conf and from the environment.

# shown PROGRAM [OPTION...]: what --print-config says of options that have a value
shown() { "$@" --print-config | grep -v '^#'; }

@test "config: what is nearer to the user wins, and each value tells where it came from" {
	mkdir -p .config/ferry xdg/ferry
	printf '%s\n' '[narrow-to-wide]' 'chunk = 6h' 'workers = 3' 'ship-id = S1' \
		'complete-schema = yes' '[fs-sync]' 'nothing = 1' >.config/ferry/ferry.conf
	printf '%s\n' '[narrow-to-wide]' 'chunk = 12h' >xdg/ferry/ferry.conf
	is "$(shown narrow-to-wide)" "ship-id = S1  # $PWD/.config/ferry/ferry.conf
complete-schema = 1  # $PWD/.config/ferry/ferry.conf
workers = 3  # $PWD/.config/ferry/ferry.conf
chunk = 6h  # $PWD/.config/ferry/ferry.conf"
	export FERRY_NARROW_TO_WIDE_WORKERS=4 FERRY_NARROW_TO_WIDE_SHIP_ID=S2
	is "$(shown narrow-to-wide --chunk 1h -w 5 --ship-id S3 --ship-id S4)" \
		"ship-id = S3  # the command line
ship-id = S4  # the command line
complete-schema = 1  # $PWD/.config/ferry/ferry.conf
workers = 5  # the command line
chunk = 1h  # the command line"
	is "$(shown narrow-to-wide | grep -c 'FERRY_NARROW_TO_WIDE_')" 2
	is "$(XDG_CONFIG_HOME=xdg shown narrow-to-wide | tail -n 1)" \
		'chunk = 12h  # xdg/ferry/ferry.conf'
	is "$(shown narrow-to-wide --config xdg/ferry/ferry.conf | tail -n 1)" \
		'chunk = 12h  # xdg/ferry/ferry.conf'
	# no secret is shown
	FERRY_NARROW_TO_WIDE_SOURCE='host=h password=x' run_ok narrow-to-wide --print-config \
		--target 'password=x'
	has "$out" 'source = ***  # FERRY_NARROW_TO_WIDE_SOURCE' 'target = ***  # the command line'
	# a command of fs has a section of its own
	printf '%s\n' '[fs bulk-put]' 'max-workers = 7' '[fs-sync]' >fs.conf
	is "$(FERRY_FS_BULK_PUT_BATCH_SIZE=9 shown fs bulk-put --config fs.conf)" \
		$'batch-size = 9  # FERRY_FS_BULK_PUT_BATCH_SIZE\nmax-workers = 7  # fs.conf'
	is "$(shown fs export --config fs.conf)" ''
}

@test "config: it is what a run does; programs of a front door are told by that alone" {
	local rows
	scratch_db
	"$root/t/telemetry" 1 4 200
	printf '%s\n' '[narrow-to-wide]' 'cutoff-time = 2025-01-01' 'chunk = 6h' 'workers = 1' \
		'alert-disk = 0' '[pg-narrow-dump]' 'until = 2020-01-01' >ferry.conf
	run_rc 0 narrow-to-wide --config ferry.conf --mode migration-only
	is "$(sql 'SELECT chunk_us / 3600000000, cutoff FROM ferry.job')" '6|2025-01-01 00:00:00'
	is "$(sql 'SELECT sum(rows) FROM ferry.chunk')" \
		"$(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries')"
	# what is for other modes is no matter of this one
	run_rc 0 narrow-to-wide --config ferry.conf --mode status
	# by itself a program has its own section; filters that transform have none
	mkdir -p .config/ferry
	cp ferry.conf .config/ferry
	run_pipe '0 0' 'pg-narrow-dump | pivot-wide'
	is "$(grep -c IMO "$out")" 0
	run_rc 64 pivot-wide --config ferry.conf
}

@test "config: what destroys or weakens is taken from the command line alone" {
	local each name variable n=0 least=40
	local -a program
	[[ ${WHOLE-} ]] || least=5
	by_turns 10 pg-{narrow-schema,narrow-dump,copy-load,dual-load,wide-tables,wide-ledger} \
		pg-wide-{validate,analyze} fs-{group,put,plan,verify} \
		fs-extract-{athena,online} \
		narrow-to-wide fs-{archive,copy,improve,migrate-large,recover,subset,sync,upgrade} \
		'fs '{clear,migrate,delete,bulk-put,put,export,get,schema}
	for each in "${turns[@]}"; do
		read -ra program <<<"$each"
		"${program[@]}" --print-config >options
		while IFS= read -r name; do
			n=$((n + 1))
			by_turns 1 variable file
			if [[ ${turns[0]} == variable ]]; then
				variable=FERRY_${each^^}_${name^^}
				run_rc 78 env "${variable//[- ]/_}=1" "${program[@]}"
				has "$err" "--$name destroys something or weakens" \
					'command line alone'
			fi
			if [[ ${turns[-1]} == file ]]; then
				printf '[%s]\n%s = 1\n' "$each" "$name" >bad.conf
				run_rc 78 "${program[@]}" --config bad.conf
				has "$err" "bad.conf: --$name destroys something or weakens"
			fi
		done < <(sed -n 's/^# \(.*\): the command line only$/\1/p' options)
	done
	[[ $n -ge $least ]] || { printf 'only %s options\n' "$n" && return 1; }
	# the list is whole: whatever the tables mark is in it
	narrow-to-wide --print-config | grep -c 'command line only' >said
	is "$(<said)" "$(sed -n '/^table()/,/^END/p' "$root/pipelines/narrow-to-wide" |
		grep -c '{weakens}')"
}

@test "config: mistakes are said with their place" {
	conf() { printf '[narrow-to-wide]\n%s\n' "$1" >bad.conf; }
	conf 'chunks = 6h'
	run_rc 78 narrow-to-wide --config bad.conf --mode status
	has "$err" 'bad.conf: [narrow-to-wide] has no option "chunks"'
	conf 'chunk = long'
	run_rc 78 narrow-to-wide --config bad.conf --mode status
	has "$err" 'bad.conf: --chunk: not a duration: "long"'
	conf 'complete-schema = perhaps'
	run_rc 78 narrow-to-wide --config bad.conf --mode status
	has "$err" 'bad.conf: --complete-schema: neither true nor false: "perhaps"'
	printf '[narow-to-wide]\nchunk = 6h\n' >bad.conf
	run_rc 78 narrow-to-wide --config bad.conf --mode status
	has "$err" '[narow-to-wide] is the section of no program (did you mean narrow-to-wide?)'
	printf '[fs bulkput]\nbatch-size = 6\n' >bad.conf
	run_rc 78 narrow-to-wide --config bad.conf --mode status
	has "$err" '[fs bulkput] is the section of no program (did you mean fs bulk-put?)'
	# any program of ours may have one, and any command of fs; filters that transform have none
	local each
	for each in "$root"/src/transform/*.c; do
		printf '[%s]\n' "$(basename "$each" .c)"
	done >filters
	while IFS= read -r each; do
		printf '%s\nquiet = true\n' "$each" >bad.conf
		run_rc 78 narrow-to-wide --config bad.conf --mode status
		has "$err" "$each would be read by nobody"
	done <filters
	{
		printf '[%s]\n' "$FERRY_BIN"/*
		fs --help | sed -n 's/^  \([a-z-]*\) .*/[fs \1]/p;/^FILE/q'
	} | sed 's,\[/.*/,[,' | grep -vxFf filters >all.conf
	grep -qxF '[fs doctor]' all.conf
	run_rc 0 narrow-to-wide --config all.conf --print-config
	FERRY_NARROW_TO_WIDE_WORKER=2 FERRY_NARROW_TO_WIDE_SCHEDULE=2 \
		run_rc 0 narrow-to-wide --print-config
	has "$err" 'FERRY_NARROW_TO_WIDE_WORKER is no option' 'mean FERRY_NARROW_TO_WIDE_WORKERS?' \
		"FERRY_NARROW_TO_WIDE_SCHEDULE is no option's"
	# each value of a key that is repeated
	conf "$(printf 'ship-id = S%s\n' {1..99})"
	is "$(shown narrow-to-wide --config bad.conf | grep -c '^ship-id = S')" 99
	conf 'no sense'
	run_rc 78 narrow-to-wide --config bad.conf --mode status
	has "$err" 'bad.conf, line 2: neither'
	FERRY_NARROW_TO_WIDE_WORKERS=many run_rc 78 narrow-to-wide --mode status
	has "$err" 'FERRY_NARROW_TO_WIDE_WORKERS: --workers: not a whole number: "many"'
	run_rc 66 narrow-to-wide --config none.conf --mode status
	run_rc 64 narrow-to-wide --config
	# root reads everything
	if ((EUID != 0)); then
		chmod 000 bad.conf
		run_rc 66 narrow-to-wide --config bad.conf --mode status
	fi
}
