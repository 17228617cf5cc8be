# Short names for what CONTRIBUTING.md describes.
.PHONY: test race lint format bench ci

test:
	go test ./...

race:
	go test -race -shuffle=on ./...

lint:
	go vet ./...
	go tool -modfile=internal/tools/go.mod golangci-lint run

format:
	go tool -modfile=internal/tools/go.mod golangci-lint fmt

bench:
	cd bench && go run . -out RESULTS.md

ci:
	.ci/run
