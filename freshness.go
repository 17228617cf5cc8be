package tenantsecrets

import (
	"math/rand/v2"
	"sync"
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

// clock counts from when the client was made. A hit reads the monotonic clock alone.
// That clock stands still while a process is frozen, as on a suspended machine. So once
// in wallEvery of process time it is compared with the wall clock, and each time that
// the wall clock has jumped ahead, the jump counts as elapsed.
type clock struct {
	now  func() time.Time // nil: time.Now
	base time.Time
	wall time.Time // base without its monotonic reading

	compared atomic.Int64 // monotonic time of the last comparison
	frozen   atomic.Int64 // sum of the jumps ahead

	mu   sync.Mutex    // guards lead; only ever tried, so that no call waits for it
	lead time.Duration // of the wall clock over the monotonic one
}

const (
	wallEvery = 100 * time.Millisecond

	// minJump is the least change of the lead that is no inaccuracy of reading two
	// clocks one after the other. Slower drift adds up until it is one.
	minJump = 50 * time.Millisecond
)

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

// elapsed is never negative: a clock of the user's own may go back, but nothing is older
// than the client.
func (c *clock) elapsed() time.Duration {
	monotonic := c.monotonic()
	if monotonic-time.Duration(c.compared.Load()) >= wallEvery {
		c.compare()
	}
	return monotonic + time.Duration(c.frozen.Load())
}

func (c *clock) monotonic() time.Duration {
	if c.now == nil {
		return time.Since(c.base)
	}
	return max(0, c.now().Sub(c.base))
}

// compare looks for a jump of the wall clock. A jump back counts as nothing: it makes no
// secret younger, and what follows it is seen all the same.
func (c *clock) compare() {
	if !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	now := c.time()
	monotonic := now.Sub(c.base)
	c.compared.Store(int64(monotonic))
	lead := now.Round(0).Sub(c.wall) - monotonic
	jump := lead - c.lead
	if jump.Abs() < minJump {
		return
	}
	c.lead = lead
	if jump > 0 {
		c.frozen.Add(int64(jump))
	}
}

// span is the time between two clock readings.
type span struct{ from, until time.Duration }

func newSpan(now, d time.Duration) span { return span{now, now + d} }

// holds is false before the span too: there the clock has gone back, and the rest
// would last longer by as much.
func (s span) holds(now time.Duration) bool { return s.from <= now && now < s.until }
