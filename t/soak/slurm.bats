load ../helper
load ../oracle

# A cluster of two nodes on this machine, with a controller and a munge of its own.
setup() {
	helper_setup
	need slurmctld
	need slurmd
	need munged
	cluster=$BATS_TEST_TMPDIR/slurm
	export SLURM_CONF=$cluster/slurm.conf
	mkdir -p "$cluster"/{state,spool.n1,spool.n2}
	chmod 755 "$BATS_TEST_TMPDIR" "$cluster"
	munge=$BATS_TEST_TMPDIR/m # a short path: that of a socket
	mkdir -m 755 "$munge"
	dd if=/dev/urandom of="$munge/key" bs=1024 count=1 status=none
	chmod 600 "$munge/key"
	munged --force --socket="$munge/s" --key-file="$munge/key" --pid-file="$munge/pid" \
		--seed-file="$munge/seed" --log-file="$munge/log"
	local host port
	host=$(hostname -s)
	port=$((20000 + BASHPID % 20000))
	cat >"$SLURM_CONF" <<-END
		ClusterName=ferry
		SlurmctldHost=$host(127.0.0.1)
		SlurmUser=root
		SlurmctldPort=$port
		AuthType=auth/munge
		AuthInfo=socket=$munge/s
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_Core
		MpiDefault=none
		ReturnToService=2
		SlurmdTimeout=20
		KillWait=5
		SlurmdParameters=config_overrides
		SlurmdSpoolDir=$cluster/spool.%n
		SlurmdPidFile=$cluster/%n.pid
		SlurmdLogFile=$cluster/%n.log
		SlurmctldPidFile=$cluster/ctld.pid
		SlurmctldLogFile=$cluster/ctld.log
		StateSaveLocation=$cluster/state
		NodeName=DEFAULT CPUs=2 State=UNKNOWN
		NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1))
		NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2))
		PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
	END
	slurmctld
	slurmd -N n1
	slurmd -N n2
	wait_until 30 idle
	scratch_db
	"$root/t/telemetry" 8 20 200000
}

teardown() {
	local each
	scancel --state=RUNNING --state=PENDING --me 2>/dev/null || :
	for each in "$cluster"/{n1,n2,ctld}.pid "$munge/pid"; do
		[[ ! -s $each ]] || kill -9 "$(<"$each")" || :
	done
	for each in $(marked "$SLURM_CONF"); do kill -9 "$each" 2>/dev/null || :; done
}

# the processes of this cluster and of its jobs
marked() { grep -lsxz "SLURM_CONF=$1" /proc/[0-9]*/environ | cut -d / -f 3 | grep -vx "$$"; }

idle() { [[ $(sinfo -h -N -o '%T') == idle$'\n'idle ]]; }
ended() { [[ ! $(squeue -h -j "$1" -o %T 2>/dev/null) ]]; }
chunks_done() { (($(sql "SELECT count(*) FROM ferry.chunk WHERE state = 'done'") >= $1)); }

@test "slurm: an array carries over each chunk once, while tasks and nodes are killed" {
	local past validate each cutoff=2025-01-01
	KP_SLEEP=1 run_rc 0 "$root/pipelines/slurm/submit" -n 4 --cutoff-time "$cutoff" --chunk 1h
	past=$(sed -n 's/^past //p' "$out")
	validate=$(sed -n 's/^validate //p' "$out")
	wait_until 60 chunks_done 2
	scontrol requeue "${past}_0"
	scancel --signal=KILL --full "${past}_1"
	wait_until 60 chunks_done 6
	# the node dies with all that runs on it
	kill -9 "$(<"$cluster/n2.pid")"
	for each in $(marked "$SLURM_CONF"); do
		! grep -qs slurmstepd "/proc/$each/cmdline" || kill -9 "$each"
	done
	slurmd -N n2
	wait_until 60 ended "$past"
	wait_until 60 ended "$validate"
	has ferry-validate-"$validate".log ' 0 differences'
	is_carried_over
	is "$(sql "SELECT count(*) FROM ferry.chunk WHERE state <> 'done'")" 0
}

@test "slurm: a follower comes again when its time is over, and nothing is missed" {
	local follower cutoff=2030-01-01 past
	run_rc 0 narrow-to-wide --mode schema-only --complete-schema
	run_rc 0 narrow-to-wide --mode tables-only
	run_rc 0 "$root/pipelines/slurm/submit" -n 2 --cutoff-time 2024-10-02
	past=$(sed -n 's/^past //p' "$out")
	wait_until 60 ended "$past"
	follower=$(sbatch --parsable "$root/pipelines/slurm/follow.sbatch" --follow poll)
	wait_until 60 grep -qs following "ferry-follow-$follower.log"
	insert word-1
	wait_until 30 is_there word-1
	# as when its time is over
	scancel --batch --signal=USR1 "$follower"
	wait_until 30 pending "$follower"
	insert word-2
	wait_until 60 is_there word-2
	scancel "$follower"
	wait_until 30 ended "$follower"
	is_carried_over
}
insert() {
	sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time,
		server_created_time, str_v, value_format)
		SELECT ship_id, data_channel_id, now() AT TIME ZONE 'UTC', now(), '$1', 'String'
		FROM tenant.tbl_data_timeseries LIMIT 1"
}
is_there() { [[ $(sql "$(wide)") == *"|$1"* ]]; }
pending() { [[ $(squeue -h -j "$1" -o %T) == PENDING ]]; }
