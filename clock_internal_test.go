package tenantsecrets

import (
	"cmp"
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// ageWhileFrozen makes the wall clock move by that much while the monotonic one
// stands still.
func ageWhileFrozen(c *clock, d time.Duration) { c.wall = c.wall.Add(-d) }

// A secret ages while its process is frozen, and a hit notices it within 100 ms of
// process time.
func TestFrozenProcessAges(t *testing.T) {
	for name, test := range map[string]struct {
		frozen time.Duration
		loads  int
	}{
		"not":            {0, 1},
		"past TTL":       {10 * time.Minute, 2},
		"past MaxStale":  {2 * time.Hour, 2},
		"clock set back": {-2 * time.Hour, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, err := resolve(nil)
				if err != nil {
					t.Fatal(err)
				}
				c := newCache(&o)
				defer c.close()
				loads := 0
				c.fetch = func(_ context.Context, e *entry, k known) (found, error) {
					loads++
					return found{snapshot: cmp.Or(k.held, newSnapshot(e))}, nil
				}
				e := stranger(0)
				get := func() {
					if _, err := c.get(t.Context(), e, wanted); err != nil {
						t.Fatal(err)
					}
				}
				get()
				ageWhileFrozen(c.clock, test.frozen)
				time.Sleep(wallEvery)
				get()
				if loads != test.loads {
					t.Errorf("%d loads, want %d", loads, test.loads)
				}
				time.Sleep(time.Second)
				get() // and that is all
				if loads != test.loads {
					t.Errorf("%d loads a second later, want %d", loads, test.loads)
				}
			})
		})
	}
}

// A clock of the user's own counts as the wall clock does, where it is ahead.
func TestOwnClockCountsTheWall(t *testing.T) {
	now := time.Now()
	c := newClock(func() time.Time { return now })
	ageWhileFrozen(c, time.Hour)
	if got := c.elapsed(); got != time.Hour {
		t.Errorf("elapsed %v", got)
	}
}
