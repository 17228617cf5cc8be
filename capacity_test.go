package tenantsecrets_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// atDepth is how much a test does: little, or all where the environment asks for
// it.
func atDepth[T any](small, full T) T {
	if os.Getenv("TENANTSECRETS_DEPTH") == "full" {
		return full
	}
	return small
}

// roomFor is a client's capacity.
func roomFor(n int) func(*tenantsecrets.Options) {
	return func(o *tenantsecrets.Options) { o.Capacity = n }
}

// read wants a tenant's own secret, at that many calls.
func read(t *testing.T, c *tenantsecrets.Client, b *secretstest.Backend, id string, calls int) {
	t.Helper()
	b.ClearCalls()
	s, err := c.TenantSecret(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if want := "prod/formbridge/" + id + "/hmac_key"; s.Name() != want {
		t.Errorf("got %s for %s", s.Name(), id)
	}
	if n := len(b.Calls()); n != calls {
		t.Errorf("%s cost %d calls, want %d", id, n, calls)
	}
}

// checkHeld wants a client to have evicted and to hold so many.
func checkHeld(t *testing.T, c *tenantsecrets.Client, evictions uint64, held int) {
	t.Helper()
	if s := c.Stats(); s.Evictions != evictions || s.Held != held {
		t.Errorf("%d were evicted and %d are held, want %d and %d", s.Evictions, s.Held, evictions, held)
	}
}

func TestCapacityThatIsNone(t *testing.T) {
	for _, n := range []int{-1, math.MinInt} {
		if _, err := tenantsecrets.New(secretstest.New(), naming, roomFor(n)); !errors.Is(err, tenantsecrets.ErrInvalidOption) {
			t.Errorf("a capacity of %d: %v, want ErrInvalidOption", n, err)
		}
	}
	for _, n := range []int{0, 1, math.MaxInt} {
		newClient(t, secretstest.New(), roomFor(n))
	}
}

func TestNothingIsEvictedWithoutACapacity(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b)
		ids := storeTenants(t, b, 500)
		for _, calls := range []int{2, 0} {
			for _, id := range ids {
				read(t, c, b, id, calls)
			}
		}
		checkHeld(t, c, 0, len(ids))
	})
}

// What was evicted is loaded as if for the first time.
func TestCapacityOfOne(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b, roomFor(1))
		ids := storeTenants(t, b, 3)
		for range 3 {
			for _, id := range ids {
				read(t, c, b, id, 2)
				read(t, c, b, id, 0)
			}
		}
		checkHeld(t, c, 8, 1)
	})
}

// Every kind of secret takes a place, and is held in it.
func TestCapacityCountsEveryKind(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		store(t, b, "prod/formbridge/t_abc123/destinations/shop/hmac_key", document(t, nil))
		c := newClient(t, b, roomFor(1))
		kind := tenantsecrets.DestinationHMACKey("shop")
		for range 2 {
			read(t, c, b, tenant, 2)
			b.ClearCalls()
			if _, err := tenantsecrets.Get(t.Context(), c, tenant, kind); err != nil {
				t.Fatal(err)
			}
			checkOperations(t, b, describeCall, getCall)
		}
		checkHeld(t, c, 3, 1)
	})
}

// A secret is evicted for what exists alone: not for what does not, nor for what
// is denied.
func TestRefusalsTakeNoPlace(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		store(t, b, otherName, "malformed")
		c := newClient(t, b, roomFor(1), quiet)
		read(t, c, b, tenant, 2)
		for i := range 20 {
			if _, err := c.TenantSecret(t.Context(), fmt.Sprintf("t_none_%d", i)); !errors.Is(err, tenantsecrets.ErrNotFound) {
				t.Fatal(err)
			}
		}
		if _, err := c.TenantSecret(t.Context(), otherTenant); !errors.Is(err, tenantsecrets.ErrMalformed) {
			t.Fatal(err)
		}
		read(t, c, b, tenant, 0)
		checkHeld(t, c, 0, 1)
	})
}

// Of those that were used since the hand passed none goes, but the one that was
// not.
func TestWhoIsUsedKeepsItsPlace(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b, roomFor(10))
		ids := storeTenants(t, b, 40)
		used, others := ids[:9], ids[9:]
		for _, id := range used {
			read(t, c, b, id, 2)
		}
		for _, other := range others {
			for _, id := range used {
				read(t, c, b, id, 0)
			}
			read(t, c, b, other, 2)
		}
		checkHeld(t, c, uint64(len(others)-1), 10)
	})
}

// tenantSecretOf wants a tenant to be served.
func tenantSecretOf(t *testing.T, c *tenantsecrets.Client, id string) {
	t.Helper()
	if _, err := c.TenantSecret(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

// Who was evicted is known: the spent budget of unknown ids does not stop it.
func TestEvictedPassesTheSpentBudget(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b, roomFor(1), func(o *tenantsecrets.Options) { o.UnknownIDs = 1 })
		ids := storeTenants(t, b, 3)
		read(t, c, b, ids[0], 2)
		read(t, c, b, ids[1], 2)
		for i := range 20 {
			_, _ = c.TenantSecret(t.Context(), fmt.Sprintf("t_none_%d", i))
		}
		if _, err := c.TenantSecret(t.Context(), ids[2]); !errors.Is(err, tenantsecrets.ErrUnavailable) {
			t.Errorf("a tenant that was never seen: %v, want ErrUnavailable", err)
		}
		read(t, c, b, ids[0], 2)
	})
}

