#!/usr/bin/env bash
# Installs what it is measured beside, builds the release and measures it: scripts/bench.sh [--quick] [--dir DIRECTORY]
# Prints tables: reading 1 GiB by the kernel, through the daemon and natively (tests/bench/reads.py), many releases and many
# files (tests/bench/scale.py), many small files and starting (tests/bench/metadata.py), publishing 1 GiB beside cp, sha256sum and
# sync (tests/bench/publish.py), archives in and out (tests/bench/archives.py), their compaction (tests/bench/compaction.py), other file systems that could be used instead
# (tests/bench/peers.py). DIRECTORY (default: $TMPDIR or /tmp) lies on the disk that is measured. $MODELFS names another program.
set -euo pipefail
callers_directory=$PWD
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage="usage: scripts/bench.sh [--quick] [--dir DIRECTORY]"
options=()
while (($# > 0)); do
  case $1 in
    --quick) options+=(--quick) ;;
    --dir)
      (($# >= 2)) || die "$usage"
      options+=(--dir "$(cd "$callers_directory" && cd "$2" && pwd -P)")
      shift
      ;;
    *) die "$usage" ;;
  esac
  shift
done

fuse_usable || die "cannot open /dev/fuse here, so there is nothing to measure"
if [[ -z ${MODELFS:-} ]]; then
  "$repository/scripts/install-packages.sh" build bench
  say "Building (preset release) ..."
  build_preset release --target modelfs --target empty_daemon --target fill_store
  export MODELFS=$repository/build/release/modelfs
fi

say "$(uname -sr), $(nproc) processors, load $(cut -d' ' -f1-3 /proc/loadavg)"
status=0
for bench in reads scale metadata publish archives compaction peers; do
  say "" "== $bench"
  tests/bench/$bench.py "${options[@]}" || status=$?
done
exit "$status"
