package tenantsecrets

import (
	"cmp"
	"context"
	"slices"
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

// Every freeze counts, whatever the wall clock did before: a step back makes no secret
// younger, and does not hide the freeze that follows.
func TestEveryFreezeCounts(t *testing.T) {
	hour, minute := time.Hour, time.Minute
	for name, test := range map[string]struct {
		jumps []time.Duration
		want  time.Duration
	}{
		"none":                          {nil, 0},
		"a freeze":                      {[]time.Duration{hour}, hour},
		"two":                           {[]time.Duration{hour, minute}, hour + minute},
		"a step back":                   {[]time.Duration{-2 * hour}, 0},
		"a step back, then a freeze":    {[]time.Duration{-2 * hour, hour}, hour},
		"a freeze, a step back, twice":  {[]time.Duration{hour, -hour, hour, -hour}, 2 * hour},
		"an inaccurate reading":         {[]time.Duration{minJump - 1, -minJump + 1}, 0},
		"many small steps, which drift": {slices.Repeat([]time.Duration{minJump / 5}, 50), 10 * minJump},
	} {
		for source, now := range map[string]func() time.Time{"the runtime's": nil, "the user's own": time.Now} {
			t.Run(name+"/"+source, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newClock(now)
					for _, jump := range test.jumps {
						ageWhileFrozen(c, jump)
						time.Sleep(wallEvery)
						c.elapsed()
					}
					time.Sleep(wallEvery)
					if got, want := c.elapsed(), time.Duration(len(test.jumps)+1)*wallEvery+test.want; got != want {
						t.Errorf("%v have elapsed, want %v", got, want)
					}
				})
			})
		}
	}
}
