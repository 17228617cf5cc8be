package webhook

import (
	"sync/atomic"
	"time"
)

// clock is the clock for timestamps: a caller's own, or the system's. It must not be copied.
//
// The system's wall clock is read once in wallEvery. In between, within adds the elapsed
// monotonic time to the last reading, because time.Now reads both clocks and takes twice as
// long as the monotonic clock alone. A wall clock that was set, or a machine that was
// suspended, is noticed wallEvery later at most, which is far below any useful tolerance.
type clock struct {
	own func() time.Time // nil: the system's

	base time.Time    // when the clock was made
	read atomic.Int64 // monotonic time of the last reading, since base
	lead atomic.Int64 // wall time minus monotonic time since base, in ns since 1970
}

const wallEvery = 100 * time.Millisecond

func newClock(own func() time.Time) *clock {
	c := &clock{own: own, base: time.Now()}
	c.lead.Store(c.base.UnixNano())
	return c
}

func (c *clock) now() time.Time {
	if c.own != nil {
		return c.own()
	}
	return time.Now()
}

// within reports whether a timestamp, in seconds, is at most the tolerance before or after
// now.
func (c *clock) within(seconds int64, tolerance time.Duration) bool {
	if c.own != nil || seconds > maxNano {
		return within(time.Unix(seconds, 0), c.now(), tolerance)
	}
	elapsed := time.Since(c.base)
	if elapsed-time.Duration(c.read.Load()) >= wallEvery {
		c.readWall()
	}
	age := c.lead.Load() + int64(elapsed) - seconds*int64(time.Second)
	return -int64(tolerance) <= age && age <= int64(tolerance)
}

// maxNano is the largest timestamp that within calculates with in nanoseconds.
const maxNano = 1 << 32

func (c *clock) readWall() {
	now := time.Now()
	elapsed := now.Sub(c.base)
	c.lead.Store(now.UnixNano() - int64(elapsed))
	c.read.Store(int64(elapsed))
}
