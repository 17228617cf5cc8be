package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// What the simulations are told by environment variables.
const (
	linesVariable = "TENANTSECRETS_BENCH_LINES" // the file that gets their lines as JSON
	fullVariable  = "TENANTSECRETS_BENCH_FULL"  // not empty: at full depth
)

// simulator is this directory's tests as a program: testing/synctest, which
// simulates time, runs in tests alone.
type simulator struct{ directory, program string }

func newSimulator(ctx context.Context, stderr io.Writer) (*simulator, error) {
	directory, err := os.MkdirTemp("", "tenantsecrets-bench")
	if err != nil {
		return nil, err
	}
	s := &simulator{directory, filepath.Join(directory, "simulations")}
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", s.program, ".")
	build.Stderr = stderr
	if err := build.Run(); err != nil {
		s.remove()
		return nil, fmt.Errorf("the tests do not build; run this in its directory: %w", err)
	}
	return s, nil
}

func (s *simulator) remove() { _ = os.RemoveAll(s.directory) }

// simulated returns the lines of one simulation.
func (b *run) simulated(ctx context.Context, name string) (lines []line, err error) {
	if b.simulator == nil {
		if b.simulator, err = newSimulator(ctx, b.stderr); err != nil {
			return nil, err
		}
	}
	found := filepath.Join(b.simulator.directory, name)
	simulation := exec.CommandContext(ctx, b.simulator.program, "-test.run", "^TestSimulated$/^"+name+"$")
	simulation.Env = append(os.Environ(), linesVariable+"="+found)
	if !b.quick {
		simulation.Env = append(simulation.Env, fullVariable+"=1")
	}
	if output, err := simulation.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("simulation: %w\n%s", err, output)
	}
	file, err := os.Open(found)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	for decoder := json.NewDecoder(file); decoder.More(); {
		var l line
		if err := decoder.Decode(&l); err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// simulation is a row that is all simulated.
func simulation(name string) func(context.Context, *run) ([]line, error) {
	return func(ctx context.Context, b *run) ([]line, error) { return b.simulated(ctx, name) }
}

const strangersNotes = `2,000 ids that do not exist are asked for a second, for 60 s of simulated time, beside
real tenants that were loaded at the start and are asked for too. The budget is that of
the default: 50 a second and 500 at once. Each engine has room for twice the real
tenants. The memory is that of the objects that are left after the attack.`

const floodsNotes = `What an attack, a slow Secrets Manager or an outage does to valid webhooks, in simulated
time, with defaults throughout unless the line says otherwise. Each comes with a control
without it. A call takes 20 ms unless the line says otherwise. Goroutines are the
library's own, beyond one for each request. The same with its targets as tests:
` + "`go test -run TestScenario -v .`" + `, at full depth with TENANTSECRETS_DEPTH=full.`

const revocationNotes = `How long after its revocation a secret is still served, of 100 tenants of all ages, ten
of whom are asked for every second and the others every minute; defaults throughout
(TTL 5 min, MaxStale 1 h), in simulated time. A KMS key that is denied shows in
GetSecretValue alone: there the bound is MaxStale, and that of the second reader the
TTL.`
