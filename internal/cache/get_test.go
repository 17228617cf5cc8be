package cache

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// served is what a call gets at an age.
type served struct {
	age     time.Duration
	version int           // 0: an error
	waits   time.Duration // of the call
	loads   int           // after it has returned
}

// What each age allows, when the source answers with a new version, late, or not at all.
func TestStages(t *testing.T) {
	const slow = time.Second
	slowly := func(s *source) { s.set(func() { s.delay = slow }) }
	down := func(s *source) { s.fail(errOutage) }
	type row struct {
		source func(*source)
		want   served
	}
	eachInBubble(t, map[string]row{
		"fresh":                        {nil, served{ttl / 10 * 6, 1, 0, 1}},
		"refresh-ahead":                {nil, served{ttl - 1, 1, 0, 2}},
		"refresh-ahead, slow":          {slowly, served{ttl - 1, 1, 0, 2}},
		"stale":                        {nil, served{ttl, 2, 0, 2}},
		"stale, slow":                  {slowly, served{ttl, 1, staleWait, 2}},
		"stale, in an outage":          {down, served{ttl, 1, 0, 2}},
		"nearly expired":               {nil, served{maxStale - 1, 2, 0, 2}},
		"nearly expired, in an outage": {down, served{maxStale - 1, 1, 0, 2}},
		"expires while a call waits":   {slowly, served{maxStale - staleWait, 2, slow, 2}},
		"expired":                      {nil, served{maxStale, 2, 0, 2}},
		"expired, slow":                {slowly, served{maxStale, 2, slow, 2}},
		"expired, in an outage":        {down, served{maxStale, 0, 0, 2}},
	}, func(t *testing.T, c *testCache, s *source, test row) {
		checkServed(t, c, owner, 1, 0)
		s.write(owner, 2)
		if test.source != nil {
			test.source(s)
		}
		time.Sleep(test.want.age)
		if test.want.version > 0 {
			checkServed(t, c, owner, test.want.version, test.want.waits)
		} else {
			checkRefused(t, c, owner, errOutage, test.want.waits)
			var stale *Stale
			if _, _, err := ask(t.Context(), c, owner); !errors.As(err, &stale) || stale.Error() == errOutage.Error() {
				t.Errorf("the error does not say that an item is cached: %v", err)
			}
		}
		synctest.Wait()
		s.checkLoads(t, test.want.loads)
	})
}

// The age at which a refresh begins is between 0.6 and 0.8 of the TTL, and differs.
func TestRefreshBeginsAtDifferentAges(t *testing.T) {
	f := &freshness{ttl: ttl}
	ages := map[time.Duration]bool{}
	for range 100 {
		at := f.refreshAt()
		if at < ttl/10*6 || at > ttl/10*8 {
			t.Errorf("refreshed at %v", at)
		}
		ages[at] = true
	}
	if len(ages) < 50 {
		t.Errorf("%d ages in 100", len(ages))
	}
}

// One call waits for StaleWait in vain; then no call waits, until a load succeeds.
func TestOneCallWaitsForStaleWait(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		checkServed(t, c, owner, 1, 0)
		s.set(func() { s.delay = time.Minute }) // longer than LoadTimeout
		time.Sleep(ttl)
		checkServed(t, c, owner, 1, staleWait)
		for range 100 {
			checkServed(t, c, owner, 1, 0)
			time.Sleep(time.Second)
		}
		s.set(func() { s.delay = staleWait / 2 })
		time.Sleep(maxBackoff + loadTimeout)
		checkServed(t, c, owner, 1, 0) // and a load begins
		time.Sleep(staleWait)
		checkServed(t, c, owner, 1, 0)
		time.Sleep(ttl)
		checkServed(t, c, owner, 1, staleWait/2) // waiting is worth it again
		if stats := c.Stats(); stats.Stale < 100 || stats.Failures == 0 {
			t.Errorf("%+v", stats)
		}
	})
}

// A load that ends as StaleWait does is not taken for one that is late.
func TestAnswerAtTheEndOfStaleWait(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, _ *source) {
		i := checkServed(t, c, owner, 1, 0)
		i.entry.waitedInVain(i, i.number.Load()-1)
		if i.entry.late.Load() {
			t.Error("the entry counts as late")
		}
	})
}

func TestStaleWaitOff(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		checkServed(t, c, owner, 1, 0)
		s.write(owner, 2)
		time.Sleep(ttl)
		checkServed(t, c, owner, 1, 0)
		synctest.Wait()
		checkServed(t, c, owner, 2, 0)
	}, func(o *Config[subject, value]) { o.StaleWait = 0 })
}

