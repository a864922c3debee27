_ferry_words() {
	local kind=$argv[-1]

	compadd -- ${(f)"$(${commands[narrow-to-wide]:A:h}/lib/words $kind 2>/dev/null)"}
}
_ferry() {
	local program=$service curcontext=$curcontext state line ret=1
	local -a specs

	_ferry_program
	_ferry_options $program
	if [[ $program == fs ]]; then
		_arguments -C -s -S $specs '*::argument:->command' && ret=0
		[[ $state == command ]] || return $ret
		_ferry_options "$program $words[1]"
		curcontext=${curcontext%:*:*}:$program-$words[1]:
	fi
	_arguments -s -S $specs
}
_ferry "$@"
