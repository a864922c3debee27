# options.bash: the command line of a front door, sourced behind lib.bash.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # ferry_name and EX_* are those of lib.bash

declare -A opt=() # options of the command by name; flags are 1, or 0 for --no-NAME
repeated=()       # --NAME=VALUE of options that may be repeated, as they came
words=()          # its operands
aws=()            # --profile and --region, for the programs
rest=()           # what front_door leaves

misused() {
	fail "$EX_USAGE" "$1" "$(fill $"'%s --help' shows commands and options" "$ferry_name")"
}

# no_such_option WORD KNOWN...: names a near one, when there is one.
no_such_option() {
	local near word=$1
	shift

	# behind another letter, or awk would take them for options of its own
	near=$("$FERRY_LIB/lib/near" "x${word#--}" "${@/#/x}")
	misused "$(fill $"no such option of %s: %s" "$command" "$word")${near:+ (--${near#x}?)}"
}

# read_options SPEC... -- ARGUMENT...: SPEC is NAME= (wants a value), NAME+ (wants one, and may be
# repeated: they are kept in `repeated`), NAME (a flag) or NAME? (a flag that may have a value
# behind =), with X: before it for a letter.
read_options() {
	local name value
	local -A known=() letter=()

	for name; do
		[[ $name != -- ]] || break
		if [[ $name == ?:* ]]; then
			letter[${name%%:*}]=${name#*:}
			name=${name#*:}
		fi
		known[${name%[=?+]}]=$name
		shift
	done
	shift
	while (($#)); do
		case $1 in
		--)
			words+=("${@:2}")
			return
			;;
		--*) name=${1#--} name=${name%%=*} ;;
		-?) name=${letter[${1#-}]-${1#-}} name=${name%=} ;;
		*)
			words+=("$1")
			shift
			continue
			;;
		esac
		if [[ ${known[$name]-} == *[=+] ]]; then
			if [[ $1 == --*=* ]]; then
				value=${1#*=}
			else
				(($# > 1)) || misused "$(fill $"%s wants a value" "$1")"
				value=$2
				shift
			fi
			opt[$name]=$value
			[[ ${known[$name]} != *+ ]] || repeated+=("--$name=$value")
		elif [[ ${known[$name]-} == *\? && $1 == --*=* ]]; then
			opt[$name]=${1#*=}
		elif [[ ${known[$name]-} && $1 != *=* ]]; then
			opt[$name]=1
		elif [[ ${known[${name#no-}]-} == "${name#no-}"?(\?) && $1 != *=* ]]; then
			opt[${name#no-}]=0
		else
			no_such_option "$1" "${!known[@]}" profile region help version
		fi
		shift
	done
}

# operands COUNT WHAT: there must be so many.
operands() {
	((${#words[@]} == $1)) || misused "$(fill $"%s takes %s" "$command" "$2")"
}

# pass NAME...: those that were given, as arguments, in the array `args`; flags as they stand.
pass() {
	local name
	for name; do
		case $name in
		*=) [[ ! ${opt[${name%=}]+set} ]] || args+=("--$name${opt[${name%=}]}") ;;
		*)
			case ${opt[$name]-} in
			1) args+=("--$name") ;;
			0) args+=("--no-$name") ;;
			esac
			;;
		esac
	done
}

# pass_progress: --progress as it is, or with one of the programs' own ways to show it.
pass_progress() {
	case ${opt[progress]-1} in
	1) ;;
	0) args+=(--progress=none) ;;
	*) args+=("--progress=${opt[progress]}") ;;
	esac
}

# quantity NAME DEFAULT MIN: the value of an option that is a whole number.
quantity() {
	local value=${opt[$1]-$2}

	[[ $value =~ ^[0-9]+$ && ${#value} -lt 16 ]] ||
		misused "$(fill $"--%s: not a number: %s" "$1" "$value")"
	((10#$value >= $3)) ||
		misused "$(fill $"--%s: less than %s: %s" "$1" "$3" "$value")"
	printf '%s\n' "$((10#$value))"
}

# front_door SUMMARY ARGUMENT...: what every pipeline of this kind begins with. --help prints the
# function `usage`; --profile and --region are kept in `aws`; the rest is left in `rest`.
front_door() {
	command=$ferry_name
	rest=()
	while (($#)); do
		case $1 in
		-h | --help)
			usage || fail "$EX_IO" $"cannot write to standard output"
			exit
			;;
		--version)
			printf '%s %s\n' "$ferry_name" "$(fs-group --version | cut -d ' ' -f 2-)" ||
				fail "$EX_IO" $"cannot write to standard output"
			exit
			;;
		--profile=* | --region=*) aws+=("$1") ;;
		--profile | --region)
			(($# > 1)) || misused "$(fill $"%s wants a value" "$1")"
			aws+=("$1=$2")
			shift
			;;
		*) rest+=("$1") ;;
		esac
		shift
	done
}

# common_usage: the lines of --help that all of them share.
common_usage() {
	cat <<END
      --profile=NAME              section of ~/.aws/config and credentials [\$AWS_PROFILE]
      --region=NAME               region, such as ap-northeast-2 [\$AWS_REGION]
      --yes                       do not ask
  -h, --help                      print this help
      --version                   print the version
END
}

# facts GROUP: the names of identifier and event time, and which stores there are.
facts() {
	local key value _ role text

	text=$(fs-group "${aws[@]}" describe -o csv -- "$1")
	identifier='' time='' online='' offline=''
	while IFS=, read -r key value _ role; do
		[[ $key,$value != IngestMode,*Online* ]] || online=1
		[[ $key,$value != IngestMode,*Offline* ]] || offline=1
		[[ $role != 'record identifier' ]] || identifier=$key
		[[ $role != 'event time' ]] || time=$key
	done <<<"$text"
}
