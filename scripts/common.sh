# What the scripts share. To be sourced; leaves `repository` set and the shell standing in it.
# shellcheck shell=bash

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$repository" || exit 1

say() { printf '%s\n' "$*"; }
complain() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() {
  complain "$@"
  exit 1
}

# quietly LOG COMMAND...: runs it with its output in LOG; on failure shows the end of LOG and fails.
quietly() {
  local log=$1 status=0
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if ((status != 0)); then
    tail -n 60 "$log" >&2
    complain "failed (exit code $status): $*; the whole log: $log"
  fi
  return "$status"
}

# build_preset PRESET [CMAKE-BUILD-OPTION...]: configures and builds it in build/PRESET.
build_preset() {
  local preset=$1
  shift
  quietly "build/$preset/configure.log" cmake --preset "$preset" &&
    quietly "build/$preset/build.log" cmake --build --preset "$preset" "$@"
}

# Whether this user can open /dev/fuse. Why not test -w: it asks for the mode only, but a container can refuse the open.
fuse_usable() { (: <>/dev/fuse) 2>/dev/null; }
