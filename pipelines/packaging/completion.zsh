_ferry() {
	local program=$service curcontext=$curcontext state line
	local -a specs

	_ferry_program
	_ferry_options $program
	if [[ $program == fs ]]; then
		_arguments -C -s -S $specs '*::argument:->command' && return
		[[ $state == command ]] || return
		_ferry_options "$program $words[1]"
		curcontext=${curcontext%:*:*}:$program-$words[1]:
	fi
	_arguments -s -S $specs
}
_ferry "$@"
