load helper
load sandbox

# The pages of pipelines/doc: their commands do what they show, in both languages, and no link of
# the site leads nowhere.

teardown() {
	local each

	[[ ! ${sandbox_pid-} ]] || sandbox_stop
	for each in "${FERRY_TEST_POOL:?}"/doc.*/data/postmaster.pid; do
		[[ ! -f $each ]] || kill -INT "$(head -n 1 "$each")" || :
	done
}

# needs PAGE: what stands in its first line, `<!-- needs: … -->`
needs() { sed -n '1s/<!-- needs: \(.*\) -->/\1/p' "$1"; }

# servers_user: a page that makes a server of its own is run as the user of servers, in $here
servers_user() {
	here=$(mktemp -d "$FERRY_TEST_POOL/doc.XXXXXX")
	# whose PostgreSQL has all of its libraries
	as=(env -u LD_LIBRARY_PATH -u LD_PRELOAD -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE
		-u FERRY_STATE HOME="$here" TMPDIR="$here" PATH="$PATH:$(pg_config --bindir)")
	((EUID == 0)) || return 0
	chown postgres "$here"
	as=(setpriv --reuid postgres --regid "$(id -g postgres)" --init-groups "${as[@]}")
	"${as[@]}" test -r "$root/t/doc" || skip "the user of servers cannot read $root"
}

# The database and the stand-in are empty, as a reader's are.
try() {
	local what each here
	local -a as
	for each in en ko; do
		here=$PWD/$each/$1 as=()
		mkdir -p "$here"
		for what in $(needs "$root/pipelines/doc/$each/$1"); do
			case $what in
			postgres) scratch_db ;;
			sandbox) sandbox_start --set group-delay=0 ;;
			server) servers_user ;;
			*) need "$what" ;;
			esac
		done
		(cd "$here" && language "$each" "${as[@]}" "$root/t/doc" \
			"$root/pipelines/doc/$each/$1")
		[[ ! ${sandbox_pid-} ]] || sandbox_stop
		unset sandbox_pid
	done
}
# language NAME COMMAND...
language() {
	if [[ $1 == ko ]]; then env -u LC_ALL LANG=ko_KR.UTF-8 "${@:2}"; else "${@:2}"; fi
}
names() { (cd "$root/pipelines/doc/$1" && printf '%s\n' *.md); }

@test "docs: commands of the pages do what the pages show" {
	local each
	mapfile -t pages < <(cd "$root/pipelines/doc/en" && grep -l '^```console' -- *.md)
	by_turns 1 "${pages[@]}"
	for each in "${turns[@]}"; do
		try "$each"
	done
}

@test "docs: both languages have the same pages, and the same commands in them" {
	local each
	is "$(names ko)" "$(names en)"
	for each in $(names en); do
		for language in en ko; do
			awk '/^```/ { code = !code; print $1; next }
				code && /^[$>] / { sub(/  *# .*/, ""); print }' \
				"$root/pipelines/doc/$language/$each" >"$language"
			needs "$root/pipelines/doc/$language/$each" >>"$language"
		done
		same_file ko en
	done
}

@test "docs: what a page shows and what does not come is told apart" {
	printf '%s\n' '```file in.csv' a,b 1,2 '```' text '```console' '$ cat in.csv' a,b '...' \
		'$ for each in x' '> do echo "$each [1]"; done' 'x [1]' '$ cd /; v=1' \
		'$ echo $PWD $v' '/ …' '```' >good.md
	run_ok "$root/t/doc" good.md
	sed 's/x \[1\]/y/' good.md >bad.md
	run_rc 1 "$root/t/doc" bad.md
	has "$out" '-y' '+x [1]'
	printf 'no command\n' >none.md
	run_rc 1 "$root/t/doc" none.md
}

@test "docs: no link of the site leads nowhere" {
	need cmark
	need mandoc
	run_rc 0 "$root/pipelines/doc/site" "$PWD/site"
	[[ -s site/index.html && -s site/ko/index.html && -s site/man/fs.1.html ]]
	run_ok "$root/t/links" site
	printf '<a href="none.html">x</a><a href="index.html#none">y</a>' >site/bad.html
	run_rc 1 "$root/t/links" site
	has "$out" 'bad.html: none.html' 'bad.html: index.html#none'
}
