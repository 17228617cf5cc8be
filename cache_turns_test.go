package tenantsecrets_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// However many loads wait for the answers of a dead network, a caller that has no
// deadline waits for a turn and for a load, LoadTimeout each.
func TestWaitForATurnIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		ids := storeTenants(t, b, 50)
		b.Inject(secretstest.Fault{Delay: time.Hour})
		c := newClient(t, b, func(o *tenantsecrets.Options) { o.MaxLoads = 2 })
		var callers sync.WaitGroup
		for _, id := range ids {
			callers.Go(func() {
				began := time.Now()
				_, err := c.TenantSecret(context.Background(), id)
				checkIs(t, err, tenantsecrets.ErrUnavailable)
				if took := time.Since(began); took > 2*loadTimeout {
					t.Errorf("waited %v", took)
				}
			})
		}
		callers.Wait()
	})
}

// What nobody waits for stands before nobody: the only cold secret is loaded next,
// though many others are due for a load in the background all the time.
func TestBackgroundLoadsGiveWay(t *testing.T) {
	const call = 2 * time.Second
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		ids := storeTenants(t, b, 20)
		c := newClient(t, b, oneSlot)
		readAll(t, c, ids)
		slowLoads(b, call)
		time.Sleep(agesLatest)
		readAll(t, c, ids)
		cold := askAsync(t.Context(), c)
		poll(3*call-1, call/20, func() {
			if took := readAll(t, c, ids); took != 0 {
				t.Errorf("a held secret took %v", took)
			}
		})
		// The rest of the load in the background, and a load.
		if a := <-cold; a.err != nil || a.took != 3*call {
			t.Errorf("the cold secret took %v: %v", a.took, a.err)
		}
	})
}

// oneSlot lets one load run at a time, of tenants that are all known.
func oneSlot(o *tenantsecrets.Options) {
	o.MaxLoads = 1
	o.Known = func(string) bool { return true }
}
