package cache

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// mismatch is a message that the cached item does not match, as a user of the cache
// handles it: it asks for the item, and then for a newer one.
func mismatch(ctx context.Context, c *testCache) (tried, newer *testItem, err error) {
	tried, m, err := askBy(ctx, c, owner, true)
	if err != nil {
		return nil, nil, err
	}
	newer, err = c.Newer(ctx, tried, m)
	return tried, newer, err
}

// checkNewer wants a mismatch to end with a version after so long.
func checkNewer(t *testing.T, c *testCache, version int, after time.Duration) {
	t.Helper()
	began := time.Now()
	_, i, err := mismatch(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); i.Value.version != version || took != after {
		t.Errorf("version %d after %v, want %d after %v", i.Value.version, took, version, after)
	}
}

// checkUnconfirmed wants a mismatch to end with an error after so long.
func checkUnconfirmed(t *testing.T, c *testCache, want error, after time.Duration) {
	t.Helper()
	began := time.Now()
	_, i, err := mismatch(t.Context(), c)
	if i != nil || !errors.Is(err, want) || time.Since(began) != after {
		t.Errorf("%v after %v, want %v after %v", err, time.Since(began), want, after)
	}
}

func TestMismatchConfirmsTheItem(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		checkServed(t, c, owner, 1, 0)
		time.Sleep(time.Minute)
		tried, newer, err := mismatch(t.Context(), c)
		if err != nil || newer != tried {
			t.Errorf("another item, or %v", err)
		}
		if !s.last().cached.Mismatch {
			t.Error("the load does not know what it is for")
		}
		s.checkLoads(t, 2)
	})
}

func TestMismatchFindsANewerItem(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		checkServed(t, c, owner, 1, 0)
		time.Sleep(time.Minute)
		s.write(owner, 2)
		checkNewer(t, c, 2, 0)
		s.write(owner, 3)
		checkNewer(t, c, 3, checkGap) // the next load begins then
		s.checkLoads(t, 3)
	})
}

// Another call has stored a newer item between a message's two calls.
func TestMismatchTakesTheItemThatIsThere(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		tried := checkServed(t, c, owner, 1, 0)
		time.Sleep(time.Millisecond)
		_, _, m := c.Find(Key{Owner: owner})
		written := NewItem(tried.Entry())
		written.Value.version = 2
		c.Put(written)
		if i, err := c.Newer(t.Context(), tried, m); i != written || err != nil {
			t.Errorf("another item, or %v", err)
		}
		s.checkLoads(t, 1)
	})
}

// A call that has waited for a load needs no other: the load began after it came.
func TestMismatchAfterItsOwnLoad(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		tried, newer, err := mismatch(t.Context(), c)
		if err != nil || newer != tried {
			t.Errorf("another item, or %v", err)
		}
		s.checkLoads(t, 1)
	})
}

// A load that is running may have read too early: the call waits for it, and for the next.
func TestMismatchWhileALoadIsRunning(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		i := checkServed(t, c, owner, 1, 0)
		time.Sleep(time.Minute)
		s.set(func() { s.delay = 400 * time.Millisecond })
		go func() { _, _ = c.Refresh(t.Context(), i.Entry()) }()
		time.Sleep(100 * time.Millisecond)
		s.write(owner, 2)
		checkNewer(t, c, 2, 1300*time.Millisecond) // 0.9 s after it came, a second after the other
		s.checkLoads(t, 3)
	})
}

func TestMismatchWhileALoadIsRunningThatFails(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		i := checkServed(t, c, owner, 1, 0)
		time.Sleep(time.Minute)
		s.set(func() { s.delay = 400 * time.Millisecond })
		s.fail(errOutage)
		go func() { _, _ = c.Refresh(t.Context(), i.Entry()) }()
		time.Sleep(100 * time.Millisecond)
		checkUnconfirmed(t, c, errOutage, 300*time.Millisecond)
	})
}

