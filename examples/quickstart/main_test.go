package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/formbridge/tenantsecrets/secretstest"
)

// TestOutputIsWhatTheREADMEShows keeps both from drifting.
func TestOutputIsWhatTheREADMEShows(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, found := strings.Cut(string(readme), "$ go run ./examples/quickstart\n")
	shown, _, closed := strings.Cut(shown, "```")
	if !found || !closed {
		t.Fatal("the README does not show the quickstart's output")
	}
	var out strings.Builder
	if err := run(context.Background(), &out, secretstest.New(), "t_abc123"); err != nil {
		t.Fatal(err)
	}
	if out.String() != shown {
		t.Errorf("the quickstart printed\n%s\nand the README shows\n%s", out.String(), shown)
	}
}

func TestSecondRunFindsWhatTheFirstCreated(t *testing.T) {
	b := secretstest.New()
	for range 2 {
		var out strings.Builder
		if err := run(context.Background(), &out, b, "t_abc123"); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "verified  1000 webhooks") {
			t.Errorf("printed\n%s", out.String())
		}
	}
}
