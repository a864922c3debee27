# What is made for those who install: completion, and the words of packaging/debian.
load helper

debian=$root/pipelines/packaging/debian

# the programs that the tests below type; in soak, all of them. With lists of ships, jobs and
# groups, of which nobody asks for later ones.
tables() {
	local folder=$BATS_FILE_TMPDIR/completion

	[[ -d $folder ]] || "$root/pipelines/packaging/completion" "$FERRY_BIN" "$folder" \
		narrow-to-wide pg-wide-ledger pivot-wide via fs fs-put fs-recover
	ln -sfn "$folder" completion
	: >records.csv
	mkdir -p folder
	unset "${!PG@}" "${!AWS_@}" FERRY_TARGET XDG_CACHE_HOME
	mkdir -p .cache/ferry
	printf 'IMO9999993\n선박1\n' >.cache/ferry/ships....
	printf '417\n' >.cache/ferry/jobs....
	printf 'customers\norders\n' >.cache/ferry/groups..
	local each
	for each in .cache/ferry/*; do printf '99999999999\n' >"$each.asked"; done
}

# What is typed, and what then stands there; in all three shells.
readonly typed=('narrow-to-wide --mode an\t' 'narrow-to-wide --mode=an\t'
	'narrow-to-wide -m roll\t' 'pg-wide-ledger unf\t' 'pivot-wide --on-dup\tconc\t'
	'pivot-wide -o mark\t' 'pivot-wide --columns rec\t' 'pivot-wide rec\t'
	'narrow-to-wide --mode restore --backup fol\t'
	'narrow-to-wide --ship-id IMO\t' 'pg-wide-ledger status --job=4\t'
	'narrow-to-wide -s 선\t' 'fs-put cust\t' 'fs-put customers rec\t'
	'fs get ord\t' 'fs migrate customers ord\t' 'fs export customers rec\t'
	'fs-recover customers orders rec\t')
readonly completed='--mode analyze
--mode=analyze
-m rollback
unfollow
--on-duplicate=concat
-o markdown
--columns records.csv
records.csv
--mode restore --backup folder
--ship-id IMO9999993
status --job=417
-s 선박1
customers
customers records.csv
get orders
migrate customers orders
export customers records.csv
customers orders records.csv'

@test "completion: bash completes options, modes, verbs, values, files and folders" {
	tables
	# shellcheck disable=SC2016  # for the shell
	local shows='show() { echo "<$*>"; }; for each in narrow-to-wide pg-wide-ledger pivot-wide \
		fs fs-put fs-recover
		do source /dev/stdin <<<"$each() { show \"\$@\"; }"; done'
	run_rc 0 "$root/t/keys" "$shows; source $PWD/completion/ferry.bash" "${typed[@]}" \
		'pg-wide-ledger plan --alert-di\t' 'pg-wide-ledger watch --alert-di\t5' -- \
		bash --norc --noprofile -i
	is "$(sed 's|folder/$|folder|' "$out")" "$completed
plan --alert-di
watch --alert-disk=5"
}

@test "completion: every option of a program is offered, and no other" {
	tables
	cat >list.bash <<-'END'
		source completion/ferry.bash
		compopt() { :; }
		COMP_WORDS=("$1" --) COMP_CWORD=1
		_ferry "$1" -- "$1"
		printf '%s\n' "${COMPREPLY[@]}"
	END
	local each
	for each in narrow-to-wide pg-wide-ledger pivot-wide via; do
		"$root/t/lint/options" "$each" >want
		bash list.bash "$each" | sort -u >got
		same_file got want
	done
}

@test "completion: zsh does the same" {
	need zsh
	tables
	# shellcheck disable=SC2016  # for the shell
	local shows='show() { echo "<$*>" }; for each in narrow-to-wide pg-wide-ledger pivot-wide \
		fs fs-put fs-recover
		do functions[$each]="show \"\$@\""; done'
	run_rc 0 "$root/t/keys" "fpath=($PWD/completion \$fpath); autoload -Uz compinit
		compinit -u -d $PWD/dump; $shows" "${typed[@]}" -- zsh -f -i
	is "$(sed 's|folder/$|folder|' "$out")" "$completed"
}

@test "completion: fish does the same" {
	need fish
	tables
	local line
	for line in "${typed[@]}"; do
		line=${line%'\t'}
		# what the first Tab would make of it
		printf 'complete -C "%s"\n' "${line/'--on-dup\tconc'/--on-duplicate conc}"
	done >lines
	run_rc 0 fish -N -c 'for each in completion/*.fish; source $each; end; source lines'
	cut -f 1 "$out" >got
	cat >want <<-'END'
		analyze
		--mode=analyze
		rollback
		unfollow
		concat
		markdown
		records.csv
		records.csv
		folder/
		IMO9999993
		--job=417
		선박1
		customers
		records.csv
		orders
		orders
		records.csv
		records.csv
	END
	same_file got want
}

# listed KIND: has it been asked for, and found?
listed() { [[ $("$words" "$1") ]]; }

# What a look brings is there the next time; none of it is said to who asks.
@test "completion: ships and jobs are those of the ledger, for its owner alone" {
	local words=$root/pipelines/lib/words each
	scratch_db
	# shellcheck disable=SC2016  # no shell is to run it
	{
		echo ship_id,data_channel_id
		printf '%s,a\n' IMO9 선박1 'two words' '$(touch evil)' '`touch evil`' -s '"a""b"'
	} | pg-wide-tables register
	sql "INSERT INTO ferry.job (source, source_table, target_schema, target_prefix, types,
		chunk_us) VALUES ('s', 't', 'u', 'v', 'text', 1)"
	unset XDG_CACHE_HOME
	export FERRY_TARGET="dbname=$PGDATABASE password=sesame"
	for each in ships jobs; do
		run_ok "$words" "$each"
		is "$(<"$out")" ''
		wait_until 20 listed "$each"
	done
	is "$(cat .cache/ferry/{ships,jobs}*"$PGDATABASE")" $'IMO9\n선박1\n1'
	is "$(stat -c %a .cache/ferry)" 700
	is "$(find .cache -name '*sesame*' -o -type f ! -perm 600; grep -r sesame .cache)" ''
	# a folder of others is not written to; nor is it an error that there is none
	mv .cache was
	ln -s /proc .cache
	run_ok "$words" jobs
	is "$(<"$out")" ''
}

@test "completion: nobody waits for a server that does not answer, and few ask it" {
	local words=$root/pipelines/lib/words each
	cat >silent <<-'END'
		import os, socket, sys
		kept, s = [], socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1] + "/.s.PGSQL.5432")
		s.listen()
		kept.append(s.accept())
		open("met", "w")
		kept.append(s.accept())
		open("met-again", "w")
		kept.append(s.accept())
	END
	local folder
	folder=$(mktemp -d /tmp/ferry.XXXXXX)
	MARK=$BATS_TEST_TMPDIR.silent python3 silent "$folder" 3>&- &
	wait_until 20 test -e "$folder/.s.PGSQL.5432"
	unset "${!PG@}" XDG_CACHE_HOME FERRY_TARGET
	export PGHOST=$folder PGPORT=5432
	mkdir -p .cache/ferry
	each=.cache/ferry/ships.".${folder//[^[:alnum:]-]/.}.5432."
	printf 'OLD\n' >"$each"
	run_ok env MARK="$BATS_TEST_TMPDIR.asks" "$words" ships
	is "$(<"$out")" OLD
	wait_until 20 test -e met
	# whoever asked still does: no answer is there, and none was waited for
	[[ $(marked "$BATS_TEST_TMPDIR.asks") ]]
	run_ok "$words" ships
	is "$(<"$out")" OLD
	# and gives up by itself
	wait_until 30 none_left "$BATS_TEST_TMPDIR.asks"
	[[ ! -e met-again ]]
	is "$(<"$each")" OLD
	kill "$(marked "$BATS_TEST_TMPDIR.silent")"
	rm -r "$folder"
}

@test "packaging: Debian's files say what the source says" {
	local version each
	version=$(pivot-wide --version | sed '1s/.* //; q')
	is "$(sed -n '1s/^ferry (\(.*\)) .*/\1/p' "$debian/changelog")" "$version"
	# as dh_installchangelogs names it, and what the programs tell people to use
	has "$debian/changelog" /usr/share/doc/ferry/changelog.gz
	for each in jq make; do grep -qE "^Suggests:.* $each(,|\$)" "$debian/control"; done
	is "$(sed -n '/^License: /,$s/^ //p' "$debian/copyright" | sed 's/^\.$//')" \
		"$(sed 1,4d "$root/LICENSE")"
	# what make looks for is what the package is built with, but for what every build has
	awk '/^Build-Depends:/ { on = 1; sub(/^[^:]*:/, "") } /^[A-Z]/ { on = 0 }
		on { gsub(/[ ,]/, ""); print }' "$debian/control" | grep -v '^debhelper' | sort >has
	sed -n 's/^build|[^|]*|[^|]*|//p' "$root/pipelines/lib/packages" |
		grep -vxE 'gcc|libc6-dev' | sed 's/^pkg-config$/pkgconf/' | sort >want
	same_file has want
}

