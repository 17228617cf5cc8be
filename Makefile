# What a contributor does daily; CONTRIBUTING.md says when. PKG narrows test, race and
# cover to some packages: make race PKG=./rotation
PKG ?= ./...
FUZZ ?=
TIME ?= 30s
TOOL = go tool -modfile=internal/tools/go.mod

.PHONY: test race cover lint format fuzz bench api ci

test:
	go test $(PKG)

race:
	go test -race -shuffle=on $(PKG)

# Coverage of the whole module by the tests of PKG; go tool cover -html=cover.out shows it.
cover:
	go test -coverpkg=./... -coverprofile=cover.out $(PKG)
	go tool cover -func=cover.out | tail -n 1

lint:
	go vet ./...
	$(TOOL) golangci-lint run

format:
	$(TOOL) golangci-lint fmt

# One fuzzer: make fuzz FUZZ=FuzzParseName TIME=1m. Without FUZZ, the list of them.
fuzz:
ifeq ($(FUZZ),)
	@grep -rhoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed 's/^func //' | sort
else
	@file=$$(grep -rlE --include='*_test.go' '^func $(FUZZ)\(' . | head -n 1); \
	[ -n "$$file" ] || { echo 'no fuzzer $(FUZZ): make fuzz lists them' >&2; exit 1; }; \
	set -x; go test -run '^$$' -fuzz '^$(FUZZ)$$' -fuzztime $(TIME) "$$(dirname "$$file")"
endif

bench:
	cd bench && go run . -out RESULTS.md

# How the exported API differs from main's.
api:
	.ci/apidiff

ci:
	.ci/run
