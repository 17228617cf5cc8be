package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/formbridge/tenantsecrets/secretstest"
)

const expiryNotes = `100 tenants, TTL 1 s, every call to Secrets Manager takes 50 ms, and 10,000 webhooks a
second come in, each on a goroutine of its own. The control is ours with a TTL of an
hour: what it has is the machine's. A request that took 50 ms waited for a load. Two
shares of rare events differ by chance: σ is the standard deviation of the difference
of two such counts, the square root of their sum.`

const (
	expiryTenants  = 100
	expiryTTL      = time.Second
	expiryAPI      = 50 * time.Millisecond
	expiryInterval = 100 * time.Microsecond

	// expiryLead is under load and not counted.
	expiryLead = expiryTTL

	waitedAtAll = time.Millisecond      // longer than the job ever takes
	p999Limit   = 50 * time.Microsecond // of ours
)

// curve is what one contender's requests took.
type curve struct {
	name string
	latencies
}

func expiry(ctx context.Context, b *run) ([]line, error) {
	expiring := settings{ttl: expiryTTL, maxStale: time.Hour}
	lasting := settings{ttl: time.Hour, maxStale: 2 * time.Hour}
	type entrant struct {
		name  string
		build maker
		settings
	}
	entrants := []entrant{
		{oursName, newOurs, expiring},
		{"ours, none expires", newOurs, lasting},
		{byHandName, newByHand, expiring},
		{otterName, newOtter, expiring},
		{sturdycName, newSturdyc, expiring},
	}
	curves := make([]curve, len(entrants))
	for _, i := range rand.Perm(len(entrants)) {
		e := entrants[i]
		took, err := underPacedLoad(ctx, b, e.build, e.settings)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		curves[i] = curve{e.name, took}
	}
	b.picture = drawLatencies(curves)
	return expiryLines(curves), nil
}

// underPacedLoad returns what requests took, but for the first ones, which found
// what the warm-up had left to age.
func underPacedLoad(ctx context.Context, b *run, build maker, s settings) (latencies, error) {
	p, err := newPopulation(expiryTenants, 1)
	if err != nil {
		return nil, err
	}
	e, err := build(&meter{service: p.backend}, s)
	if err != nil {
		return nil, err
	}
	defer e.close()
	defer p.backend.Inject(secretstest.Fault{Delay: expiryAPI})()
	if err := p.warmSpread(ctx, e, expiryTTL); err != nil {
		return nil, err
	}
	order := newOrder(p.ids)
	var failed firstError
	took := paced(expiryInterval, expiryLead+b.pace, func(i int) {
		failed.keep(e.verify(ctx, order[i%orderLength], p.body, p.signature))
	})
	return newLatencies(took[expiryLead/expiryInterval:]), failed.err
}

// warmSpread loads the tenants at random moments, so that they do not all
// expire at once ever after.
func (p *population) warmSpread(ctx context.Context, e *engine, over time.Duration) error {
	return eachOf(p.ids, len(p.ids), func(tenant string) error {
		time.Sleep(rand.N(over))
		return e.verify(ctx, tenant, p.body, p.signature)
	})
}

func expiryLines(curves []curve) []line {
	ours, control := curves[0].latencies, curves[1].latencies
	slow, usual := ours.above(waitedAtAll), control.above(waitedAtAll)
	sigma := math.Sqrt(float64(slow + usual))

	quantiles := line{Case: "p50, p99, p99.9, longest", Peers: map[string]string{}}
	waited := line{Case: "requests of 50 ms or more", Peers: map[string]string{}}
	share := line{Case: "share over 1 ms", Peers: map[string]string{}}
	for i, c := range curves {
		texts := []string{
			fmt.Sprintf("%s, %s, %s, %s", brief(c.quantile(.5)), brief(c.quantile(.99)), brief(c.quantile(.999)), brief(c.quantile(1))),
			fmt.Sprint(c.above(expiryAPI - 1)),
			fmt.Sprintf("%.3f %% (%d)", 100*float64(c.above(waitedAtAll))/float64(len(c.latencies)), c.above(waitedAtAll)),
		}
		for j, l := range []*line{&quantiles, &waited, &share} {
			switch i {
			case 0:
				l.Ours = texts[j]
			case 1:
				l.Floor = "control: " + texts[j]
			default:
				l.Peers[c.name] = texts[j]
			}
		}
	}
	quantiles.Goals = []goal{within(ours.quantile(.999), p999Limit, "at p99.9")}
	waited.Goals = []goal{none(ours.above(expiryAPI-1), "waited for a load")}
	share.Goals = []goal{{
		Figure: fmt.Sprintf("%d of %s", slow, thousands(int64(len(ours)))),
		Target: fmt.Sprintf("≤ the control's %d + 3σ = %.0f", usual, float64(usual)+3*sigma),
		Met:    float64(slow) <= float64(usual)+3*sigma,
	}}
	return []line{quantiles, waited, share}
}

// firstError keeps the first of many goroutines' errors.
type firstError struct {
	mu  sync.Mutex
	err error
}

func (f *firstError) keep(err error) {
	if err == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}
