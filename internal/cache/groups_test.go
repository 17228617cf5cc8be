package cache

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// flood asks for made-up owners at a rate, each in a goroutine of its own, and calls each
// once a second.
func flood(t *testing.T, c *testCache, perSecond, seconds int, each func()) {
	t.Helper()
	for n := range perSecond * seconds {
		go func() { _, _, _ = ask(t.Context(), c, fmt.Sprint("made-up-", n)) }()
		time.Sleep(time.Second / time.Duration(perSecond))
		if n%perSecond == 0 {
			each()
		}
	}
}

// Unknown IDs are asked for while loads take 1.3 s. Known owners are served, and
// refreshed. The flood's goroutines stay bounded.
func TestFloodOfUnknownIDsDelaysNoKnownOwner(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		const owners = 20
		s.set(func() { s.missing = true })
		for n := range owners {
			s.write(keyOf(n).Owner, 1)
			checkServed(t, c, keyOf(n).Owner, 1, 0)
		}
		time.Sleep(ttl - 10*time.Second) // all are refreshed ahead
		for n := range owners {
			s.write(keyOf(n).Owner, 2)
		}
		s.set(func() { s.delay = 1300 * time.Millisecond })
		most, second := 0, 0
		flood(t, c, 500, 20, func() {
			second++
			most = max(most, runtime.NumGoroutine())
			for n := range owners {
				version := 1
				if second > 2 {
					version = 2
				}
				checkServed(t, c, keyOf(n).Owner, version, 0)
			}
		})
		if most > 2500 {
			t.Errorf("%d goroutines", most)
		}
		before := runtime.NumGoroutine()
		flood(t, c, 500, 5, func() { most = runtime.NumGoroutine() })
		if most > before+3*c.config.MaxLoads+50 {
			t.Errorf("%d goroutines once the flood is known, %d before", most, before)
		}
		if _, _, err := ask(t.Context(), c, "made-up-x"); !errors.Is(err, errTooManyUnknown) {
			t.Errorf("an unknown ID in the flood: %v", err)
		}
		s.set(func() { s.delay = 0 })
		time.Sleep(time.Minute)
		if s.most > 2*c.config.MaxLoads {
			t.Errorf("%d loads at once", s.most)
		}
	})
}

// The lookups in vain have a rate and a burst; an owner that exists gives its token back.
func TestUnknownIDsHaveABudget(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		s.set(func() { s.missing = true })
		for n := range 1000 { // they exist
			s.write(fmt.Sprint("new-", n), 1)
			checkServed(t, c, fmt.Sprint("new-", n), 1, 0)
		}
		for n := range 500 {
			checkRefused(t, c, fmt.Sprint("made-up-", n), errMissing, 0)
		}
		checkRefused(t, c, "over", errTooManyUnknown, 0)
		time.Sleep(time.Second)
		for n := range 50 {
			checkRefused(t, c, fmt.Sprint("later-", n), errMissing, 0)
		}
		checkRefused(t, c, "over", errTooManyUnknown, 0)
		s.checkLoads(t, 1550)
	})
}

// An owner that is known to exist needs no budget: Known names it, a batch does, or it was
// loaded before.
func TestKnownOwnersPassTheSpentBudget(t *testing.T) {
	known := func(o *Config[subject, value]) {
		o.UnknownRate, o.Known = 1, func(owner string) bool { return owner == "named" }
	}
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		checkServed(t, c, owner, 1, 0)
		s.set(func() { s.missing = true })
		for n := range 20 {
			_, _, _ = ask(t.Context(), c, fmt.Sprint("made-up-", n))
		}
		checkRefused(t, c, "another", errTooManyUnknown, 0)
		time.Sleep(creationLag / 2)
		s.set(func() { s.missing = false })
		checkServed(t, c, "named", 1, 0)
		c.Invalidate(entryIn(c, owner))
		checkServed(t, c, owner, 1, 0)
		b := &batchSource{source: s}
		checkEnded(t, b.run(t.Context(), c, "in a batch"), map[string]error{"in a batch": nil})
	}, known)
}

func TestUnknownBudgetOff(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		s.set(func() { s.missing = true })
		for n := range 1000 {
			checkRefused(t, c, fmt.Sprint("made-up-", n), errMissing, 0)
		}
	}, func(o *Config[subject, value]) { o.UnknownRate = 0 })
}

// A caller of an owner that has become known does not get the refusal of a load that
// waits among the unknown ones.
func TestKnownCallerOutlivesTheRefusalOfAnUnknownLoad(t *testing.T) {
	known := false
	inBubble(t, func(t *testing.T, c *testCache, _ *source) {
		c.groups.unknown.slots.tryTake()
		go func() { _, _, _ = ask(t.Context(), c, owner) }()
		synctest.Wait()
		known = true
		served := make(chan error, 1)
		go func() { _, _, err := ask(t.Context(), c, owner); served <- err }()
		synctest.Wait()
		c.groups.unknown.slots.sendAway()
		if err := <-served; err != nil {
			t.Errorf("a known owner is refused: %v", err)
		}
	}, func(o *Config[subject, value]) { o.MaxLoads, o.Known = 1, func(string) bool { return known } })
}

