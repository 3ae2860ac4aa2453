#!/usr/bin/env bash
# Installs the Debian packages that are missing: scripts/install-packages.sh GROUP...
# Groups: build (to compile), demo (the quickstart's real program and model), test (programs the tests run), remote (a
# real S3 server for tests), check (static checks), bench (programs that a benchmark is beside). Asks nothing, and is quick
# when nothing is missing.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

declare -A groups=(
  [build]="g++ cmake ninja-build pkg-config ccache libfuse3-dev fuse3 librocksdb-dev nlohmann-json3-dev libtomlplusplus-dev libgtest-dev
           libspdlog-dev libcli11-dev libyaml-cpp-dev libssl-dev zlib1g-dev
           libarchive-dev libzstd-dev libcurl4-openssl-dev libpugixml-dev"
  # tesseract-ocr brings text2image, which draws the picture; it needs a font.
  [demo]="tesseract-ocr tesseract-ocr-eng fonts-dejavu-core"
  [test]="rsync git sqlite3 attr strace acl tar python3 e2fsprogs util-linux
          libarchive-tools zip unzip zstd python3-venv"
  [remote]="ceph-mon ceph-osd ceph-common radosgw openssl"
  [bench]="archivemount bindfs fuse-zip mergerfs rclone squashfuse squashfs-tools zip python3-venv"
  [check]="clang-14 clang-tidy-14 clang-format-14 libclang-rt-14-dev"
)

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    return 127
  fi
}

can_become_root() { ((EUID == 0)) || command -v sudo >/dev/null; }

# The packages among the arguments that are not installed, one a line.
missing_of() {
  local installed
  # dpkg-query fails when it does not know one of the names; it still lists the others.
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true)
  printf '%s\n' "$@" | grep -vxF -e "$installed" || true
}

install() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
  say "Installing: $*"
  quietly "$log" as_root "${apt[@]}" update &&
    quietly "$log" as_root "${apt[@]}" install -y --no-install-recommends "$@"
}

# A booted machine's udev opens /dev/fuse to every user when fuse3 is installed; a container has no udev.
open_fuse_to_users() {
  [[ -c /dev/fuse ]] || return 0
  local mode
  mode=$(stat -c %a /dev/fuse)
  [[ $mode == *6 || $EUID -ne 0 ]] && return 0
  say "Opening /dev/fuse to users (mode $mode -> 666), as the fuse3 package's udev rule does."
  chmod 0666 /dev/fuse || complain "could not change the mode of /dev/fuse; only root will be able to mount"
}

(($# > 0)) || die "name at least one group: ${!groups[*]}"
wanted=()
for group in "$@"; do
  [[ -v groups[$group] ]] || die "no such group: $group (there are: ${!groups[*]})"
  read -ra packages -d '' <<<"${groups[$group]}" || true
  wanted+=("${packages[@]}")
done

command -v dpkg-query >/dev/null || die "this is no Debian system; install the counterparts of: ${wanted[*]}"
mapfile -t missing < <(missing_of "${wanted[@]}")
if ((${#missing[@]} > 0)); then
  can_become_root || die "missing packages, and neither root nor sudo here to install them; as root, run:
  apt-get install --no-install-recommends ${missing[*]}"
  log=$(mktemp "${TMPDIR:-/tmp}/modelfs-packages.XXXXXX.log")
  install "${missing[@]}"
  rm -f "$log"
fi
[[ " $* " != *" build "* ]] || open_fuse_to_users
