package tenantsecrets_test

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func invalidate(t *testing.T, c *tenantsecrets.Client, id string) {
	t.Helper()
	if err := c.Invalidate(id); err != nil {
		t.Fatal(err)
	}
}

func TestCallAfterInvalidateLoads(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, old := warm(t, b)
		version := rotate(t, b, old)
		invalidate(t, c, tenant)
		checkOperations(t, b)
		ask(t.Context(), c).servesVersion(t, version, 0)
		checkOperations(t, b, describeCall, getCall)
		checkServed(t, b, c, tenant)
		verify(t.Context(), c, signed(t, b)).accepts(t, 0)
	})
}

// What is revoked is not served because nobody answers.
func TestInvalidatedTenantIsRefusedInAnOutage(t *testing.T) {
	for name, age := range map[string]time.Duration{"fresh": 0, "aging": agesLatest, "stale": ttl, "past MaxStale": maxStale} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				c, _ := warm(t, b)
				b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
				time.Sleep(age)
				invalidate(t, c, tenant)
				poll(5*time.Second, step, func() {
					a := ask(t.Context(), c)
					a.fails(t, 0, tenantsecrets.ErrUnavailable)
					if errors.Is(a.err, tenantsecrets.ErrStale) {
						t.Fatalf("error is %v, though nothing is held", a.err)
					}
				})
				checkBackoff(t, b.Calls())
			})
		})
	}
}

// One secret can be forgotten alone: the tenant's others stay, in an outage too.
func TestInvalidateOfOnePath(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, _ := warm(t, b)
		apiKey := tenantsecrets.DestinationAPIKey("webhook1")
		store(t, b, apiKeyName, object(t, map[string]any{"api_key": rand.Text()}))
		if _, err := tenantsecrets.Get(t.Context(), c, tenant, apiKey); err != nil {
			t.Fatal(err)
		}
		defer b.Inject(secretstest.Fault{Err: secretstest.Throttling()})()
		if err := c.Invalidate(tenant, apiKey.Path); err != nil {
			t.Fatal(err)
		}
		if _, err := tenantsecrets.Get(t.Context(), c, tenant, apiKey); !errors.Is(err, tenantsecrets.ErrUnavailable) {
			t.Errorf("what was invalidated: error %v, want ErrUnavailable", err)
		}
		if _, err := c.TenantSecret(t.Context(), tenant); err != nil {
			t.Errorf("another secret of the tenant: %v", err)
		}
	})
}

// A load that began before is nobody's answer: who waits for it waits for another.
func TestLoadBeforeInvalidateIsNotStored(t *testing.T) {
	const call = 100 * time.Millisecond
	for name, age := range map[string]time.Duration{"cold": 0, "aging": agesLatest, "past MaxStale": maxStale} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				api := &tapped{Backend: b}
				c := newClient(t, api)
				if age > 0 {
					tenantSecret(t, c)
				}
				old := tenantSecret(t, newClient(t, b))
				time.Sleep(age)
				api.after = func(ctx context.Context, _ string) { pause(ctx, call) }
				early := askAsync(t.Context(), c)
				synctest.Wait()
				version := rotate(t, b, old)
				invalidate(t, c, tenant)
				ask(t.Context(), c).servesVersion(t, version, 2*call)
				if a := <-early; age != agesLatest && (a.err != nil || a.secret.VersionID() != version) {
					t.Errorf("who waited got %v, %v", a.secret, a.err)
				}
				time.Sleep(time.Second)
				b.ClearCalls()
				ask(t.Context(), c).servesVersion(t, version, 0)
				checkOperations(t, b)
			})
		})
	}
}

// Everything of the tenant's is forgotten, and nothing of anybody else's.
func TestInvalidateForgetsEveryKind(t *testing.T) {
	const other = "t_other"
	text := plainKind(func(stored []byte) (string, error) { return string(stored), nil })
	owners := []string{tenant, other, tenantsecrets.Global}
	read := func(t *testing.T, c *tenantsecrets.Client, owner string) {
		t.Helper()
		if owner != tenantsecrets.Global {
			if _, err := c.TenantSecret(t.Context(), owner); err != nil {
				t.Error(err)
			}
		}
		if _, err := tenantsecrets.Get(t.Context(), c, owner, text); err != nil {
			t.Error(err)
		}
	}
	for _, forgotten := range owners {
		t.Run(forgotten, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				store(t, b, nameOf(other), document(t, map[string]any{"tenant_id": other}))
				for _, owner := range owners {
					store(t, b, "prod/formbridge/"+owner+"/plain", object(t, map[string]any{"tenant_id": owner}))
				}
				c := newClient(t, b)
				for _, owner := range owners {
					read(t, c, owner)
				}
				b.ClearCalls()
				invalidate(t, c, forgotten)
				for _, owner := range owners {
					read(t, c, owner)
					var want []string
					switch {
					case owner == forgotten && owner == tenantsecrets.Global:
						want = []string{describeCall, getCall}
					case owner == forgotten:
						want = []string{describeCall, getCall, describeCall, getCall}
					}
					checkOperations(t, b, want...)
				}
			})
		})
	}
}

// Events that come often do not make loads come often.
func TestInvalidateKeepsThePauseAfterAFailure(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, _ := warm(t, b)
		b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
		poll(3*time.Minute, step, func() {
			invalidate(t, c, tenant)
			ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrUnavailable)
		})
		if n := len(b.Calls()); n < 9 {
			t.Errorf("%d loads in 3 minutes", n)
		}
		checkBackoff(t, b.Calls())
	})
}

func TestInvalidateForgetsADefiniteNo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		c := newClient(t, b)
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
		store(t, b, hmacName, document(t, nil))
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
		invalidate(t, c, tenant)
		tenantSecret(t, c)
	})
}

func TestInvalidateOfNoTenant(t *testing.T) {
	b := secretstest.New()
	c := newClient(t, b)
	for _, id := range []string{"", "t a", "t/a"} {
		checkRefused(t, c.Invalidate(id), "Invalidate", tenantsecrets.ErrInvalidTenant)
	}
	invalidate(t, c, "t_unheard_of")
	invalidate(t, c, tenantsecrets.Global)
	c.Close()
	for _, id := range []string{tenant, tenantsecrets.Global} {
		checkIs(t, c.Invalidate(id), tenantsecrets.ErrClosed)
	}
	checkOperations(t, b)
}

// Whatever else goes on, a call that begins after an Invalidate gets nothing that
// was read before it.
func TestInvalidateAmongLoads(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, s := warm(t, b)
		var others sync.WaitGroup
		stop := make(chan struct{})
		for range 8 {
			others.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						ask(t.Context(), c)
						refresh(t.Context(), c)
						prefetch(t.Context(), c, []string{tenant})
					}
				}
			})
		}
		for range 50 {
			version := rotate(t, b, s)
			invalidate(t, c, tenant)
			a := ask(t.Context(), c)
			if a.err != nil || a.secret.VersionID() != version {
				t.Errorf("got %v, %v, want version %s", a.secret, a.err, version)
			}
		}
		close(stop)
		others.Wait()
	})
}
