#!/usr/bin/env bash
# The demo: a Prometheus with a day of history, an exporter that continues it, and Hecate in front.
#
# usage: scripts/demo.sh run      start all, stay in the foreground, Ctrl-C stops all
#        scripts/demo.sh start    start all and come back
#        scripts/demo.sh stop | status | clean
# DEMO_PROFILE=dev builds faster and runs slower. DEMO_HOURS is the length of the history.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

DEMO="$CACHE/demo"
PROFILE="${DEMO_PROFILE:-release}"
HOURS="${DEMO_HOURS:-26}"
STEP_S=15
PARTS=(hecate prometheus exporter)
FOLDER="$PROFILE"
if [[ "$PROFILE" == dev ]]; then FOLDER=debug; fi
HECATE="${CARGO_TARGET_DIR:-$ROOT/target}/$FOLDER/hecate"
EXAMPLE="${CARGO_TARGET_DIR:-$ROOT/target}/$FOLDER/examples/demo_data"

main() {
  mkdir -p "$DEMO/log" "$DEMO/pid"
  case "${1:-run}" in
    run)
      start
      print_card
      stay
      ;;
    start)
      start
      print_card
      ;;
    stop) stop ;;
    status) status ;;
    clean)
      stop
      rm -rf "$DEMO"
      ;;
    *) die "usage: scripts/demo.sh run | start | stop | status | clean" ;;
  esac
}

start() {
  if all_run; then
    # shellcheck source=/dev/null
    source "$DEMO/ports"
    note "the demo is running already; make demo-stop stops it"
    return
  fi
  stop_parts
  trap 'failed_start $?' EXIT
  build
  choose_ports
  make_history
  launch exporter "$EXAMPLE" serve --listen "127.0.0.1:$EXPORTER_PORT" --anchor "$(cat "$DEMO/anchor")"
  answers exporter "http://127.0.0.1:$EXPORTER_PORT/ready" 30
  printf '[{"targets": ["127.0.0.1:%s"]}]\n' "$EXPORTER_PORT" >"$DEMO/targets.json"
  launch prometheus "$BIN/prometheus" --config.file="$ROOT/config/demo/prometheus.yml" --storage.tsdb.path="$DEMO/data" \
    --storage.tsdb.retention.time=30d --web.listen-address="127.0.0.1:$PROMETHEUS_PORT" --log.level=warn
  answers prometheus "http://127.0.0.1:$PROMETHEUS_PORT/-/ready" 60
  HECATE__SERVER__LISTEN="127.0.0.1:$HECATE_PORT" HECATE__SERVER__ADMIN_LISTEN="127.0.0.1:$ADMIN_PORT" \
    HECATE__UPSTREAMS__0__URL="http://127.0.0.1:$PROMETHEUS_PORT" HECATE__DASHBOARDS__DATABASE="sqlite:$DEMO/hecate.db" \
    launch hecate "$HECATE" serve --config "$ROOT/config/demo/hecate.yaml"
  answers hecate "http://127.0.0.1:$ADMIN_PORT/ready" 30
  trap - EXIT
}

# Where a start failed half way, nothing of it is left running.
failed_start() {
  if (($1 != 0)); then stop_parts; fi
}

build() {
  step "building Hecate ($PROFILE; the first time takes some minutes)"
  patiently "$CACHE/log/build-demo.log" cargo build --manifest-path "$ROOT/Cargo.toml" --locked --profile "$PROFILE" --bin hecate --example demo_data
}

# The usual ports, or the next free ones where something else listens.
choose_ports() {
  step "looking for free ports"
  HECATE_PORT="$(free_port 7070)"
  ADMIN_PORT="$(free_port 7071 "$HECATE_PORT")"
  PROMETHEUS_PORT="$(free_port 9390)"
  EXPORTER_PORT="$(free_port 9391 "$PROMETHEUS_PORT")"
  printf '%s=%s\n' HECATE_PORT "$HECATE_PORT" ADMIN_PORT "$ADMIN_PORT" PROMETHEUS_PORT "$PROMETHEUS_PORT" EXPORTER_PORT "$EXPORTER_PORT" >"$DEMO/ports"
  note "Hecate $HECATE_PORT, its metrics $ADMIN_PORT, Prometheus $PROMETHEUS_PORT, exporter $EXPORTER_PORT"
}