// 2,000 made-up ids a second beside tenants that were prefetched into a cache with
// no room to spare: all of them are served from memory, and what is looked for in
// vain stays in its budget.
func TestMadeUpIDsBesidePrefetchedTenants(t *testing.T) {
	const rate, burst = 50, 500
	tenants, flood := atDepth(1000, 5000), atDepth(10*time.Second, time.Minute)
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		ids := storeTenants(t, b, tenants)
		c := newClient(t, b, roomFor(tenants))
		if err := c.Prefetch(t.Context(), slices.Values(ids)); err != nil {
			t.Fatal(err)
		}
		if n := len(b.Calls()); n != tenants/20 {
			t.Errorf("%d calls for %d tenants", n, tenants)
		}
		b.ClearCalls()
		next := 0
		poll(flood, time.Second/2000, func() {
			tenantSecretOf(t, c, ids[next%tenants])
			_, err := c.TenantSecret(t.Context(), fmt.Sprintf("t_made_up_%d", next))
			if !errors.Is(err, tenantsecrets.ErrNotFound) && !errors.Is(err, tenantsecrets.ErrUnavailable) {
				t.Fatal(err)
			}
			next++
		})
		if n, most := len(b.Calls()), burst+rate*int(flood.Seconds()); n < most-rate || n > most+1 {
			t.Errorf("%d calls, want %d at most", n, most)
		}
		checkHeld(t, c, 0, tenants)
		b.ClearCalls()
		for _, id := range ids {
			tenantSecretOf(t, c, id)
		}
		checkOperations(t, b)
	})
}

// crowdedWhileLoading is a client with one place, whose tenant's background load,
// which has read the version from before, is still under way when another tenant
// needs the place; and then the tenant's secret is rotated.
func crowdedWhileLoading(t *testing.T, f func(t *testing.T, b *tapped, c *tenantsecrets.Client, version string)) {
	synctest.Test(t, func(t *testing.T) {
		b := &tapped{Backend: secretstest.New()}
		store(t, b.Backend, hmacName, document(t, nil))
		ids := storeTenants(t, b.Backend, 2)
		c := newClient(t, b, roomFor(1))
		s := tenantSecret(t, c)
		time.Sleep(agesLatest)
		held := false
		b.after = func(ctx context.Context, _ string) {
			if !held {
				held = true
				pause(ctx, time.Second)
			}
		}
		ask(t.Context(), c).serves(t, s, 0)
		synctest.Wait()
		tenantSecretOf(t, c, ids[0])
		f(t, b, c, rotate(t, b.Backend, s))
	})
}

// Who is being loaded keeps its place, for as long as that lasts.
func TestLoadingTenantKeepsItsPlace(t *testing.T) {
	crowdedWhileLoading(t, func(t *testing.T, b *tapped, c *tenantsecrets.Client, _ string) {
		checkHeld(t, c, 0, 2)
		time.Sleep(2 * time.Second)
		read(t, c, b.Backend, "t_1", 2)
		checkHeld(t, c, 2, 1)
	})
}

// Refresh brings what was written before it, whoever needed the place meanwhile.
func TestRefreshOfACrowdedTenantReadsAgain(t *testing.T) {
	crowdedWhileLoading(t, func(t *testing.T, _ *tapped, c *tenantsecrets.Client, version string) {
		s, err := c.Refresh(t.Context(), tenant)
		if err != nil || s.VersionID() != version {
			t.Errorf("got %v, %v, want version %s", s, err, version)
		}
	})
}

// Nor does Invalidate leave its load to be stored.
func TestInvalidateHitsTheLoadOfACrowdedTenant(t *testing.T) {
	crowdedWhileLoading(t, func(t *testing.T, _ *tapped, c *tenantsecrets.Client, version string) {
		checkInvalidated(t, c, version)
	})
}

// checkInvalidated wants an invalidation to hit the load that is under way for a
// second at most.
func checkInvalidated(t *testing.T, c *tenantsecrets.Client, version string) {
	t.Helper()
	if err := c.Invalidate(tenant); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	ask(t.Context(), c).servesVersion(t, version, 0)
}

// The tenant is evicted while its load waits for its turn: then that begins all the
// same, and Invalidate hits it as any other.
func TestInvalidateHitsALoadThatBeginsAfterItsEviction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &tapped{Backend: secretstest.New()}
		store(t, b.Backend, hmacName, document(t, nil))
		store(t, b.Backend, otherName, document(t, map[string]any{"tenant_id": otherTenant}))
		c := newClient(t, b, roomFor(1), oneSlot)
		s := tenantSecret(t, c)
		time.Sleep(maxStale)
		b.after = func(ctx context.Context, operation string) {
			if operation == describeCall {
				pause(ctx, time.Second)
			}
		}
		done := make(chan error)
		go func() {
			_, err := c.TenantSecret(t.Context(), otherTenant)
			done <- err
		}()
		synctest.Wait() // it has the only turn
		waiting := askAsync(t.Context(), c)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second / 2) // in the middle of the tenant's own load
		version := rotate(t, b.Backend, s)
		checkInvalidated(t, c, version)
		<-waiting
	})
}
