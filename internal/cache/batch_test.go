package cache

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// ended is how the loads of a batch ended, by owner.
type ended map[string]error

// batchSource answers batches from a source, all but what it leaves out.
type batchSource struct {
	*source
	err     error
	delay   time.Duration
	missing []string
	read    [][]string
	load    LoadFunc[subject, value] // nil: the source's
}

func (b *batchSource) batch(ctx context.Context, entries []*testEntry) (map[*testEntry]LoadFunc[subject, value], error) {
	var ids []string
	loads := map[*testEntry]LoadFunc[subject, value]{}
	for _, e := range entries {
		ids = append(ids, e.Subject.ID())
		if !slices.Contains(b.missing, e.Subject.ID()) {
			loads[e] = b.source.load
			if b.load != nil {
				loads[e] = b.load
			}
		}
	}
	b.read = append(b.read, ids)
	select {
	case <-time.After(b.delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return loads, b.err
}

func (b *batchSource) run(ctx context.Context, c *testCache, owners ...string) ended {
	entries := make([]*testEntry, len(owners))
	for n, owner := range owners {
		entries[n] = entryIn(c, owner)
	}
	got := ended{}
	c.LoadBatch(ctx, entries, b.batch, func(e *testEntry, i *testItem, err error) {
		if (i == nil) != (err != nil) {
			err = fmt.Errorf("an item beside the error %w", err)
		}
		got[e.Key.Owner] = err
	})
	return got
}

func checkEnded(t *testing.T, got ended, want map[string]error) {
	t.Helper()
	if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
		t.Errorf("ended: %v, want %v", got, want)
	}
	for owner, err := range want {
		if !errors.Is(got[owner], err) {
			t.Errorf("%s ended with %v, want %v", owner, got[owner], err)
		}
	}
}

func TestBatchLoadsWithOneRead(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		b := &batchSource{source: s}
		checkEnded(t, b.run(t.Context(), c, "t_1", "t_2", "t_3"), map[string]error{"t_1": nil, "t_2": nil, "t_3": nil})
		for _, owner := range []string{"t_1", "t_2", "t_3"} {
			checkServed(t, c, owner, 1, 0)
			if !entryIn(c, owner).Item().visited.Load() {
				t.Errorf("%s would be evicted before its first call", owner)
			}
		}
		if len(b.read) != 1 || len(b.read[0]) != 3 {
			t.Errorf("read %v", b.read)
		}
		checkEnded(t, b.run(t.Context(), c, "t_1", "t_4", "t_4"), map[string]error{"t_1": nil, "t_4": nil})
		if len(b.read) != 2 || !slices.Equal(b.read[1], []string{"t_4"}) {
			t.Errorf("read %v", b.read)
		}
		b.run(t.Context(), c, "t_1")
		b.run(t.Context(), c)
		if len(b.read) != 2 {
			t.Errorf("read %v, although all are fresh", b.read)
		}
	})
}

// A call can join a load of the batch. Where the batch does not bring the item, the call
// begins a load of its own.
func TestCallJoinsABatch(t *testing.T) {
	for name, missing := range map[string][]string{"that brings it": nil, "that does not bring it": {owner}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *testCache, s *source) {
				b := &batchSource{source: s, delay: time.Second, missing: missing}
				got := make(chan ended)
				go func() { got <- b.run(t.Context(), c, owner, "t_2") }()
				synctest.Wait()
				checkServed(t, c, owner, 1, time.Second)
				err := (<-got)[owner]
				s.checkLoads(t, 2)
				var unanswered *NotInBatch
				if errors.As(err, &unanswered) != (missing != nil) || missing == nil && err != nil {
					t.Errorf("the batch ended with %v", err)
				}
			})
		})
	}
}

// An entry that another call is loading is not read by the batch, which does not wait for
// it before it reads.
func TestBatchLeavesOutWhatIsBeingLoaded(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		s.set(func() { s.delay = 3 * time.Second })
		go func() { _, _, _ = ask(t.Context(), c, owner) }()
		synctest.Wait()
		s.set(func() { s.delay = 0 })
		b := &batchSource{source: s}
		got := make(chan ended)
		go func() { got <- b.run(t.Context(), c, owner, "t_2") }()
		time.Sleep(seatWait)
		synctest.Wait()
		checkServed(t, c, "t_2", 1, 0)
		checkEnded(t, <-got, map[string]error{owner: nil, "t_2": nil})
		if !slices.Equal(b.read[0], []string{"t_2"}) {
			t.Errorf("read %v", b.read)
		}
	})
}