# usage: free_port USUAL [NOT_THIS]
free_port() {
  local port="$1"
  while port_taken "$port" || [[ "$port" == "${2:-}" ]]; do
    port=$((port + 1))
    ((port < $1 + 50)) || die "ports $1 to $port are all in use: stop something, or set HECATE__SERVER__LISTEN and start by hand"
  done
  if ((port != $1)) && [[ "$1" != "${2:-}" ]]; then note "port $1 is in use by another program, taking $port" >&2; fi
  printf '%s' "$port"
}

# Blocks of the past, once. Two hours at a time: that is how long a block is, so each sample is read once.
make_history() {
  local now from window=7200
  step "history"
  now=$(($(date +%s) / STEP_S * STEP_S))
  if [[ -d "$DEMO/data" ]] && history_is_fresh; then
    note "there from an earlier start"
    return
  fi
  note "writing $HOURS h, every $STEP_S s"
  rm -rf "$DEMO/data" "$DEMO/data.new" "$DEMO/text"
  mkdir -p "$DEMO/data.new" "$DEMO/text"
  from=$((now - HOURS * 3600))
  export EXAMPLE BIN DEMO STEP_S ANCHOR="$now"
  # The window of now comes last and ends at the moment it is written, so that little is missing until the first scrape.
  patiently "$DEMO/log/history.log" load_windows "$from" $((now / window * window)) "$window"
  patiently "$DEMO/log/history.log" load_window $((now / window * window)) $((($(date +%s) / STEP_S + 1) * STEP_S))
  printf '%s\n' "$now" >"$DEMO/anchor"
  rmdir "$DEMO/text"
  mv "$DEMO/data.new" "$DEMO/data"
}

# usage: load_windows FROM TO LENGTH
load_windows() {
  local from="$1" to
  while ((from < $2)); do
    to=$(((from / $3 + 1) * $3))
    printf '%s %s\n' "$from" "$to"
    from=$to
  done | xargs -P "$(nproc)" -L 1 bash -euc 'load_window "$@"' bash
}

# usage: load_window FROM TO
load_window() {
  local text="$DEMO/text/$1.om"
  "$EXAMPLE" history --from "$1" --to "$2" --anchor "$ANCHOR" --step "${STEP_S}s" --out "$text"
  "$BIN/promtool" tsdb create-blocks-from openmetrics --quiet "$text" "$DEMO/data.new"
  rm "$text"
}
export -f load_window

# A history whose end is long past would leave a hole: it is made anew.
history_is_fresh() {
  local newest
  [[ -f "$DEMO/anchor" ]] || return 1
  newest="$(find "$DEMO/data" "$DEMO/anchor" -maxdepth 2 -type f -printf '%T@\n' | sort -rn | head -n 1)"
  (($(date +%s) - ${newest%.*} < 3600))
}

# Starts one part in the background, in its own session: Ctrl-C reaches this script only. usage: launch NAME COMMAND...
launch() {
  local name="$1"
  shift
  step "starting $name"
  setsid "$@" >"$DEMO/log/$name.log" 2>&1 </dev/null &
  printf '%s %s\n' "$!" "$(born "$!")" >"$DEMO/pid/$name"
}

# Waits until a part answers. usage: answers NAME URL SECONDS
answers() {
  local began=$SECONDS
  until curl -fsS -m 2 -o /dev/null "$2" 2>/dev/null; do
    if ! runs "$1" || ((SECONDS - began > $3)); then
      tail -n 20 "$DEMO/log/$1.log" >&2
      die "$1 does not answer on $2 (its log is .cache/demo/log/$1.log)"
    fi
    sleep 0.2
  done
  note "ready: $2"
}

# Whether a part runs: its process exists and was born when it was started, so the number is not somebody else's by now.
runs() {
  local pid birth
  [[ -f "$DEMO/pid/$1" ]] || return 1
  read -r pid birth <"$DEMO/pid/$1"
  [[ -n "$birth" && "$(born "$pid")" == "$birth" ]]
}

# When a process was started, in ticks since the machine's start; nothing for one that is gone or a zombie.
born() {
  local stat
  stat="$(cat "/proc/$1/stat" 2>/dev/null)" || return 0
  # The name in parentheses may hold blanks: counted from behind it.
  read -ra stat <<<"${stat##*) }"
  if [[ "${stat[0]}" != Z ]]; then printf '%s' "${stat[19]}"; fi
}

