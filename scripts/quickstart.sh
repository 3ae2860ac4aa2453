#!/usr/bin/env bash
# From a bare Debian 12 to a model served through a mount: scripts/quickstart.sh [DIRECTORY]
# Installs packages, builds, mounts a new store in DIRECTORY (default: ~/modelfs-quickstart), publishes a real model twice
# and lets a real program use it by path. Leaves the mount running; run again, it goes on where it stands.
set -euo pipefail
callers_directory=$PWD
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

step="prepare a directory"
mounted_here=no

say_step() {
  step=$1
  printf '\n== %s\n' "$step"
}

# Shows a command as a person would type it, then runs it.
show() {
  printf '$ %s\n' "$*"
  "$@"
}

# Makes the directory in which everything of this script lies, and prints its absolute path.
make_directory() {
  local directory=${1:-}
  if [[ -z $directory && -n ${HOME:-} && -w ${HOME:-} ]]; then directory=$HOME/modelfs-quickstart; fi
  [[ -n $directory ]] || directory=${TMPDIR:-/tmp}/modelfs-quickstart-$EUID
  [[ $directory == /* ]] || directory=$callers_directory/$directory
  mkdir -p "$directory/work" && (cd "$directory" && pwd -P)
}

# Why not mountpoint(1): it says no where a killed daemon left a mount that answers nothing.
is_mounted() {
  local mount_point=$directory/mnt
  grep -qF " ${mount_point// /\\040} " /proc/self/mountinfo
}

# On failure: says what failed and takes down what this run has mounted.
finish() {
  local status=$?
  trap - EXIT
  ((status != 0)) || return 0
  printf '\n' >&2
  complain "failed at: $step (exit code $status)"
  if [[ $mounted_here == yes ]]; then modelfs umount "$directory/mnt" >&2 || complain "$directory/mnt is still mounted"; fi
  exit "$status"
}

install_and_build() {
  scripts/install-packages.sh build demo
  fuse_usable || die "cannot open /dev/fuse as $(id -un), so nothing can be mounted here.
  On a machine:    modprobe fuse   (as root)
  In a container:  docker run --device /dev/fuse --cap-add SYS_ADMIN --security-opt apparmor=unconfined ..."
  build_preset release --target modelfs
  PATH=$repository/build/release:$PATH
}

mount_store() {
  if is_mounted && ! ls mnt >/dev/null 2>&1; then show modelfs umount mnt; fi
  if is_mounted; then
    say "$directory/mnt is mounted already."
    return
  fi
  mkdir -p mnt
  show modelfs mount store mnt
  mounted_here=yes
}

# A small, worn picture, so that a dictionary has something to decide.
draw_picture() {
  local fonts
  fonts=$(dirname "$(dpkg -L fonts-dejavu-core | grep '/DejaVuSerif\.ttf$')")
  mkdir -p work/fonts
  printf '%s\n' 'Whoever writes publishes a model' 'whoever reads with pread or mmap is served' 'this is modelfs' | tee work/text
  quietly "$directory/work/picture.log" text2image --text=work/text --outputbase=work/picture --font='DejaVu Serif' \
    --fonts_dir="$fonts" --fontconfig_tmpdir=work/fonts --xsize=700 --ysize=200 --ptsize=12 --resolution=80 --margin=20 \
    --degrade_image=true
}

# The model that Debian ships for tesseract: a neural network (LSTM) with its alphabet and dictionaries in one file.
take_debians_model() {
  mkdir -p work/1.0.0
  show cp "$(dpkg -L tesseract-ocr-eng | grep '/eng\.traineddata$')" work/1.0.0/
}

# The same network with one more word in its dictionary.
teach_a_word() {
  local parts=work/parts log=$directory/work/teach.log
  rm -rf "$parts" work/1.1.0 && mkdir -p "$parts" work/1.1.0
  {
    cp work/1.0.0/eng.traineddata work/1.1.0/ &&
      combine_tessdata -u work/1.0.0/eng.traineddata "$parts/eng." &&
      dawg2wordlist "$parts/eng.lstm-unicharset" "$parts/eng.lstm-word-dawg" "$parts/words" &&
      say modelfs >>"$parts/words" &&
      wordlist2dawg "$parts/words" "$parts/eng.lstm-word-dawg" "$parts/eng.lstm-unicharset" &&
      printf 'quickstart 1.1.0' >"$parts/eng.version" &&
      combine_tessdata -o work/1.1.0/eng.traineddata "$parts/eng.lstm-word-dawg" "$parts/eng.version"
  } >"$log" 2>&1 || die "could not rebuild the model; see $log"
  say "Added the word 'modelfs' to the model's dictionary: work/1.1.0/eng.traineddata"
}

# publish VERSION: copies work/VERSION as a draft and renames it into place, which commits it.
publish() {
  if [[ -d mnt/ocr/$1 ]]; then
    say "ocr/$1 is published already."
    return
  fi
  rm -rf "mnt/ocr/.stage/$1"
  show mkdir -p mnt/ocr/.stage
  show cp -r "work/$1" "mnt/ocr/.stage/$1"
  show mv "mnt/ocr/.stage/$1" "mnt/ocr/$1"
}

# What a user of the model does: it names no version.
read_picture() {
  local command=(tesseract work/picture.tif - --tessdata-dir mnt/ocr/latest -l eng) word
  say "\$ ${command[*]}"
  "${command[@]}" >work/read 2>work/tesseract.log || die "tesseract failed: $(cat work/tesseract.log)"
  grep -v '^[[:space:]]*$' work/read || true
  for word in writes publishes model reads served; do
    grep -qw "$word" work/read || die "tesseract did not read the word '$word' in $directory/work/picture.tif"
  done
}

show_latest() {
  show readlink mnt/ocr/latest
  show sha256sum mnt/ocr/latest/eng.traineddata
}

# expect_latest VERSION: that is what the mount serves, byte for byte.
expect_latest() {
  show_latest
  [[ $(readlink mnt/ocr/latest) == "$1" ]] || die "mnt/ocr/latest should be $1 now"
  cmp "work/$1/eng.traineddata" mnt/ocr/latest/eng.traineddata || die "the bytes read are not the bytes published"
}

demonstrate() {
  say_step "Publish the model Debian ships, as ocr/1.0.0"
  take_debians_model
  publish 1.0.0
  say_step "Use it by path, through latest"
  read_picture
  expect_latest 1.0.0
  say_step "Publish a better one, as ocr/1.1.0"
  teach_a_word
  publish 1.1.0
  say_step "The same command again: latest has moved"
  read_picture
  expect_latest 1.1.0
  if grep -qw modelfs work/read; then say "Now it reads 'modelfs': the dictionary of 1.1.0 knows the word."; fi
}

demonstrate_again() {
  say_step "Both versions are published already: use the latest"
  read_picture
  show_latest
}

look_around() {
  say_step "Look around"
  show ls -l mnt/ocr
  show cat mnt/ocr/latest.json
  printf '\n'
  show modelfs log mnt/ocr
}

say_how_to_go_on() {
  local here program_folder
  here=$(printf %q "$directory") program_folder=$(printf %q "$repository/build/release")
  cat <<END

== It works, and stays mounted at $directory/mnt

Go on:
  export PATH=$program_folder:\$PATH
  cd $here/mnt
  ls -l ocr/1.0.0 ocr/1.1.0                     # releases are directories ...
  touch ocr/1.0.0/x                             # ... that nobody can change
  ln -sfn 1.0.0 ocr/prod && readlink ocr/prod   # a label: a name that you move
  modelfs put ../work/1.1.0 ocr/1.2.0           # publish in one command
  modelfs verify ocr/latest                     # read it all back, check every digest
  modelfs status . ; cat .modelfs/events        # what is there, what happened

Stop:    modelfs umount $here/mnt   (from outside of it)
Start:   modelfs mount $here/store $here/mnt
Remove:  stop, then rm -r $here
END
}

main() {
  [[ $# -le 1 && ${1:-} != -* ]] || die "usage: scripts/quickstart.sh [DIRECTORY]"
  trap finish EXIT
  trap 'exit 130' INT TERM
  directory=$(make_directory "${1:-}")

  say_step "Install packages and build (takes minutes the first time)"
  install_and_build
  say_step "Mount a store (everything is in $directory)"
  cd "$directory"
  mount_store
  say_step "Draw a picture of text"
  draw_picture
  if [[ -d mnt/ocr/1.1.0 ]]; then demonstrate_again; else demonstrate; fi
  look_around
  say_how_to_go_on
}

main "$@"
