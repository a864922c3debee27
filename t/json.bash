# json.bash: what is written as JSON, against ferry-json(7).
# shellcheck shell=bash
# shellcheck disable=SC2154  # the helper's variables

# fields OBJECT: its fields in the page as JSON, {"name":["type","null"]}; with "?" where optional
fields() {
	awk -v object="$1" '
		/^\.\\" object / { on = $3 == object }
		on && /^\.It Ic / {
			optional = sub(/\?$/, "")
			types = $5
			for (i = 7; i <= NF; i += 2) types = types "\",\"" $i
			printf "%s\"%s\":[\"%s\"%s]", n++ ? "," : "{", $3, types,
				optional ? ",\"?\"" : ""
		}
		END { print n ? "}" : "null" }' "$root/pipelines/ferry-json.7"
}

# fits_schema [FOLDER]: what an independent reader of the schema says of all that was looked at in
# this test, a file OBJECT each, where there is one; in one go, since it takes long to begin
fits_schema() {
	# shellcheck disable=SC2016  # for Python
	"$root/pipelines/packaging/schema" "$root/pipelines/ferry-json.7" |
		python3 -c '
import json, os, sys
try:
    from jsonschema import Draft202012Validator
except ImportError:
    sys.exit(0)
schema = json.load(sys.stdin)
Draft202012Validator.check_schema(schema)
for entry in os.scandir(sys.argv[1]):
    validator = Draft202012Validator(schema | {"$ref": "#/$defs/" + entry.name})
    for line in open(entry.path):
        validator.validate(json.loads(line))' "${1-$BATS_TEST_TMPDIR/said}"
}

# as_said OBJECT <JSON: prints what is in no page, missing, or of another type; nothing is wrong too
as_said() {
	mkdir -p "$BATS_TEST_TMPDIR/said"
	jq -c . >"$BATS_TEST_TMPDIR/.said"
	all_said "$1" <"$BATS_TEST_TMPDIR/.said" || return
	cat "$BATS_TEST_TMPDIR/.said" >>"$BATS_TEST_TMPDIR/said/$1"
}
all_said() {
	jq -rn --argjson page "$(fields "$1")" --arg object "$1" '
		def kind: if . == null then "null" elif type == "string" then "text"
			elif type == "array" then "list" elif type != "number" then type
			elif . == floor then "integer" else "number" end;
		def fits($types): kind as $k | ($types | index($k)) != null or
			($k == "integer" and ($types | index("number")) != null);
		[inputs] as $all
		| if $page == null then "no object \($object) in the page" else empty end,
		(if ($all | length) == 0 then "nothing to look at" else empty end),
		($all[] | . as $it
		| (keys[] | select($page[.] == null) | "\($object): \(.) is not in the page"),
		($page | to_entries[] | . as {key: $k, value: $types} |
			if $it | has($k) then
				if $it[$k] | fits($types) then empty
				else "\($object): \($k) is \($it[$k] | tojson), not \($types)" end
			elif ($types | index("?")) != null then empty
			else "\($object): \($k) is missing" end))' >"$BATS_TEST_TMPDIR/.wrong"
	[[ ! -s $BATS_TEST_TMPDIR/.wrong ]] || { cat "$BATS_TEST_TMPDIR/.wrong" && return 1; }
}
