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

# build_preset PRESET [CMAKE-BUILD-OPTION...]: configures and builds it in build/PRESET, with a line at every tenth of the way.
build_preset() {
  local preset=$1 log=build/$1/build.log
  shift
  quietly "build/$preset/configure.log" cmake --preset "$preset" || return
  # Why not by quietly: who waits for minutes wants to see how far it is.
  if ! NINJA_STATUS='[%p] ' cmake --build --preset "$preset" "$@" 2>&1 </dev/null | tee "$log" | show_progress; then
    tail -n 60 "$log" >&2
    complain "the build failed: cmake --build --preset $preset $*; the whole log: $log"
    return 1
  fi
}

# Of ninja's lines "[ 42%] ...", shows the first of each tenth.
show_progress() {
  local line percent next=10 start=$SECONDS
  while IFS= read -r line; do
    [[ $line =~ ^\[\ *([0-9]+)%\] ]] || continue
    percent=${BASH_REMATCH[1]}
    ((percent >= next)) || continue
    say "  built $percent% ($((SECONDS - start)) s)"
    next=$((percent - percent % 10 + 10))
  done
}

# Whether this user can open /dev/fuse. Why not test -w: it asks for the mode only, but a container can refuse the open.
fuse_usable() { (: <>/dev/fuse) 2>/dev/null; }
