package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
)

const (
	slowTenants = 300
	slowEach    = 10 // valid webhooks a second, of all tenants together

	// Longer than MaxStale: a value that is never refreshed is refused by then.
	slowLasts = defaultMaxStale + 15*time.Minute

	// A load has two goroutines. Unknown tenant IDs have MaxLoads slots of their own; the
	// loads of known tenants need no more than half as many here.
	mostGoroutines = 2*defaultMaxLoads + defaultMaxLoads + 8
)

// mostGoroutines is the bound of a flood: until its first lookups have ended nobody knows
// that it is one, and a load waits for a slot with a goroutine of its own.
func (s slowFlood) mostGoroutines() float64 {
	return mostGoroutines + float64(s.unknown)*s.latency.Seconds()
}

// slowFlood is a rate of unknown tenant IDs while Secrets Manager is slow.
type slowFlood struct {
	latency time.Duration
	unknown int           // IDs a second
	part    time.Duration // of TTL, MaxStale, the tenants and the time, for a short run
}

func simulateSlow(t *testing.T, d depth) (lines []line) {
	part := time.Duration(1)
	if d.quick {
		part = 10
	}
	floods := []slowFlood{{1300 * time.Millisecond, 0, part}, {1300 * time.Millisecond, 100, part}, {2 * time.Second, 100, part}}
	if !d.quick {
		floods = append(floods, slowFlood{1300 * time.Millisecond, 1000, part})
	}
	for _, s := range floods {
		lines = append(lines, inBubble(t, func(t *testing.T) line { return s.run(t) }))
	}
	return lines
}

func (s slowFlood) run(t *testing.T) line {
	tenants := slowTenants / int(s.part)
	f := newFlood(t, 2*tenants, s.latency, func(o *tenantsecrets.Options) {
		o.TTL, o.MaxStale = defaultTTL/s.part, defaultMaxStale/s.part
	})
	defer f.close()
	known, others, lasts := f.ids[:tenants], f.ids[tenants:], slowLasts/s.part
	f.load(known)

	valid := func(during time.Duration) func() {
		return func() {
			every(t.Context(), during, evenly(slowEach), func(i int) { f.sendValid(known[i%len(known)], f.signature) })
		}
	}
	f.measure(valid(lasts), func() { f.unknown(lasts, s.unknown, evenly) })
	goroutines, calls := f.goroutines, f.perSecond

	// The flood goes on while a prefetch runs.
	var (
		took time.Duration
		err  error
	)
	f.measure(valid(time.Minute), func() { f.unknown(time.Minute, s.unknown, evenly) }, func() {
		began := time.Now()
		err = f.prefetch(others)
		took = time.Since(began)
	})
	f.goroutines, f.perSecond = goroutines, calls
	prefetched := goal{Figure: fmt.Sprintf("prefetch in %s", brief(took)), Target: "a prefetch that succeeds", Met: err == nil}
	if err != nil {
		prefetched.Figure = "a prefetch that failed after " + brief(took)
	}
	name := fmt.Sprintf("calls of %s, %d unknown IDs a second for %s", brief(s.latency), s.unknown, brief(lasts))
	if s.part > 1 {
		name += ", TTL " + brief(defaultTTL/s.part)
	}
	return f.line(name, prefetched.Figure,
		none(f.refused, "refused"),
		atMost(float64(f.peakGoroutines()), s.mostGoroutines(), "%.0f goroutines"),
		prefetched)
}

// unknown asks for tenant IDs that do not exist.
func (f *flood) unknown(during time.Duration, perSecond int, gap func(perSecond int) func() time.Duration) {
	if perSecond == 0 {
		return
	}
	forged := sign(newSecret(), f.body)
	every(f.t.Context(), during, gap(perSecond), func(i int) {
		f.sendForged(i, fmt.Sprintf("%s%08d", strangerPrefix, i), forged)
	})
}
