package cache

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// written returns an item as a writer makes it.
func written(e *testEntry, version int) *testItem {
	i := NewItem(e)
	i.Value.version = version
	return i
}

// loadResult is how a load in another goroutine ended.
type loadResult struct {
	item *testItem
	err  error
}

// loadSlowly begins a load of an owner that reads at once, and ends a second later.
func loadSlowly(t *testing.T, c *testCache, s *source, owner string) <-chan loadResult {
	t.Helper()
	s.set(func() { s.delay = time.Second })
	results := make(chan loadResult, 1)
	go func() {
		i, _, err := ask(t.Context(), c, owner)
		results <- loadResult{i, err}
	}()
	synctest.Wait()
	s.set(func() { s.delay = 0 })
	return results
}

// What a write does to a load that is running: what that load has read is never served
// afterwards. Its caller gets what is there now.
func TestWritesSupersedeARunningLoad(t *testing.T) {
	type row struct {
		write   func(*testing.T, *testCache, *testEntry)
		version int // the caller's
		after   time.Duration
		loads   int
	}
	eachInBubble(t, map[string]row{
		"Put":        {func(_ *testing.T, c *testCache, e *testEntry) { c.Put(written(e, 2)) }, 2, time.Second, 1},
		"Invalidate": {func(_ *testing.T, c *testCache, e *testEntry) { c.Invalidate(e) }, 2, time.Second, 2},
		"Reload": {func(t *testing.T, c *testCache, e *testEntry) {
			if i, err := c.Reload(t.Context(), e); err != nil || i.Value.version != 2 {
				t.Errorf("Reload: %v", err)
			}
		}, 2, time.Second, 2},
		"Refresh": {func(t *testing.T, c *testCache, e *testEntry) {
			if i, err := c.Refresh(t.Context(), e); err != nil || i.Value.version != 2 {
				t.Errorf("Refresh: %v", err)
			}
		}, 1, time.Second, 2},
		"MayExist": {func(_ *testing.T, c *testCache, e *testEntry) { c.MayExist(e) }, 1, time.Second, 1},
	}, func(t *testing.T, c *testCache, s *source, test row) {
		began := time.Now()
		result := loadSlowly(t, c, s, owner)
		s.write(owner, 2)
		test.write(t, c, entryIn(c, owner))
		r := <-result
		if r.err != nil || r.item.Value.version != test.version || time.Since(began) != test.after {
			t.Fatalf("the caller of the load gets %+v after %v", r, time.Since(began))
		}
		s.checkLoads(t, test.loads)
		if test.version == 2 {
			checkServed(t, c, owner, 2, 0)
		}
	})
}

// A call that comes after a write does not wait for the load that began before it.
func TestCallAfterAWriteJoinsNoOlderLoad(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		result := loadSlowly(t, c, s, owner)
		s.write(owner, 2)
		c.Invalidate(entryIn(c, owner))
		checkServed(t, c, owner, 2, 0)
		if e := entryIn(c, owner); e.running.Load() != 1 {
			t.Errorf("%d loads are running, want the superseded one", e.running.Load())
		}
		if r := <-result; r.err != nil || r.item.Value.version != 2 {
			t.Errorf("the caller of the superseded load gets %+v", r)
		}
		checkServed(t, c, owner, 2, 0)
	})
}

func TestPut(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		s.set(func() { s.missing = true })
		checkRefused(t, c, owner, errMissing, 0)
		e := c.Keep(entryIn(c, owner))
		i := c.Put(written(e, 2))
		if i.Entry() != e || e.Item() != i || i.Age(c.clock.Elapsed()) != 0 {
			t.Error("another item is cached")
		}
		checkServed(t, c, owner, 2, 0)
		time.Sleep(creationLag - 1)
		if _, err := c.Refresh(t.Context(), e); !errors.Is(err, errMissing) || e.Item() != i {
			t.Errorf("a not-found just after the creation: %v, item: %v", err, e.Item() != nil)
		}
		s.checkLoads(t, 2)
	})
}

// MayExist forgets a not-found, and no other failure.
func TestMayExist(t *testing.T) {
	type row struct {
		err   error
		loads int
	}
	eachInBubble(t, map[string]row{
		"not found": {errMissing, 2},
		"denied":    {errDenied, 1},
		"transient": {errOutage, 1},
	}, func(t *testing.T, c *testCache, s *source, test row) {
		s.fail(test.err)
		checkRefused(t, c, owner, test.err, 0)
		c.MayExist(entryIn(c, owner))
		checkRefused(t, c, owner, test.err, 0)
		s.checkLoads(t, test.loads)
		if e := entryIn(c, owner); !e.known.Load() {
			t.Error("it is not known")
		}
	})
}

