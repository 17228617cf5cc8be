package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/secretstest"
)

const (
	recoveryEach  = 20_000           // valid webhooks a second, once the service is back
	recoveryLasts = 15 * time.Second // for which they are counted

	// The nth tenant has 1/n^popularity as many webhooks as the first.
	popularity = 0.6

	// So many tenants are all loaded before a wait for a slot is over, in the order in
	// which they are asked for.
	fewTenants = 10_000

	mostHotRefused = 0.1 // % of the hottest tenth's webhooks

	defaultMaxLoads = 64 // of the library
)

// recovery is what comes after an outage longer than MaxStale.
type recovery struct {
	tenants int
	before  time.Duration // for how long webhooks came, and were refused, before its end
	lasts   time.Duration
}

func simulateRecovery(t *testing.T, d depth) (lines []line) {
	// The control has so few tenants that no load waits for long.
	cases := []recovery{{1_000, 0, 4 * time.Second}, {10_000, 0, 8 * time.Second}, {20_000, 0, recoveryLasts}}
	if !d.quick {
		cases = append(cases, recovery{20_000, 2 * time.Minute, defaultMaxBackoff + recoveryLasts})
	}
	for _, s := range cases {
		lines = append(lines, inBubble(t, func(t *testing.T) line { return s.run(t) }))
	}
	return lines
}

func (s recovery) run(t *testing.T) line {
	f := newFlood(t, s.tenants, simulatedAPI)
	defer f.close()
	f.load(f.ids)
	end := f.backend.Inject(secretstest.Fault{Err: secretstest.InternalError()})
	popular := newZipf(f.ids)
	time.Sleep(defaultMaxStale + 15*time.Minute - s.before)
	every(t.Context(), s.before, evenly(recoveryEach/100), func(int) {
		f.request(func() { _ = f.client.VerifyHMAC(t.Context(), popular.tenant(), f.body, f.signature) })
	})
	f.requests.Wait()
	end()

	r := refusals{hottest: make(map[string]bool), seconds: make([]int, int(s.lasts/time.Second)+1)}
	for _, id := range f.ids[:s.tenants/10] {
		r.hottest[id] = true
	}
	f.measure(func() {
		every(t.Context(), s.lasts, evenly(1000), func(int) {
			for range recoveryEach / 1000 {
				f.sendNoted(&r, popular.tenant())
			}
		})
	})
	return s.line(f, &r)
}

// sendNoted sends a valid webhook whose refusal is counted by the second.
func (f *flood) sendNoted(r *refusals, tenant string) {
	f.request(func() {
		sent := time.Now()
		err := f.client.VerifyHMAC(f.t.Context(), tenant, f.body, f.signature)
		f.note(sent, err)
		f.mu.Lock()
		defer f.mu.Unlock()
		r.note(tenant, sent.Sub(f.began), err)
	})
}

// refusals are those after the service is back.
type refusals struct {
	hottest              map[string]bool
	hotValid, hotRefused int   // webhooks of the hottest tenth, and those of them that were refused
	seconds              []int // refused, by when they were sent
}

func (r *refusals) note(tenant string, after time.Duration, err error) {
	hot := r.hottest[tenant]
	if hot {
		r.hotValid++
	}
	if err == nil {
		return
	}
	if hot {
		r.hotRefused++
	}
	r.seconds[int(after/time.Second)]++
}

func (s recovery) line(f *flood, r *refusals) line {
	last := 0
	for second, n := range r.seconds {
		if n > 0 {
			last = second + 1
		}
	}
	share := 100 * float64(r.hotRefused) / float64(max(1, r.hotValid))
	text := fmt.Sprintf("refused in each second %v; the last %s after the service was back; %.2f %% of the hottest tenth's",
		r.seconds[:last], brief(f.lastError.Round(time.Millisecond)), share)
	// What all loads together take, where MaxLoads of them run at a time.
	all := time.Duration(float64(s.tenants) / defaultMaxLoads * float64(oneLoad))
	goals := []goal{atMost(share, mostHotRefused, "%.2f %% of the hottest tenth's refused"), within(f.lastError, all, "until the last refusal")}
	if s.tenants <= fewTenants {
		goals = append(goals, none(f.refused, "refused"))
	}
	name := fmt.Sprintf("%s tenants after an outage longer than MaxStale", thousands(int64(s.tenants)))
	if s.before > 0 {
		name += ", with webhooks in its last " + brief(s.before)
		goals = []goal{within(f.lastError, defaultMaxBackoff+oneLoad, "until the last refusal")}
	}
	return f.line(name, text, goals...)
}

// zipf draws tenants as Zipf's law says: few often, and most seldom.
type zipf struct {
	ids        []string
	cumulative []float64
	random     *rand.Rand
}

func newZipf(ids []string) *zipf {
	z := &zipf{ids: ids, random: rand.New(rand.NewPCG(1, 2))}
	sum := 0.0
	for i := range ids {
		sum += math.Pow(float64(i+1), -popularity)
		z.cumulative = append(z.cumulative, sum)
	}
	return z
}

// tenant is called by one goroutine at a time.
func (z *zipf) tenant() string {
	at := z.random.Float64() * z.cumulative[len(z.cumulative)-1]
	i, _ := slices.BinarySearch(z.cumulative, math.Nextafter(at, math.Inf(1)))
	return z.ids[min(i, len(z.ids)-1)]
}
