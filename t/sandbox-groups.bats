#!/usr/bin/env bats
# Feature groups in the sandbox: the control plane and the runtime, through the real aws command and
# boto3.

load helper
load sandbox

setup_file() {
	sandbox_start --set group-delay=0
}

teardown_file() {
	sandbox_stop
	helper_teardown_file
}

# group NAME [JQ]: input of CreateFeatureGroup with both stores, changed by a jq program.
group() {
	jq -nc --arg name "$1" '{
		FeatureGroupName: $name,
		RecordIdentifierFeatureName: "id",
		EventTimeFeatureName: "ts",
		FeatureDefinitions: [["id", "String"], ["ts", "String"], ["n", "Integral"],
			["f", "Fractional"]] | map({FeatureName: .[0], FeatureType: .[1]}),
		OnlineStoreConfig: {EnableOnlineStore: true},
		RoleArn: "arn:aws:iam::123456789012:role/store",
		OfflineStoreConfig: {S3StorageConfig: {S3Uri: "s3://offline/pre/"}}}'" | ${2:-.}"
}
create() { aws sagemaker create-feature-group --cli-input-json "$(group "$@")" >/dev/null; }

# create_new NAME JQ: the same with members that Debian's aws does not know yet.
create_new() {
	"$boto3" "$root/t/sandbox/signed.py" sagemaker POST / "$(group "$@")" \
		'request.headers["X-Amz-Target"] = "SageMaker.CreateFeatureGroup"
request.headers["Content-Type"] = "application/x-amz-json-1.1"'
}

# values NAME=VALUE...: a list of FeatureValue.
values() {
	jq -nc \
		'$ARGS.positional |
			map(capture("^(?<FeatureName>[^=]*)=(?<ValueAsString>.*)$"; "m"))' \
		--args "$@"
}
runtime() { aws sagemaker-featurestore-runtime "$@"; }
put() { runtime put-record --feature-group-name "$1" --record "$(values "${@:2}")"; }
get() { runtime get-record --feature-group-name "$1" --record-identifier-value-as-string "$2" \
	"${@:3}"; }
flat() { jq -cs '[.[].Record[]? | {(.FeatureName): .ValueAsString}] | add // {}' "$out"; }

# scenario NAME: one of t/sandbox/scenarios.py, with the newest model of the runtime.
scenario() {
	need_data aws-models
	run_ok env AWS_DATA_PATH="$data" "$boto3" "$root/t/sandbox/scenarios.py" "$1"
}

@test "groups: created, described, found in pages, tagged, deleted" {
	run_ok create g-one '.Tags = [{Key: "team", Value: "a"}] | .Description = "one"'
	run_ok aws sagemaker describe-feature-group --feature-group-name g-one
	epoch=$(jq -r '.OfflineStoreConfig.DataCatalogConfig.TableName | split("_") | last' "$out")
	is "$(jq -r '[.FeatureGroupStatus, .OfflineStoreStatus.Status, .FeatureGroupArn,
		.Description] | join(" ")' "$out")" \
		'Created Active arn:aws:sagemaker:us-east-1:123456789012:feature-group/g-one one'
	is "$(jq -r '[.OfflineStoreConfig | .DataCatalogConfig.TableName,
		.DataCatalogConfig.Database, .S3StorageConfig.ResolvedOutputS3Uri] + [.NextToken] |
		join(" ")' "$out")" \
		"g_one_$epoch sagemaker_featurestore \
s3://offline/pre/123456789012/sagemaker/us-east-1/offline-store/g-one-$epoch/data "
	is "$(jq -c '[.FeatureDefinitions[] | .FeatureName + ":" + .FeatureType]' "$out")" \
		'["id:String","ts:String","n:Integral","f:Fractional"]'
	for each in g-two g-three other; do
		create "$each"
	done
	run_ok aws sagemaker list-feature-groups --name-contains g- --sort-by Name --page-size 1 \
		--query 'FeatureGroupSummaries[].FeatureGroupName'
	is "$(jq -c . "$out")" '["g-one","g-three","g-two"]'
	run_ok aws sagemaker list-feature-groups --sort-order Descending --max-items 1 --query \
		'FeatureGroupSummaries[].FeatureGroupName' --output text
	is "$(head -n 1 "$out")" other
	run_ok aws sagemaker list-tags --resource-arn \
		arn:aws:sagemaker:us-east-1:123456789012:feature-group/g-one --query Tags
	is "$(jq -c . "$out")" '[{"Key":"team","Value":"a"}]'
	run_ok aws glue get-table --database-name sagemaker_featurestore --name "g_one_$epoch" \
		--query 'Table.StorageDescriptor.Columns[].[Name,Type]' --output text
	has "$out" $'n\tbigint' $'f\tdouble' $'write_time\ttimestamp' $'is_deleted\tboolean'
	run_ok aws sagemaker delete-feature-group --feature-group-name g-two
	run_rc 254 aws sagemaker describe-feature-group --feature-group-name g-two
	has "$err" '(ResourceNotFound)' \
		"Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name g-two"
	run_ok aws sagemaker list-feature-groups --region eu-west-1 --query 'FeatureGroupSummaries'
	is "$(<"$out")" '[]'
}

