package tenantsecrets_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// outcomes counts what made-up ids get, asked for at a rate.
func outcomes(t *testing.T, c *tenantsecrets.Client, first, perSecond int, d time.Duration) (notFound, unavailable int) {
	t.Helper()
	id := first
	poll(d, time.Second/time.Duration(perSecond), func() {
		id++
		switch _, err := c.TenantSecret(t.Context(), fmt.Sprintf("t_made_up_%d", id)); {
		case errors.Is(err, tenantsecrets.ErrNotFound):
			notFound++
		case errors.Is(err, tenantsecrets.ErrUnavailable):
			unavailable++
		default:
			t.Fatal(err)
		}
	})
	return notFound, unavailable
}

// 2,000 made-up ids a second cost the burst and the rate, and nothing else: real
// tenants stay, new ones come, and who is over the budget is never told that an
// id does not exist.
func TestMadeUpIDsHaveABudget(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		const tenants = 300
		c := newClient(t, b)
		ids := storeTenants(t, b, tenants)
		readAll(t, c, ids)
		b.ClearCalls()

		const flood = time.Minute
		notFound, unavailable := outcomes(t, c, 0, 2000, flood)
		if most := 500 + 50*int(flood.Seconds()); notFound < most-50 || notFound > most+1 {
			t.Errorf("%d ids were looked for, want %d", notFound, most)
		}
		if notFound+unavailable != 2000*int(flood.Seconds())+1 || len(b.Calls()) != notFound {
			t.Errorf("%d not found, %d unavailable, %d calls", notFound, unavailable, len(b.Calls()))
		}
		b.ClearCalls()
		readAll(t, c, ids)
		checkOperations(t, b) // none was evicted
	})
}

// A tenant that exists gives its token back, so that any number may come at once.
func TestRealTenantsCostNoBudget(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		ids := storeTenants(t, b, 600)
		c := newClient(t, b, func(o *tenantsecrets.Options) { o.UnknownIDs = 1 })
		for _, id := range ids {
			if _, err := c.TenantSecret(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Who was read or created once is known, also after a definite no.
func TestKnownTenantsPassTheSpentBudget(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b, func(o *tenantsecrets.Options) { o.UnknownIDs = 1 })
		tenantSecret(t, c)
		deleteNow(t, b)
		time.Sleep(defaultTTL)
		outcomes(t, c, 0, 100, 500*time.Millisecond)
		_, err := c.TenantSecret(t.Context(), tenant)
		checkIs(t, err, tenantsecrets.ErrNotFound)
		_, err = c.TenantSecret(t.Context(), "t_other")
		checkIs(t, err, tenantsecrets.ErrUnavailable)
		if errors.Is(err, tenantsecrets.ErrNotFound) {
			t.Error("an id that was not looked for is said not to exist")
		}
		if _, err := c.CreateTenant(t.Context(), "t_other"); err != nil {
			t.Errorf("creation, which costs no budget: %v", err)
		}
	})
}

func TestUnknownIDsOff(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b, func(o *tenantsecrets.Options) { o.UnknownIDs = -1 })
		if notFound, unavailable := outcomes(t, c, 0, 2000, time.Second); notFound != 2001 || unavailable != 0 {
			t.Errorf("%d not found, %d unavailable", notFound, unavailable)
		}
	})
}

// Forgeries against many tenants at once share a budget.
func TestForgeriesShareABudget(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		const tenants = 2000
		ids := storeTenants(t, b, tenants)
		c := newClient(t, b)
		readAll(t, c, ids)
		time.Sleep(time.Minute)
		b.ClearCalls()
		unconfirmed := 0
		for _, id := range ids {
			err := c.VerifyHMAC(t.Context(), id, message, forged())
			if errors.Is(err, tenantsecrets.ErrUnconfirmed) {
				unconfirmed++
				continue
			}
			checkIs(t, err, tenantsecrets.ErrMismatch)
		}
		if checked := tenants - unconfirmed; checked < 500 || checked > 501 {
			t.Errorf("%d were refused for good, want those alone whose keys were looked for", checked)
		}
		if n := len(b.Calls()); n < 500 || n > 501 {
			t.Errorf("%d loads for %d forgeries at once, want the burst of 500", n, tenants)
		}
	})
}
