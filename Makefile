# Short names for what CONTRIBUTING.md describes.
.PHONY: test race lint format ci

test:
	go test ./...

race:
	go test -race -shuffle=on ./...

lint:
	go vet ./...
	go tool -modfile=internal/tools/go.mod golangci-lint run

format:
	go tool -modfile=internal/tools/go.mod golangci-lint fmt

ci:
	.ci/run
