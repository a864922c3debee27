load helper
load sandbox
load fs

setup_file() { sandbox_start --set group-delay=200; }
teardown_file() { sandbox_stop; helper_teardown_file; }

create() {
	fs-group create "$@" --schema-file features.json --role-arn "$role" --s3-uri s3://offline/fs
}

# has_objects GROUP: its offline store has been written to.
has_objects() { (($(fs-group size "$1" -o json | jq '.[0].Files') > 0)); }

@test "fs-group: create, describe, list, delete" {
	fs-group template >features.json
	run_ok create a-group --description 'what it is for' --ttl-duration 30 --tags team=data \
		--tags 'cost center=x=y'
	is "$(<"$out")" 'created feature group a-group with 5 features'
	run_ok fs-group describe a-group
	has "$out" arn:aws:sagemaker: 'what it is for' '30 Days' 'record identifier' \
		'Online + Offline'
	run_ok fs-group describe a-group -o json
	is "$(jq -r '.FeatureGroupStatus, .OnlineStoreConfig.TtlDuration.Value,
		.RecordIdentifierFeatureName' "$out" | paste -sd' ')" 'Created 30 id'
	run_ok fs-group list -o json
	is "$(jq -r '.[] | select(.FeatureGroupName == "a-group") |
		.IngestMode, .TTLValue, .StorageType' "$out" | paste -sd'|')" \
		'Online + Offline|30 Days|Standard'
	run_ok fs-group list
	has "$out" a-group 'FeatureGroupName  '
	run_ok fs-group list --name-contains -grou --names
	is "$(<"$out")" a-group
	run_rc 74 bash -c 'fs-group list --names >/dev/full'
	run_rc 0 fs-group list --name-contains nothing-like-it -o json
	is "$(jq length "$out")" 0
	run_ok fs-group delete a-group
	has "$out" 'deleted feature group a-group' 'dropped table a_group_'
	run_rc 69 fs-group describe a-group
	has "$err" 'there is no feature group "a-group" in us-east-1' 'hint:'
}

@test "fs-group: the schema of one group makes another" {
	fs-group template >features.json
	create from >/dev/null
	fs-group schema from -o json >schema.json
	is "$(jq -r '.[0] | .FeatureName, .FeatureType' schema.json | paste -sd' ')" 'id String'
	fs-group create to --schema-file schema.json --role-arn "$role" --no-offline-store \
		>/dev/null
	fs-group schema to -o json >schema2.json
	same_file schema2.json schema.json
	run_ok fs-group schema to -o csv
	is "$(sed -n 2p "$out")" 'id,String,"",record identifier'
	run_ok fs-group schema to -o markdown
	has "$out" '| id | String |'
}

@test "fs-group: every option of create reaches the service" {
	fs-group template | jq -c . >features.json
	run_ok create full --table-format Iceberg --throughput-mode Provisioned \
		--read-capacity-units 5 --write-capacity-units 6 --enable-encryption \
		--kms-key-id key-1 --storage-type Standard --dry-run
	sed 's/^would create feature group full: //' "$out" >body
	is "$(jq -c '[.OfflineStoreConfig.TableFormat, .OfflineStoreConfig.S3StorageConfig.KmsKeyId,
		.OnlineStoreConfig.SecurityConfig.KmsKeyId, .OnlineStoreConfig.StorageType
		]' body)" \
		'["Iceberg","key-1","key-1","Standard"]'
	is "$(jq -r '.ThroughputConfig | .ThroughputMode, .ProvisionedReadCapacityUnits,
		.ProvisionedWriteCapacityUnits' body | paste -sd' ')" 'Provisioned 5 6'
	run_rc 69 fs-group describe full
	# a key is there to encrypt
	run_ok create full --kms-key-id key-1 --dry-run
	sed 's/^would create feature group full: //' "$out" >body
	is "$(jq -c '[.. | .KmsKeyId? // empty]' body)" '["key-1","key-1"]'
	for each in --no-enable-encryption --no-encryption; do
		run_rc 64 create full --kms-key-id key-1 $each
		has "$err" --kms-key-id "$each"
	done
}

@test "fs-group: what cannot be is refused before anything is sent" {
	local before
	fs-group template >features.json
	before=$(sandbox_count CreateFeatureGroup)
	run_rc 64 create '-bad'
	has "$err" unknown
	run_rc 64 create 'bad name'
	has "$err" '"bad name": a name has letters, digits, hyphens and underscores only'
	run_rc 64 create bad_
	has "$err" 'begins and ends'
	run_rc 65 create x --record-identifier-name nope
	has "$err" 'no feature "nope" for the record identifier'
	run_rc 65 create x --event-time-feature-name count
	has "$err" 'an event time is a String or Fractional'
	run_rc 64 fs-group create x --schema-file features.json --role-arn "$role"
	has "$err" '--s3-uri or --no-offline-store is needed'
	run_rc 64 fs-group list --role-arn "$role"
	has "$err" '--role-arn is an option of create, not of "list"'
	run_rc 64 fs-group creat x
	has "$err" 'did you mean create?'
	run_rc 64 fs-group create x --schema-file features.json --s3-uri s3://b/c
	has "$err" '--role-arn is needed'
	run_rc 64 create x --no-online-store --no-offline-store
	run_rc 64 create x --throughput-mode Provisioned
	run_rc 64 create x --ttl-duration 400
	printf '[{"FeatureName":"id","FeatureType":"Text"}]' >features.json
	run_rc 65 create x
	has "$err" 'features.json: feature 1: "id": FeatureType is not String, Integral or'
	printf '[{"FeatureName":"is_deleted","FeatureType":"String"}]' >features.json
	run_rc 65 create x
	has "$err" 'the store itself has a column of this name'
	printf '[%s,%s]' '{"FeatureName":"a","FeatureType":"String"}' \
		'{"FeatureName":"a","FeatureType":"String"}' >features.json
	run_rc 65 create x
	has "$err" 'two features have this name'
	printf '{"FeatureName":"a"' >features.json
	run_rc 65 create x
	has "$err" 'features.json: byte'
	run_rc 66 fs-group create x --schema-file nowhere --role-arn "$role" --s3-uri s3://b/c
	is "$(sandbox_count CreateFeatureGroup)" "$before"
}