// An entry with a stamp is loaded by itself: a batch does not show whether it lags behind.
func TestBatchLeavesOutWhatHasAStamp(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		s.set(func() { s.stamp = 7 })
		checkServed(t, c, owner, 1, 0)
		time.Sleep(ttl)
		b := &batchSource{source: s}
		checkEnded(t, b.run(t.Context(), c, owner, "t_2"), map[string]error{owner: nil, "t_2": nil})
		if !slices.Equal(b.read[0], []string{"t_2"}) || s.calls[1].cached.Stamp != 7 {
			t.Errorf("read %v", b.read)
		}
		s.checkLoads(t, 3)
	})
}

// What a failed batch says about its entries: nothing.
func TestBatchFails(t *testing.T) {
	type row struct {
		prepare func(*testCache, *batchSource)
		want    error
	}
	for name, test := range map[string]row{
		"with an error":  {func(_ *testCache, b *batchSource) { b.err, b.missing = errOutage, []string{"t_1", "t_2"} }, errOutage},
		"with no answer": {func(_ *testCache, b *batchSource) { b.missing = []string{"t_1", "t_2"} }, errNoAnswer},
		"too late":       {func(_ *testCache, b *batchSource) { b.delay = time.Minute }, errNoAnswer},
		"without a slot": {func(c *testCache, _ *batchSource) { c.groups.known.slots.size = 1; c.groups.known.slots.tryTake() }, errNoSlot},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *testCache, s *source) {
				b := &batchSource{source: s}
				test.prepare(c, b)
				got := b.run(t.Context(), c, "t_1", "t_2")
				checkEnded(t, got, map[string]error{"t_1": test.want, "t_2": test.want})
				for owner, err := range got {
					if e := entryIn(c, owner); e.failure != nil || c.backsOff(e, c.clock.Elapsed()) {
						t.Errorf("the failure %v of the batch is that of %s", err, owner)
					}
				}
				s.checkLoads(t, 0)
			})
		})
	}
}

// A load of the batch that fails is a failure of its entry.
func TestLoadInABatchFails(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		s.errs = map[string]error{"t_1": errDenied}
		b := &batchSource{source: s}
		checkEnded(t, b.run(t.Context(), c, "t_1", "t_2"), map[string]error{"t_1": errDenied, "t_2": nil})
		checkRefused(t, c, "t_1", errDenied, 0)
		s.checkLoads(t, 2)
	})
}

// A load of the batch that does not return ends in time, as any other.
func TestLoadInABatchIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		b := &batchSource{source: s}
		b.load = func(context.Context, *testEntry, testNeed) (*testItem, int64, error) {
			time.Sleep(time.Hour)
			return nil, 0, errOutage
		}
		began := time.Now()
		checkEnded(t, b.run(t.Context(), c, "t_1"), map[string]error{"t_1": errNoAnswer})
		if took := time.Since(began); took != loadTimeout {
			t.Errorf("it took %v, want %v", took, loadTimeout)
		}
		time.Sleep(time.Hour)
	})
}

// Close and the caller's context end a batch.
func TestBatchIsEnded(t *testing.T) {
	for name, want := range map[string]error{"by Close": ErrClosed, "by its context": context.Canceled} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *testCache, s *source) {
				b := &batchSource{source: s, delay: time.Hour}
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					time.Sleep(time.Second)
					if cancel(); want == ErrClosed { //nolint:errorlint // that very error
						c.Close()
					}
				}()
				if want == ErrClosed { //nolint:errorlint // that very error
					ctx = t.Context()
				}
				began := time.Now()
				checkEnded(t, b.run(ctx, c, "t_1", "t_2"), map[string]error{"t_1": want, "t_2": want})
				if took := time.Since(began); took != time.Second {
					t.Errorf("it took %v", took)
				}
			}, func(o *Config[subject, value]) { o.LoadTimeout = 0 })
		})
	}
}
