# completion of bash for the programs of ferry, made from their option tables
_ferry_options() {
	case $1 in
	esac
}
_ferry_program() {
	case $program in
	esac
}
# The part of completion that is the same for all programs; `completion` puts the table before it.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # the table sets and reads them

# The value of --mode is the verb of a program that has modes, the first operand that of others.
# Looks at the words before the one to complete; sets verb, how many operands there are and,
# where that one is its value, option.
_ferry_look() {
	local i word name found

	verb='' option='' operands=0
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--) rest=1 && return ;;
		--?*) name=${word#--} ;;
		-?) name=/${word#-} ;;
		-*) continue ;;
		*)
			[[ $verb || $modes ]] || verb=$word
			operands=$((operands + 1))
			continue
			;;
		esac
		found=$(_ferry_find "$name") || continue
		[[ $found == *=* ]] || continue
		# readline takes = for a word of its own
		[[ ${COMP_WORDS[i + 1]-} != '=' ]] || i=$((i + 1))
		if ((i + 1 >= COMP_CWORD)); then
			option=$found
			return
		fi
		i=$((i + 1))
		[[ ! $modes || $found != mode/* ]] || verb=${COMP_WORDS[i]}
	done
}

# _ferry_find NAME or /LETTER: its word of the table
_ferry_find() {
	local each key

	for each in $options; do
		key=${each%%[=:]*}
		if [[ ${key%/*} == "$1" || $key == *?"$1" && $1 == /* ]]; then
			printf '%s\n' "$each"
			return
		fi
	done
	return 1
}

# _ferry_words ships|jobs|groups: what is known of them
_ferry_words() {
	local door

	door=$(readlink -f -- "$(type -P narrow-to-wide)") &&
		"${door%/*}/lib/words" "$1" 2>/dev/null
}

_ferry() {
	local IFS=$' \t\n' program=${1##*/} cur=${COMP_WORDS[COMP_CWORD]} verb option rest=''
	local verbs='' modes='' takes='' groups=0 options='' operands=0 behind=0
	local each key value words=''

	_ferry_program
	_ferry_options "$program"
	_ferry_look
	[[ ! $verbs || $modes ]] || behind=1
	if [[ $verb && ! $modes ]]; then
		each=$verbs
		_ferry_options "$program $verb"
		_ferry_look
		verbs=${each:+$verbs}
	fi
	COMPREPLY=()
	if [[ $rest ]]; then
		[[ $takes != command ]] || mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		return
	fi
	[[ $cur != '=' ]] || cur=''
	if [[ $option ]]; then
		value=${option#*=} value=${value%%:*}
		case $value in
		any) [[ ! $modes || $option != mode/* ]] || words=$verbs ;;
		file) return ;;
		folder)
			mapfile -t COMPREPLY < <(compgen -d -- "$cur")
			compopt -o filenames
			return
			;;
		ships | jobs) words=$(_ferry_words "$value") ;;
		*) words=${value//|/ } ;;
		esac
		[[ $words ]] || compopt +o default
	elif [[ $cur == -* ]]; then
		for each in $options; do
			key=${each%%[=:]*}
			[[ ! $verb || $each != *:* || ,${each##*:}, == *,"$verb",* ]] || continue
			words+=" --${key%/*}"
			[[ $each != *=* ]] || words+='='
		done
	elif [[ ! $modes && ! $verb && $verbs ]]; then
		words=$verbs
	elif ((operands < groups + behind)); then
		words=$(_ferry_words groups)
		[[ ! $words ]] || compopt +o default
	elif [[ $takes == nothing ]]; then
		compopt +o default
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
}
complete -o default -F _ferry 
