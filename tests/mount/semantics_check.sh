#!/bin/sh
# Every promise in mount/SEMANTICS.md has a test, and every test of the real mount is a promise there.
# Usage: semantics_check.sh [DOCUMENT [TESTS...]]
set -eu
cd "$(dirname "$0")/../.."
document=${1:-mount/SEMANTICS.md}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- tests/mount/mounted_*_test.cc
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sed -nE 's/^TEST_F\(([A-Za-z0-9]+), ([A-Za-z0-9]+)\).*/\1.\2/p' "$@" | sort >"$work/tests"
# shellcheck disable=SC2016  # the backticks are those of the document
grep -oE '`[A-Z][A-Za-z0-9]*\.[A-Z][A-Za-z0-9]*`' "$document" | tr -d '`' | sort >"$work/named"
failed=0
tell() {
  if [ -s "$work/found" ]; then
    echo "$1"
    sed 's/^/  /' "$work/found"
    failed=1
  fi
}

comm -13 "$work/tests" "$work/named" >"$work/found"
tell "named in $document, and no such test:"
# The table of errors refers to promises without backticks.
grep -E '^\| E' "$document" | grep -oE '[A-Z][A-Za-z0-9]*\.[A-Z][A-Za-z0-9]+' | sort -u | comm -13 "$work/tests" - >"$work/found"
tell "in the table of $document, and no such test:"
comm -23 "$work/tests" "$work/named" | uniq >"$work/found"
tell "tests that $document does not name:"
uniq -d "$work/named" >"$work/found"
tell "named twice in $document:"
# shellcheck disable=SC2016
grep -nE '^- ' "$document" | grep -vE '`[A-Z][A-Za-z0-9]*\.[A-Z][A-Za-z0-9]*`$' >"$work/found" || true
tell "promises in $document without a test:"
[ $failed = 0 ] && echo "$(wc -l <"$work/named") promises, each with its test"
exit $failed
