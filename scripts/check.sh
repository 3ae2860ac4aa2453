#!/usr/bin/env bash
# All static checks: scripts/check.sh [CHECK...], of: format includes shell threads tidy. One line per check, then a summary.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

logs=build/check
all_checks=(format includes shell threads tidy)

sources_in() { find "$@" -type f \( -name '*.h' -o -name '*.cc' \) | sort; }

# The way to mend it: find src mount tests -name '*.h' -o -name '*.cc' | xargs clang-format-14 -i
check_format() {
  local source unformatted=0
  while IFS= read -r source; do
    clang-format-14 "$source" | cmp -s - "$source" && continue
    say "error: not formatted: $source"
    unformatted=1
  done < <(sources_in src mount tests)
  return "$unformatted"
}

check_includes() { scripts/check-includes-test.sh && scripts/check-includes.sh; }

check_shell() {
  command -v shellcheck >/dev/null || { say "no shellcheck here, so the scripts were not checked" && return; }
  { find scripts tests -type f -name '*.sh' && say .ci/run; } | xargs shellcheck -x
}

# clang_build FOLDER [CMAKE-OPTION...]: compiles all rooms with clang in build/FOLDER.
clang_build() {
  local folder=build/$1
  shift
  cmake -S . -B "$folder" -G Ninja -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14 "$@" || return
  local targets
  targets=$(ninja -C "$folder" -t targets all | grep -oE '^(libmodelfs_[a-z_]+\.a|modelfs):' | tr -d :)
  xargs ninja -C "$folder" -k 0 <<<"$targets"
}

# CMakeLists.txt gives clang -Wthread-safety, which checks what each lock guards.
check_threads() { clang_build clang; }

# Run by the build, clang-tidy looks again only at files that changed or include one that did.
check_tidy() {
  if [[ .clang-tidy -nt build/tidy/configured ]]; then rm -rf build/tidy; fi
  mkdir -p build/tidy && touch build/tidy/configured
  clang_build tidy '-DCMAKE_CXX_CLANG_TIDY=clang-tidy-14;--quiet'
}

# What a failed check has to say: the compiler's and the linters' lines once each (a header is seen by many), else all.
findings_in() {
  grep -E '(error|warning): ' "$1" | sed "s|$repository/||" | sort -u | head -n 200 || true
  grep -qE '(error|warning): ' "$1" || tail -n 100 "$1"
}

run_check() {
  local check=$1 log=$logs/$1.log start=$SECONDS
  if "check_$check" >"$log" 2>&1 </dev/null; then
    printf 'ok      %-9s %3d s\n' "$check" $((SECONDS - start))
    return
  fi
  printf 'FAILED  %-9s %3d s  %s\n' "$check" $((SECONDS - start)) "$log"
  findings_in "$log"
  failed+=("$check")
}

checks=("$@")
((${#checks[@]} > 0)) || checks=("${all_checks[@]}")
for check in "${checks[@]}"; do
  [[ " ${all_checks[*]} " == *" $check "* ]] || die "no such check: $check (there are: ${all_checks[*]})"
done

scripts/install-packages.sh build check
mkdir -p "$logs"
failed=()
for check in "${checks[@]}"; do run_check "$check"; done
((${#failed[@]} == 0)) || die "failed: ${failed[*]}"
say "All ${#checks[@]} checks passed."
