#!/bin/bash
realtime_sync_migration() {
  local source_fg=$1
  local target_fg=$2
  local sync_interval_minutes=${3:-60}
  local max_iterations=${4:-0}  # 0 = 무한
  
  echo "🔄 실시간 동기화 마이그레이션 시작"
  echo "소스: $source_fg"
  echo "타겟: $target_fg"
  echo "동기화 간격: ${sync_interval_minutes}분"
  
  # 동기화 상태 파일
  sync_state_file="/tmp/sync_state_${source_fg}_${target_fg}.json"
  
  # 초기 상태 설정
  if [ ! -f "$sync_state_file" ]; then
    cat << EOF > "$sync_state_file"
{
  "last_sync_timestamp": "1970-01-01T00:00:00Z",
  "total_synced": 0,
  "sync_iterations": 0,
  "last_sync_status": "initialized"
}
EOF
  fi
  
  iteration=0
  
  while [ $max_iterations -eq 0 ] || [ $iteration -lt $max_iterations ]; do
    iteration=$((iteration + 1))
    echo ""
    echo "🔄 동기화 반복 #$iteration ($(date))"
    
    # 마지막 동기화 시간 읽기
    last_sync=$(jq -r '.last_sync_timestamp' "$sync_state_file")
    current_time=$(date -u +"%Y-%m-%dT%H:%M:%SZ")
    
    echo "마지막 동기화: $last_sync"
    echo "현재 시간: $current_time"
    
    # 증분 데이터 마이그레이션
    incremental_filter="WHERE event_time > '$last_sync'"
    
    echo "🔍 증분 데이터 확인 중..."
    fs migrate "$source_fg" "$target_fg" \
      --filter-query "$incremental_filter" \
      --batch-size 100 \
      --max-workers 3 \
      --dry-run
    
    read -p "증분 마이그레이션을 실행하시겠습니까? (y/n/q=종료): " action
    
    case $action in
      "y"|"Y")
        echo "📥 증분 마이그레이션 실행..."
        
        if fs migrate "$source_fg" "$target_fg" \
           --filter-query "$incremental_filter" \
           --batch-size 100 \
           --max-workers 3; then
          
          # 상태 업데이트
          jq --arg timestamp "$current_time" \
             --arg status "success" \
             --argjson iteration $iteration \
             '.last_sync_timestamp = $timestamp | .last_sync_status = $status | .sync_iterations = $iteration' \
             "$sync_state_file" > "/tmp/sync_state_temp.json"
          
          mv "/tmp/sync_state_temp.json" "$sync_state_file"
          
          echo "✅ 동기화 완료"
        else
          echo "❌ 동기화 실패"
          
          # 실패 상태 기록
          jq --arg status "failed" \
             --argjson iteration $iteration \
             '.last_sync_status = $status | .sync_iterations = $iteration' \
             "$sync_state_file" > "/tmp/sync_state_temp.json"
          
          mv "/tmp/sync_state_temp.json" "$sync_state_file"
        fi
        ;;
      "q"|"Q")
        echo "🛑 동기화 종료"
        break
        ;;
      *)
        echo "⏭️ 이번 동기화 건너뛰기"
        ;;
    esac
    
    # 다음 동기화까지 대기
    if [ $max_iterations -eq 0 ] || [ $iteration -lt $max_iterations ]; then
      echo "⏳ 다음 동기화까지 ${sync_interval_minutes}분 대기 중..."
      sleep $((sync_interval_minutes * 60))
    fi
  done
  
  echo "🏁 실시간 동기화 완료"
  echo "동기화 상태: $sync_state_file"
}

# 백그라운드에서 실행 예시
# nohup realtime_sync_migration "source-fg" "target-fg" 30 > sync.log 2>&1 &
realtime_sync_migration "live-features" "backup-features" 60 10  # 10회 반복
