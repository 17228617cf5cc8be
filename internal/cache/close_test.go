package cache

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A load that succeeds at the time of Close may leave an item in its entry. It is not
// served.
func TestNothingIsServedAfterClose(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, _ *source) {
		e := entryIn(c, owner)
		if _, _, err := c.Get(t.Context(), e, false); err != nil {
			t.Fatal(err)
		}
		c.Close()
		if _, _, err := c.Get(t.Context(), e, false); !errors.Is(err, ErrClosed) {
			t.Errorf("a closed cache answers with %v", err)
		}
	})
}

// Every call that begins after Close gets ErrClosed, and keeps nothing.
func TestCallsAfterClose(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		i := checkServed(t, c, owner, 1, 0)
		e := i.Entry()
		c.Close()
		c.Close()
		if !c.Closed() {
			t.Error("it is not closed")
		}
		for name, call := range map[string]func() error{
			"Get":     func() error { _, _, err := ask(t.Context(), c, owner); return err },
			"Refresh": func() error { _, err := c.Refresh(t.Context(), e); return err },
			"Reload":  func() error { _, err := c.Reload(t.Context(), e); return err },
			"Sleep":   func() error { return c.Sleep(t.Context(), time.Second) },
			"Stopped": func() error { return c.Stopped(t.Context()) },
		} {
			if err := call(); !errors.Is(err, ErrClosed) {
				t.Errorf("%s: %v, want ErrClosed", name, err)
			}
		}
		c.Put(NewItem(e))
		c.MayExist(e)
		c.Invalidate(e)
		c.Keep(entryIn(c, "t_2"))
		if stats := c.Stats(); stats.Cached != 0 || len(c.Of(owner)) != 0 {
			t.Errorf("%d items are cached after Close", stats.Cached)
		}
		s.checkLoads(t, 1)
	})
}

// Close ends every call that waits, whatever for, at once.
func TestCloseEndsEveryWait(t *testing.T) {
	one := func(o *Config[subject, value]) { o.MaxLoads = 1 }
	for name, call := range map[string]func(context.Context, *testCache, *testItem) error{
		"for a load": func(ctx context.Context, c *testCache, _ *testItem) error {
			_, _, err := ask(ctx, c, "t_2")
			return err
		},
		"for a load of a stale item": func(ctx context.Context, c *testCache, _ *testItem) error {
			_, _, err := ask(ctx, c, owner)
			return err
		},
		"for a refresh": func(ctx context.Context, c *testCache, i *testItem) error {
			_, err := c.Refresh(ctx, i.entry)
			return err
		},
		"for a reload": func(ctx context.Context, c *testCache, i *testItem) error {
			_, err := c.Reload(ctx, i.entry)
			return err
		},
		"for a newer item": func(ctx context.Context, c *testCache, i *testItem) error {
			_, err := c.Newer(ctx, i, Mark{at: c.clock.Elapsed()})
			return err
		},
		"for time": func(ctx context.Context, c *testCache, _ *testItem) error { return c.Sleep(ctx, time.Hour) },
		"for a load that is deaf to it": func(ctx context.Context, c *testCache, _ *testItem) error {
			_, _, err := ask(ctx, c, "deaf")
			return err
		},
		"for a slot": func(ctx context.Context, c *testCache, _ *testItem) error {
			go func() { _, _, _ = ask(ctx, c, "t_2") }()
			synctest.Wait()
			_, _, err := ask(ctx, c, "t_3")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *testCache, s *source) {
				i := checkServed(t, c, owner, 1, 0)
				time.Sleep(ttl)
				s.set(func() { s.delay = time.Minute })
				s.set(func() { s.deaf = name == "for a load that is deaf to it" })
				began := time.Now()
				go func() { time.Sleep(100 * time.Millisecond); c.Close() }()
				if err := call(t.Context(), c, i); !errors.Is(err, ErrClosed) {
					t.Errorf("%v, want ErrClosed", err)
				}
				if took := time.Since(began); took != 100*time.Millisecond {
					t.Errorf("it ended after %v", took)
				}
				time.Sleep(time.Minute)
				if stats := c.Stats(); stats.Cached != 0 {
					t.Error("a load that ended after Close was stored")
				}
			}, one)
		})
	}
}

func TestAfterClose(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, _ *source) {
		var called, stopped bool
		c.AfterClose(func() { called = true })
		stop := c.AfterClose(func() { stopped = true })
		stop()
		c.Close()
		synctest.Wait()
		if !called || stopped {
			t.Errorf("called: %v; although stopped: %v", called, stopped)
		}
	})
}

// A bounded context ends with the first of three.
func TestBounded(t *testing.T) {
	type row struct {
		timeout time.Duration
		end     func(c *testCache, cancel func())
		after   time.Duration
	}
	for name, test := range map[string]row{
		"LoadTimeout":                   {loadTimeout, func(*testCache, func()) {}, loadTimeout},
		"Close":                         {loadTimeout, func(c *testCache, _ func()) { c.Close() }, time.Second},
		"the caller":                    {loadTimeout, func(_ *testCache, cancel func()) { cancel() }, time.Second},
		"Close, without a LoadTimeout":  {0, func(c *testCache, _ func()) { c.Close() }, time.Second},
		"the caller, without a timeout": {0, func(_ *testCache, cancel func()) { cancel() }, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *testCache, _ *source) {
				parent, cancelParent := context.WithCancel(t.Context())
				defer cancelParent()
				ctx, cancel := c.Bounded(parent)
				defer cancel()
				began := time.Now()
				go func() { time.Sleep(time.Second); test.end(c, cancelParent) }()
				<-ctx.Done()
				if took := time.Since(began); took != test.after {
					t.Errorf("it ended after %v, want %v", took, test.after)
				}
				time.Sleep(time.Second)
			}, func(o *Config[subject, value]) { o.LoadTimeout = test.timeout })
		})
	}
}

func TestSleep(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, _ *source) {
		began := time.Now()
		for _, d := range []time.Duration{-1, 0, time.Second} {
			if err := c.Sleep(t.Context(), d); err != nil {
				t.Error(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := c.Sleep(ctx, time.Hour)
		var own *Error
		if !errors.As(err, &own) || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
