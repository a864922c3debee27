load helper
load sandbox
load fs

setup_file() { sandbox_start --set group-delay=0 --set offline-delay=0 --set athena-delay=0; }
teardown_file() { sandbox_stop; helper_teardown_file; }
setup() {
	helper_setup
	sandbox_set
}

# arrived GROUP COUNT: so many records are in its offline store.
arrived() { [[ $(fs-extract-athena "$1" -o ndjson --no-seal | wc -l) == "$2" ]]; }

# loaded GROUP COUNT: a group with so many records, which are in the file in.csv.
loaded() {
	group "$1"
	records "$2" >in.csv
	fs-put "$1" in.csv
	wait_until 20 arrived "$1" "$2"
}

@test "migrate: from both stores into both, asked and verified" {
	loaded a 300
	group b
	run_pipe '0 0' 'echo y | fs migrate a b --verify-wait 20s'
	cat "$out" "$err"
	same_online b in.csv
	arrived b 300
}
