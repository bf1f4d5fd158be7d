//go:build tools

// Package tools pins k6, which runs the scenarios in loadtest/.
package tools

import _ "go.k6.io/k6"
