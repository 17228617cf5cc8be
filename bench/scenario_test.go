package main

import (
	"os"
	"testing"
)

// scenarios are what an attack, a slow service or an outage does to the valid
// webhooks of tenants. Each has a control without it.
var scenarios = []struct {
	name string
	run  func(t *testing.T, d depth) []line
}{
	{"slow", simulateSlow},
	{"cold", simulateCold},
	{"capacity", simulateCapacity},
	{"recovery", simulateRecovery},
	{"emergency", simulateEmergency},
}

// TestScenario prints the figures of each scenario and fails where one misses its
// target. `go run . -only floods` prints the same as a table.
//
//	go test -run TestScenario -v .
//	TENANTSECRETS_DEPTH=full go test -run TestScenario -v .
func TestScenario(t *testing.T) {
	if raceEnabled {
		t.Skip("takes many minutes under the race detector, and is run without it")
	}
	d := short
	if os.Getenv("TENANTSECRETS_DEPTH") == "full" {
		d = full
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			for _, l := range s.run(t, d) {
				t.Logf("%s: %s", l.Case, l.Ours)
				for _, g := range l.Goals {
					if !g.Met {
						t.Errorf("%s: %s, want %s", l.Case, g.Figure, g.Target)
					}
				}
			}
		})
	}
}

// simulateFloods is all scenarios for the report.
func simulateFloods(t *testing.T, d depth) (lines []line) {
	if os.Getenv(linesVariable) == "" {
		t.Skip("TestScenario runs these")
	}
	for _, s := range scenarios {
		lines = append(lines, s.run(t, d)...)
	}
	return lines
}
