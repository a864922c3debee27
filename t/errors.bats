# ferry-errors(7) has every exit code and every event that the ledger can have.
load helper

page=$root/pipelines/ferry-errors.7

@test "errors: the page has every exit code" {
	local code n=0
	while IFS= read -r code; do
		grep -qE "^\.It (Sy |.* , )$code( |\$)" "$page" || {
			printf 'ferry-errors(7) lacks exit code %s\n' "$code"
			return 1
		}
		n=$((n + 1))
	done < <(sed -nE 's/^\tEX_[A-Z_]+ = ([0-9]+),.*/\1/p' "$root/src/common/core/msg.h")
	is "$n" 13
	# those of front doors, which bash or a signal gives
	for code in 130 143 137 127; do
		grep -qE "^\.It Sy .*\b$code\b" "$page"
	done
}

# What can stand in ferry.event, as its texts stand in the source: those of the places that write
# one, without what is filled in. A file that begins to write events is to be added here.
events() {
	python3 - "$root/src/common" <<-'END'
		import pathlib, re, sys
		top = pathlib.Path(sys.argv[1])
		text = r'((?:\s*"(?:[^"\\]|\\.)*")+)'
		where = {
		    "compare/verify.c": [r'str_addf\(&text,' + text,
		        r'ledger_doubt_ship\([^;"]*' + text],
		    "follow/feeds.c": [r'\bdoubt\(f,[^;"]*?' + text],
		    "follow/follow_slot.c": [],
		    "follow/follow_setup.c": [r'str_addf\(&line,' + text],
		    "follow/wide_sink.c": [r'str_addf\(&text,' + text],
		    "follow/slot.c": [r'return' + text + ';', r'str_addf\(why,' + text],
		    "follow/slot.h": [r'#define SLOT_UNPUBLISHED' + text],
		    "ledger/ledger.c": [r'snprintf\(text, sizeof text,(\s*"planned[^"]*")'],
		    "ledger/ledger_alert.c": [r'str_add[fz]\(&w->why,' + text,
		        r'\{ "[^"]*",(\s*"[^"]*") \}'],
		    "ledger/ledger_claim.c": [r"(?:THEN|ELSE) ('chunk [^:]*)",
		        r'str_addf\(&event,' + text],
		    "ledger/ledger_events.c": [],
		    "ledger/ledger_facts.c": [],
		    "ledger/ledger_follow.c": [r'[?:] ("[a-z ]{20,}")[,\n]',
		        r"SELECT \$5, \$1, ('[^']*')", r'\bdoubt =' + text,
		        r"(?:THEN|ELSE) ('[a-z ]{20,}')"],
		    "ledger/ledger_follow.h": [r'#define LEDGER_OTHER_WAY' + text],
		    "ledger/ledger_origin.c": [r'str_add[fz]\(s,' + text, r"why \|\| (': [^']*')",
		        r"SELECT job_id,\s*('[^']*')"],
		    "ledger/ledger_status.c": [],
		}
		writes = {str(f.with_suffix(".c").relative_to(top)) for f in top.rglob("*.*")
		          if re.search(r'ledger_event\(|INSERT INTO ferry\.event', f.read_text())
		          and f.suffix in (".c", ".sql")}
		if writes - set(where):
		    sys.exit("new writers of events: %s" % sorted(writes - set(where)))
		for name, patterns in where.items():
		    beside = (top / name).with_suffix(".sql")
		    source = (top / name).read_text() + (
		        beside.read_text() if beside.exists() and name[-1] == "c" else "")
		    for pattern in patterns:
		        if name == "follow/slot.c":  # what it says of slots elsewhere is no event
		            source = source[source.rindex("*slot_is_no_use("):]
		        found = [m.group(1) for m in re.finditer(pattern, source, re.S)]
		        if not found:
		            sys.exit("%s: no event by %s" % (name, pattern))
		        for each in found:
		            each = re.sub(r'"\s*"', '', each.strip()).strip('"\'')
		            parts = re.split(r'%[.*0-9]*(?:llu|lld|zu|s|f|%)|[():;,]', each)
		            print(max(parts, key=len).strip().removeprefix('and '))
	END
}

@test "errors: the page has every event" {
	local each n=0
	# as it is read
	tr '\n' ' ' <"$page" | sed 's/ \.[A-Z][a-z] / /g; s/  */ /g' >words
	events >kinds
	while IFS= read -r each; do
		grep -qF -e "$each" words || printf 'ferry-errors(7) lacks: %s\n' "$each"
		n=$((n + 1))
	done < <(sort -u kinds) >lacking
	is "$(<lacking)" ''
	((n > 40)) || is "$n" 'more than 40'
}
