#!/usr/bin/env bash
# Checks every #include against the table of rooms below: scripts/check-includes.sh [ROOT]
# A room includes only rooms and libraries that its row names, so nothing includes upward. Also: headers say what they are
# for in their first line and have #pragma once. Long files and functions are listed, and are no failure.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"

lines_of_file_max=400
lines_of_function_max=60

# What each room may include of ours; itself always. src/README.md explains it. A new room needs a row.
declare -A rooms=(
  [base]=""
  [os]="base"
  [store]="base os"
  [engine]="base os store"  # what engines share
  [engine/memory]="base os store engine"
  [engine/rocksdb]="base os store engine"
  [engine/s3]="base os store engine"
  [engine/shared_dir]="base os store engine"
  [formats]="base"
  [archive]="base"
  [catalog]="base os store"
  [replica]="base os store catalog"
  [content]="base os store catalog archive"
  [drafts]="base os store catalog archive content"
  [layout]="base store formats archive catalog layout/native layout/modelstore"
  [layout/native]="base store formats archive catalog layout"
  [layout/modelstore]="base store formats archive catalog layout"
  [registry]="base os store formats archive catalog content drafts"
  [ingest]="base os store formats archive catalog content drafts layout registry"
  [control]="base os store formats archive catalog content drafts registry ingest"
  [vfs]="base os store formats archive catalog content drafts layout registry ingest"
  [cli]="base os store formats archive catalog content registry ingest control replica engine/rocksdb engine/s3 engine/shared_dir"
  [mount]="base os store engine/memory engine/rocksdb replica formats archive catalog content drafts layout registry ingest vfs control cli"
)

# Which rooms may include the headers of a library, by how their names begin.
declare -A libraries=(
  [openssl/]="base"
  [zlib.h]="base archive"
  [zconf.h]="base"
  [spdlog/]="base"
  [archive.h]="archive"
  [archive_entry.h]="archive"
  [zstd.h]="archive"
  [rocksdb/]="engine/rocksdb"
  [nlohmann/]="engine/s3 formats registry vfs control cli mount"
  [curl/]="engine/s3"
  [pugixml.hpp]="engine/s3"
  [toml++/]="formats"
  [CLI/]="cli"
  [yaml-cpp/]="formats"
  [fuse]="mount"
  [linux/fuse]="mount"
)
system_folders=" sys linux net netinet arpa bits asm ext "

failures=0
fail() {
  say "$1"
  failures=$((failures + 1))
}
say() { printf '%s\n' "$*"; }

sources() { find src mount -type f \( -name '*.h' -o -name '*.cc' \) 2>/dev/null | sort; }

# The room of a path as #include spells it: "engine/rocksdb" of engine/rocksdb/x.h, "archive" of archive/read/x.h.
# Engines and layouts are rooms of their own: none includes another.
room_of() {
  local folder=${1%/*}
  case $folder in
    engine/* | layout/*) say "${folder%%/*}/$(cut -d/ -f2 <<<"$folder")" ;;
    *) say "${folder%%/*}" ;;
  esac
}

check_ours() {
  local where=$1 room=$2 header=$3
  [[ $header == */* ]] || { fail "$where: \"$header\": write the path from src/, as in \"base/status.h\"" && return; }
  [[ -f src/$header || ($header == mount/* && -f $header) ]] || { fail "$where: \"$header\": no such file" && return; }
  local other
  other=$(room_of "$header")
  [[ $other == "$room" || " ${rooms[$room]} " == *" $other "* ]] ||
    fail "$where: $room may not include $other (\"$header\"); it may: ${rooms[$room]:-nothing of ours}"
}

check_library() {
  local where=$1 room=$2 header=$3 prefix
  for prefix in "${!libraries[@]}"; do
    [[ $header == "$prefix"* ]] || continue
    [[ " ${libraries[$prefix]} " == *" $room "* ]] ||
      fail "$where: $room may not include <$header>; only these rooms may: ${libraries[$prefix]}"
    return 0
  done
  [[ $header != */* || $system_folders == *" ${header%%/*} "* ]] || fail "$where: <$header>: this library is not in the table"
}

check_includes() {
  local file=$1 room=$2 number line
  while IFS=: read -r number line; do
    if [[ $line =~ ^[[:space:]]*#[[:space:]]*include[[:space:]]*\"([^\"]+)\" ]]; then
      check_ours "$file:$number" "$room" "${BASH_REMATCH[1]}"
    elif [[ $line =~ ^[[:space:]]*#[[:space:]]*include[[:space:]]*\<([^\>]+)\> ]]; then
      check_library "$file:$number" "$room" "${BASH_REMATCH[1]}"
    fi
  done < <(grep -nE '^[[:space:]]*#[[:space:]]*include' "$file")
}

check_header() {
  local file=$1 first
  IFS= read -r first <"$file" || true
  [[ $first == //* || $first == '/*'* ]] || fail "$file:1: begin with a comment that says what the file is for"
  grep -q '^#pragma once$' "$file" || fail "$file: no #pragma once"
}

# Functions at column 0, as clang-format lays them out: from the last line that begins there to the closing brace.
list_what_is_long() {
  # Expanded by awk, not by the shell.
  # shellcheck disable=SC2016
  awk -v file_max="$lines_of_file_max" -v function_max="$lines_of_function_max" '
    function end_of_file() { if (lines > file_max) printf "long: %s: %d lines (aim: %d)\n", name, lines, file_max }
    FNR == 1 { end_of_file(); name = FILENAME; start = 0 }
    { lines = FNR }
    /^[A-Za-z_]/ { start = FNR; head = $0 }
    /^}$/ && start && FNR - start + 1 > function_max {
      printf "long: %s:%d: function of %d lines (aim: %d): %.60s\n", name, start, FNR - start + 1, function_max, head
    }
    END { end_of_file() }' "$@"
}

# A circle of includes, also one that goes through a header and its own .cc: what is in it can only be read as a whole.
# tsort prints each circle that it meets.
check_circles() {
  local file stem circle
  circle=$(
    for file in "$@"; do
      stem=${file#src/}
      stem=${stem%.*}
      grep -oE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]+\.h"' "$file" | sed -E 's/.*"(.*)\.h"/\1/' |
        while IFS= read -r other; do [[ $other == "$stem" ]] || say "$stem $other"; done
    done | tsort 2>&1 >/dev/null | sed -n 's/^tsort: \([^:]*\)$/\1/p' | tr '\n' ' '
  ) || true
  [[ -z $circle ]] || fail "these include each other in a circle: $circle"
}

files=()
while IFS= read -r file; do
  files+=("$file")
  room=$(room_of "${file#src/}")
  if [[ ! -v rooms[$room] ]]; then
    fail "$file: the room '$room' is not in the table of scripts/check-includes.sh"
    continue
  fi
  check_includes "$file" "$room"
  [[ $file != *.h ]] || check_header "$file"
done < <(sources)
((${#files[@]} == 0)) || list_what_is_long "${files[@]}"
((${#files[@]} == 0)) || check_circles "${files[@]}"
say "${#files[@]} files, $failures violations"
((failures == 0))
