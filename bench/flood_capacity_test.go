package main

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

const (
	capacityKept    = 1_000
	capacityTenants = 5_000 // that all exist
	capacityHot     = 50
	capacityHotEach = 50    // valid webhooks a second, of all hot tenants together
	capacityForged  = 2_000 // a second, over all tenants
	capacityValid   = 1_000 // a second, over all tenants, where nothing is forged

	// Of the library: the loads that signatures which no key made may cause.
	forgedLoads      = 100 // a second
	forgedLoadsBurst = 500
)

// capacityFlood is a client that has room for a part of the tenants.
type capacityFlood struct {
	name        string
	hot, forged int // requests a second
	all         int // valid webhooks a second over all tenants
}

func simulateCapacity(t *testing.T, d depth) (lines []line) {
	during := 10 * time.Second
	if !d.quick {
		during = time.Minute
	}
	for _, s := range []capacityFlood{
		{name: "control: hot tenants alone", hot: capacityHotEach},
		{name: "2,000 forged a second over all tenants", hot: capacityHotEach, forged: capacityForged},
		{name: "1,000 valid a second over all tenants, none forged", all: capacityValid},
	} {
		lines = append(lines, inBubble(t, func(t *testing.T) line { return s.run(t, during) }))
	}
	return lines
}

func (s capacityFlood) run(t *testing.T, during time.Duration) line {
	f := newFlood(t, capacityTenants, simulatedAPI, capacity(capacityKept))
	defer f.close()
	f.load(f.ids) // every tenant is known to exist from here on
	hot := f.ids[:capacityHot]
	f.load(hot)
	f.warmUp(hot)

	random := rand.New(rand.NewPCG(1, 1))
	forged := sign(newSecret(), f.body)
	anyTenant := func() string { return f.ids[random.IntN(len(f.ids))] }
	var sources []func()
	if s.hot > 0 {
		sources = append(sources, func() {
			every(t.Context(), during, evenly(s.hot), func(i int) { f.sendValid(hot[i%len(hot)], f.signature) })
		})
	}
	if s.forged > 0 {
		sources = append(sources, func() {
			every(t.Context(), during, evenly(s.forged), func(i int) { f.sendForged(i, anyTenant(), forged) })
		})
	}
	if s.all > 0 {
		sources = append(sources, func() {
			every(t.Context(), during, evenly(s.all), func(int) { f.sendValid(anyTenant(), f.signature) })
		})
	}
	f.measure(sources...)
	perSecond := float64(f.loads) / during.Seconds()
	goals := []goal{none(f.refused, "refused")}
	if s.all == 0 {
		goals = append(goals, within(f.longest, 0, "waited"))
	} else {
		goals = append(goals, within(f.longest, oneLoad, "waited"))
	}
	if s.forged > 0 {
		budget := 1.1 * (forgedLoads + forgedLoadsBurst/during.Seconds())
		goals = append(goals, atMost(perSecond, budget, "%.0f loads a second"), none(f.forgedPassed, "forged passed"))
	}
	name := fmt.Sprintf("room for %s of %s tenants, %s", thousands(capacityKept), thousands(capacityTenants), s.name)
	return f.line(name, fmt.Sprintf("%.0f loads a second", perSecond), goals...)
}

// warmUp uses tenants now and then, as those that are hot have been used before.
func (f *flood) warmUp(tenants []string) {
	f.t.Helper()
	for _, id := range tenants {
		if err := f.client.VerifyHMAC(f.t.Context(), id, f.body, f.signature); err != nil {
			f.t.Fatal(err)
		}
	}
}
