package tenantsecrets

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A load that a mismatch asks for may be refused while a call that wants the
// secret waits for it too. The refusal is not that call's.
func TestRefusalOfAForgeryIsNobodyElses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, err := resolve(nil)
		if err != nil {
			t.Fatal(err)
		}
		o.MaxLoads = 1
		c := newCache(&o)
		defer c.close()
		c.forgeries = newBucket(1, 0) // which has none to give
		c.fetch = func(_ context.Context, e *entry, _ known) (found, error) { return found{snapshot: newSnapshot(e)}, nil }
		e := stranger(0)
		if _, err := c.get(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		time.Sleep(o.TTL) // it is stale now

		if err := c.slots.take(t.Context()); err != nil { // so that a load has to wait for its turn
			t.Fatal(err)
		}
		refused := make(chan error, 1)
		go func() {
			_, err := c.join(t.Context(), e, need{after: e.number.Load(), mismatch: true}, noLimit)
			refused <- err
		}()
		synctest.Wait()
		time.AfterFunc(o.StaleWait/2, c.slots.free)

		s, err := c.get(t.Context(), e)
		if err != nil || time.Duration(s.began.Load()) < o.TTL || e.late.Load() {
			t.Errorf("got what was held (%v), late %v, error %v", err == nil, e.late.Load(), err)
		}
		if err := <-refused; err != error(errTooManyForgeries) { //nolint:errorlint // that very one
			t.Errorf("the forgery's load ended with %v", err)
		}
	})
}