all_run() {
  local part
  for part in "${PARTS[@]}"; do
    runs "$part" || return 1
  done
}

stop_parts() {
  local part pid
  for part in "${PARTS[@]}"; do
    if runs "$part"; then
      read -r pid _ <"$DEMO/pid/$part"
      kill "$pid" 2>/dev/null || true
      for _ in {1..100}; do
        runs "$part" || break
        sleep 0.1
      done
      if runs "$part"; then kill -9 "$pid" 2>/dev/null || true; fi
    fi
    rm -f "$DEMO/pid/$part"
  done
}

stop() {
  step "stopping the demo"
  stop_parts
}

status() {
  local part
  for part in "${PARTS[@]}"; do
    if runs "$part"; then note "$part runs"; else note "$part does not run"; fi
  done
  all_run
}

# Until Ctrl-C, or until a part is gone.
stay() {
  local part
  trap 'echo; stop; exit 0' INT TERM
  while true; do
    for part in "${PARTS[@]}"; do
      if ! runs "$part"; then
        # Somebody may have said make demo-stop elsewhere: then the note of the process is gone too.
        [[ -f "$DEMO/pid/$part" ]] || exit 0
        tail -n 20 "$DEMO/log/$part.log" >&2
        stop_parts
        die "$part has ended by itself (its log is .cache/demo/log/$part.log)"
      fi
    done
    sleep 1
  done
}

print_card() {
  local base="http://127.0.0.1:$HECATE_PORT"
  cat <<CARD

  Hecate is at        $base        (any Prometheus client: only the base URL changes)
  its own metrics     http://127.0.0.1:$ADMIN_PORT/metrics
  Prometheus behind   http://127.0.0.1:$PROMETHEUS_PORT        (sees everything: not for tenants)

  who     token         sees
  alice   demo-alice    team-vision
  bob     demo-bob      team-nlp
  carol   demo-carol    team-ranking and team-nlp
  admin   demo-admin    the whole cluster

  Things to try:
  1. The same query, three answers: everybody's GPUs, their own only.
     for who in alice bob admin; do curl -sH "Authorization: Bearer demo-\$who" '$base/api/v1/query' \\
       --data-urlencode 'query=sum by (exported_namespace) (DCGM_FI_DEV_GPU_UTIL{exported_namespace!=""})' | jq -c .data.result; done
  2. What is refused: a namespace of others (403), no token (401), an endpoint that is none of a tenant's business (403).
     curl -sH 'Authorization: Bearer demo-alice' '$base/ns/team-nlp/api/v1/query?query=up' | jq .
     curl -sH 'Authorization: Bearer demo-alice' '$base/api/v1/targets' | jq .
  3. What Prometheus is asked instead, without sending anything:
     $HECATE explain --namespace team-vision 'sum by (model_name) (rate(vllm:request_success_total[5m]))'
  4. Live: the window, and then only what is new.
     curl -sNH 'Authorization: Bearer demo-bob' '$base/api/v1/metrics/stream?query=sum(DCGM_FI_DEV_GPU_UTIL)&step=5s&window=1m'
  5. A dashboard of a served model, a link to it that works without signing in, and all of its panels live.
     curl -sH 'Authorization: Bearer demo-bob' -H 'Content-Type: application/json' '$base/api/v1/projects/team-nlp/dashboards/from-template' \
       -d '{"template": "model_serving", "name": "granite", "variables": {"name": "granite-8b", "model": "granite-3-8b"}}' | jq .metadata
     curl -sH 'Authorization: Bearer demo-bob' -H 'Content-Type: application/json' '$base/api/v1/projects/team-nlp/dashboards/granite/shares' \
       -d '{"expires_in": "1h"}' | jq .
     curl -sNH 'Authorization: Bearer demo-bob' '$base/api/v1/metrics/stream?dashboard=team-nlp/granite&step=15s&window=5m'
  In a browser: sign in with a token at $base/auth/login?return_to=/api/v1/query?query=up; the whole API, to read: $base/api/docs

  make demo-stop stops everything (so does Ctrl-C under make demo), make clean-demo removes its data. Logs: .cache/demo/log/
CARD
}

main "$@"
