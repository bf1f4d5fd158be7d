//go:build tools

// Package tools pins percli, the command line of Perses, which the tests of dashboards speak to Hecate with.
package tools

import _ "github.com/perses/perses/cmd/percli"
