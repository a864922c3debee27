#!/bin/bash
cross_environment_migration() {
  local source_profile=$1
  local target_profile=$2
  local feature_group=$3
  local source_region=${4:-us-east-1}
  local target_region=${5:-us-west-2}
  
  echo "🌍 환경 간 마이그레이션: $feature_group"
  echo "  소스: $source_profile ($source_region)"
  echo "  타겟: $target_profile ($target_region)"
  
  # 1. 소스 환경에서 데이터 내보내기
  echo "📤 1단계: 소스 환경에서 데이터 내보내기"
  export_file="/tmp/${feature_group}_cross_env_export.json"
  
  AWS_PROFILE="$source_profile" fs --region "$source_region" \
    export "$feature_group" "$export_file" \
    --format json \
    --compress
  
  if [ ! -f "${export_file}.gz" ]; then
    echo "❌ 소스 데이터 내보내기 실패"
    return 1
  fi
  
  # 2. 스키마 복사
  echo "📋 2단계: 스키마 정보 복사"
  schema_file="/tmp/${feature_group}_schema.json"
  
  AWS_PROFILE="$source_profile" fs --region "$source_region" \
    schema "$feature_group" -o json > "$schema_file"
  
  # 3. 타겟 환경에 Feature Group 생성 (존재하지 않는 경우)
  echo "🏗️ 3단계: 타겟 Feature Group 확인/생성"
  
  AWS_PROFILE="$target_profile" fs --region "$target_region" \
    list | grep -q "$feature_group" || {
    
    echo "타겟 Feature Group이 없습니다. 수동으로 생성해야 합니다:"
    echo "AWS_PROFILE=$target_profile fs --region $target_region create $feature_group \\"
    echo "  --schema-file $schema_file \\"
    echo "  --role-arn 'TARGET_ROLE_ARN' \\"
    echo "  --s3-uri 'TARGET_S3_URI'"
    
    read -p "타겟 Feature Group을 생성했습니까? (y/n): " created
    if [ "$created" != "y" ]; then
      echo "❌ 타겟 Feature Group 생성을 취소했습니다."
      return 1
    fi
  }
  
  # 4. 데이터 압축 해제 및 가공
  echo "🔄 4단계: 데이터 변환"
  transformed_file="/tmp/${feature_group}_transformed.json"
  
  gunzip -c "${export_file}.gz" > "$export_file"
  
  # 필요시 데이터 변환 (예: 타임스탬프 조정, 필드 매핑 등)
  python3 << EOF
import json

with open('$export_file', 'r') as f:
    data = json.load(f)

# 환경별 데이터 변환 로직 (예시)
transformed_data = []
for record in data:
    # 환경 정보 추가
    record['migration_source_env'] = '$source_profile'
    record['migration_target_env'] = '$target_profile'
    record['migration_timestamp'] = '$(date -u +"%Y-%m-%dT%H:%M:%SZ")'
    
    transformed_data.append(record)

with open('$transformed_file', 'w') as f:
    json.dump(transformed_data, f, indent=2)

print(f"✅ {len(transformed_data)}개 레코드 변환 완료")
EOF
  
  # 5. 타겟 환경에 데이터 업로드
  echo "📥 5단계: 타겟 환경에 데이터 업로드"
  
  AWS_PROFILE="$target_profile" fs --region "$target_region" \
    bulk-put "$feature_group" "$transformed_file" \
    --batch-size 200 \
    --output-file "/tmp/cross_env_upload.log"
  
  if [ $? -eq 0 ]; then
    echo "✅ 환경 간 마이그레이션 완료!"
    
    # 검증
    echo "🔍 6단계: 마이그레이션 검증"
    target_sample="/tmp/${feature_group}_target_sample.json"
    
    AWS_PROFILE="$target_profile" fs --region "$target_region" \
      export "$feature_group" "$target_sample" \
      --limit 5 --format json
    
    if [ -s "$target_sample" ]; then
      echo "✅ 타겟 환경 검증 성공"
      echo "샘플 데이터:"
      jq '.[0]' "$target_sample" 2>/dev/null || echo "JSON 파싱 오류"
    fi
  else
    echo "❌ 타겟 환경 업로드 실패"
    return 1
  fi
  
  # 정리
  rm -f "$export_file" "${export_file}.gz" "$transformed_file" "$schema_file" "$target_sample"
}

# 사용 예시
cross_environment_migration "dev-profile" "prod-profile" "customer-features" "us-east-1" "us-west-2"
