.DEFAULT_GOAL := help
.PHONY: help setup demo test crashtest bench-ratio bench-journal clean

# The packages with C of their own, which the address sanitizer can look into.
ASAN := ./third_party/... ./cgoutil/... ./libpmem ./libpmem/crashtest/internal/record ./internal/interpose/... ./libpmemobj/... ./libpmemlog/... ./libpmemblk/... ./libpmempool/... ./internal/poolfile/...

stage = @printf '\n== %s\n'

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | awk -F'\t' '{ printf "  make %-13s %s\n", $$1, $$2 }'

setup: ## bring what building needs; silent if nothing is missing
	@scripts/setup.sh

demo: setup ## index Go's standard library into a pool, killing the indexer half-way
	@cd examples && go run ./codeindex demo

test: ## everything that must hold before a commit
	@scripts/setup.sh test
	$(stage) 'gofmt'
	@files=$$(gofmt -l .); [ -z "$$files" ] || { echo "not formatted: $$files"; exit 1; }
	$(stage) 'go vet'
	@go vet ./...
	@go vet -tags pmdk_static ./...
	@cd examples && go vet ./...
	@cd benchmarks && go vet ./...
	@cd internal/linearize && go vet ./...
	$(stage) 'api coverage'
	@go run ./scripts/api-coverage
	$(stage) 'link modes'
	@scripts/linktest.sh
	$(stage) 'vendoring'
	@scripts/vendortest.sh
	$(stage) 'go test, fully static'
	@go test -timeout 5m -tags pmdk_static,netgo,osusergo ./third_party/...
	$(stage) 'go test -race'
	@go test -race -timeout 15m ./...
	$(stage) 'go test, allocations that the race detector hides'
	@go test -timeout 5m -run 'GoHeap|Alloc' ./libpmem ./libpmemobj ./libpmemobj/hashmap ./libpmemobj/radix ./libpmemlog ./libpmemblk ./internal/benchratio
	$(stage) 'go test, damaged pools for libpmempool'
	@go test -timeout 5m -run 'Mutants' ./libpmempool
	$(stage) 'go test -race, examples'
	@cd examples && go test -race -timeout 10m ./...
	$(stage) 'go test, benchmarks, short'
	@cd benchmarks && go test -short -timeout 5m ./...
	$(stage) 'go test -race, linearizability'
	@cd internal/linearize && go test -race -timeout 5m ./...
	$(stage) 'go test -asan, short'
	@go test -asan -short -timeout 10m $(ASAN)

crashtest: setup ## look for what a power failure could break, in 100,000 images and more of the libraries' own structures
	@scripts/crashtest.sh

bench-ratio: setup ## time Go against C for the same work
	@go run ./internal/benchratio

bench-journal: setup ## time the journal against msync, bbolt and pebble; FLAGS='-long' for minutes under load
	@cd benchmarks && go run ./journal $(FLAGS)

clean: ## remove what was built, and the vendored PMDK
	@rm -rf bin third_party/pmdk/.vendor.* third_party/pmdk/lib/*.a
	@rm -f third_party/pmdk/pmdk_version.h third_party/pmdk/include/*.h third_party/pmdk/include/*/*.h
