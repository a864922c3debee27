load helper

# The example in src/README.md, taken out of the text, built and used, as a newcomer would.

# example: its text
example() {
	awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' "$root/src/README.md"
}

# works PROGRAM: it does what the text says, and what every filter does
works() {
	local bin=$1

	printf 'a,b,c\n1,"2,",3\n' >in.csv
	run_ok "$bin" -c 2 in.csv
	printf 'a,b\n1,"2,"\n' >want
	same_file "$out" want
	run_ok "$bin" -c 1 -o ndjson in.csv
	is "$(<"$out")" '{"a":"1"}'
	run_rc 64 "$bin" in.csv
	has "$err" '--columns is needed'
	run_rc 64 "$bin" --colums 2 in.csv
	has "$err" 'did you mean --columns?'
	reformat --seal in.csv >sealed.csv
	run_pipe '0 0 0' "cat sealed.csv | $bin -c 2 | $bin -c 9"
	same_file "$out" want
	run_pipe '0 76' "head -c -3 sealed.csv | $bin -c 2"
	# between programs that prove what they load: nobody misses what it leaves out on purpose
	scratch_db
	"$root/t/telemetry" 1 20 400
	run_pipe '0 0 0 0' "pg-narrow-dump | pivot-wide | $bin -c 9 | pg-copy-load --wide"
	is "$(sql "SELECT count(*) FROM ferry.channel")" 7
}

# With the words that the programs here were built with.
@test "newcomer: the filter of src/README.md compiles, and works beside the others" {
	local built=${FERRY_BIN%/bin} here=$PWD
	local -a compile link

	mapfile -t compile < <(sed -n '1p; /^-std/,$p' "$built/compile.flags")
	mapfile -t link < <(grep '^-' "$built/link.flags")
	example >keep-first.c
	cd "$root"
	run_ok "${compile[@]}" -o "$here/keep-first" "$here/keep-first.c" "$built/libferry.a" \
		"${link[@]}"
	cd "$here"
	works ./keep-first
}

# It must touch only files of its own.
# bats test_tags=whole
@test "newcomer: the filter of src/README.md is made by make, and is as all filters are" {
	local profile=${FERRY_BIN%/bin} bin
	profile=${profile##*/} bin=tree/build/$profile/bin
	mkdir -p tree/build
	# with what is built already: only the new program is to be made
	cp -a "$root/GNUmakefile" "$root/src" "$root/pipelines" tree
	cp -a "$root/build/$profile" tree/build
	example >tree/src/transform/keep-first.c
	# the flags of the tree: other ones would make all of it anew
	local werror=0
	[[ ! -e $root/.git ]] || werror=1
	RUN_TIMEOUT=600 run_rc 0 make -s -C tree WERROR="$werror" PROFILE="$profile" \
		"${bin#tree/}/keep-first"
	works "$bin/keep-first"
	# what every filter promises, of this one alone
	mkdir -p one/src/transform
	cp tree/src/transform/keep-first.c one/src/transform
	PATH=$PWD/$bin:$PATH FERRY_CONTRACT=$PWD/one RUN_TIMEOUT=600 run_ok bats --filter \
		'empty|header|created|at once|cut sealed' \
		"$root/t/transform-contract.bats"
}

# Those of dpkg-buildflags: what is given twice is given once.
@test "newcomer: the flags of who builds a package are taken, by gcc and by clang" {
	local compiler
	mkdir -p tree
	cp -a "$root/GNUmakefile" "$root/src" "$root/pipelines" tree
	by_turns 1 gcc clang
	for compiler in "${turns[@]}"; do
		[[ $compiler == gcc ]] || command -v clang >/dev/null || continue
		run_ok make -C tree CC="$compiler" CPPFLAGS='-Wdate-time -D_FORTIFY_SOURCE=2' \
			CFLAGS='-g -O2 -fstack-protector-strong -Wformat -Werror=format-security' \
			LDFLAGS=-Wl,-z,relro V=1 build/release/src/common/core/msg.o
		has "$out" '-D_FORTIFY_SOURCE=2' '-fstack-clash-protection'
		has_no "$out" '-D_FORTIFY_SOURCE=3'
	done
	run_ok make -C tree V=1 build/release/src/common/core/str.o
	has "$out" '-D_FORTIFY_SOURCE=3' '-fstack-protector-strong'
}
