#!/usr/bin/env bash
# From a bare Debian 12 to a model served through a mount: scripts/quickstart.sh [DIRECTORY]
# Installs packages, builds, mounts a new store in DIRECTORY (default: ~/modelfs-quickstart), publishes a real model twice
# and lets a real program use it by path. Leaves the mount running; run again, it goes on where it stands.
set -euo pipefail
caller_directory=$PWD
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

say_step() {
  step=$1
  printf '\n== %s\n' "$step"
}

# Shows a command as a person would type it, then runs it.
show() {
  printf '$ %s\n' "$*"
  "$@"
}

# Where everything of this script lies, as an absolute path.
choose_directory() {
  local directory=${1:-}
  if [[ -z $directory && -n ${HOME:-} && -w ${HOME:-} ]]; then directory=$HOME/modelfs-quickstart; fi
  [[ -n $directory ]] || directory=${TMPDIR:-/tmp}/modelfs-quickstart-$EUID
  [[ $directory == /* ]] || directory=$caller_directory/$directory
  mkdir -p "$directory" && (cd "$directory" && pwd -P)
}

# On failure: says what failed and takes down what this run has mounted.
finish() {
  local status=$?
  trap - EXIT
  ((status != 0)) || return 0
  printf '\n' >&2
  complain "failed at: $step (exit code $status)"
  if [[ $mounted_here == yes ]]; then "$modelfs" umount "$mnt" >&2 || complain "$mnt is still mounted"; fi
  exit "$status"
}

# Why not mountpoint(1): it says no where a killed daemon left a mount that answers nothing.
is_mounted() { grep -qF " ${mnt// /\\040} " /proc/self/mountinfo; }

build() {
  scripts/install-packages.sh build demo
  fuse_usable || die "cannot open /dev/fuse as $(id -un), so nothing can be mounted here.
  On a machine:        modprobe fuse   (as root)
  In a container:      docker run --device /dev/fuse --cap-add SYS_ADMIN --security-opt apparmor=unconfined ..."
  build_preset release --target modelfs
}

mount_store() {
  if is_mounted && ! ls "$mnt" >/dev/null 2>&1; then show "$modelfs" umount "$mnt"; fi
  if is_mounted; then
    say "$mnt is mounted already."
    return
  fi
  show "$modelfs" mount "$store" "$mnt"
  mounted_here=yes
}

# publish VERSION FOLDER: copies FOLDER as a draft and renames it into place, which commits it.
publish() {
  local version=$1 folder=$2
  if [[ -d $mnt/ocr/$version ]]; then
    say "ocr/$version is published already."
    return
  fi
  rm -rf "$mnt/ocr/.stage/$version"
  show mkdir -p "$mnt/ocr/.stage"
  show cp -r "$folder" "$mnt/ocr/.stage/$version"
  show mv "$mnt/ocr/.stage/$version" "$mnt/ocr/$version"
}

# The model that Debian ships for tesseract: a neural network (LSTM) with its alphabet and dictionaries in one file.
take_debians_model() {
  local model
  model=$(dpkg -L tesseract-ocr-eng | grep '/eng\.traineddata$')
  mkdir -p "$work/1.0.0"
  show cp "$model" "$work/1.0.0/"
}

# The same network with one more word in its dictionary.
teach_a_word() {
  local parts=$work/parts
  rm -rf "$parts" "$work/1.1.0" && mkdir -p "$parts" "$work/1.1.0"
  {
    cp "$work/1.0.0/eng.traineddata" "$work/1.1.0/" &&
    combine_tessdata -u "$work/1.0.0/eng.traineddata" "$parts/eng." &&
    dawg2wordlist "$parts/eng.lstm-unicharset" "$parts/eng.lstm-word-dawg" "$parts/words" &&
    say modelfs >>"$parts/words" &&
    wordlist2dawg "$parts/words" "$parts/eng.lstm-word-dawg" "$parts/eng.lstm-unicharset" &&
    printf 'quickstart 1.1.0' >"$parts/eng.version" &&
    combine_tessdata -o "$work/1.1.0/eng.traineddata" "$parts/eng.lstm-word-dawg" "$parts/eng.version"
  } >"$work/teach.log" 2>&1 || die "could not rebuild the model; see $work/teach.log"
  say "Added the word 'modelfs' to the dictionary: $work/1.1.0/eng.traineddata"
}

# A small, worn picture, so that the dictionary has something to decide.
draw_picture() {
  local text='Whoever writes publishes a model\nwhoever reads with pread or mmap is served\nthis is modelfs\n'
  mkdir -p "$work/fonts"
  printf '%b' "$text" | tee "$work/text"
  quietly "$work/picture.log" text2image --text="$work/text" --outputbase="$work/picture" --font='DejaVu Serif' \
    --fonts_dir="$(dirname "$(dpkg -L fonts-dejavu-core | grep '/DejaVuSerif\.ttf$')")" --fontconfig_tmpdir="$work/fonts" \
    --xsize=700 --ysize=200 --ptsize=12 --resolution=80 --margin=20 --degrade_image=true
}

# What a user of the model does: it names no version.
read_picture() {
  local command=(tesseract "$work/picture.tif" - --tessdata-dir "$mnt/ocr/latest" -l eng) word
  say "\$ ${command[*]}"
  "${command[@]}" >"$work/read" 2>"$work/tesseract.log" || die "tesseract failed: $(cat "$work/tesseract.log")"
  grep -v '^[[:space:]]*$' "$work/read" || true
  for word in writes publishes model reads served; do
    grep -qw "$word" "$work/read" || die "tesseract did not read the word '$word' in $work/picture.tif"
  done
}

show_latest() {
  show readlink "$mnt/ocr/latest"
  show sha256sum "$mnt/ocr/latest/eng.traineddata"
}

# expect_latest VERSION: that is what the mount serves, byte for byte.
expect_latest() {
  local version=$1
  show_latest
  [[ $(readlink "$mnt/ocr/latest") == "$version" ]] || die "latest should be $version now"
  cmp "$work/$version/eng.traineddata" "$mnt/ocr/latest/eng.traineddata" || die "the bytes read are not the bytes published"
}

demonstrate() {
  say_step "Publish the model Debian ships, as ocr/1.0.0"
  take_debians_model
  publish 1.0.0 "$work/1.0.0"
  say_step "Use it by path, through latest"
  read_picture
  expect_latest 1.0.0
  say_step "Publish a better one, as ocr/1.1.0"
  teach_a_word
  publish 1.1.0 "$work/1.1.0"
  say_step "The same command again: latest has moved"
  read_picture
  expect_latest 1.1.0
  if grep -qw modelfs "$work/read"; then say "Now it reads 'modelfs': the dictionary of 1.1.0 knows the word."; fi
}

demonstrate_again() {
  say_step "Both versions are published already: use the latest"
  read_picture
  show_latest
}

look_around() {
  say_step "Look around"
  show ls -l "$mnt/ocr"
  show cat "$mnt/ocr/latest.json"
  printf '\n'
  show "$modelfs" log "$mnt/ocr"
}

say_how_to_go_on() {
  cat <<END

== It works, and stays mounted at $mnt

Go on:
  export PATH=$(dirname "$modelfs"):\$PATH
  cd $mnt
  ls -l ocr/1.0.0 ocr/1.1.0                # releases are directories, read-only
  touch ocr/1.0.0/x                        # ... really
  ln -sfn 1.0.0 ocr/prod; readlink ocr/prod    # a label: a name you move
  modelfs put $work/1.1.0 ocr/1.2.0        # publish in one command
  modelfs status $mnt; cat .modelfs/events # what is there, what happened
  modelfs verify $mnt/ocr/latest           # read everything back, check every digest

Stop:    $modelfs umount $mnt
Start:   $modelfs mount $store $mnt
Remove:  stop, then rm -r $directory
END
}

main() {
  [[ $# -le 1 && ${1:-} != -* ]] || die "usage: scripts/quickstart.sh [DIRECTORY]"
  step="prepare a directory" mounted_here=no modelfs=$repository/build/release/modelfs
  trap finish EXIT
  trap 'exit 130' INT TERM
  directory=$(choose_directory "${1:-}")
  store=$directory/store mnt=$directory/mnt work=$directory/work
  is_mounted || mkdir -p "$mnt"
  mkdir -p "$work"

  say_step "Install packages and build (minutes, the first time)"
  build
  say_step "Mount a store"
  mount_store
  say_step "Draw a picture of text"
  draw_picture
  if [[ -d $mnt/ocr/1.1.0 ]]; then demonstrate_again; else demonstrate; fi
  look_around
  say_how_to_go_on
}

main "$@"