@test "groups: creation, updates and deletion take their time, and creation can fail" {
	local never=3600000
	sandbox_set group-delay=$never
	create slow
	run_ok aws sagemaker describe-feature-group --feature-group-name slow --query \
		FeatureGroupStatus --output text
	is "$(<"$out")" Creating
	run_rc 254 put slow id=1 ts=2024-01-01T00:00:00Z
	run_rc 254 create slow
	has "$err" '(ResourceInUse)' \
		'Resource Already Exists: FeatureGroup with name slow already exists.'
	status() { aws sagemaker describe-feature-group --feature-group-name slow --query "$1" \
		--output text; }
	sandbox_set group-delay=0
	is "$(status FeatureGroupStatus)" Created
	sandbox_set group-delay=$never
	run_ok aws sagemaker update-feature-group --feature-group-name slow --feature-additions \
		FeatureName=new,FeatureType=String
	is "$(status LastUpdateStatus.Status)" InProgress
	sandbox_set group-delay=0
	is "$(status LastUpdateStatus.Status)" Successful
	is "$(status 'FeatureDefinitions[-1].FeatureName')" new
	run_ok put slow id=1 ts=2024-01-01T00:00:00Z new=x
	sandbox_set group-delay=$never
	run_ok aws sagemaker delete-feature-group --feature-group-name slow
	is "$(status FeatureGroupStatus)" Deleting
	sandbox_set group-delay=0
	run_rc 254 status FeatureGroupStatus
	sandbox_set 'create-failure=the role cannot be assumed'
	create broken
	run_ok aws sagemaker describe-feature-group --feature-group-name broken --query \
		'[FeatureGroupStatus,FailureReason]' --output text
	is "$(<"$out")" $'CreateFailed\tthe role cannot be assumed'
	sandbox_set create-failure=
}

@test "groups: what CreateFeatureGroup and UpdateFeatureGroup refuse" {
	refused() {
		run_rc 254 create "$1" "$2"
		has "$err" '(ValidationException)' "${@:3}"
	}
	refused bad .EventTimeFeatureName=\"n\" \
		'event time feature must be of type String or Fractional'
	refused bad .EventTimeFeatureName=\"zz\" \
		'EventTimeFeatureName zz is not one of the FeatureDefinitions'
	refused bad .RecordIdentifierFeatureName=\"zz\" 'RecordIdentifierFeatureName zz'
	refused bad '.FeatureDefinitions[2].FeatureName = "write_time"' 'write_time is reserved'
	refused bad '.FeatureDefinitions[2].FeatureName = "id"' 'Duplicate feature name: id'
	refused bad 'del(.OnlineStoreConfig, .OfflineStoreConfig)' 'At least one of'
	refused bad 'del(.RoleArn)' 'RoleArn is required'
	refused bad \
		'.OfflineStoreConfig += {TableFormat: "Iceberg", DisableGlueTableCreation: true}' \
		Iceberg
	run_rc 254 aws sagemaker describe-feature-group --feature-group-name bad
	create to-update
	update() { aws sagemaker update-feature-group --feature-group-name to-update \
		--feature-additions "$@"; }
	run_rc 254 update FeatureName=a,FeatureType=String FeatureName=n,FeatureType=String
	has "$err" 'Feature name n already exists'
	run_ok update FeatureName=a,FeatureType=String
	run_rc 254 aws sagemaker delete-feature-group --feature-group-name nobody
	has "$err" '(ResourceNotFound)'
}