// The loads that mismatches cause become rarer while they find nothing new, and frequent
// again with the first new version, or once mismatches have paused.
func TestMismatchesBecomeRarer(t *testing.T) {
	for name, end := range map[string]func(*testCache, *source){
		"until a new version":    func(_ *testCache, s *source) { s.write(owner, 2); time.Sleep(maxCheckGap) },
		"until mismatches pause": func(*testCache, *source) { time.Sleep(2*maxCheckGap + time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *testCache, s *source) {
				checkServed(t, c, owner, 1, 0)
				time.Sleep(30 * time.Second)
				first := s.count()
				for range 600 { // a minute
					_, _, _ = mismatch(t.Context(), c)
					time.Sleep(100 * time.Millisecond)
				}
				if n := s.count() - first; n < 9 || n > 12 {
					t.Errorf("%d loads", n)
				}
				time.Sleep(maxCheckGap)
				_, _, _ = mismatch(t.Context(), c)
				checkUnconfirmed(t, c, errTimedOut, 0)
				end(c, s)
				_, _, _ = mismatch(t.Context(), c)
				_, _, err := mismatch(t.Context(), c)
				if err != nil {
					t.Errorf("a second later: %v", err)
				}
			})
		})
	}
}

// After a failure no load begins until its pause ends, whatever asks for it.
func TestMismatchInAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		checkServed(t, c, owner, 1, 0)
		s.fail(errOutage)
		time.Sleep(time.Minute)
		checkUnconfirmed(t, c, errOutage, 0)
		checkUnconfirmed(t, c, errOutage, minBackoff) // in time
		checkUnconfirmed(t, c, errTimedOut, 0)        // the pause after two failures is too long
		e := entryIn(c, owner)
		time.Sleep(e.pause.Load().until - c.clock.Elapsed() - checkWait)
		checkUnconfirmed(t, c, errOutage, checkWait) // its rest is not
	})
}

// A mismatch's load that begins at the end of its wait has checkGrace to answer.
func TestSlowMismatch(t *testing.T) {
	for name, delay := range map[string]time.Duration{"in time": checkGrace - 1, "too slow": checkGrace + 1} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *testCache, s *source) {
				checkServed(t, c, owner, 1, 0)
				time.Sleep(time.Minute)
				checkNewer(t, c, 1, 0)
				s.set(func() { s.delay = delay })
				if name == "in time" {
					checkNewer(t, c, 1, checkGap+delay)
				} else {
					checkUnconfirmed(t, c, errTimedOut, checkGap+checkGrace)
				}
			})
		})
	}
}

// Of a flood, only maxChecking wait for an entry's next load. The rest is refused at once.
func TestFewWaitForTheNextCheck(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, _ *source) {
		checkServed(t, c, owner, 1, 0)
		time.Sleep(time.Minute)
		checkNewer(t, c, 1, 0)
		time.Sleep(checkGap / 2)
		var waiting sync.WaitGroup
		for range maxChecking {
			waiting.Go(func() { checkNewer(t, c, 1, checkGap/2) })
		}
		synctest.Wait()
		checkUnconfirmed(t, c, errTimedOut, 0)
		waiting.Wait()
		if n := entryIn(c, owner).checking.Load(); n != 0 {
			t.Errorf("%d still count as waiting", n)
		}
	})
}

func TestMismatchWithAnEndedContext(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, _ *source) {
		checkServed(t, c, owner, 1, 0)
		time.Sleep(time.Minute)
		checkNewer(t, c, 1, 0)
		ctx, cancel := context.WithTimeout(t.Context(), checkGap/2)
		defer cancel()
		if _, _, err := mismatch(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// A flood of messages must not contend for a lock: a refusal takes none.
func TestMismatchIsRefusedWithoutALock(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, _ *source) {
		i := checkServed(t, c, owner, 1, 0)
		time.Sleep(30 * time.Second)
		for range 600 {
			_, _, _ = mismatch(t.Context(), c)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(maxCheckGap)
		_, _, _ = mismatch(t.Context(), c)
		time.Sleep(time.Millisecond)
		i.entry.mu.Lock()
		defer i.entry.mu.Unlock()
		checkUnconfirmed(t, c, errTimedOut, 0)
	})
}
