# The commands that people type. `make` alone lists them.
# Everything that is installed or built beside target/ goes to .cache/, which git ignores.
.PHONY: help setup demo demo-start demo-stop demo-status clean-demo test test-fast check bench loadtest
.DEFAULT_GOAL := help

CARGO := cargo
# promtool, prometheus and k6 are built there; tests find them by this path too.
BIN := .cache/bin

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what is missing: Debian packages, Prometheus, VictoriaMetrics, k6, npm and Python packages
	@scripts/setup.sh

demo: ## Start everything with a day of data, print how to sign in; Ctrl-C stops it
	@scripts/setup.sh packages prometheus
	@scripts/demo.sh run

demo-start: ## The same in the background
	@scripts/setup.sh packages prometheus
	@scripts/demo.sh start

demo-stop: ## Stop the demo
	@scripts/demo.sh stop

demo-status: ## Say which parts of the demo run
	@scripts/demo.sh status

clean-demo: ## Stop the demo and remove its data
	@scripts/demo.sh clean

test: ## Install what is missing and run every test
	@scripts/setup.sh packages prometheus victoriametrics percli issuer schemathesis
	$(CARGO) test --locked --tests --examples
	$(CARGO) test --locked --doc

test-fast: ## Unit tests and the architecture only: a minute or two
	$(CARGO) test --locked --lib
	@if [ -e tests/architecture.rs ] || [ -d tests/architecture ]; then $(CARGO) test --locked --test architecture; fi

check: ## Format, lints, documentation, rules, configuration, shell scripts
	@scripts/setup.sh packages prometheus
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps
	$(BIN)/promtool check rules config/demo/rules/*.yml
	$(BIN)/promtool check config config/demo/prometheus.yml
	shellcheck -x scripts/*.sh .ci/run
	@if [ -d bench ]; then find bench -name '*.sh' -exec shellcheck -x {} +; fi

bench: ## Side-by-side benchmarks; their README says how to read them
	@scripts/setup.sh packages bench-packages prometheus
	@if [ -x bench/run.sh ]; then bench/run.sh; else $(CARGO) bench --locked; fi

loadtest: ## Load on the demo for half a minute: every tenant sees its own namespaces only
	@scripts/setup.sh packages prometheus k6
	@scripts/loadtest.sh