// What a failure of each class does to a cached item, and for how long no load begins.
func TestClassesOfFailures(t *testing.T) {
	type row struct {
		err    error
		serves bool
		pause  time.Duration
	}
	eachInBubble(t, map[string]row{
		"transient":  {errOutage, true, minBackoff},
		"definitive": {errDenied, false, negativeTTL},
		"not found":  {errMissing, false, negativeTTL},
		"deleting":   {errDeleting, false, negativeTTL},
	}, func(t *testing.T, c *testCache, s *source, test row) {
		checkServed(t, c, owner, 1, 0)
		s.fail(test.err)
		time.Sleep(ttl)
		for range 3 {
			if test.serves {
				checkServed(t, c, owner, 1, 0)
			} else {
				checkRefused(t, c, owner, test.err, 0)
			}
		}
		s.checkLoads(t, 2)
		time.Sleep(test.pause - 1)
		_, _, _ = ask(t.Context(), c, owner)
		s.checkLoads(t, 2)
		time.Sleep(time.Nanosecond)
		_, _, _ = ask(t.Context(), c, owner)
		synctest.Wait()
		s.checkLoads(t, 3)
		s.fail(nil)
		time.Sleep(negativeTTL)
		checkServed(t, c, owner, 1, 0)
		if negatives := c.Stats().Negatives; negatives > 0 == test.serves {
			t.Errorf("%d calls were refused without a load", negatives)
		}
	})
}

// A not-found just after an item was first found may be a read that lags behind: it is
// transient until creationLag has passed.
func TestLagAfterCreation(t *testing.T) {
	type row struct {
		err     error
		after   time.Duration
		evicted bool
	}
	eachInBubble(t, map[string]row{
		"not found":                {errMissing, creationLag - time.Second, false},
		"deleting":                 {errDeleting, creationLag - time.Second, false},
		"denied":                   {errDenied, creationLag - time.Second, true},
		"not found, later":         {errMissing, creationLag, true},
		"being deleted, but later": {errDeleting, creationLag, true},
	}, func(t *testing.T, c *testCache, s *source, test row) {
		i := checkServed(t, c, owner, 1, 0)
		s.fail(test.err)
		time.Sleep(test.after)
		_, err := c.Refresh(t.Context(), i.Entry())
		if !errors.Is(err, test.err) {
			t.Errorf("%v, want %v", err, test.err)
		}
		var own *Error
		if errors.As(err, &own) == test.evicted || (i.entry.Item() == nil) != test.evicted {
			t.Errorf("evicted: %v, error %v", i.entry.Item() == nil, err)
		}
	})
}

func TestBackoffIsBounded(t *testing.T) {
	for failures := 1; failures < 100; failures++ {
		full := min(minBackoff<<min(failures-1, 10), maxBackoff)
		for range 20 {
			if d := backoff(failures); d > full || d < minBackoff || d < full-full/4 {
				t.Errorf("%v after %d failures, want up to %v", d, failures, full)
			}
		}
	}
}

// In an outage the loads of an entry become as rare as the backoff says.
func TestLoadsInAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		s.fail(errOutage)
		for range 300 {
			checkRefused(t, c, owner, errOutage, 0)
			time.Sleep(time.Second)
		}
		if n := s.count(); n < 13 || n > 18 {
			t.Errorf("%d loads in 5 minutes", n)
		}
	})
}

// Many callers share one load, and each counts as having asked.
func TestOneLoadForManyCallers(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		s.set(func() { s.delay = time.Second })
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() {
				if i, _, err := ask(t.Context(), c, owner); err != nil || i.Value.version != 1 {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		s.checkLoads(t, 1)
		if stats := c.Stats(); stats.Loads != 1 || stats.Hits != 0 || stats.Cached != 1 {
			t.Errorf("%+v", stats)
		}
	})
}

// A caller whose context ends stops waiting. The load goes on for the others.
func TestContextBoundsOnlyItsCallersWait(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		s.set(func() { s.delay = time.Second })
		patient := make(chan error)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		go func() { _, _, err := ask(t.Context(), c, owner); patient <- err }()
		began := time.Now()
		_, _, err := ask(ctx, c, owner)
		var own *Error
		if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &own) || time.Since(began) != time.Second/2 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if _, _, err := ask(ctx, c, "t_2"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with an ended context: %v", err)
		}
		if err := <-patient; err != nil {
			t.Error(err)
		}
		s.checkLoads(t, 1)
	})
}

