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
	c := &Client{cache: newCache(&o)}
	c.cache.fetch = func(context.Context, *secret, known) (answer, error) { return answer{}, nil }
	e := c.cache.table.add(newEntry(secret{tenant: "t_a"}))
	if _, _, err := c.cache.get(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, _, err := c.cache.get(t.Context(), e); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed client answers with %v", err)
	}
}