// What keeps Reload, Refresh and a call after Invalidate from a load.
func TestForcedLoads(t *testing.T) {
	reload := func(ctx context.Context, c *testCache, e *testEntry) error { _, err := c.Reload(ctx, e); return err }
	refresh := func(ctx context.Context, c *testCache, e *testEntry) error { _, err := c.Refresh(ctx, e); return err }
	invalidate := func(ctx context.Context, c *testCache, e *testEntry) error {
		c.Invalidate(e)
		_, _, err := c.Get(ctx, e, false)
		return err
	}
	type row struct {
		call  func(context.Context, *testCache, *testEntry) error
		err   error // of the load before
		loads int   // of the call
	}
	eachInBubble(t, map[string]row{
		"Reload a fresh item":                   {reload, nil, 1},
		"Reload after a transient failure":      {reload, errOutage, 1},
		"Reload after a definitive failure":     {reload, errDenied, 1},
		"Refresh a fresh item":                  {refresh, nil, 1},
		"Refresh after a transient failure":     {refresh, errOutage, 0},
		"Refresh after a definitive failure":    {refresh, errDenied, 1},
		"Invalidate a fresh item":               {invalidate, nil, 1},
		"Invalidate after a transient failure":  {invalidate, errOutage, 0},
		"Invalidate after a definitive failure": {invalidate, errDenied, 1},
	}, func(t *testing.T, c *testCache, s *source, test row) {
		s.fail(test.err)
		_, _, err := ask(t.Context(), c, owner)
		if !errors.Is(err, test.err) {
			t.Fatal(err)
		}
		s.fail(nil)
		err = test.call(t.Context(), c, entryIn(c, owner))
		s.checkLoads(t, 1+test.loads)
		if test.loads == 0 && !errors.Is(err, test.err) || test.loads == 1 && err != nil {
			t.Errorf("%v after %v", err, test.err)
		}
	})
}

// A refresh whose context ends while it waits for another load proves nothing.
func TestRefreshWithAnEndedContext(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		loadSlowly(t, c, s, owner)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if _, err := c.Refresh(ctx, entryIn(c, owner)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// Invalidate finds all items of an owner, and those alone.
func TestEntriesOfAnOwner(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, _ *source) {
		var want []*testEntry
		for _, k := range []Key{{Owner: owner}, {owner, "api_key"}, {owner, "oauth"}, {Owner: "t_2"}, {"t_2", "api_key"}} {
			_, _, m := c.Find(k)
			e := c.Entry(k, m, subject(k.Owner+k.Name))
			if _, _, err := c.Get(t.Context(), e, false); err != nil {
				t.Fatal(err)
			}
			if k.Owner == owner {
				want = append(want, e)
			}
		}
		got := c.Of(owner)
		if len(got) != 3 || !slices.Contains(got, want[0]) || !slices.Contains(got, want[1]) || !slices.Contains(got, want[2]) {
			t.Errorf("%d entries", len(got))
		}
		if c.Of("t_3") != nil {
			t.Error("an unknown owner has entries")
		}
	})
}

// An eviction that has chosen an entry just before its load begins does not take its place
// for the time of the load: what is invalidated meanwhile must be found.
func TestLoadThatBeginsDuringAnEvictionHasAPlace(t *testing.T) {
	release := make(chan struct{})
	s := &source{}
	c := newTestCache(t, s, func(o *Config[subject, value]) { o.Capacity = 1 })
	e := entryIn(c, owner)
	if _, _, err := c.Get(t.Context(), e, false); err != nil {
		t.Fatal(err)
	}
	s.instead = func(context.Context, *testEntry, testNeed) (*testItem, int64, error) {
		<-release
		return written(e, 2), 0, nil
	}
	c.table.mu.Lock()
	victim := c.table.known.victim()
	done := make(chan error, 1)
	go func() { _, err := c.Refresh(t.Context(), e); done <- err }()
	for !e.loading() {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(10 * time.Millisecond) // a load that does not wait for the eviction begins
	c.table.known.remove(victim)
	victim.known.Store(false)
	c.table.remove(victim)
	c.table.evicted[victim.hash] = struct{}{}
	c.table.mu.Unlock()
	for s.count() < 2 {
		time.Sleep(time.Millisecond)
	}
	if !slices.Contains(c.Of(owner), e) {
		t.Error("an entry that is being loaded cannot be found")
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
