# shellcheck shell=bash
# What the set-up scripts share: one line per step with its time, quiet output in .build/, a sentence and a mend on failure.
# Sourced, with the working directory at the top of the checkout.

# fail SENTENCE: stop with what is wrong and what helps.
fail() {
  printf '\n%s\n' "$*" >&2
  exit 1
}

# step WHAT NAME MEND COMMAND…: run quietly; on failure show the end of .build/NAME.log and the mend.
step() {
  local what=$1 log=.build/$2.log mend=$3 began=$SECONDS
  shift 3
  mkdir -p .build
  printf '%s … ' "$what"
  if "$@" >"$log" 2>&1 </dev/null; then
    printf '%s s\n' "$((SECONDS - began))"
  else
    local status=$?
    printf 'failed\n\n' >&2
    tail -n 15 "$log" >&2
    fail "$what failed with status $status (all of it: $log). $(explain "$log" "$mend")"
  fi
}

# explain LOG MEND: the mend that fits what a tool said, or the one given.
explain() {
  if grep -qi 'no space left on device' "$1"; then
    echo "The disk is full: free at least 2 GB, then run the same command again."
  elif grep -qiE 'temporary failure resolving|could not resolve|could not connect|cannot initiate the connection|connection (refused|timed out)|network is unreachable|enotfound|eai_again|etimedout|econnrefused|failed to fetch|failed to establish a new connection|dns error' "$1"; then
    echo "A package server cannot be reached: check the network or the mirror this machine is set to use, then run the same command again."
  else
    echo "$2"
  fi
}

# need_space FOLDER: 2 GB are wanted where things are installed.
need_space() {
  local free_kb
  free_kb=$(df -Pk "$1" | awk 'NR == 2 { print $4 }')
  if [ "$free_kb" -lt 2000000 ]; then
    fail "Only $((free_kb / 1000)) MB are free on the disk of $1: free at least 2 GB, then run the same command again."
  fi
}
