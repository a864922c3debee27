#!/bin/bash
partial_migration() {
  local source_fg=$1
  local target_fg=$2
  local customer_list_file=$3
  
  echo "👥 부분 마이그레이션: 특정 고객 데이터만"
  echo "소스: $source_fg"
  echo "타겟: $target_fg"
  echo "고객 목록: $customer_list_file"
  
  # 1. 고객 목록 검증
  if [ ! -f "$customer_list_file" ]; then
    echo "❌ 고객 목록 파일을 찾을 수 없습니다: $customer_list_file"
    return 1
  fi
  
  customer_count=$(wc -l < "$customer_list_file")
  echo "📊 마이그레이션 대상 고객 수: $customer_count"
  
  # 2. IN 절을 위한 고객 ID 문자열 생성
  customer_ids=$(python3 << EOF
import csv

customers = []
with open('$customer_list_file', 'r') as f:
    reader = csv.reader(f)
    for row in reader:
        if row and row[0].strip():  # 빈 줄 제외
            customers.append(f"'{row[0].strip()}'")

# IN 절용 문자열 생성 (최대 1000개씩 처리)
if len(customers) > 1000:
    print("⚠️ 고객 수가 1000명을 초과합니다. 배치 처리가 필요합니다.")
    customers = customers[:1000]
    print(f"처음 1000명만 처리합니다.")

print(','.join(customers))
EOF
)
  
  if [ -z "$customer_ids" ]; then
    echo "❌ 유효한 고객 ID가 없습니다."
    return 1
  fi
  
  # 3. 필터 쿼리 생성
  filter_query="WHERE customer_id IN ($customer_ids)"
  
  # 4. 부분 마이그레이션 실행
  echo "🚀 부분 마이그레이션 실행"
  fs migrate "$source_fg" "$target_fg" \
    --filter-query "$filter_query" \
    --batch-size 50 \
    --max-workers 3
  
  if [ $? -eq 0 ]; then
    echo "✅ 부분 마이그레이션 완료"
    
    # 검증: 마이그레이션된 고객 수 확인
    echo "🔍 마이그레이션 검증"
    migrated_customers="/tmp/migrated_customers.json"
    
    fs export "$target_fg" "$migrated_customers" \
      --columns "customer_id" \
      --format json
    
    if [ -s "$migrated_customers" ]; then
      migrated_count=$(jq 'unique_by(.customer_id) | length' "$migrated_customers" 2>/dev/null || echo "unknown")
      echo "마이그레이션된 고유 고객 수: $migrated_count"
    fi
    
    rm -f "$migrated_customers"
  else
    echo "❌ 부분 마이그레이션 실패"
    return 1
  fi
}

# 고객 목록 파일 생성 예시 (CSV)
cat << 'EOF' > /tmp/target_customers.csv
cust_001
cust_002
cust_003
cust_vip_001
cust_premium_005
EOF

partial_migration "all-customers" "selected-customers" "/tmp/target_customers.csv"
