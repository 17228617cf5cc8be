package cache

import (
	"sync"
	"sync/atomic"
	"time"
)

// Clock counts from when it was made. A hit reads the monotonic clock alone. That clock
// stands still while a process is frozen, as on a suspended machine. So once in wallEvery
// of process time it is compared with the wall clock, and each time that the wall clock
// has jumped ahead, the jump counts as elapsed. It may be used by any number of
// goroutines.
type Clock struct {
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

	// minJump is the least change of the lead that is not taken for the inaccuracy of
	// reading two clocks one after the other. Slower drift adds up until it is a jump.
	minJump = 50 * time.Millisecond
)

// NewClock returns a clock over now; nil is time.Now.
func NewClock(now func() time.Time) *Clock {
	c := &Clock{now: now}
	c.base = c.Time()
	c.wall = c.base.Round(0)
	return c
}

// Time returns the date.
func (c *Clock) Time() time.Time {
	if c.now != nil {
		return c.now()
	}
	return time.Now()
}

// Elapsed returns the time since the clock was made. It is never negative, although a
// clock of the user's own may go back.
func (c *Clock) Elapsed() time.Duration {
	monotonic := c.monotonic()
	if monotonic-time.Duration(c.compared.Load()) >= wallEvery {
		c.compare()
	}
	return monotonic + time.Duration(c.frozen.Load())
}

func (c *Clock) monotonic() time.Duration {
	if c.now == nil {
		return time.Since(c.base)
	}
	return max(0, c.now().Sub(c.base))
}

// compare looks for a jump of the wall clock. A jump back counts as nothing: it makes no
// item younger, and the jumps that follow it are seen all the same.
func (c *Clock) compare() {
	if !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	now := c.Time()
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
