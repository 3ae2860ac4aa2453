#!/usr/bin/env bash
# Tests check-includes.sh on a small tree: it must find what is planted there, and nothing else.
set -euo pipefail
check=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/check-includes.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# file PATH LINE...
file() {
  local path=$tree/$1
  shift
  mkdir -p "$(dirname "$path")"
  printf '%s\n' "$@" >"$path"
}

# expect STATUS TEXT: that exit code, and TEXT in what is printed.
expect() {
  local status=0 output
  output=$("$check" "$tree") || status=$?
  if [[ $status != "$1" || $output != *"$2"* ]]; then
    printf 'FAILED, expected exit code %s and "%s", got %s and:\n%s\n' "$1" "$2" "$status" "$output"
    exit 1
  fi
}

file src/base/a.h '// Words.' '#pragma once' '#include <string>' '#include <sys/stat.h>' '#include <openssl/evp.h>'
file src/store/b.cc '#include "base/a.h"' '#include <linux/fs.h>'
file src/engine/rocksdb/c.h '// Engine.' '#pragma once' '#include <rocksdb/db.h>' '#include "store/d.h"'
file src/store/d.h '// Contract.' '#pragma once'
file mount/e.h '// Mount.' '#pragma once' '#include <fuse_lowlevel.h>' '#include "engine/rocksdb/c.h"' '#include "mount/f.h"'
file mount/f.h '// Mount.' '#pragma once'
expect 0 '6 files, 0 violations'

planted() {
  local path=$1 line=$2 message=$3
  file "$path" '// Planted.' '#pragma once' "$line"
  expect 1 "$message"
  rm "$tree/$path"
}
planted src/base/x.h '#include "store/d.h"' 'src/base/x.h:3: base may not include store'
planted src/engine/memory/x.h '#include "engine/rocksdb/c.h"' 'engine/memory may not include engine/rocksdb'
planted src/catalog/x.h '  #  include <rocksdb/db.h>' 'catalog may not include <rocksdb/db.h>'
planted src/vfs/x.h '#include <fuse_lowlevel.h>' 'vfs may not include <fuse_lowlevel.h>'
planted src/vfs/x.h '#include "mount/f.h"' 'vfs may not include mount'
planted src/base/x.h '#include <boost/any.hpp>' 'not in the table'
planted src/base/x.h '#include "a.h"' 'write the path from src/'
planted src/base/x.h '#include "base/none.h"' 'no such file'
planted src/layout/native/x.h '#include "layout/modelstore/y.h"' 'no such file'
planted src/other/x.h '' "the room 'other' is not in the table"

# A header that needs another, whose .cc needs the first.
file src/base/one.h '// One.' '#pragma once' '#include "base/two.h"'
file src/base/two.h '// Two.' '#pragma once'
expect 0 '8 files, 0 violations'
file src/base/two.cc '#include "base/two.h"' '#include "base/one.h"'
expect 1 'in a circle: base/'
rm "$tree/src/base/one.h" "$tree/src/base/two.h" "$tree/src/base/two.cc"

file src/base/x.h '#include <string>'
expect 1 'begin with a comment'
expect 1 'no #pragma once'
file src/base/x.h '// Long.' '#pragma once' 'void f() {' "$(yes '  g();' | head -n 70)" '}'
expect 0 'src/base/x.h:3: function of 72 lines'
printf 'ok\n'
