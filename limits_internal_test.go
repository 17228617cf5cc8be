package tenantsecrets

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A load after a mismatch never waits for a slot: a call that wants the secret for
// itself would wait with it. Nor is its refusal that call's.
func TestRefusedMismatchHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, err := resolve(nil)
		if err != nil {
			t.Fatal(err)
		}
		o.MaxLoads = 1
		c := newCache(&o)
		defer c.close()
		c.fetch = func(_ context.Context, e *entry, _ known) (found, error) { return found{snapshot: newSnapshot(e)}, nil }
		e := stranger(0)
		if _, err := c.get(t.Context(), e, wanted); err != nil {
			t.Fatal(err)
		}
		time.Sleep(o.TTL) // it is stale now
		if !c.groups.webhooks.slots.tryTake() {
			t.Fatal("no slot")
		}
		tokens := c.groups.webhooks.budget.tokens
		_, err = c.join(t.Context(), e, need{after: e.number.Load(), mismatch: true, webhook: true}, noLimit)
		if err != error(errTooManyWebhooks) { //nolint:errorlint // that very one
			t.Errorf("the load after a mismatch ended with %v", err)
		}
		if c.groups.webhooks.budget.tokens != tokens {
			t.Error("a load that did not begin was paid for")
		}
		s, err := c.get(t.Context(), e, wanted)
		if err != nil || time.Duration(s.began.Load()) < o.TTL || e.late.Load() {
			t.Errorf("got the cached value: %v, late: %v, error: %v", err == nil, e.late.Load(), err)
		}
	})
}

// The load that was asked for most often gets the next slot, among equals the one that
// has waited longest; one that has given up gets none.
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
			t.Errorf("%d slots are taken and %d wait at the end", s.used, len(s.queue))
		}
	})
}
