package main

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/secretstest"
)

const (
	strangersEach  = 10 * time.Millisecond // 20 of them come at once
	strangersAtOne = 20
	strangerPrefix = "u_"

	budgetEach  = 50 // calls a second, and budgetBurst at once: the library's defaults
	budgetBurst = 500

	mostGrowth = 16 << 20 // B of heap, whatever strangers ask for
)

// attack is what ids that do not exist cost.
type attack struct {
	calls   int64   // for them
	evicted int     // real tenants that have to be loaded again
	refused int64   // requests for real tenants, during it
	grown   float64 // B
}

func simulateStrangers(t *testing.T, d depth) []line {
	l := line{Case: fmt.Sprintf("2,000 unknown ids a second, %s", plural(d.attack, "real tenant")), Peers: make(map[string]string)}
	for _, build := range append([]maker{newOurs}, peers...) {
		var name string
		a := inBubble(t, func(t *testing.T) (a attack) {
			a, name = attackOn(t, build, d)
			return a
		})
		text := fmt.Sprintf("%s calls for them, %d evicted, %d refused, %+.1f MB", thousands(a.calls), a.evicted, a.refused, a.grown/1e6)
		if name != oursName {
			l.Peers[name] = text
			continue
		}
		l.Ours, l.Goals = text, a.goals(d)
	}
	return []line{l, prefetchedBesideStrangers(t, d)}
}

// budget is how many calls strangers may cause in an attack.
func budget(d depth) float64 { return budgetBurst + budgetEach*d.attacked.Seconds() }

func (a attack) goals(d depth) []goal {
	return []goal{
		atMost(float64(a.calls), budget(d), "%.0f calls"),
		none(a.evicted, "evicted"),
		none(a.refused, "refused"),
		atMost(a.grown/1e6, mostGrowth/1e6, "%.1f MB"),
	}
}

// attackOn has an engine asked for ids that do not exist, beside real ones.
func attackOn(t *testing.T, build maker, d depth) (attack, string) {
	p := simulatedPopulation(t, d.attack)
	p.backend.Inject(secretstest.Fault{Delay: simulatedAPI})
	api, calls := meteringStrangers(p.backend)
	s := usual
	s.capacity = 2 * d.attack
	e := simulatedEngine(t, build, api, s)
	defer e.close()
	if err := p.warm(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	var a attack
	before := heapNow()
	a.refused = p.besideStrangers(t.Context(), e, d.attacked, func() bool { return true })
	a.calls = calls.Load()
	a.grown = heapNow().live - before.live
	a.evicted = p.evictedFrom(t.Context(), e, api)
	return a, e.name
}

// meteringStrangers counts the reads of ids that do not exist too.
func meteringStrangers(api service) (*meter, *atomic.Int64) {
	var calls atomic.Int64
	return &meter{service: api, seen: func(_, name string) {
		if strings.HasPrefix(tenantIn(name), strangerPrefix) {
			calls.Add(1)
		}
	}}, &calls
}

// besideStrangers asks for unknown tenants, and for real ones once the service is
// ready. It returns how many requests for those failed.
func (p *population) besideStrangers(ctx context.Context, e *engine, during time.Duration, ready func() bool) int64 {
	var (
		refused  atomic.Int64
		requests sync.WaitGroup
	)
	next, stop := iter.Pull(p.roundAndRound())
	defer stop()
	for i := 0; time.Duration(i)*strangersEach < during; i++ {
		for j := range strangersAtOne {
			id := fmt.Sprintf("%s%06d", strangerPrefix, i*strangersAtOne+j)
			requests.Go(func() { _ = e.get(ctx, id) })
		}
		if ready() {
			id, _ := next()
			requests.Go(func() {
				if e.get(ctx, id) != nil {
					refused.Add(1)
				}
			})
		}
		time.Sleep(strangersEach)
	}
	requests.Wait()
	return refused.Load()
}

// roundAndRound is the tenants without end.
func (p *population) roundAndRound() iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			for _, id := range p.ids {
				if !yield(id) {
					return
				}
			}
		}
	}
}

// evictedFrom returns how many tenants are not held any more.
func (p *population) evictedFrom(ctx context.Context, e *engine, api *meter) (evicted int) {
	for _, id := range p.ids {
		before := api.calls()
		if e.get(ctx, id) != nil || api.calls() > before {
			evicted++
		}
	}
	return evicted
}

// prefetchedBesideStrangers is a scale-out: a new process prefetches the real
// tenants while the strangers come already, and is ready after that.
func prefetchedBesideStrangers(t *testing.T, d depth) line {
	l := line{Case: "the same, in a process that begins with a prefetch"}
	a := inBubble(t, func(t *testing.T) attack { return attackOnPrefetch(t, d) })
	l.Ours = fmt.Sprintf("%s calls for them, %d evicted, %d refused", thousands(a.calls), a.evicted, a.refused)
	l.Goals = []goal{
		atMost(float64(a.calls), budget(d), "%.0f calls"),
		none(a.evicted, "evicted"),
		none(a.refused, "refused"),
	}
	return l
}

func attackOnPrefetch(t *testing.T, d depth) (a attack) {
	p := simulatedPopulation(t, d.attack)
	p.backend.Inject(secretstest.Fault{Delay: simulatedAPI})
	api, calls := meteringStrangers(p.backend)
	c, err := newClient(api, usual)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	e := &engine{get: func(ctx context.Context, tenant string) error { return found(c.TenantSecret(ctx, tenant)) }}
	var (
		prefetching sync.WaitGroup
		ready       atomic.Bool
	)
	prefetching.Go(func() {
		if err := prefetch(t.Context(), c, p.ids); err != nil {
			t.Error(err)
		}
		ready.Store(true)
	})
	a.refused = p.besideStrangers(t.Context(), e, d.attacked, ready.Load)
	prefetching.Wait()
	a.calls = calls.Load()
	a.evicted = p.evictedFrom(t.Context(), e, api)
	return a
}
