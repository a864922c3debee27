#!/bin/bash
quality_improvement_migration() {
  local source_fg=$1
  local target_fg=$2
  local quality_rules_file=${3:-"/tmp/quality_rules.json"}
  
  echo "✨ 데이터 품질 향상 마이그레이션"
  echo "소스: $source_fg"
  echo "타겟: $target_fg"
  
  # 기본 품질 규칙 생성
  if [ ! -f "$quality_rules_file" ]; then
    cat << 'EOF' > "$quality_rules_file"
{
  "rules": [
    {
      "name": "remove_null_values",
      "description": "NULL 값 제거",
      "enabled": true
    },
    {
      "name": "normalize_strings",
      "description": "문자열 정규화 (trim, case)",
      "enabled": true
    },
    {
      "name": "validate_ranges",
      "description": "숫자 범위 검증",
      "enabled": true,
      "config": {
        "age": {"min": 0, "max": 120},
        "balance": {"min": 0, "max": 1000000}
      }
    },
    {
      "name": "deduplicate",
      "description": "중복 제거",
      "enabled": true
    }
  ]
}
EOF
  fi
  
  # 1. 원본 데이터 내보내기
  echo "📤 원본 데이터 내보내기"
  raw_data="/tmp/${source_fg}_raw.json"
  
  fs export "$source_fg" "$raw_data" \
    --format json
  
  if [ ! -s "$raw_data" ]; then
    echo "❌ 원본 데이터를 가져올 수 없습니다."
    return 1
  fi
  
  # 2. 데이터 품질 개선 처리
  echo "🔧 데이터 품질 개선 처리"
  cleaned_data="/tmp/${source_fg}_cleaned.json"
  
  python3 << EOF
import json
import re
from datetime import datetime

# 품질 규칙 로드
with open('$quality_rules_file', 'r') as f:
    quality_config = json.load(f)

# 원본 데이터 로드
with open('$raw_data', 'r') as f:
    raw_records = json.load(f)

print(f"📊 원본 레코드 수: {len(raw_records)}")

cleaned_records = []
quality_stats = {
    "total_input": len(raw_records),
    "null_values_removed": 0,
    "strings_normalized": 0,
    "range_violations_fixed": 0,
    "duplicates_removed": 0,
    "total_output": 0
}

seen_records = set()  # 중복 제거용

for record in raw_records:
    cleaned_record = record.copy()
    record_modified = False
    
    # 규칙 1: NULL 값 제거
    if any(rule["name"] == "remove_null_values" and rule["enabled"] for rule in quality_config["rules"]):
        original_fields = len(cleaned_record)
        cleaned_record = {k: v for k, v in cleaned_record.items() 
                         if v is not None and str(v).strip() != '' and str(v).lower() != 'null'}
        if len(cleaned_record) < original_fields:
            quality_stats["null_values_removed"] += 1
            record_modified = True
    
    # 규칙 2: 문자열 정규화
    if any(rule["name"] == "normalize_strings" and rule["enabled"] for rule in quality_config["rules"]):
        for key, value in cleaned_record.items():
            if isinstance(value, str) and key not in ['event_time']:  # event_time은 제외
                original_value = value
                # 앞뒤 공백 제거, 일관된 케이스 (이름 제외)
                if key in ['category', 'status', 'type']:
                    cleaned_record[key] = value.strip().lower()
                else:
                    cleaned_record[key] = value.strip()
                
                if cleaned_record[key] != original_value:
                    record_modified = True
        
        if record_modified:
            quality_stats["strings_normalized"] += 1
    
    # 규칙 3: 숫자 범위 검증
    range_rule = next((rule for rule in quality_config["rules"] 
                      if rule["name"] == "validate_ranges" and rule["enabled"]), None)
    
    if range_rule and "config" in range_rule:
        for field, range_config in range_rule["config"].items():
            if field in cleaned_record:
                try:
                    value = float(cleaned_record[field])
                    min_val = range_config.get("min", float('-inf'))
                    max_val = range_config.get("max", float('inf'))
                    
                    if value < min_val:
                        cleaned_record[field] = str(min_val)
                        quality_stats["range_violations_fixed"] += 1
                        record_modified = True
                    elif value > max_val:
                        cleaned_record[field] = str(max_val)
                        quality_stats["range_violations_fixed"] += 1
                        record_modified = True
                        
                except (ValueError, TypeError):
                    pass  # 숫자가 아닌 값은 건너뛰기
    
    # 규칙 4: 중복 제거 (record identifier 기준)
    if any(rule["name"] == "deduplicate" and rule["enabled"] for rule in quality_config["rules"]):
        record_key = cleaned_record.get('customer_id', str(cleaned_record))
        if record_key not in seen_records:
            seen_records.add(record_key)
            cleaned_records.append(cleaned_record)
        else:
            quality_stats["duplicates_removed"] += 1
    else:
        cleaned_records.append(cleaned_record)

quality_stats["total_output"] = len(cleaned_records)

# 정리된 데이터 저장
with open('$cleaned_data', 'w') as f:
    json.dump(cleaned_records, f, indent=2)

# 품질 개선 리포트
print("\n✨ 데이터 품질 개선 리포트:")
print(f"  입력 레코드: {quality_stats['total_input']:,}")
print(f"  출력 레코드: {quality_stats['total_output']:,}")
print(f"  NULL 값 정리: {quality_stats['null_values_removed']:,}")
print(f"  문자열 정규화: {quality_stats['strings_normalized']:,}")
print(f"  범위 위반 수정: {quality_stats['range_violations_fixed']:,}")
print(f"  중복 제거: {quality_stats['duplicates_removed']:,}")

improvement_rate = (quality_stats['null_values_removed'] + 
                   quality_stats['strings_normalized'] + 
                   quality_stats['range_violations_fixed']) / quality_stats['total_input'] * 100

print(f"  품질 개선율: {improvement_rate:.1f}%")
EOF
  
  # 3. 정리된 데이터를 타겟으로 업로드
  echo "📥 품질 개선된 데이터를 타겟으로 업로드"
  
  fs bulk-put "$target_fg" "$cleaned_data" \
    --batch-size 200 \
    --output-file "/tmp/quality_migration.log"
  
  if [ $? -eq 0 ]; then
    echo "✅ 품질 향상 마이그레이션 완료"
    
    # 검증
    echo "🔍 품질 검증"
    target_sample="/tmp/${target_fg}_quality_sample.json"
    
    fs export "$target_fg" "$target_sample" \
      --limit 5 --format json
    
    if [ -s "$target_sample" ]; then
      echo "✅ 타겟 데이터 품질 검증 샘플:"
      jq '.[0]' "$target_sample" 2>/dev/null
    fi
    
    rm -f "$target_sample"
  else
    echo "❌ 품질 향상 마이그레이션 실패"
    return 1
  fi
  
  # 정리
  rm -f "$raw_data" "$cleaned_data"
  
  echo "🎉 데이터 품질 향상 마이그레이션 완료!"
}

quality_improvement_migration "raw-customer-data" "clean-customer-data"
