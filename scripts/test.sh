#!/usr/bin/env bash
# Installs packages, builds and runs every test: scripts/test.sh [--asan | --tsan]
# The last line is ctest's summary; the exit code is 0 only when every test that could run has passed.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

preset=release
case ${1:-} in
  '') ;;
  --asan)
    preset=asan
    export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    ;;
  --tsan)
    preset=tsan
    # Why: RocksDB and others are not instrumented, and their locks look like none.
    export TSAN_OPTIONS="ignore_noninstrumented_modules=1 halt_on_error=0 exitcode=66"
    # Why: this TSan cannot place its shadow under the address randomisation of newer kernels; 0x40000 is "none of it".
    personality=$(cat /proc/self/personality 2>/dev/null || echo 40000)
    if (((0x$personality & 0x40000) == 0)) && setarch -R true 2>/dev/null; then exec setarch -R "$repository/scripts/test.sh" "$@"; fi
    ;;
  *) die "usage: scripts/test.sh [--asan | --tsan]" ;;
esac
(($# <= 1)) || die "one option at most"

scripts/install-packages.sh build test demo
fuse_usable || say "NOTE: cannot open /dev/fuse here: the tests that need a mount report themselves as skipped."

say "Building (preset $preset) ..."
start=$SECONDS
build_preset "$preset"
say "Built in $((SECONDS - start)) s."

log=build/$preset/ctest.log
status=0
# Why a second try: real mounts, kills and bounded waits on a shared machine; a failure of the first try is printed all the same.
ctest --preset "$preset" --parallel 2 --repeat until-pass:2 --output-on-failure --no-tests=error </dev/null 2>&1 | tee "$log" || status=$?
# The first try of a test has its number of all before it, the second has none.
repeated=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#[0-9]+: .*\*\*\*(Failed|Timeout|Exception)' "$log" || true)
say "Tests that needed a second try: $repeated."
skipped=$(grep -c '\*\*\*Skipped' "$log" || true)
((skipped == 0)) || say "Skipped: $skipped (listed above)."
grep 'tests passed' "$log" || say "ctest did not finish; see $log"
exit "$status"
