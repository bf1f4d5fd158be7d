# shellcheck shell=bash
# What the scripts share: where things are, and how they talk. To be sourced.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
CACHE="$ROOT/.cache"
# shellcheck disable=SC2034 # for those that source this
BIN="$CACHE/bin"
STAMPS="$CACHE/stamps"
STEP=0

# One numbered line for what begins now.
step() {
  STEP=$((STEP + 1))
  printf '[%s] %d. %s\n' "$(date +%H:%M:%S)" "$STEP" "$*"
}

# A remark below the step.
note() {
  printf '           %s\n' "$*"
}

# What was wrong, what would be right, and the end.
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Runs a command that takes its time: its output goes to a log, a sign of life here every ten seconds.
# usage: patiently LOG COMMAND...
patiently() {
  local log="$1" began=$SECONDS child said=0
  shift
  mkdir -p "$(dirname "$log")"
  # A process group of its own, so that an interruption ends also what the command has started.
  set -m
  "$@" >"$log" 2>&1 </dev/null &
  child=$!
  set +m
  # shellcheck disable=SC2064 # the child of now is meant
  trap "kill -- -$child 2>/dev/null; wait $child 2>/dev/null; exit 130" INT TERM
  while kill -0 "$child" 2>/dev/null; do
    sleep 0.5
    if ((SECONDS - began >= said + 10)); then
      said=$((SECONDS - began))
      note "… ${said} s: $(tail -n 1 "$log" | cut -c1-100)"
    fi
  done
  trap - INT TERM
  if ! wait "$child"; then
    tail -n 25 "$log" >&2
    die "failed after $((SECONDS - began)) s: $* (the whole output is in ${log#"$ROOT"/})"
  fi
  note "done in $((SECONDS - began)) s"
}

# One hash of the files and words given: changes when any of them does.
fingerprint() {
  local part
  for part in "$@"; do
    if [[ -f "$part" ]]; then sha256sum <"$part"; else printf '%s\n' "$part"; fi
  done | sha256sum | cut -d' ' -f1
}

# Whether a step was done with this fingerprint. usage: is_done NAME FINGERPRINT
is_done() {
  [[ -f "$STAMPS/$1" && "$(cat "$STAMPS/$1")" == "$2" ]]
}

# Notes that a step is done. usage: mark_done NAME FINGERPRINT
mark_done() {
  mkdir -p "$STAMPS"
  printf '%s\n' "$2" >"$STAMPS/$1.new"
  mv "$STAMPS/$1.new" "$STAMPS/$1"
}

# Whether something listens on a loopback port.
port_taken() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}
