package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/secretstest"
)

const (
	simulatedAPI = 20 * time.Millisecond // a call to Secrets Manager
	oneLoad      = 2 * simulatedAPI

	outageCalm   = 10 * time.Minute // before it
	outageLength = 75 * time.Minute // longer than MaxStale
	outageAfter  = 45 * time.Minute // at most

	// Of the library.
	defaultTTL        = 5 * time.Minute
	defaultMaxStale   = time.Hour
	defaultStaleWait  = 250 * time.Millisecond
	defaultMaxBackoff = 30 * time.Second

	coolInterval = 10 * time.Second // between requests for a secret that is not hot
)

// aftermath is what an outage did to the requests of one engine.
type aftermath struct {
	requests    int
	refused     int           // although what was held was younger than MaxStale
	outdated    int           // served although it was older
	longestWait time.Duration // of one that was served before MaxStale
	again       int           // waits for a secret after one of StaleWait
	mostReads   int           // of one secret within a second
	hotReads    float64       // of a hot secret, a second
	recovery    time.Duration // of the last secret, less the time between its requests
	recovered   bool          // all of them were
}

func simulateOutage(t *testing.T, d depth) (lines []line) {
	failing := secretstest.Fault{Err: secretstest.InternalError()}
	silent := secretstest.Fault{Delay: 24 * time.Hour}
	others := make(map[string]aftermath)
	for _, build := range peers {
		var name string
		after := inBubble(t, func(t *testing.T) (a aftermath) {
			a, name = outageOf(t, build, d, failing)
			return a
		})
		others[name] = after
	}
	for _, mode := range []struct {
		name  string
		fault secretstest.Fault
		peers map[string]aftermath
	}{{"every read fails", failing, others}, {"no read is answered", silent, nil}} {
		ours := inBubble(t, func(t *testing.T) aftermath {
			a, _ := outageOf(t, newOurs, d, mode.fault)
			return a
		})
		lines = append(lines, outageLines(mode.name, ours, mode.peers)...)
	}
	return lines
}

// outageRun is an outage while it lasts.
type outageRun struct {
	engine *engine
	watch  *watch
	hot    []string // tenants, asked for all the time
	cool   []string
	lasts  atomic.Bool // the outage does
	over   atomic.Bool // nobody asks any more

	mu   sync.Mutex
	late map[string]bool // secrets that somebody has waited for as long as StaleWait
	aftermath
}

func outageOf(t *testing.T, build maker, d depth, fault secretstest.Fault) (aftermath, string) {
	p := simulatedPopulation(t, d.outage)
	p.backend.Inject(secretstest.Fault{Delay: simulatedAPI})
	api, w := watching(p.backend)
	o := &outageRun{
		engine: simulatedEngine(t, build, api, usual), watch: w,
		hot: p.ids[:d.hot], cool: p.ids[d.hot:], late: make(map[string]bool),
	}
	defer o.engine.close()
	var asking sync.WaitGroup
	for _, id := range o.hot {
		asking.Go(func() { o.ask(t.Context(), id, hotInterval) })
	}
	for _, id := range o.cool {
		asking.Go(func() { o.ask(t.Context(), id, coolInterval) })
	}
	time.Sleep(outageCalm)

	w.reset()
	end := p.backend.Inject(fault)
	o.lasts.Store(true)
	time.Sleep(outageLength)
	o.lasts.Store(false)
	o.mostReads, _ = w.most(p.ids)
	_, reads := w.most(o.hot)
	o.hotReads = reads / outageLength.Seconds()

	w.reset()
	end()
	o.awaitRecovery()
	o.over.Store(true)
	asking.Wait()
	return o.aftermath, o.engine.name
}

// ask asks for a tenant's secret until all is over.
func (o *outageRun) ask(ctx context.Context, tenant string, interval time.Duration) {
	time.Sleep(rand.N(interval))
	for ; !o.over.Load(); time.Sleep(interval) {
		began := time.Now()
		err := o.engine.get(ctx, tenant)
		if o.lasts.Load() {
			o.note(tenant, began, err)
		}
	}
}

// note judges a request by the age of what was held, give or take one load.
func (o *outageRun) note(tenant string, began time.Time, err error) {
	dead := o.watch.lastGood(tenant).Add(usual.maxStale)
	waited := time.Since(began)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests++
	switch {
	case err != nil && time.Now().Before(dead.Add(-oneLoad)):
		o.refused++
	case err == nil && began.After(dead.Add(oneLoad)):
		o.outdated++
	case err == nil:
		o.longestWait = max(o.longestWait, waited)
		if o.late[tenant] && waited > 0 {
			o.again++
		}
		o.late[tenant] = o.late[tenant] || waited >= defaultStaleWait
	}
}

// awaitRecovery waits until every secret was read again, but not for ever.
func (o *outageRun) awaitRecovery() {
	ended := time.Now()
	for !o.recovered && time.Since(ended) < outageAfter {
		time.Sleep(coolInterval)
		hot, hotYes := o.recoveryOf(o.hot, ended.Add(hotInterval))
		cool, coolYes := o.recoveryOf(o.cool, ended.Add(coolInterval))
		o.recovery, o.recovered = max(hot, cool), hotYes && coolYes
	}
}

// recoveryOf returns how long after since the last of some secrets was read
// again, if all were.
func (o *outageRun) recoveryOf(tenants []string, since time.Time) (last time.Duration, all bool) {
	all = true
	for _, tenant := range tenants {
		at, yes := o.watch.recovered(tenant)
		last, all = max(last, at.Sub(since)), all && yes
	}
	return last, all
}

// outageLines are those of one kind of outage; the peers' may be missing.
func outageLines(kind string, ours aftermath, others map[string]aftermath) []line {
	about := func(what string, text func(aftermath) string, goals ...goal) line {
		l := line{Case: kind + ": " + what, Ours: text(ours), Peers: make(map[string]string), Goals: goals}
		for name, a := range others {
			l.Peers[name] = text(a)
		}
		return l
	}
	return []line{
		about("requests", func(a aftermath) string {
			return fmt.Sprintf("%s, %s refused before MaxStale, %s served after", thousands(int64(a.requests)), thousands(int64(a.refused)), thousands(int64(a.outdated)))
		}, none(ours.refused, "refused"), none(ours.outdated, "outdated")),
		about("longest wait", func(a aftermath) string { return brief(a.longestWait) },
			within(ours.longestWait, defaultStaleWait, "waited"), none(ours.again, "waits after the first")),
		about("loads of a hot secret", func(a aftermath) string {
			return fmt.Sprintf("%.2f/s, at most %d in a second", a.hotReads, a.mostReads)
		}, atMost(float64(ours.mostReads), 1, "%.0f in a second")),
		about("recovery", aftermath.recoveryText, goal{
			Figure: ours.recoveryText(),
			Target: "≤ " + brief(defaultMaxBackoff) + " and one load",
			Met:    ours.recovered && ours.recovery <= defaultMaxBackoff+oneLoad,
		}),
	}
}

func (a aftermath) recoveryText() string {
	if !a.recovered {
		return "more than " + brief(outageAfter)
	}
	return brief(a.recovery)
}
