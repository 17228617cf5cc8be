package tenantsecrets

import (
	"context"
	"errors"
	"testing"
)

// A load that succeeds in the instant of Close may put its entry back. It is not
// served all the same.
func TestNothingIsServedAfterClose(t *testing.T) {
	o, err := resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	cache := newCache(&o)
	c := &Client{cache: hide(cache)}
	cache.fetch = func(_ context.Context, e *entry, _ known) (found, error) { return found{snapshot: newSnapshot(e)}, nil }
	e := cache.table.add(stranger(0))
	if _, err := cache.get(t.Context(), e, wanted); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := cache.get(t.Context(), e, wanted); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed client answers with %v", err)
	}
}
