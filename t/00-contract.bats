#!/usr/bin/env bats
# What every program and front door promises, tried on all there are: a new one is covered before
# its author writes a test.

load helper

# each_program FUNCTION: calls it with the path of each; names those it failed for.
each_program() {
	local program bad=0 tried=0
	for program in "$FERRY_BIN"/*; do
		[[ -x $program ]] || continue
		tried=$((tried + 1))
		"$1" "$program" || {
			printf '^ %s\n' "${program##*/}"
			bad=1
		}
	done
	((tried > 0 && bad == 0))
}

@test "contract: --help and -h print the name and the usage, in no more than 80 columns" {
	help() {
		run_ok "$1" --help &&
			has "$out" "${1##*/}" "usage: ${1##*/}" --help --version &&
			is "$(LC_ALL=C.UTF-8 grep -E '^.{81}' "$out")" '' &&
			cp "$out" long &&
			run_ok "$1" -h &&
			same_file "$out" long
	}
	each_program help
}

@test "contract: --version names the program and the version" {
	version() {
		run_ok "$1" --version &&
			[[ $(<"$out") =~ ^"${1##*/} (ferry) "[0-9]+\.[0-9]+\.[0-9]+$ ]]
	}
	each_program version
}

@test "contract: a wrong option is 64, says which, and prints nothing" {
	wrong() {
		run_rc 64 "$1" --no-such-option </dev/null &&
			has "$err" no-such-option "${1##*/}: error: " &&
			is "$(<"$out")" '' &&
			run_rc 64 "$1" --versoin </dev/null &&
			has "$err" --version
	}
	each_program wrong
}

@test "contract: help and version that cannot be written are 74" {
	full() {
		local option
		by_turns 1 --help --version
		for option in "${turns[@]}"; do
			run_rc 74 bash -c '"$1" "$2" >/dev/full' - "$1" "$option" || return
			has "$err" "${1##*/}: error: " || return
			run_rc 74 bash -c '"$1" "$2" >&-' - "$1" "$option" || return
		done
	}
	each_program full
}

@test "contract: the options of --help can be told by a machine" {
	options() {
		run_ok "$root/t/lint/options" "$1" && has "$out" --help --version &&
			is "$(wc -l <"$out")" \
				"$(grep -cE '^ {2,6}(-[A-Za-z0-9], )?--' <("$1" --help))"
	}
	each_program options
}

@test "contract: programs are built to be hard to attack" {
	no_sanitizer 'is built otherwise'
	run_ok "$root/t/lint/harden"
	mkdir soft
	gcc -O0 -no-pie -fno-stack-protector -Wl,-z,norelro,-z,lazy,-z,execstack -o soft/program \
		-x c - <<<'int main(void) { return 0; }'
	FERRY_BIN=$PWD/soft run_rc 1 "$root/t/lint/harden"
	is "$(wc -l <"$out")" 6
}
