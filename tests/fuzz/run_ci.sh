#!/usr/bin/env bash
# Runs the fuzz targets of hostile files and records side by side for some seconds; fails when one of
# them finds something. What they have learnt is kept for the next run.
set -euo pipefail
build=$1
seconds=$2
targets=(config_shaping_file_fuzz dns_spf_fuzz dns_message_fuzz)
pids=()
for name in "${targets[@]}"; do
    mkdir -p "$build/corpus/$name"
    "$build/fuzz/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$build/$name-" "$build/corpus/$name" \
        >"$build/$name.log" 2>&1 &
    pids+=($!)
done
failed=0
for i in "${!targets[@]}"; do
    name=${targets[$i]}
    if wait "${pids[$i]}"; then
        echo "$name: $(grep -o 'number_of_executed_units: .*' "$build/$name.log")"
    else
        echo "$name: FAILED"
        tail -40 "$build/$name.log"
        failed=1
    fi
done
exit $failed
