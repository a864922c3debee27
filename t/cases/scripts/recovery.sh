#!/bin/bash
migration_recovery() {
  local failed_migration_log=$1
  local source_fg=$2
  local target_fg=$3
  
  echo "🚨 마이그레이션 복구 프로세스"
  
  # 실패한 레코드 추출
  if [ -f "$failed_migration_log" ]; then
    echo "📋 실패 로그 분석: $failed_migration_log"
    
    # 실패 레코드 개수 확인
    failed_count=$(grep -c "실패" "$failed_migration_log" 2>/dev/null || echo 0)
    echo "실패한 레코드 수: $failed_count"
    
    if [ $failed_count -gt 0 ]; then
      echo "🔄 실패한 레코드 재시도"
      # 작은 배치 크기로 재시도
      fs migrate "$source_fg" "$target_fg" \
        --batch-size 10 \
        --max-workers 1
    fi
  fi
  
  echo "✅ 복구 프로세스 완료"
}
