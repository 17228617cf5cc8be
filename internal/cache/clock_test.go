package cache

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// ageWhileFrozen makes the wall clock move by that much while the monotonic one stands
// still.
func ageWhileFrozen(c *Clock, d time.Duration) { c.wall = c.wall.Add(-d) }

// An item ages while its process is frozen, and a hit notices it within 100 ms of process
// time.
func TestFrozenProcessAges(t *testing.T) {
	type row struct {
		frozen time.Duration
		loads  int
	}
	eachInBubble(t, map[string]row{
		"not":            {0, 1},
		"past TTL":       {10 * time.Minute, 2},
		"past MaxStale":  {2 * time.Hour, 2},
		"clock set back": {-2 * time.Hour, 1},
	}, func(t *testing.T, c *testCache, s *source, test row) {
		checkServed(t, c, owner, 1, 0)
		ageWhileFrozen(c.clock, test.frozen)
		time.Sleep(wallEvery)
		checkServed(t, c, owner, 1, 0)
		s.checkLoads(t, test.loads)
		time.Sleep(time.Second)
		checkServed(t, c, owner, 1, 0)
		s.checkLoads(t, test.loads) // no more
	})
}

// Every freeze counts, whatever the wall clock did before: a step back makes no item
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
					c := NewClock(now)
					for _, jump := range test.jumps {
						ageWhileFrozen(c, jump)
						time.Sleep(wallEvery)
						c.Elapsed()
					}
					time.Sleep(wallEvery)
					if got, want := c.Elapsed(), time.Duration(len(test.jumps)+1)*wallEvery+test.want; got != want {
						t.Errorf("%v have elapsed, want %v", got, want)
					}
				})
			})
		}
	}
}

// One call compares the clocks; the others do not wait for it.
func TestReadingTheClockWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClock(nil)
		ageWhileFrozen(c, time.Hour)
		time.Sleep(wallEvery)
		c.mu.Lock()
		if got := c.Elapsed(); got != wallEvery {
			t.Errorf("%v have elapsed, want %v", got, wallEvery)
		}
		c.mu.Unlock()
		if got := c.Elapsed(); got != wallEvery+time.Hour {
			t.Errorf("%v have elapsed, want %v", got, wallEvery+time.Hour)
		}
	})
}

// A user's clock that goes back makes the age of an item unknown: it is loaded again, and
// served while it cannot be.
func TestUsersClockGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var offset time.Duration
		s := &source{}
		clock := NewClock(func() time.Time { return time.Now().Add(offset) })
		c := newTestCache(t, s, func(o *Config[subject, value]) { o.Clock = clock })
		if c.Clock() != clock {
			t.Error("the cache has another clock")
		}
		time.Sleep(time.Minute)
		i := checkServed(t, c, owner, 1, 0)
		offset = -30 * time.Second
		if age := i.Age(clock.Elapsed()); age != -30*time.Second {
			t.Errorf("age %v, want -30s", age)
		}
		s.fail(errOutage)
		checkServed(t, c, owner, 1, 0)
		s.checkLoads(t, 2)
		offset = -2 * time.Hour
		if got := clock.Elapsed(); got != 0 {
			t.Errorf("%v have elapsed, want 0", got)
		}
	})
}
