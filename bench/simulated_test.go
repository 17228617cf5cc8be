package main

import (
	"encoding/json"
	"os"
	"testing"
	"testing/synctest"
)

// simulations are the rows, or parts of rows, where time alone decides. They
// fail where something goes wrong; a target that is missed is a figure.
var simulations = []struct {
	name string
	run  func(t *testing.T, d depth) []line
}{
	{"waiters", simulateWaiters},
	{"outage", simulateOutage},
	{"revocation", simulateRevocation},
	{"strangers", simulateStrangers},
	{"floods", simulateFloods},
}

// TestSimulated hands its lines to the command, and without it to the test's log.
func TestSimulated(t *testing.T) {
	d := short
	if os.Getenv(fullVariable) != "" {
		d = full
	}
	for _, s := range simulations {
		t.Run(s.name, func(t *testing.T) { emit(t, s.run(t, d)) })
	}
}

func emit(t *testing.T, lines []line) {
	t.Helper()
	if len(lines) == 0 {
		t.Fatal("no lines")
	}
	path := os.Getenv(linesVariable)
	if path == "" {
		for _, l := range lines {
			t.Logf("%+v", l)
		}
		return
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if err := json.NewEncoder(file).Encode(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// inBubble returns what a simulation found in time of its own.
func inBubble[T any](t *testing.T, simulation func(t *testing.T) T) (found T) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { found = simulation(t) })
	return found
}

// simulatedPopulation has n tenants with one key each.
func simulatedPopulation(t *testing.T, n int) *population {
	t.Helper()
	p, err := newPopulation(n, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// simulatedEngine is closed by its caller: a bubble ends when all in it has.
func simulatedEngine(t *testing.T, build maker, api service, s settings) *engine {
	t.Helper()
	e, err := build(api, s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// usual settings are the library's defaults.
var usual = settings{ttl: defaultTTL, maxStale: defaultMaxStale}
