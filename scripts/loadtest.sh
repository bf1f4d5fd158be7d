#!/usr/bin/env bash
# Runs the k6 scenario of loadtest/ against the demo, which is started if it does not run, and stopped again then.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

ports="$CACHE/demo/ports"
if ! "$ROOT/scripts/demo.sh" status >/dev/null; then
  trap '"$ROOT/scripts/demo.sh" stop' EXIT
  "$ROOT/scripts/demo.sh" start
fi
# shellcheck source=/dev/null
source "$ports"
step "load on http://127.0.0.1:$HECATE_PORT for half a minute"
"$BIN/k6" run --quiet --no-usage-report --env "HECATE=http://127.0.0.1:$HECATE_PORT" "$ROOT/loadtest/edge.js"
