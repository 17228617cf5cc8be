package tenantsecrets

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// stage is what a snapshot's age allows.
type stage int

const (
	fresh stage = iota // served
	aging              // served, while one load runs in the background
	stale              // served, after waiting a little for a load
	dead               // not served
)

// freshness is the part of the options that says how long a snapshot is good.
type freshness struct {
	ttl, maxStale, staleWait, negativeTTL time.Duration
}

// stage of no snapshot is dead.
func (f *freshness) stage(s *snapshot, now time.Duration) stage {
	switch {
	case s == nil || s.age(now) >= f.maxStale:
		return dead
	case s.age(now) < 0 || s.age(now) >= f.ttl:
		return stale
	case s.isFresh(now):
		return fresh
	}
	return aging
}

// early is the age from which on a snapshot is refreshed. The jitter only
// shortens: it spreads the background loads of secrets that were loaded together.
func (f *freshness) early() time.Duration {
	return f.ttl/10*6 + time.Duration(rand.Float64()*float64(f.ttl)/5)
}

// rereads tells whether a load that begins now must read the plaintext even if
// the version is the one that is held. A KMS key or a permission that was taken
// away shows in GetSecretValue alone.
func (f *freshness) rereads(s *snapshot, now time.Duration) bool {
	return now < s.read || now-s.read > f.maxStale-f.ttl
}

const (
	minBackoff = time.Second // also the least time between two loads that failed
	maxBackoff = 30 * time.Second
)

// backoff after that many failures in a row. The jitter only shortens.
func backoff(failures int) time.Duration {
	full := maxBackoff
	if doublings := failures - 1; doublings < 5 {
		full = minBackoff << doublings
	}
	return max(minBackoff, full-time.Duration(rand.Float64()*float64(full)/4))
}

// clock counts from the client's birth. A hit reads the monotonic clock alone,
// which stands still while a process is frozen, as a suspended machine is; so the
// wall clock is compared with it once in wallEvery of process time, and what the
// one has moved more than the other counts as elapsed from then on.
type clock struct {
	now  func() time.Time // nil: time.Now
	base time.Time
	wall time.Time // base without its monotonic reading

	compared atomic.Int64 // monotonic time of the last comparison
	frozen   atomic.Int64 // what the wall clock has moved more
}

const wallEvery = 100 * time.Millisecond

func newClock(now func() time.Time) *clock {
	c := &clock{now: now}
	c.base = c.time()
	c.wall = c.base.Round(0)
	return c
}

func (c *clock) time() time.Time {
	if c.now != nil {
		return c.now()
	}
	return time.Now()
}

func (c *clock) elapsed() time.Duration {
	if c.now != nil {
		now := c.now()
		return max(0, now.Sub(c.base), now.Round(0).Sub(c.wall)) // it may go back, but nothing is older than the client
	}
	monotonic := time.Since(c.base)
	if monotonic-time.Duration(c.compared.Load()) >= wallEvery {
		c.compare(monotonic)
	}
	return monotonic + time.Duration(c.frozen.Load())
}

// compare notes by how much the wall clock is ahead. It never takes that back: a
// wall clock that was set back does not make anything younger.
func (c *clock) compare(monotonic time.Duration) {
	c.compared.Store(int64(monotonic))
	ahead := int64(time.Now().Round(0).Sub(c.wall) - monotonic)
	for was := c.frozen.Load(); ahead > was; was = c.frozen.Load() {
		if c.frozen.CompareAndSwap(was, ahead) {
			return
		}
	}
}

// span is the time between two clock readings.
type span struct{ from, until time.Duration }

func newSpan(now, d time.Duration) span { return span{now, now + d} }

// holds is false before the span too: there the clock has gone back, and the rest
// would last longer by as much.
func (s span) holds(now time.Duration) bool { return s.from <= now && now < s.until }
