#!/bin/bash
schema_upgrade_migration() {
  local old_fg=$1
  local new_fg=$2
  local backup_location=$3
  
  echo "🔄 스키마 업그레이드 마이그레이션: $old_fg → $new_fg"
  
  # 1. 백업 생성
  echo "📦 1단계: 기존 데이터 백업"
  timestamp=$(date +%Y%m%d_%H%M%S)
  backup_file="/tmp/${old_fg}_backup_${timestamp}.json"
  
  fs export "$old_fg" "$backup_file" \
    --format json \
    --compress
  
  if [ $? -ne 0 ]; then
    echo "❌ 백업 실패, 마이그레이션 중단"
    return 1
  fi
  
  # S3에도 백업
  if [ -n "$backup_location" ]; then
    aws s3 cp "${backup_file}.gz" "$backup_location/schema_upgrade_backup_${timestamp}.json.gz"
  fi
  
  # 2. 새 Feature Group 상태 확인
  echo "🔍 2단계: 타겟 Feature Group 검증"
  fs list | grep "$new_fg" || {
    echo "❌ 타겟 Feature Group이 존재하지 않습니다: $new_fg"
    return 1
  }
  
  # 3. 스키마 비교
  echo "📋 3단계: 스키마 차이 분석"
  old_schema="/tmp/${old_fg}_schema.json"
  new_schema="/tmp/${new_fg}_schema.json"
  
  fs schema "$old_fg" -o json > "$old_schema"
  fs schema "$new_fg" -o json > "$new_schema"
  
  # Python을 사용한 스키마 비교
  python3 << EOF
import json

with open('$old_schema', 'r') as f:
    old_features = {item['FeatureName']: item for item in json.load(f)}
    
with open('$new_schema', 'r') as f:
    new_features = {item['FeatureName']: item for item in json.load(f)}

print("📊 스키마 비교 결과:")
print(f"  기존 피처 수: {len(old_features)}")
print(f"  새 피처 수: {len(new_features)}")

# 추가된 피처
added = set(new_features.keys()) - set(old_features.keys())
if added:
    print(f"  ✅ 추가된 피처: {list(added)}")

# 제거된 피처
removed = set(old_features.keys()) - set(new_features.keys())
if removed:
    print(f"  ⚠️ 제거된 피처: {list(removed)}")

# 변경된 피처 타입
changed = []
for name in set(old_features.keys()) & set(new_features.keys()):
    if old_features[name]['FeatureType'] != new_features[name]['FeatureType']:
        changed.append((name, old_features[name]['FeatureType'], new_features[name]['FeatureType']))

if changed:
    print(f"  🔄 타입 변경된 피처:")
    for name, old_type, new_type in changed:
        print(f"    - {name}: {old_type} → {new_type}")

if removed:
    print("⚠️ 제거된 피처가 있습니다. 데이터 손실이 발생할 수 있습니다.")
    exit(1)
EOF
  
  if [ $? -ne 0 ]; then
    echo "❌ 호환되지 않는 스키마 변경이 감지되었습니다."
    return 1
  fi
  
  # 4. 마이그레이션 실행
  echo "🚀 4단계: 데이터 마이그레이션 실행"
  fs migrate "$old_fg" "$new_fg" \
    --clear-target \
    --batch-size 200 \
    --max-workers 6
  
  migration_result=$?
  
  # 5. 검증
  if [ $migration_result -eq 0 ]; then
    echo "✅ 5단계: 마이그레이션 검증"
    
    # 레코드 수 비교
    original_count=$(jq length "$backup_file" 2>/dev/null || echo "unknown")
    echo "원본 레코드 수: $original_count"
    
    # 샘플 데이터 검증
    sample_file="/tmp/${new_fg}_sample.json"
    fs export "$new_fg" "$sample_file" --limit 10 --format json
    
    if [ -s "$sample_file" ]; then
      echo "✅ 타겟 Feature Group에서 데이터 조회 성공"
    else
      echo "⚠️ 타겟 Feature Group에서 데이터를 찾을 수 없습니다"
    fi
    
    echo "🎉 스키마 업그레이드 마이그레이션 완료!"
  else
    echo "❌ 마이그레이션 실패"
    return 1
  fi
  
  # 임시 파일 정리
  rm -f "$old_schema" "$new_schema" "$sample_file"
  
  echo "📁 백업 파일: $backup_file"
}

# 사용 예시
schema_upgrade_migration "customer-v1" "customer-v2" "s3://backups/schema-upgrades/"
