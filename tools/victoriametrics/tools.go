//go:build tools

// Package tools pins the single-node VictoriaMetrics that tests run.
package tools

import _ "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics"
