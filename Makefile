# The toolchain is fixed, so that any Go since 1.21 fetches and uses the same one.
export GOTOOLCHAIN := go1.27.4

GO       ?= go
ARGS     ?=
FUZZTIME ?= 20s
RACE     ?= ./...
GOFMT     = $(shell GOTOOLCHAIN=$(GOTOOLCHAIN) $(GO) env GOROOT)/bin/gofmt

# Tools are built into bin/ under their version, outside of go.mod: they add nothing to what a user downloads.
GOLANGCI_VERSION    := v2.15.0
GOVULNCHECK_VERSION := v1.9.0
GOLANGCI    := bin/golangci-lint-$(GOLANGCI_VERSION)
GOVULNCHECK := bin/govulncheck-$(GOVULNCHECK_VERSION)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test race integration bench lint imports fmt fuzz vulncheck clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## the main job on the embedded broker; ARGS="--events 100000" ends by itself, KAFKA_BROKERS=host:port uses a cluster
	$(GO) run ./examples/threatwatch $(ARGS)

test: ## vet and all tests that need nothing but Go
	$(GO) vet ./...
	$(GO) test -vet=off ./...

race: ## the same tests under the race detector (needs a C compiler); RACE="./state/..." are some of them
	CGO_ENABLED=1 $(GO) test -vet=off -race $(RACE)

integration: ## the tests on real Kafka in containers; fails where Docker does not answer
	@docker info >/dev/null 2>&1 || { echo 'integration: Docker does not answer ("docker info" failed).' >&2; \
		echo 'These tests run Apache Kafka in a container: start Docker, or use "make test", which needs none.' >&2; exit 1; }
	$(GO) test -tags integration -count=1 -timeout 40m ./integration/...

bench: ## the performance table, on a real broker; ARGS are passed on
	$(GO) run ./bench $(ARGS)

lint: $(GOLANGCI) imports ## gofmt, the import rule and golangci-lint
	@unformatted=$$($(GOFMT) -l .) || exit 1; [ -z "$$unformatted" ] || { echo "not formatted (make fmt):" >&2; echo "$$unformatted" >&2; exit 1; }
	$(GOLANGCI) run ./...

imports: ## which package may import which, and where goroutines, clocks and networks live
	$(GO) test -count=1 ./internal/archtest

fmt: ## format all Go files
	$(GOFMT) -w .

fuzz: ## every fuzz test for FUZZTIME (20s) each
	@grep -rH --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' . | sed 's/:func / /' | sort | while read -r file name; do \
		echo "$$name in $$(dirname "$$file")"; \
		$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" </dev/null || exit 1; \
	done

vulncheck: $(GOVULNCHECK) ## known vulnerabilities in what is used; needs the network
	@$(GOVULNCHECK) ./...; status=$$?; \
	case $$status in \
	0) ;; \
	3) echo 'vulncheck: the vulnerabilities above are reachable from this code.' >&2 ;; \
	*) echo 'vulncheck: NOT CHECKED. If its database cannot be reached from here, set GOVULNDB to a mirror of it.' >&2 ;; \
	esac; exit $$status

clean: ## remove built tools and leftovers
	rm -rf bin tmp

$(GOLANGCI):
	GOBIN=$(CURDIR)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/golangci-lint $@

$(GOVULNCHECK):
	GOBIN=$(CURDIR)/bin $(GO) install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
	mv bin/govulncheck $@
