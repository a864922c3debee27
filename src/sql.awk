# sql.awk: the statements of X.sql as string constants of C, for the X.c beside it.
#
#   -- name: claim_sql      what follows, up to the next name or part, is static const char claim_sql[]
#   -- part: claimable      the same, but a text that {claimable} stands for in what comes after it
#
# A line that begins with -- is a comment, and `;` at the end of a statement is not sent when it has
# only that one. Give it the room's parts.sql, if there is one, and then X.sql. With -v plain=1 it
# prints a name, a tab and a statement on each line (t/lint/sql).

function bad(why) {
	printf "%s:%d: %s\n", FILENAME, FNR, why >"/dev/stderr"
	failed = 1
	exit 1
}

function finish() {
	if (name == "") return
	if (text == "") bad(name ": nothing follows")
	if (text !~ /;./) sub(/;$/, "", text)
	if (is_part) part[name] = text
	else if (plain) printf "%s\t%s\n", name, text
	else {
		gsub(/[\\"]/, "\\\\&", text) # read alike by every awk
		gsub(/;/, ";\"\n\t\"", text)
		sub(/\n\t"$/, "", text)
		if (text !~ /;"$/) text = text "\""
		printf "static const char %s[] =\n\t\"%s;\n", name, text
	}
	name = text = ""
}

/^-- (name|part): / {
	finish()
	name = $3
	is_part = $2 == "part:"
	if (NF != 3 || name !~ /^[a-z][a-z0-9_]*$/) bad("a name of letters, digits and _ is wanted")
	next
}
/^[ \t]*(--|$)/ { next }
{
	if (name == "") bad("a statement needs a line `-- name: x_sql` above it")
	if ($0 ~ /[ \t]--[ \t]/) bad("a comment has a line of its own")
	if (gsub(/\047/, "\047") % 2) bad("a text ends on the line where it begins")
	gsub(/^[ \t]+|[ \t]+$/, "")
	while (match($0, /\{[a-z_]+\}/)) {
		each = substr($0, RSTART + 1, RLENGTH - 2)
		if (!(each in part)) bad("no such part: " each)
		$0 = substr($0, 1, RSTART - 1) part[each] substr($0, RSTART + RLENGTH)
	}
	text = text (text == "" || !plain && text ~ /;$/ ? "" : " ") $0
}
END { if (!failed) finish(); exit failed }