// A load that panics, ends its goroutine or ignores its context ends its callers' wait in
// time, with a transient error that does not quote a value.
func TestLoadThatDoesNotReturn(t *testing.T) {
	const private = "a value that must not be quoted"
	type row struct {
		load  func(ctx context.Context) error
		after time.Duration
	}
	eachInBubble(t, map[string]row{
		"panic":                {func(context.Context) error { panic(private) }, 0},
		"panic of the runtime": {func(context.Context) error { var e *testEntry; e.Subject = private; return nil }, 0},
		"Goexit":               {func(context.Context) error { runtime.Goexit(); return nil }, 0},
		"no value, no error":   {func(context.Context) error { return nil }, 0},
		"ignores its context":  {func(context.Context) error { time.Sleep(time.Hour); return nil }, loadTimeout},
		"ends with it":         {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, loadTimeout},
	}, func(t *testing.T, c *testCache, s *source, test row) {
		s.instead = func(ctx context.Context, _ *testEntry, _ testNeed) (*testItem, int64, error) {
			return nil, 0, test.load(ctx)
		}
		began := time.Now()
		_, _, err := ask(t.Context(), c, owner)
		if err == nil || c.classify(err) != Transient || errors.Is(err, ErrClosed) {
			t.Errorf("%v, want a transient error", err)
		}
		if took := time.Since(began); took != test.after {
			t.Errorf("it took %v, want %v", took, test.after)
		}
		if err != nil && len(err.Error()) > 60 {
			t.Errorf("the error quotes: %v", err)
		}
		s.set(func() { s.instead = nil })
		time.Sleep(minBackoff)
		checkServed(t, c, owner, 1, 0)
		time.Sleep(time.Hour)
	})
}

// Without a LoadTimeout a load may take as long as it wants.
func TestLoadTimeoutOff(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		s.set(func() { s.delay = 24 * time.Hour })
		checkServed(t, c, owner, 1, 24*time.Hour)
	}, func(o *Config[subject, value]) { o.LoadTimeout = 0 })
}

// A load reads the value again, even of a version that is cached, when the last read is so
// long ago that the item would not be served any more.
func TestReread(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		i := checkServed(t, c, owner, 1, 0)
		var read time.Duration
		for range 40 {
			time.Sleep(ttl)
			checkServed(t, c, owner, 1, 0)
			if now := c.clock.Elapsed(); s.last().cached.Reread {
				read = now
			} else if now-read > maxStale-ttl {
				t.Fatalf("not read for %v", now-read)
			}
		}
		if read == 0 || i.Entry().Item() != i {
			t.Error("nothing was read again, or confirming made another item")
		}
	})
}

func TestStats(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		checkServed(t, c, owner, 1, 0)
		time.Sleep(time.Minute)
		checkServed(t, c, "t_2", 1, 0)
		for range 7 {
			checkServed(t, c, owner, 1, 0)
		}
		s.fail(errMissing)
		for range 3 {
			checkRefused(t, c, "t_3", errMissing, 0)
		}
		want := Stats{Hits: 7, Negatives: 2, Loads: 3, Failures: 1, Cached: 2, Oldest: time.Minute}
		if got := c.Stats(); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		time.Sleep(ttl)
		s.fail(errOutage)
		checkServed(t, c, owner, 1, 0)
		want.Hits, want.Stale, want.Loads, want.Failures, want.Oldest = 8, 1, 4, 2, time.Minute+ttl
		if got := c.Stats(); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// Loaded is told of every load that has ended, and when it began.
func TestLoadedIsToldOfEveryLoad(t *testing.T) {
	type ended struct {
		owner   string
		began   time.Time
		version int
		err     error
	}
	var told []ended
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		s.set(func() { s.delay = time.Second })
		began := time.Now()
		checkServed(t, c, owner, 1, time.Second)
		s.fail(errDenied)
		checkRefused(t, c, "t_2", errDenied, time.Second)
		want := []ended{{owner, began, 1, nil}, {"t_2", began.Add(time.Second), 0, errDenied}}
		if len(told) != 2 || told[0] != want[0] || told[1] != want[1] {
			t.Errorf("told of %v, want %v", told, want)
		}
	}, func(o *Config[subject, value]) {
		o.Loaded = func(e *testEntry, began time.Time, i *testItem, err error) {
			l := ended{owner: e.Key.Owner, began: began, err: err}
			if i != nil {
				l.version = i.Value.version
			}
			told = append(told, l)
		}
	})
}

// A hit allocates nothing, for an owner of any length and for both kinds of key.
func TestHitAllocatesNothing(t *testing.T) {
	c := newTestCache(t, &source{})
	for _, k := range []Key{{Owner: owner}, {owner, "api_key"}, {Owner: "an owner whose ID is longer than 27 bytes"}} {
		_, _, m := c.Find(k)
		if m.Waited() {
			t.Error("Find has waited")
		}
		if _, m, err := c.Get(t.Context(), c.Entry(k, m, subject(k.Owner+k.Name)), false); err != nil || !m.Waited() {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() {
			_, i, _ := c.Find(k)
			c.Hit(i, false)
		}); n != 0 {
			t.Errorf("%v: %v allocations", k, n)
		}
	}
}
