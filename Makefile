# orka's chores. `make help` lists them; CONTRIBUTING.md says when to use which.
# Nothing here is needed to build or to test: `go run . --demo` and `go test ./...` do.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules

GO ?= go
# Tools are pinned in tools.mod, apart from what the product requires. They are built as the product is, without cgo.
TOOL := CGO_ENABLED=0 $(GO) tool -modfile=tools.mod

PKG ?= ./...
BENCH ?= .
BENCHTIME ?= 1s
COUNT ?= 1
FUZZTIME ?= 30s
DEMO ?= 2000
CASES ?= 10000
SEED ?= 0
DURATION ?= 1h
OUT ?= bin/soak
SEEDS ?= 2000

# Folders (as package patterns) that hold a test file with a line that matches $(1).
folders = grep -rlE --include='*_test.go' --exclude-dir=testdata '$(1)' . | sed 's,/[^/]*$$,,' | sort -u

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: ## the static binary, as bin/orka
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/orka .

.PHONY: demo
demo: ## the terminal on a simulated cluster of DEMO=2000 objects
	$(GO) run . --demo=$(DEMO)

.PHONY: test
test: ## every test that needs nothing but Go (PKG=./watch/... for some)
	$(GO) test $(PKG)

.PHONY: race
race: ## the same tests with the race detector and with every invariant checked (needs a C compiler)
	@cc=$$($(GO) env CC); \
	if ! command -v "$${cc%% *}" >/dev/null; then \
	  echo "race: the race detector needs a C compiler and there is no $${cc%% *} (Debian: apt-get install gcc libc6-dev)" >&2; \
	  if [ -n "$${CI:-}" ]; then exit 1; fi; \
	  echo "race: skipped" >&2; exit 0; \
	fi; \
	( set -x; ORKA_CHECK=1 CGO_ENABLED=1 $(GO) test -race $(PKG) )

.PHONY: check
check: fmt-check vet deps tidy lint race ## what CI asks of a change: format, vet, import rules, go.mod, lint, race

.PHONY: fmt
fmt: ## format the Go files
	$(TOOL) golangci-lint fmt

.PHONY: fmt-check
fmt-check:
	@bad=$$(find . -name '*.go' -not -path './.*' -print0 | xargs -0 gofmt -l); \
	if [ -n "$$bad" ]; then printf 'not formatted (make fmt):\n%s\n' "$$bad" >&2; exit 1; fi

.PHONY: vet
vet:
	$(GO) vet -tags integration ./...

.PHONY: deps
deps: ## the import rules of ARCHITECTURE.md
	$(GO) test -count=1 -run '^TestDeps' .

.PHONY: tidy
tidy:
	$(GO) mod tidy -diff

.PHONY: lint
lint: ## golangci-lint (PKG=./watch/... for some)
	$(TOOL) golangci-lint run $(PKG)

# Each is a build and a test: some minutes in all. RUN=regexp chooses by name.
.PHONY: mutants
mutants: ## break the code in every way of testdata/mutants and see a test fail (RUN=regexp for some)
	$(GO) run -C testdata/mutants . -root '$(CURDIR)' -run '$(RUN)'

.PHONY: deadcode
deadcode: ## functions that neither the program nor a test reaches
	$(TOOL) deadcode -test -tags integration ./...

.PHONY: cluster-build
cluster-build:
	testdata/controlplane/build.sh

.PHONY: cluster-up
cluster-up: cluster-build ## a real control plane (etcd, kube-apiserver) on loopback; prints its kubeconfig
	testdata/controlplane/up.sh

.PHONY: cluster-down
cluster-down: ## stop it
	testdata/controlplane/down.sh

# Runs a command with a control plane of its own, which is stopped when it ends, and kubectl on the PATH.
define with-cluster
testdata/controlplane/build.sh; \
export ORKA_E2E_HOME=$$(mktemp -d "$${TMPDIR:-/tmp}/orka-e2e.XXXXXX"); \
trap 'testdata/controlplane/down.sh; rm -rf "$$ORKA_E2E_HOME"' EXIT; \
testdata/controlplane/up.sh; \
export ORKA_E2E_KUBECONFIG=$$ORKA_E2E_HOME/admin.kubeconfig ORKA_E2E_KUBECTL=$$ORKA_E2E_HOME/kubectl PATH=$$ORKA_E2E_HOME:$$PATH
endef

