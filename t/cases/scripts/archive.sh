#!/bin/bash
archive_migration() {
  local active_fg=$1
  local archive_fg=$2
  local archive_age_days=${3:-90}
  local archive_s3_path=$4
  
  echo "📦 데이터 아카이빙 마이그레이션: $active_fg → $archive_fg"
  echo "아카이브 기준: ${archive_age_days}일 이상된 데이터"
  
  # 1. 아카이빙할 데이터 범위 계산
  cutoff_date=$(date -d "$archive_age_days days ago" +%Y-%m-%d)
  echo "📅 아카이브 기준일: $cutoff_date"
  
  # 2. Archive Feature Group 존재 확인
  echo "🔍 Archive Feature Group 확인"
  if ! fs list | grep -q "$archive_fg"; then
    echo "❌ Archive Feature Group이 존재하지 않습니다: $archive_fg"
    echo "💡 다음 명령으로 생성하세요:"
    echo "fs create $archive_fg --schema-file active_schema.json --role-arn ROLE --s3-uri $archive_s3_path"
    return 1
  fi
  
  # 3. 아카이빙할 데이터 내보내기
  echo "📤 아카이브 대상 데이터 내보내기"
  archive_export="/tmp/${active_fg}_archive_export.json"
  
  fs export "$active_fg" "$archive_export" \
    --where "WHERE event_time < '$cutoff_date'" \
    --format json \
    --compress
  
  if [ ! -f "${archive_export}.gz" ]; then
    echo "ℹ️ 아카이브할 데이터가 없습니다."
    return 0
  fi
  
  # 4. 아카이브 데이터 개수 확인
  archive_count=$(gunzip -c "${archive_export}.gz" | jq length)
  echo "📊 아카이브 대상 레코드: $archive_count개"
  
  if [ "$archive_count" -eq 0 ]; then
    echo "ℹ️ 아카이브할 레코드가 없습니다."
    return 0
  fi
  
  # 5. 사용자 확인
  echo ""
  echo "⚠️ 다음 작업이 수행됩니다:"
  echo "  1. $archive_count개 레코드를 $archive_fg로 이동"
  echo "  2. $active_fg에서 해당 데이터 삭제"
  echo ""
  
  read -p "계속하시겠습니까? (yes/no): " confirmation
  if [ "$confirmation" != "yes" ]; then
    echo "❌ 아카이빙이 취소되었습니다."
    return 1
  fi
  
  # 6. Archive Feature Group으로 데이터 이동
  echo "📥 Archive Feature Group으로 데이터 이동"
  gunzip "${archive_export}.gz"
  
  fs bulk-put "$archive_fg" "$archive_export" \
    --batch-size 100 \
    --output-file "/tmp/archive_migration.log"
  
  if [ $? -ne 0 ]; then
    echo "❌ 아카이브 데이터 업로드 실패"
    return 1
  fi
  
  # 7. 원본에서 데이터 삭제 (Offline Store만)
  echo "🗑️ 원본에서 아카이브된 데이터 삭제"
  
  # 실제로는 S3에서 특정 파티션 삭제 또는 clear 명령 사용
  echo "⚠️ 수동으로 다음을 수행해야 합니다:"
  echo "  1. $active_fg의 Offline Store에서 $cutoff_date 이전 데이터 삭제"
  echo "  2. 필요시 fs clear $active_fg --offline-only 실행"
  
  # 8. 검증
  echo "✅ 아카이빙 완료 검증"
  archive_sample="/tmp/${archive_fg}_sample.json"
  
  fs export "$archive_fg" "$archive_sample" \
    --limit 3 --format json
  
  if [ -s "$archive_sample" ]; then
    echo "✅ 아카이브 데이터 검증 성공"
    archived_count=$(jq length "$archive_sample" 2>/dev/null || echo "unknown")
    echo "아카이브 샘플 레코드: $archived_count개"
  fi
  
  # 정리
  rm -f "$archive_export" "$archive_sample"
  
  echo "🎉 데이터 아카이빙 완료: $archive_count개 레코드"
}

# 사용 예시
archive_migration "active-transactions" "archived-transactions" 180 "s3://archive-bucket/transactions/"
