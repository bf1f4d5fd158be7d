#!/usr/bin/env bash
# Measures everything side by side: the language alone, then the whole edge and the query cache in front of a real Prometheus.
# usage: bench/run.sh [--rounds N] [--seconds N] [--queries N] [--refreshes N]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The comparison with the label proxy is optional: without it its rows are left out, and the run says so.
proxy=.cache/bin/prom-label-proxy
if [[ ! -x "$proxy" || tools/label-proxy/go.mod -nt "$proxy" ]]; then
  mkdir -p "$(dirname "$proxy")"
  echo "building prom-label-proxy (once)"
  if ! go build -C tools/label-proxy -trimpath -o "$PWD/$proxy.new" github.com/prometheus-community/prom-label-proxy; then
    echo "note: prom-label-proxy could not be built, the run goes on without it" >&2
  else
    mv "$proxy.new" "$proxy"
  fi
fi

cargo bench --locked --bench promql --bench rewrite
cargo bench --locked --bench edge -- "$@"
cargo bench --locked --bench cache -- "$@"
cargo bench --locked --bench dashboards -- "$@"
cargo bench --locked --bench stream
