package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
)

const (
	coldTenants  = 200
	coldUnknown  = 100              // IDs a second
	coldGap      = 20 * time.Second // in which the flood spends the budget before the first valid webhook
	coldArrivals = 100 * time.Second
)

// coldFlood is a process that starts while unknown tenant IDs are asked for.
type coldFlood struct {
	name    string
	unknown int // IDs a second
	gap     func(perSecond int) func() time.Duration

	told     bool // by Options.Known which tenants exist
	prefetch bool
	served   bool // every valid webhook must be
}

func simulateCold(t *testing.T, _ depth) (lines []line) {
	floods := []coldFlood{
		{name: "control", gap: evenly, served: true},
		{name: "nothing configured, at equal intervals", unknown: coldUnknown, gap: evenly},
		{name: "nothing configured, Poisson", unknown: coldUnknown, gap: poisson},
		{name: "prefetched during it", unknown: coldUnknown, gap: poisson, prefetch: true, served: true},
		{name: "Options.Known, at equal intervals", unknown: coldUnknown, gap: evenly, told: true, served: true},
		{name: "Options.Known, Poisson", unknown: coldUnknown, gap: poisson, told: true, served: true},
	}
	for _, s := range floods {
		lines = append(lines, inBubble(t, func(t *testing.T) line { return s.run(t) }))
	}
	return lines
}

// poisson is a number of times a second on average, at random.
func poisson(perSecond int) func() time.Duration {
	random := rand.New(rand.NewPCG(1, uint64(perSecond)))
	return func() time.Duration {
		return time.Duration(random.ExpFloat64() * float64(time.Second) / float64(perSecond))
	}
}

func (s coldFlood) run(t *testing.T) line {
	f := newFlood(t, coldTenants, simulatedAPI, func(o *tenantsecrets.Options) {
		if s.told {
			o.Known = func(tenant string) bool { return !strings.HasPrefix(tenant, strangerPrefix) }
		}
	})
	defer f.close()
	var prefetched error
	f.measure(
		func() { f.unknown(coldGap+coldArrivals, s.unknown, s.gap) },
		func() {
			time.Sleep(coldGap / 2)
			if s.prefetch {
				prefetched = f.prefetch(f.ids)
			}
		},
		func() {
			time.Sleep(coldGap)
			for _, id := range f.ids {
				f.sendValid(id, f.signature)
				time.Sleep(coldArrivals / coldTenants)
			}
		})
	if prefetched != nil {
		t.Errorf("%s: %v", s.name, prefetched)
	}
	goals := []goal{none(f.final, "refused for good")}
	if s.served {
		goals = append(goals, none(f.refused, "refused"))
	}
	name := fmt.Sprintf("cold process, %d unknown IDs a second: %s", s.unknown, s.name)
	return f.line(name, "", goals...)
}
