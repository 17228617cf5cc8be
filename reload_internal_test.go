package tenantsecrets

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// meddler is a context whose owner does something when it is first asked whether
// it has ended.
type meddler struct {
	context.Context
	meddle func()
}

func (m *meddler) Err() error {
	if m.meddle != nil {
		m.meddle()
		m.meddle = nil
	}
	return m.Context.Err()
}

// A reload may join a load that another call has asked for, to whom what is held
// is good enough. It is not to the one who has just written.
func TestReloadReadsWhatWasWrittenBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, err := resolve([]func(*Options){func(o *Options) { o.Logger = slog.New(slog.DiscardHandler) }})
		if err != nil {
			t.Fatal(err)
		}
		c := newCache(&o)
		defer c.close()
		written := "before"
		c.fetch = func(_ context.Context, e *entry, _ known) (found, error) {
			s := newSnapshot(e)
			s.value = written
			return found{snapshot: s}, nil
		}
		e := stranger(0)
		held, err := c.get(t.Context(), e, wanted)
		if err != nil {
			t.Fatal(err)
		}

		written = "after"
		ctx := &meddler{Context: t.Context(), meddle: func() {
			go func() {
				_, _, _ = c.flights.Do(e.name, func() (any, error) {
					time.Sleep(time.Second) // for its turn
					return c.load(&c.groups.known, e, wanted)
				})
			}()
			time.Sleep(time.Millisecond) // until that is under way
		}}
		s, err := c.reload(ctx, e)
		if err != nil || s == held || s.value != written {
			t.Errorf("got what was held, or %v", err)
		}
	})
}
