#!/usr/bin/env bash
# Fuzzes archives for SECONDS with clang's libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer:
# scripts/fuzz.sh [--ingest] SECONDS [LIBFUZZER-OPTION...]
# Their reading alone; or, slower, all that happens to one: it is published in a registry and read again.
# Starts from tests/fuzz/corpus; what it finds of use is kept in build/fuzz/corpus, an input that fails in build/fuzz.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

target=read_archive_fuzz
if [[ ${1:-} == --ingest ]]; then
  target=ingest_fuzz
  shift
fi
(($# >= 1)) || die "usage: scripts/fuzz.sh [--ingest] SECONDS [LIBFUZZER-OPTION...]"
seconds=$1
shift

scripts/install-packages.sh build check
quietly build/fuzz/configure.log cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14 -DMODELFS_SANITIZE=address,undefined -DMODELFS_FUZZ=ON
quietly build/fuzz/build.log cmake --build build/fuzz --target "$target" make_corpus
mkdir -p build/fuzz/corpus
exec env UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 "build/fuzz/tests/$target" build/fuzz/corpus tests/fuzz/corpus \
  -max_total_time="$seconds" -max_len=16384 -timeout=10 -rss_limit_mb=1024 -artifact_prefix=build/fuzz/ \
  -print_final_stats=1 "$@"