@test "runtime: put, get, overwrite by event time, features asked for" {
	create r
	run_ok put r id='a/b:c *=%é' ts=2024-01-02T00:00:00Z n=5 f=1761716946.4774606
	run_ok get r 'a/b:c *=%é'
	is "$(flat)" \
		'{"id":"a/b:c *=%é","ts":"2024-01-02T00:00:00Z","n":"5","f":"1761716946.4774606"}'
	run_ok get arn:aws:sagemaker:us-east-1:123456789012:feature-group/r 'a/b:c *=%é' \
		--feature-names n f
	is "$(flat)" '{"n":"5","f":"1761716946.4774606"}'
	run_ok put r id='a/b:c *=%é' ts=2024-01-01T00:00:00Z n=1
	run_ok get r 'a/b:c *=%é' --feature-names n
	is "$(flat)" '{"n":"5"}'
	run_ok put r id='a/b:c *=%é' ts=2024-01-02T00:00:00.000000001Z
	run_ok get r 'a/b:c *=%é'
	is "$(flat)" '{"id":"a/b:c *=%é","ts":"2024-01-02T00:00:00.000000001Z"}'
	run_ok get r nobody
	is "$(flat)" '{}'
	run_ok runtime batch-get-record --identifiers \
		FeatureGroupName=r,RecordIdentifiersValueAsString='a/b:c *=%é',x,FeatureNames=ts
	is "$(jq -c '[.Records[].Record, .Errors, .UnprocessedIdentifiers]' "$out")" \
		'[[{"FeatureName":"ts","ValueAsString":"2024-01-02T00:00:00.000000001Z"}],[],[]]'
}

# bats test_tags=whole
@test "runtime: what it refuses" {
	create v
	refused() {
		run_rc 254 put v "${@:2}"
		has "$err" '(ValidationError)' "$1"
	}
	refused 'is not of type Integral' id=1 ts=2024-01-01T00:00:00Z n=1.5
	refused 'is not of type Integral' id=1 ts=2024-01-01T00:00:00Z n=9223372036854775808
	refused 'is not of type Fractional' id=1 ts=2024-01-01T00:00:00Z f=x
	refused 'must be in the ISO-8601 format' id=1 ts=2024-01-01
	refused 'must be in the ISO-8601 format' id=1 ts=2024-01-01T00:00:00+00:00
	refused 'must be in the ISO-8601 format' id=1 ts=2024-13-01T00:00:00Z
	refused 'must have a value' id=1 n=1
	refused 'must have a value' ts=2024-01-01T00:00:00Z
	refused "Feature 'zz' does not exist" id=1 ts=2024-01-01T00:00:00Z zz=1
	run_rc 254 put nobody id=1 ts=2024-01-01T00:00:00Z
	has "$err" '(ValidationError)' \
		"Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name nobody"
	run_rc 254 get nobody 1
	has "$err" '(ResourceNotFound)'
	create only-offline 'del(.OnlineStoreConfig)'
	run_rc 254 get only-offline 1
	has "$err" '(ValidationError)' 'OnlineStore is not enabled'
}

@test "runtime: deletion, soft and hard, obeys event times and leaves markers offline" {
	create del
	scenario deletion
	has "$out" '400 ValidationError: Validation Error: EventTime must be later'
	run_ok "$boto3" "$root/t/sandbox/athena.py" \
		'SELECT id, count(*), count_if(is_deleted), count(n) FROM @del
			GROUP BY id ORDER BY id'
	is "$(tail -n +2 "$out")" $'"a","4","2","1"\n"b","3","1","2"\n"c","1","0","1"'
}

@test "runtime: records are listed in pages, written in batches, and failures are their own" {
	create b '.FeatureDefinitions += [{FeatureName: "s", FeatureType: "String"}]'
	scenario batches
	has "$out" 'must not be larger than 2 KB' 'no failure' \
		'must not be larger than 350 KB'
	has "$out" 'less than or equal to 25' 'Entries contains duplicates' '404 ResourceNotFound' \
		'less than or equal to 100'
}

