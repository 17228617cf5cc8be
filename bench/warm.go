package main

import (
	"context"
	"fmt"
	"testing"
	"time"
)

const warmNotes = `TenantSecret on a warm secret; for the peers their get with what decoding they need
per request. The floor is time.Since, without which no cache knows that what it holds
is fresh.`

const (
	lookupAllowance = 35  // ns beyond time.Since
	scaling         = 1.8 // times the work, on two cores
)

func warm(ctx context.Context, b *run) (lines []line, err error) {
	for _, tenants := range []int{1, 1_000, b.many} {
		l, err := warmOf(ctx, b, tenants)
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

func warmOf(ctx context.Context, b *run, tenants int) (line, error) {
	a, err := newArena(ctx, b, tenants, 1)
	if err != nil {
		return line{}, err
	}
	defer closeAll(a.engines)
	contenders := []contender{{"time.Since", 1, sinceLoop()}, {"time.Since", 2, sinceLoop()}}
	for _, e := range a.engines {
		loop := a.lookup(ctx, e)
		contenders = append(contenders, contender{e.name, 1, loop}, contender{e.name, 2, loop})
	}
	times := medians(b.interleave(contenders))
	since, ours, oursOnTwo := times[0], times[2], times[3]
	loop := contenders[2].loop
	allocs := testing.AllocsPerRun(1000, func() { loop(0, 1) })

	l := line{Case: plural(tenants, "tenant"), Floor: onOneAndTwo(times), Peers: make(map[string]string)}
	for i, e := range a.engines {
		text := onOneAndTwo(times[2+2*i:])
		if e.name == oursName {
			l.Ours = fmt.Sprintf("%s, %.0f allocations", text, allocs)
		} else {
			l.Peers[e.name] = text
		}
	}
	if tenants != b.many { // beyond the CPU's caches memory decides
		l.Goals = append(l.Goals, atMost(ours, since+lookupAllowance, "%.1f ns"))
	}
	l.Goals = append(l.Goals, atLeast(ours/oursOnTwo, scaling, "%.2f × on two cores"), none(int64(allocs), "allocations"))
	return l, nil
}

// onOneAndTwo says the first two times.
func onOneAndTwo(times []float64) string {
	return nanoseconds(times[0]) + ", on two cores " + nanoseconds(times[1])
}

// lookup finds secrets in a loop.
func (a *arena) lookup(ctx context.Context, e *engine) func(from, n int) {
	return func(from, n int) {
		for i := range n {
			if err := e.get(ctx, a.order[(from+i)%orderLength]); err != nil {
				panic(err)
			}
		}
	}
}

func sinceLoop() func(from, n int) {
	base := time.Now()
	return func(_, n int) {
		for range n {
			if time.Since(base) < 0 {
				panic("the monotonic clock went back")
			}
		}
	}
}
