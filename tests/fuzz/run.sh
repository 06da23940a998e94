#!/usr/bin/env bash
# Runs every fuzz target for some seconds each; stops at the first finding.
set -euo pipefail
build=$1
seconds=$2
for target in "$build"/fuzz/*_fuzz; do
    name=$(basename "$target")
    corpus="$build/corpus/$name"
    mkdir -p "$corpus"
    echo "== $name, $seconds s"
    "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/$name-" "$corpus" 2>&1 | grep -E 'ERROR|SUMMARY|stat::number|DONE' || exit 1
done
