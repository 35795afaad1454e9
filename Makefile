# Bare `make` prints the targets. Lines with ## after a target are its help.

VERSION = $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS = $(if $(VERSION),-X main.version=$(VERSION))
CC     := $(shell go env CC)

# Nothing here uses cgo; the race detector alone needs it.
export CGO_ENABLED = 0

.PHONY: help build test prove figures eval-freshness eval-conflicts crash demo demo-audit generate breaking fuzz bench microbench clean

help: ## print this
	@echo 'usage: make TARGET'
	@sed -n 's/^\([a-z-]*\):.*## /  \1	/p' $(MAKEFILE_LIST)

build: ## build bin/muniment: one static program, no cgo
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/muniment

# The order is from fast to slow, and go test is last, so that its lines close the output.
test: ## gofmt, vet, contract lint, generated-code check, staticcheck, then every Go test; with -race if there is a C compiler
	@unformatted=$$(gofmt -l .) || exit 1; \
	if [ -n "$$unformatted" ]; then echo "not gofmt-ed:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	tools/generate.sh --check
	.tools/staticcheck ./...
	@if printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | $(CC) -x c -o /dev/null - 2>/dev/null; then \
		set -x; CGO_ENABLED=1 go test -race -timeout 20m ./...; \
	else \
		echo 'no working C compiler ($(CC)): testing without the race detector'; \
		set -x; go test -timeout 20m ./...; \
	fi

prove: ## run the long form of the tests of every promise and print what was counted, a line for each; a quarter of an hour
	go test . -run '^TestProve$$' -prove -v -count=1 -timeout 90m

figures: ## measure ingestion and the door, and print the tables of docs/performance.md
	go test ./cmd/muniment -run "TestIngestionFigures|TestDoorFigures" -figures -v -count=1 -timeout 30m

eval-freshness: ## measure on DATA/feeds how old versions of pages rank, which nothing marks as such
	go test ./cmd/muniment -run '^TestFreshnessFigures$$' -freshness "$(DATA)" -v -count=1 -timeout 20m

# From 200 random moments on, each failpoint has its turn; from 1000 on, 20 turns.
N = 200
crash: ## kill servers at N=200 random moments and at every failpoint, and count what is lost
	go test ./cmd/muniment -run '^TestCrash' -crash.kills $(N) -crash.each $$(($(N) < 1000 ? $(N) / 200 : 20)) -v -count=1 -timeout 4h

demo: build ## walk through the example company with real servers, and stop
	bin/muniment demo --company testdata/company --questions testdata/company-questions.json

demo-audit: build ## follow one answer of the example company from its report to its changed sources, and forge its record
	bin/muniment demo --audit --company testdata/company --questions testdata/company-questions.json

EXAMPLES = 0
eval-conflicts: build ## measure the detector of conflicts on DATA=DIR with conflict/ and feeds/; EXAMPLES=5 prints mistakes
	bin/muniment eval conflicts --data $(DATA) --examples $(EXAMPLES)

generate: ## format the contract in proto/ and generate its Go code
	tools/generate.sh

AGAINST = origin/main
breaking: ## say what the contract breaks for clients of AGAINST=commit (default origin/main)
	tools/generate.sh --breaking $(AGAINST)

FUZZTIME = 30s
fuzz: ## run each fuzz target for FUZZTIME=30s
	@grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | while IFS=: read -r file func; do \
		(set -x; go test -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) "$${file%/*}") || exit 1; \
	done

bench: N = 200000
bench: build ## measure the product on N=200000 passages beside what people would use instead; BENCHFLAGS='-only engine' and others by --help
	go run ./internal/bench -n $(N) $(BENCHFLAGS)

microbench: ## run every benchmark of a package
	go test -run '^$$' -bench . -benchmem ./...

clean: ## remove what make built: bin and the developer tools
	rm -rf bin .tools
