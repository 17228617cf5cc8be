package main

import (
	"context"
	"fmt"
	"testing"
)

const hotpathNotes = `The whole job: find the tenant's secret, verify a hex signature over 1 KiB; ns per
request and allocations. With two keys either of them made all signatures. The floor is
the same MAC engine, parsing and comparing without a lookup: B on one hot key, C with
the key that signed found by index among as many tenants as there are, in random order,
each tenant's keys being an allocation of their own as they are in any cache. "One key"
is ours with the same number of tenants that have one key each, timed in the same rounds.`

// Targets of the whole job.
const (
	hotLimit   = 1.10 // × B, with one key
	coldLimit  = 1.20 // × C
	keysLimit  = 1.15 // × the time with one key
	byHandGain = 3    // times faster than by hand
)

func hotpath(ctx context.Context, b *run) (lines []line, err error) {
	for _, c := range hotpathCases {
		for _, tenants := range []int{1, 1_000, b.many} {
			measured, err := c.measure(ctx, b, tenants)
			if err != nil {
				return nil, err
			}
			lines = append(lines, measured...)
		}
	}
	return lines, nil
}

// hotpathCase is how many keys each tenant has and which of them signs.
type hotpathCase struct {
	name         string
	keys, signer int
}

var hotpathCases = []hotpathCase{
	{"1 key", 1, 0},
	{"2 keys, the older signed", 2, 1},
	{"2 keys, the newest signed", 2, 0},
}

// arena is engines that hold all secrets, the floors beside them, and the order
// of the requests.
type arena struct {
	*population
	engines []*engine // ours first
	floors  []*floor  // B, and C where the tenants are many
	oneKey  *arena    // ours alone, with one key a tenant; nil if there is one anyway
	order   []string
}

func newArena(ctx context.Context, b *run, tenants, keys int) (*arena, error) {
	p, err := newPopulation(tenants, keys)
	if err != nil {
		return nil, err
	}
	api := &meter{service: p.backend}
	engines, err := makeAll(append([]maker{newOurs}, peers...), api, unhurried)
	if err != nil {
		return nil, err
	}
	for _, e := range engines {
		if err := p.warm(ctx, e); err != nil {
			closeAll(engines)
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
	}
	// Nothing is loaded again, and a collector that has to walk Secrets Manager
	// too would say nothing about the caches.
	api.service, p.backend = nil, nil
	a := &arena{population: p, engines: engines, floors: []*floor{newFloor(1, keys, p)}, order: newOrder(p.ids)}
	if tenants == b.many {
		a.floors = append(a.floors, newFloor(tenants, keys, p))
	}
	return a, nil
}

func (c hotpathCase) measure(ctx context.Context, b *run, tenants int) ([]line, error) {
	a, err := newArena(ctx, b, tenants, c.keys)
	if err != nil {
		return nil, err
	}
	defer closeAll(a.engines)
	if c.keys > 1 {
		if a.oneKey, err = a.withOneKey(ctx); err != nil {
			return nil, err
		}
		defer closeAll(a.oneKey.engines)
	}
	a.signWith(c.signer)
	for _, f := range a.floors {
		f.signer = c.signer
	}
	a.whole(ctx, a.engines[0])(0, orderLength) // ours tries first the key that matched last
	var contenders []contender
	for _, goroutines := range []int{1, 2} {
		for _, e := range a.engines {
			contenders = append(contenders, contender{e.name, goroutines, a.whole(ctx, e)})
		}
		for _, f := range a.floors {
			contenders = append(contenders, contender{"floor", goroutines, f.loop})
		}
		if a.oneKey != nil {
			contenders = append(contenders, contender{"one key", goroutines, a.oneKey.whole(ctx, a.oneKey.engines[0])})
		}
	}
	times := medians(b.interleave(contenders))
	allocs := a.allocations(ctx)
	half := len(times) / 2
	name := fmt.Sprintf("%s, %s", c.name, plural(tenants, "tenant"))
	return []line{
		a.hotpathLine(name+", serial", times[:half], allocs),
		a.hotpathLine(name+", 2 goroutines", times[half:], allocs),
	}, nil
}

// withOneKey is ours with the same tenants in the same order, who have one key each.
func (a *arena) withOneKey(ctx context.Context) (*arena, error) {
	p, err := newPopulation(len(a.ids), 1)
	if err != nil {
		return nil, err
	}
	api := &meter{service: p.backend}
	ours, err := newOurs(api, unhurried)
	if err != nil {
		return nil, err
	}
	if err := p.warm(ctx, ours); err != nil {
		ours.close()
		return nil, err
	}
	api.service, p.backend = nil, nil
	return &arena{population: p, engines: []*engine{ours}, order: a.order}, nil
}

// whole is the whole job in a loop.
func (a *arena) whole(ctx context.Context, e *engine) func(from, n int) {
	return func(from, n int) {
		for i := range n {
			if err := e.verify(ctx, a.order[(from+i)%orderLength], a.body, a.signature); err != nil {
				panic(err)
			}
		}
	}
}

// allocations of one request, by engine.
func (a *arena) allocations(ctx context.Context) (counts []float64) {
	for _, e := range a.engines {
		loop, from := a.whole(ctx, e), 0
		counts = append(counts, testing.AllocsPerRun(1000, func() {
			loop(from, 1)
			from++
		}))
	}
	return counts
}

// hotpathLine judges the times of the engines and, after them, of the floors and of
// ours with one key.
func (a *arena) hotpathLine(name string, times, allocs []float64) line {
	l := line{Case: name, Peers: make(map[string]string)}
	for i, e := range a.engines {
		text := fmt.Sprintf("%s, %.0f", nanoseconds(times[i]), allocs[i])
		if e.name == oursName {
			l.Ours = text
		} else {
			l.Peers[e.name] = text
		}
	}
	ours, byHand, others := times[0], times[1], times[len(a.engines):]
	l.Floor = "B " + nanoseconds(others[0])
	if len(a.floors) == 1 && a.oneKey == nil {
		l.Goals = append(l.Goals, atMost(ours/others[0], hotLimit, "%.2f × B"))
	}
	if len(a.floors) == 2 {
		l.Floor += ", C " + nanoseconds(others[1])
		l.Goals = append(l.Goals, atMost(ours/others[1], coldLimit, "%.2f × C"))
	}
	if a.oneKey != nil {
		one := others[len(a.floors)]
		l.Floor += ", one key " + nanoseconds(one)
		l.Goals = append(l.Goals, atMost(ours/one, keysLimit, "%.2f × one key"))
	}
	l.Goals = append(l.Goals,
		atLeast(byHand/ours, byHandGain, "%.1f × by hand"),
		none(int64(allocs[0]), "allocations"))
	return l
}
