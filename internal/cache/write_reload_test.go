package cache

import (
	"context"
	"testing"
	"time"
)

// interferingContext calls a function when it is first asked whether it has ended.
type interferingContext struct {
	context.Context
	interfere func()
}

func (c *interferingContext) Err() error {
	if c.interfere != nil {
		c.interfere()
		c.interfere = nil
	}
	return c.Context.Err()
}

// A reload may join a load that another call has asked for, for which the cached item is
// good enough. It is not for the caller that has just written.
func TestReloadReadsWhatWasWrittenBefore(t *testing.T) {
	inBubble(t, func(t *testing.T, c *testCache, s *source) {
		cached := checkServed(t, c, owner, 1, 0)
		e := cached.Entry()
		s.write(owner, 2)
		ctx := &interferingContext{Context: t.Context(), interfere: func() {
			go func() {
				_, _, _ = c.flights.Do(e.Subject.ID(), func() (any, error) {
					time.Sleep(time.Second) // for its slot
					return c.load(&c.groups.known, e, forCaller)
				})
			}()
			time.Sleep(time.Millisecond) // until it is running
		}}
		i, err := c.Reload(ctx, e)
		if err != nil || i == cached || i.Value.version != 2 {
			t.Errorf("got what was cached, or %v", err)
		}
	})
}
