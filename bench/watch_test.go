package main

import (
	"strings"
	"sync"
	"time"
)

// watch notes the reads of each secret as they reach Secrets Manager.
type watch struct {
	mu    sync.Mutex
	reads map[string]*reads // by tenant
}

type reads struct {
	begun     []time.Time
	good      time.Time // when the last one that succeeded began
	recovered time.Time // when the first one that succeeded after a reset ended
}

// watching makes a meter whose reads are noted.
func watching(api service) (*meter, *watch) {
	w := &watch{reads: make(map[string]*reads)}
	return &meter{service: api, seen: w.seen, ended: w.ended}, w
}

func (w *watch) seen(_, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.of(tenantIn(name))
	r.begun = append(r.begun, time.Now())
}

// ended takes the last read for the one that ends: of one secret there is one
// at a time.
func (w *watch) ended(_, name string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		return
	}
	r := w.of(tenantIn(name))
	r.good = r.begun[len(r.begun)-1]
	if r.recovered.IsZero() {
		r.recovered = time.Now()
	}
}

// of is called with the lock held.
func (w *watch) of(tenant string) *reads {
	r := w.reads[tenant]
	if r == nil {
		r = new(reads)
		w.reads[tenant] = r
	}
	return r
}

// tenantIn returns the tenant of a secret that is called by its name.
func tenantIn(name string) string {
	parts := strings.Split(name, "/")
	return parts[len(parts)-2]
}

// reset forgets all but when secrets were read last.
func (w *watch) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.reads {
		r.begun, r.recovered = nil, time.Time{}
	}
}

func (w *watch) lastGood(tenant string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.of(tenant).good
}

// recovered tells when a secret was read again, if it was.
func (w *watch) recovered(tenant string) (at time.Time, yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at = w.of(tenant).recovered
	return at, !at.IsZero()
}

// most returns how many reads of one secret began within one second, of the
// secret that had most, and how many reads secrets had on average.
func (w *watch) most(tenants []string) (inOneSecond int, onAverage float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := 0
	for _, tenant := range tenants {
		begun := w.of(tenant).begun
		all += len(begun)
		first := 0
		for last := range begun {
			for begun[last].Sub(begun[first]) >= time.Second {
				first++
			}
			inOneSecond = max(inOneSecond, last-first+1)
		}
	}
	return inOneSecond, float64(all) / float64(len(tenants))
}
