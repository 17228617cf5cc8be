package webhook

import (
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// TestClockWithin compares the clock with time.Now, for timestamps around the tolerance and
// the largest ones, after waits shorter and longer than the time between two readings.
func TestClockWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock(nil)
		for _, wait := range []time.Duration{0, 1, wallEvery - 1, wallEvery, time.Hour, 365 * 24 * time.Hour} {
			time.Sleep(wait)
			now := time.Now().Unix()
			for _, tolerance := range []time.Duration{1, time.Minute, 24 * time.Hour} {
				around := int64(tolerance / time.Second)
				for _, signed := range []int64{0, now - around - 1, now - around, now, now + around, now + around + 1, maxNano, maxNano + 1, 999_999_999_999} {
					want := within(time.Unix(signed, 0), time.Now(), tolerance)
					if got := c.within(signed, tolerance); got != want {
						t.Errorf("after %v, %d with tolerance %v: %t, want %t", wait, signed, tolerance, got, want)
					}
				}
			}
		}
	})
}

// TestClockReadsTheWallClock moves the last reading by an hour, as a wall clock that was set
// or a suspended machine does: the clock is right again wallEvery later.
func TestClockReadsTheWallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, jump := range []time.Duration{-time.Hour, time.Hour} {
			c := newClock(nil)
			c.lead.Add(int64(jump))
			if c.within(time.Now().Unix(), time.Minute) {
				t.Errorf("%v: the jump has no effect", jump)
			}
			time.Sleep(wallEvery)
			if !c.within(time.Now().Unix(), time.Minute) {
				t.Errorf("%v: the wall clock was not read again", jump)
			}
		}
	})
}

// TestClockDoesNotOverflow has the sums of within at their limits.
func TestClockDoesNotOverflow(t *testing.T) {
	if maxNano > math.MaxInt64/int64(time.Second) {
		t.Errorf("%d s overflow in nanoseconds", maxNano)
	}
}
