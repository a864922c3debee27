# Reads what --help prints, writes what completion needs to know of it; see `completion`. With
# `command` it is the help of that command of a front door.
#
# Fields end in the byte 0x1f, since a tab would swallow the empty ones.
BEGIN { OFS = "\037"; takes = "nothing" }

function flush_option(	i) {
	for (i = 1; i <= n_names; i++) {
		if (text ~ /^[a-z-]+(, [a-z-]+)*: /)
			only = verbs_in(substr(text, 1, index(text, ": ") - 1))
		print "option", name[i], i == 1 ? letter : "", value[i], only, text
	}
	n_names = 0
	only = ""
}

# "plan, follow" as "plan,follow", where all of these are verbs.
function verbs_in(list,	word, n, i) {
	n = split(list, word, /, /)
	for (i = 1; i <= n; i++)
		if (!(word[i] in verb))
			return ""
	gsub(/, /, ",", list)
	return list
}

function add_verb(word, what) {
	if (word in verb)
		return
	verb[word] = 1
	print "verb", word, what
}

# What may stand for a metavariable, of an option of that name.
function value_of(meta, of) {
	if (of == "job") return "jobs"
	if (of == "ship-id") return "ships"
	if (meta ~ /^FILE/) return "file"
	if (meta ~ /^DIR/) return "folder"
	if (meta ~ /^[A-Za-z0-9-]+(\|[A-Za-z0-9-]+)+$/ && meta ~ /[a-z]/) return meta
	return "any"
}

# "table, json or csv" as "table|json|csv"
function choices_in(what,	list) {
	if (!match(what, /^\(?[A-Za-z]+(, [A-Za-z]+)* or [A-Za-z]+/))
		return ""
	list = substr(what, RSTART, RLENGTH)
	sub(/^\(/, "", list)
	gsub(/, | or /, "|", list)
	return list
}

# the usage: verbs, whether there are operands that are files, and how many groups stand before them
function flush_usage(	line, word, list, n, i) {
	line = usage
	usage = ""
	if (line ~ /FILE|FAILED|LIST/) takes = "file"
	if (line ~ /-- COMMAND/) takes = "command"
	if (line ~ /(^| )(GROUP|SOURCE|ACTIVE|OLD)( |$)/ && !groups) groups = 1
	if (line ~ /GROUP\.\.\./) groups = 9
	if (line ~ /(TARGET|ARCHIVE|NEW)\]?( |$)/ && groups) groups = 2
	gsub(/\[options\] */, "", line)
	split(line, word, / +/)
	if (!command && word[2] ~ /^[a-z][a-z-]*(\|[a-z][a-z-]*)*$/) {
		n = split(word[2], list, "|")
		for (i = 1; i <= n; i++)
			add_verb(list[i], "")
	}
}
over { next }
/^usage: / || (usage && /^ /) {
	line = $0
	sub(/^(usage:)? +/, "", line)
	# what was wrapped stands two places behind the line that it belongs to
	if (/^  [^ ]/ || /^         /) {
		usage = usage (usage ~ /\|$/ ? "" : " ") line
	} else {
		flush_usage()
		usage = line
	}
	next
}
usage { flush_usage() }

/^[A-Z][A-Za-z ()',&-]*:$/ {
	flush_option()
	verbs = /^(Modes|Commands):$/
	if (/^Modes:$/) print "modes"
	if (/^Commands:$/) print "commands"
	# but it is read to its end: who prints it would fail
	if (/^Examples:$/) over = 1
	next
}
/^$/ { verbs = 0 }
verbs && /^  [a-z]/ {
	what = $0
	sub(/^ +[^ ].*[^ ]  +/, "", what)
	add_verb($1, what)
	next
}

# an option, and others of the same line: "--yes, --force"
/^  (    )?(-[A-Za-z0-9], )?--[a-z0-9]/ {
	flush_option()
	line = $0
	sub(/^ +/, "", line)
	letter = ""
	if (line ~ /^-[A-Za-z0-9], /) {
		letter = substr(line, 2, 1)
		line = substr(line, 5)
	}
	while (match(line, /^--[a-z0-9][a-z0-9-]*/)) {
		name[++n_names] = substr(line, 3, RLENGTH - 2)
		line = substr(line, RLENGTH + 1)
		value[n_names] = ""
		if (match(line, /^\[?=[^ ]+/)) {
			meta = substr(line, 1, RLENGTH)
			line = substr(line, RLENGTH + 1)
			gsub(/^\[?=|,$/, "", meta)
			sub(/\]$/, "", meta)
			value[n_names] = value_of(meta, name[n_names])
			if (meta ~ /^(FORMAT|TYPE|MODE|STORES|WHICH|METHOD)$/) listed = n_names
		}
		sub(/^, /, "", line)
	}
	sub(/^ +/, "", line)
	text = line
	if (listed && choices_in(text)) value[listed] = choices_in(text)
	listed = 0
	next
}
# its text may begin, and go on, in the next line
n_names && /^                     / {
	line = $0
	sub(/^ +/, "", line)
	text = text (text == "" ? "" : " ") line
	next
}
{ flush_option() }
END { flush_usage(); flush_option(); print "takes", takes, groups + 0 }
