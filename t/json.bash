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

# fits_schema OBJECT FILE: what an independent reader of the schema says of it, where there is one
fits_schema() {
	python3 -c 'import jsonschema' 2>/dev/null || return 0
	# shellcheck disable=SC2016  # for Python
	"$root/pipelines/packaging/schema" "$root/pipelines/ferry-json.7" |
		python3 -c '
import json, jsonschema, sys
schema = json.load(sys.stdin) | {"$ref": "#/$defs/" + sys.argv[1]}
jsonschema.Draft202012Validator.check_schema(schema)
text = open(sys.argv[2]).read()
while text.strip():
    value, at = json.JSONDecoder().raw_decode(text.lstrip())
    jsonschema.validate(value, schema)
    text = text.lstrip()[at:]' "$@"
}

# as_said OBJECT <JSON: prints what is in no page, missing, or of another type; nothing is wrong too
as_said() {
	cat >"$BATS_TEST_TMPDIR/.said"
	all_said "$1" <"$BATS_TEST_TMPDIR/.said" && fits_schema "$1" "$BATS_TEST_TMPDIR/.said"
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