@test "packaging: a tarball has all that git has" {
	need git
	[[ -e $root/.git ]] || skip 'not in a work tree of git'
	mkdir copy
	git -C "$root" ls-files -z | (cd "$root" && tar -c --null -T -) | tar -x -C copy
	# not in a work tree of git any more
	run_rc 0 copy/pipelines/packaging/dist
	tar -tzf "copy/$(<"$out")" | sed 's|^[^/]*/||' | sort >has
	git -C "$root" ls-files | sort >want
	same_file has want
}

@test "packages: whatever is installed below share/ferry is in a package" {
	local each path pattern installed
	installed=$(make -C "$root" -pnq 2>/dev/null | sed -n 's/^SHARE := //p')
	[[ $installed == *pipelines/narrow-to-wide* ]]
	for each in $installed pipelines/ferry.schema.json; do
		path=usr/share/ferry/${each#pipelines/}
		while IFS= read -r pattern; do
			# shellcheck disable=SC2053  # a pattern
			[[ $path != $pattern && $path != $pattern/* ]] || continue 2
		done < <(cat "$root"/pipelines/packaging/debian/*.install)
		printf 'in no package: %s\n' "$path"
		return 1
	done
}

@test "packages: what one of its own brings is not in ferry, and a mode that needs it says so" {
	local program package
	for package in ferry-web ferry-kafka; do
		while IFS= read -r program; do
			grep -qe "--package=ferry .*-X$program\\b" "$debian/rules"
			grep -q "need_package $program $package" \
				"$root"/pipelines/{narrow-to-wide,lib/live.bash}
		done < <(sed -n 's|^usr/bin/||p' "$debian/$package.install" | grep -vx kafka-put)
	done
	# the programs of ferry without these, wherever else they are
	local folder path=$PWD/bin
	while IFS= read -r -d : folder; do
		[[ -x $folder/pg-wide-web ]] || path+=:$folder
	done <<<"$PATH:"
	mkdir bin
	ln -s "$FERRY_BIN"/* bin
	rm bin/{pg-wide-web,kafka-dump,narrow-to-wide}
	cp "$root/pipelines/narrow-to-wide" bin
	ln -s "$root"/pipelines/lib* bin
	PATH=$path run_rc 78 bin/narrow-to-wide --mode report \
		-O page.html
	has "$err" 'pg-wide-web is not installed'
	has "$err" 'on Debian it is in the package ferry-web'
}