@test "fs-group: features are added, in every way, and only new ones" {
	group grow
	run_ok fs-group update grow -f score:Fractional:'a description' -f visits:Integral
	is "$(wc -l <"$out")" 2
	run_ok fs-group update grow -j '{"FeatureName":"city","FeatureType":"String"}'
	printf '[{"FeatureName":"more1","FeatureType":"Integral"}]' >more.json
	run_ok fs-group update grow more.json --dry-run
	has "$out" 'would add {"FeatureName":"more1"'
	run_ok fs-group update grow more.json
	is "$(fs-group schema grow -o json | jq -r '.[5:][].FeatureName' | paste -sd' ')" \
		'score visits city more1'
	run_rc 65 fs-group update grow -f SCORE:Fractional
	has "$err" 'the group has "score" already'
	run_rc 64 fs-group update grow -f score2:Number
	run_rc 64 fs-group update grow
	run_rc 64 fs-group update grow more.json -f x:String
	run_rc 65 fs-group update grow -f v:Fractional:list:8
	has "$err" 'InMemory'
	jq -n '[range(250) | {FeatureName: "f\(.)", FeatureType: "String"}]' >many.json
	run_ok fs-group update grow many.json
	is "$(fs-group schema grow -o json | jq length)" 259
}

@test "fs-group: the service's own refusals are told" {
	group twice
	run_rc 69 create twice
	has "$err" 'cannot create the feature group: CreateFeatureGroup: ResourceInUse'
	sandbox_set create-failure='the role may not write'
	run_rc 69 create broken
	has "$err" 'CreateFailed: the role may not write'
	sandbox_set create-failure=
	run_rc 69 create broken
	has "$err" 'feature group "broken" is there, but CreateFailed: the role may not write' \
		"'fs delete' removes it"
	sandbox_set deny=DescribeFeatureGroup
	run_rc 77 fs-group describe twice
	has "$err" AccessDenied
	sandbox_set
	AWS_ENDPOINT_URL=http://127.0.0.1:9 run_rc 75 fs-group describe twice
	AWS_SECRET_ACCESS_KEY=wrong run_rc 77 fs-group list
	has_no "$err" wrong
	unset AWS_REGION AWS_DEFAULT_REGION
	AWS_EC2_METADATA_DISABLED=true run_rc 78 fs-group list
	has "$err" region
}

@test "fs-group: clear takes the objects of one group and no other" {
	group one
	group one-more
	records 500 >in.csv
	fs-put one in.csv
	fs-put one-more in.csv
	wait_until 20 has_objects one
	wait_until 20 has_objects one-more
	run_ok fs-group clear one --dry-run --backup-s3 s3://backup/x
	has "$out" 'would copy' 'would delete'
	run_ok fs-group clear one --backup-s3 s3://backup/x
	has "$out" 'copied ' 'deleted '
	is "$(fs-group size one -o json | jq '.[0].Files')" 0
	has_objects one-more
	run_ok fs-group size --bucket backup --prefix x -o json
	(($(jq '.[] | select(.Name == "one") | .Files' "$out") > 0))
	run_ok fs-group delete one --keep-data --dry-run
	has "$out" 'would delete feature group one' 'would keep 0 objects'
}

@test "fs-group: size as a table and as CSV" {
	group sized
	records 100 >in.csv
	fs-put sized in.csv
	wait_until 20 has_objects sized
	run_ok fs-group size sized --export size.csv --price 1024
	has "$out" USDPerMonth sized
	is "$(head -n 1 size.csv)" 'Name,Files,Bytes,GiB,USDPerMonth,Newest,Location,USDPerYear'
	run_ok fs-group size --bucket offline --prefix fs -o json
	is "$(jq -r '.[-1].Name' "$out")" total
	run_rc 64 fs-group size
	run_rc 64 fs-group size sized --bucket offline
	run_rc 64 fs-group size sized --price much
}

@test "fs-group: commands and operands" {
	run_rc 64 fs-group
	run_rc 64 fs-group frobnicate
	run_rc 64 fs-group list extra
	run_rc 64 fs-group describe
	run_rc 64 fs-group describe 'no such'
	run_rc 69 fs-group describe arn:aws:sagemaker:us-east-1:123456789012:feature-group/nothing
}
