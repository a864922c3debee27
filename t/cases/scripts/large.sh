#!/bin/bash
optimize_large_migration() {
  local source_fg=$1
  local target_fg=$2
  local total_records=${3:-1000000}
  
  echo "⚡ 대용량 마이그레이션 성능 최적화"
  
  # 시스템 리소스 기반 설정 결정
  cpu_cores=$(nproc)
  memory_gb=$(free -g | awk '/^Mem:/{print $2}')
  
  echo "📊 시스템 리소스:"
  echo "  CPU 코어: $cpu_cores"
  echo "  메모리: ${memory_gb}GB"
  echo "  예상 레코드: $total_records"
  
  # 최적 설정 계산
  if [ $total_records -gt 5000000 ]; then
    # 500만+ 레코드
    optimal_batch_size=1000
    optimal_workers=$((cpu_cores * 3))
  elif [ $total_records -gt 1000000 ]; then
    # 100만+ 레코드
    optimal_batch_size=500
    optimal_workers=$((cpu_cores * 2))
  else
    # 100만 미만
    optimal_batch_size=200
    optimal_workers=$cpu_cores
  fi
  
  # 메모리 제한 적용
  max_workers_by_memory=$((memory_gb / 2))  # 2GB per worker
  if [ $optimal_workers -gt $max_workers_by_memory ]; then
    optimal_workers=$max_workers_by_memory
  fi
  
  # 최소/최대 제한
  if [ $optimal_workers -lt 2 ]; then
    optimal_workers=2
  elif [ $optimal_workers -gt 20 ]; then
    optimal_workers=20
  fi
  
  echo "🎯 최적화된 설정:"
  echo "  배치 크기: $optimal_batch_size"
  echo "  워커 수: $optimal_workers"
  
  # 예상 처리 시간 계산
  records_per_second=$((optimal_workers * 50))  # worker당 초당 50개 가정
  estimated_seconds=$((total_records / records_per_second))
  estimated_minutes=$((estimated_seconds / 60))
  
  echo "  예상 처리 시간: ${estimated_minutes}분 (${estimated_seconds}초)"
  
  # 마이그레이션 실행
  echo "🚀 최적화된 마이그레이션 시작"
  
  start_time=$(date +%s)
  
  fs migrate "$source_fg" "$target_fg" \
    --batch-size $optimal_batch_size \
    --max-workers $optimal_workers \
    --clear-target
  
  end_time=$(date +%s)
  actual_duration=$((end_time - start_time))
  actual_minutes=$((actual_duration / 60))
  
  echo "📊 성능 결과:"
  echo "  실제 처리 시간: ${actual_minutes}분 (${actual_duration}초)"
  echo "  예상 대비: $((actual_duration * 100 / estimated_seconds))%"
  
  if [ $actual_duration -lt $estimated_seconds ]; then
    echo "✅ 예상보다 빠르게 완료!"
  else
    echo "⚠️ 예상보다 오래 걸렸습니다. 네트워크나 API 제한을 확인하세요."
  fi
}

optimize_large_migration "huge-dataset" "optimized-dataset" 2000000
