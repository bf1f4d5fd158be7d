//go:build tools

// Package tools pins the label proxy that the benchmarks compare with.
package tools

import _ "github.com/prometheus-community/prom-label-proxy"