// Evicted entries that only messages ask for share the budget of checks, which is paid
// back when the message is verified. A call that no message causes needs none.
func TestMessagesForEvictedEntriesHaveABudget(t *testing.T) {
	for name, valid := range map[string]bool{"forged": false, "verified": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *testCache, _ *source) {
				for n := range 3 * checkBurst {
					checkServed(t, c, keyOf(n).Owner, 1, 0)
				}
				served := 0
				for n := range 2 * checkBurst {
					i, _, err := askBy(t.Context(), c, keyOf(n).Owner, true)
					if err == nil {
						served++
						c.Verified(i.Entry(), valid)
						c.Verified(i.Entry(), valid) // counts once
					} else if !errors.Is(err, errTooManyChecks) {
						t.Fatal(err)
					}
				}
				if want := map[bool]int{false: checkBurst, true: 2 * checkBurst}[valid]; served != want {
					t.Errorf("%d are served, want %d", served, want)
				}
				checkServed(t, c, keyOf(2*checkBurst-1).Owner, 1, 0)
			}, func(o *Config[subject, value]) { o.Capacity = 10 })
		})
	}
}

// A message's load of an evicted entry that fails is in vain.
func TestFailedLoadOfAnEvictedEntryCostsAToken(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		checkServed(t, c, "t_1", 1, 0)
		checkServed(t, c, "t_2", 1, 0)
		s.fail(errOutage)
		if _, _, err := askBy(t.Context(), c, "t_1", true); !errors.Is(err, errOutage) {
			t.Fatal(err)
		}
		if tokens := c.groups.checks.budget.tokens; tokens != checkBurst-1 {
			t.Errorf("%v tokens", tokens)
		}
	}, func(o *Config[subject, value]) { o.Capacity = 1 })
}

// After an outage that was longer than MaxStale the owners that were asked for most often
// are loaded first, and the first success ends the backoff of all.
func TestRecoveryAfterAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		const owners = 10
		for n := range owners {
			checkServed(t, c, keyOf(n).Owner, 1, 0)
		}
		s.fail(errOutage)
		for range int(maxStale/time.Minute) + 5 {
			time.Sleep(time.Minute)
			for n := range owners {
				_, _, _ = ask(t.Context(), c, keyOf(n).Owner)
			}
		}
		s.fail(nil)
		s.set(func() { s.delay = 100 * time.Millisecond })
		time.Sleep(maxBackoff)
		first := s.count()
		done := make(chan error)
		go func() { _, _, err := ask(t.Context(), c, keyOf(0).Owner); done <- err }() // has the slot
		synctest.Wait()
		calls := 1
		for n := 1; n < owners; n++ {
			for range 1 + n%5*10 + n {
				calls++
				go func() { _, _, err := ask(t.Context(), c, keyOf(n).Owner); done <- err }()
			}
			synctest.Wait()
		}
		for range calls {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		var order []string
		for _, call := range s.calls[first:] {
			order = append(order, call.id)
		}
		want := []string{"t_0", "t_9", "t_4", "t_8", "t_3", "t_7", "t_2", "t_6", "t_1", "t_5"}
		if len(order) != owners || order[1] != want[1] || order[2] != want[2] || slices.Index(order, "t_5") < 7 {
			t.Errorf("loaded in the order %v", order)
		}
	}, func(o *Config[subject, value]) { o.MaxLoads = 1 })
}

func TestFirstSuccessAfterAnOutageEndsTheBackoff(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		s.fail(errOutage)
		for range 60 {
			_, _, _ = ask(t.Context(), c, "t_1")
			time.Sleep(time.Second)
		}
		for e := entryIn(c, "t_1"); e.pause.Load().until < c.clock.Elapsed()+2*time.Second; time.Sleep(time.Second) {
			_, _, _ = ask(t.Context(), c, "t_1")
		}
		checkRefused(t, c, "t_1", errOutage, 0)
		s.fail(nil)
		checkServed(t, c, "t_2", 1, 0)
		time.Sleep(minBackoff)
		checkServed(t, c, "t_1", 1, 0)
	})
}

func TestCapacity(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		for n := range 100 {
			checkServed(t, c, keyOf(n).Owner, 1, 0)
		}
		if stats := c.Stats(); stats.Cached != 10 || stats.Evictions != 90 {
			t.Errorf("%+v", stats)
		}
		i := checkServed(t, c, "t_99", 1, 0)
		i.Visit()
		checkServed(t, c, "t_0", 1, 0)
		s.checkLoads(t, 101)
	}, func(o *Config[subject, value]) { o.Capacity = 10 })
}
