#!/bin/sh
# Fuzzes the ingest room with libFuzzer on the stable toolchain: scripts/fuzz.sh [SECONDS] [DIR]
#
# The flags are those that `cargo fuzz` gives, without a sanitizer, which alone needs nightly. The
# golden bodies are the seeds. A failing input is left in fuzz/artifacts and the exit code is 1.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-300}
corpus=${2:-fuzz/corpus/ingest}
target=$(rustc -vV | sed -n 's/^host: //p')
mkdir -p "$corpus" fuzz/artifacts/ingest
number=0
for file in tests/golden/ingest/*.json tests/golden/ingest/*.sse tests/golden/ingest/*.jsonl; do
    number=$((number + 1))
    # The first two bytes choose provider and operation.
    choice="\\$(printf %03o $((number % 20)))\\$(printf %03o $((number % 8)))"
    printf "$choice" > "$corpus/seed-$number"
    cat "$file" >> "$corpus/seed-$number"
done
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1" \
    cargo build --release --manifest-path fuzz/Cargo.toml --target "$target"
exec "fuzz/target/$target/release/ingest" -max_total_time="$seconds" -max_len=16384 -timeout=10 \
    -rss_limit_mb=2048 -artifact_prefix=fuzz/artifacts/ingest/ -print_final_stats=1 "$corpus"
