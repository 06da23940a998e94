#!/usr/bin/env bash
# Runs the fuzz targets of what strangers send, three at a time, for some seconds each; fails when one
# of them finds something. What they have learnt is kept for the next run.
set -euo pipefail
build=$1
seconds=$2
targets=(config_shaping_file_fuzz dns_spf_fuzz dns_message_fuzz
         smtp_server_session_fuzz mime_message_fuzz bounce_dsn_fuzz
         bounce_arf_fuzz bounce_recipient_token_fuzz bounce_reply_fuzz)
beside=3
failed=0
for ((first = 0; first < ${#targets[@]}; first += beside)); do
    group=("${targets[@]:first:beside}")
    pids=()
    for name in "${group[@]}"; do
        mkdir -p "$build/corpus/$name"
        "$build/fuzz/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
            -print_final_stats=1 -artifact_prefix="$build/$name-" "$build/corpus/$name" \
            >"$build/$name.log" 2>&1 &
        pids+=($!)
    done
    for i in "${!group[@]}"; do
        name=${group[$i]}
        if wait "${pids[$i]}"; then
            echo "$name: $(grep -o 'number_of_executed_units: .*' "$build/$name.log")"
        else
            echo "$name: FAILED"
            tail -40 "$build/$name.log"
            failed=1
        fi
    done
done
exit $failed