# bats test_tags=whole
@test "runtime: a time to live, of the group and of the record" {
	run_ok create_new ttl '.OnlineStoreConfig.TtlDuration = {Unit: "Hours", Value: 1}'
	has "$out" '200 '
	run_ok create_new bad '.OnlineStoreConfig.TtlDuration = {Unit: "Years", Value: 1}'
	has "$out" '400 ' ttlDuration
	scenario ttl
	run_ok "$boto3" "$root/t/sandbox/athena.py" 'SELECT count(*) FROM @ttl'
	is "$(tail -n 1 "$out")" '"3"'
}

# bats test_tags=whole
@test "runtime: collections in memory, Fractional event times, one store of two" {
	run_ok create_new mem '.OnlineStoreConfig.StorageType = "InMemory" |
		del(.OfflineStoreConfig, .RoleArn) |
		.FeatureDefinitions += [{FeatureName: "v", FeatureType: "Fractional",
			CollectionType: "Vector",
			CollectionConfig: {VectorConfig: {Dimension: 2}}}]'
	has "$out" '200 '
	run_ok create_new bad \
		'.FeatureDefinitions += [{FeatureName: "v", FeatureType: "String",
			CollectionType: "List"}]'
	has "$out" '400 ' 'supported for the InMemory storage type only'
	scenario collections
	has "$out" '[{"FeatureName": "v", "ValueAsStringList": ["1", "2.5"]}]' \
		"Feature 'v' takes ValueAsStringList"
	create frac '.EventTimeFeatureName = "f"'
	run_ok put frac id=1 ts=x f=1700000000.5
	run_ok put frac id=1 ts=y f=1700000000.25
	run_ok get frac 1 --feature-names ts
	is "$(flat)" '{"ts":"x"}'
	create two
	run_ok runtime put-record --feature-group-name two --record \
		"$(values id=1 ts=2024-01-01T00:00:00Z)" --target-stores OfflineStore
	run_ok get two 1
	is "$(flat)" '{}'
	run_ok runtime put-record --feature-group-name two --record \
		"$(values id=1 ts=2024-01-01T00:00:00Z)" --target-stores OnlineStore
	run_ok "$boto3" "$root/t/sandbox/athena.py" 'SELECT count(*) FROM @two'
	is "$(tail -n 1 "$out")" '"1"'
	create online-only 'del(.OfflineStoreConfig)'
	run_rc 254 runtime put-record --feature-group-name online-only --record \
		"$(values id=1 ts=2024-01-01T00:00:00Z)" --target-stores OfflineStore
	has "$err" 'TargetStores contains OfflineStore, which is not enabled'
}

@test "offline: records settle late, one object an hour; a blocked store takes nothing" {
	create late
	sandbox_set offline-delay=600000
	run_ok put late id=1 ts=2024-01-01T00:10:00Z
	run_ok put late id=2 ts=2024-01-01T00:20:00Z
	run_ok put late id=3 ts=2024-01-01T07:00:00Z
	count() { "$boto3" "$root/t/sandbox/athena.py" 'SELECT count(*) FROM @late' | tail \
		-n 1; }
	is "$(count)" '"0"'
	sandbox_set offline-delay=0
	all() { [ "$(count)" = '"3"' ]; }
	wait_until 40 all
	where=$(aws sagemaker describe-feature-group --feature-group-name late \
		--query OfflineStoreConfig.S3StorageConfig.ResolvedOutputS3Uri --output text)
	run_ok aws s3 ls --recursive "$where/"
	has "$out" /year=2024/month=01/day=01/hour=00/20240101T00 \
		/year=2024/month=01/day=01/hour=07/20240101T070000Z_
	curl -sSf -d '{"group":"late","why":"the bucket has gone"}' \
		"$AWS_ENDPOINT_URL/_sandbox/block"
	run_ok put late id=4 ts=2024-01-01T00:20:00Z
	is "$(count)" '"3"'
	run_ok aws sagemaker describe-feature-group --feature-group-name late --query \
		OfflineStoreStatus --output text
	is "$(<"$out")" $'the bucket has gone\tBlocked'
}