# With ORKA_E2E_KUBECONFIG set, the tests run against that cluster and nothing is started or stopped. One package at a
# time, because some tests stop the API server.
.PHONY: integration
integration: ## tests against a real control plane: ORKA_E2E_KUBECONFIG's, or one of their own (RUN=regexp for some)
	@pkgs=$$($(call folders,^//go:build (.*[^a-z])?integration)) || { echo "integration: no test file is tagged integration" >&2; exit 1; }; \
	if [ -z "$${ORKA_E2E_KUBECONFIG:-}" ]; then $(with-cluster); fi; \
	( set -x; $(GO) test -count=1 -p 1 -timeout 30m -tags integration -run '$(RUN)' $$pkgs )

# Beside the figures that it prints: OUT/samples.csv, OUT/events.log (the faults) and OUT/orka.log.
.PHONY: soak
soak: ## 200 changes a second and a fault every 30 s against a real control plane for DURATION=1h (SEED=n OUT=bin/soak)
	@mkdir -p '$(OUT)'; $(with-cluster); \
	( set -x; $(GO) test ./engine -count=1 -timeout 0 -v -tags integration -run '^TestSoak$$' -soak.duration=$(DURATION) -soak.seed=$(SEED) -soak.out='$(abspath $(OUT))' )

.PHONY: golden
golden: ## write the golden files anew; read their diff before committing it
	@pkgs=$$($(call folders,flag.Bool."update")) || { echo "golden: no test has an -update flag" >&2; exit 1; }; \
	( set -x; $(GO) test -count=1 $$pkgs -update )

# A failing case prints its seed; SEED=n runs that one again.
.PHONY: property
property: ## random edits against random other writers, CASES=10000 of them (SEED=n for one)
	$(GO) test ./apply -count=1 -timeout 60m -v -run '^TestPropertyApply$$' -apply.cases=$(CASES) -apply.seed=$(SEED)

# Virtual time: half an hour of faults takes a quarter of a second. A failing seed prints itself and what was done.
.PHONY: sim
sim: ## random faults against the watch loop, SEEDS=2000 schedules of them from SEED on (SEEDS=0 SEED=n for one)
	$(GO) test ./watch -count=1 -timeout 60m -parallel 2 -run '^(TestRandomFaults|TestAgreesWithReflector)$$' -watch.seeds=$(SEEDS) -watch.seed=$(SEED)

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME=30s
	@targets=$$(grep -rnoE --include='*_test.go' --exclude-dir=testdata '^func Fuzz[A-Za-z0-9_]*' . | sed -E 's,/[^/]*:[0-9]+:func , ,' | sort -u) || { echo "fuzz: there are no fuzz targets" >&2; exit 1; }; \
	while read -r dir name; do \
	  echo "== $$name in $$dir"; \
	  $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 50x "$$dir" </dev/null; \
	done <<<"$$targets"

# One row a benchmark, one column a unit. The raw output stays in bin/bench.txt, in the form that
# `go tool -modfile=tools.mod benchstat old.txt bin/bench.txt` compares.
.PHONY: bench
bench: ## every benchmark as one table (BENCH=regexp BENCHTIME=1s COUNT=1)
	@mkdir -p bin; \
	pkgs=$$($(call folders,^func Benchmark)) || { echo "bench: there are no benchmarks" >&2; exit 1; }; \
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime $(BENCHTIME) -count $(COUNT) -p 1 -timeout 60m $$pkgs >bin/bench.txt || { cat bin/bench.txt >&2; exit 1; }; \
	grep -E '^(goos|goarch|cpu):' bin/bench.txt | sort -u; \
	awk ' \
	  /^pkg:/ { pkg = $$2 } \
	  /^Benchmark/ { \
	    row[++n] = pkg "." $$1; if (length(row[n]) > w) w = length(row[n]); \
	    for (i = 3; i < NF; i += 2) { if (!($$(i+1) in col)) { unit[++m] = $$(i+1); col[$$(i+1)] = m } cell[n, $$(i+1)] = $$i } \
	  } \
	  END { \
	    printf "%-" w "s", "benchmark"; for (j = 1; j <= m; j++) printf " %14s", unit[j]; print ""; \
	    for (i = 1; i <= n; i++) { printf "%-" w "s", row[i]; for (j = 1; j <= m; j++) printf " %14s", cell[i, unit[j]]; print "" } \
	  }' bin/bench.txt

.PHONY: clean
clean: ## remove what make built
	rm -rf bin
