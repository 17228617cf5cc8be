package cache

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A load after a mismatch never waits for a slot: a call for the item would wait with it.
// Nor does that call get its error.
func TestRefusedMismatchDelaysNoOtherCall(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, _ *source) {
		e := checkServed(t, c, owner, 1, 0).Entry()
		time.Sleep(ttl) // it is stale now
		if !c.groups.checks.slots.tryTake() {
			t.Fatal("no slot")
		}
		tokens := c.groups.checks.budget.tokens
		_, err := c.join(t.Context(), e, need{after: e.number.Load(), mismatch: true, message: true}, noLimit)
		if !errors.Is(err, errTooManyChecks) {
			t.Errorf("the load after a mismatch ended with %v", err)
		}
		if c.groups.checks.budget.tokens != tokens {
			t.Error("a load that did not begin has taken a token")
		}
		i, _, err := c.Get(t.Context(), e, false)
		if err != nil || time.Duration(i.began.Load()) < ttl || e.late.Load() {
			t.Errorf("served without a load; late: %v, error: %v", e.late.Load(), err)
		}
	}, func(o *Config[subject, value]) { o.MaxLoads = 1 })
}

// The load that was asked for most often gets the next slot; among equals, the one that
// has waited longest. One that has given up gets none.
func TestBusiestLoadIsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		if err := s.take(t.Context(), 0, nil); err != nil {
			t.Fatal(err)
		}
		impatient, giveUp := context.WithCancel(t.Context())
		order := make(chan string, 5)
		var busiest *waiter
		wait := func(ctx context.Context, name string, asked int, queued func(*waiter)) {
			go func() {
				if s.take(ctx, asked, queued) == nil {
					order <- name
				}
			}()
			synctest.Wait()
		}
		wait(t.Context(), "first", 1, nil)
		wait(t.Context(), "second", 1, nil)
		wait(impatient, "impatient", 9, nil)
		wait(t.Context(), "busy", 2, nil)
		wait(t.Context(), "raised", 1, func(w *waiter) {
			if w != nil {
				busiest = w
			}
		})
		busiest.raise()
		busiest.raise()
		giveUp()
		synctest.Wait()
		for _, want := range []string{"raised", "busy", "first", "second"} {
			s.free()
			if got := <-order; got != want {
				t.Errorf("%s is next, want %s", got, want)
			}
		}
		s.free()
		if s.used != 0 || len(s.queue) != 0 {
			t.Errorf("%d slots are taken and %d loads wait at the end", s.used, len(s.queue))
		}
	})
}

// A slot that comes at the time when its load gives up goes to the next load, or back.
func TestSlotOfALoadThatGivesUpIsNotLost(t *testing.T) {
	for range atDepth(200, 5000) {
		s := newSlots(1)
		_ = s.take(t.Context(), 0, nil)
		ctx, cancel := context.WithCancel(t.Context())
		taken := make(chan error)
		go func() { taken <- s.take(ctx, 1, nil) }()
		go cancel()
		s.free()
		if <-taken == nil {
			s.free()
		}
		if !s.tryTake() {
			t.Fatal("the slot is lost")
		}
		cancel()
	}
}

func TestRaisingALoadThatHasItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		_ = s.take(t.Context(), 0, nil)
		var first *waiter
		done := make(chan error, 2)
		go func() {
			done <- s.take(t.Context(), 0, func(w *waiter) {
				if w != nil {
					first = w
				}
			})
		}()
		synctest.Wait()
		go func() { done <- s.take(t.Context(), 0, nil) }()
		synctest.Wait()
		s.free()
		if err := <-done; err != nil {
			t.Error(err)
		}
		first.raise()
		s.free()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestSlotsWithoutALimit(t *testing.T) {
	s := newSlots(0)
	for range 100 {
		if err := s.take(t.Context(), 0, nil); err != nil || !s.tryTake() || s.full() {
			t.Fatal("a slot is missing")
		}
	}
}
