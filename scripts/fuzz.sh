#!/usr/bin/env bash
# Fuzzes what reads bytes of others for SECONDS with clang's libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer:
# scripts/fuzz.sh [--ingest|--tag|--yaml|--metadata|--message] SECONDS [LIBFUZZER-OPTION...]
# Archives, their reading alone; or one of: all that happens to an archive (slower: it is published in a registry and read
# again), tag.toml, YAML, documents and the files of a package that they are made from, what comes over the socket.
# Starts from tests/fuzz/corpus, or tests/fuzz/seeds; what it finds of use is kept in build/fuzz, an input that fails, too.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

target=read_archive_fuzz
found=build/fuzz/corpus
seeds=tests/fuzz/corpus
case ${1:-} in
  --ingest)
    target=ingest_fuzz
    shift
    ;;
  --tag | --yaml | --metadata | --message)
    target=${1#--}_fuzz
    found=build/fuzz/corpus-${1#--}
    seeds=tests/fuzz/seeds/${1#--}
    shift
    ;;
esac
(($# >= 1)) || die "usage: scripts/fuzz.sh [--ingest|--tag|--yaml|--metadata|--message] SECONDS [LIBFUZZER-OPTION...]"
seconds=$1
shift

scripts/install-packages.sh build check
quietly build/fuzz/configure.log cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14 -DMODELFS_SANITIZE=address,undefined -DMODELFS_FUZZ=ON
quietly build/fuzz/build.log cmake --build build/fuzz --target "$target" make_corpus
mkdir -p "$found"
exec env UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 "build/fuzz/tests/$target" "$found" "$seeds" \
  -max_total_time="$seconds" -max_len=16384 -timeout=10 -rss_limit_mb=1024 -artifact_prefix=build/fuzz/ \
  -print_final_stats=1 "$@"
