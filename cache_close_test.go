package tenantsecrets_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// In a bubble every goroutine must have ended when the test does, and none of
// these tests gives it time to: what is left behind is a failure.

func TestClosedClientRefusesEveryCall(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		var called atomic.Bool
		c := newClient(t, &tapped{Backend: b, before: func(context.Context, string) { called.Store(true) }})
		s := tenantSecret(t, c)
		c.Close()
		c.Close()
		called.Store(false)
		b.ClearCalls()
		signature, err := tenantsecrets.SignHMAC(s.Keys(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{tenant, "t_cold"} {
			_, err := c.TenantSecret(t.Context(), id)
			checkIs(t, err, tenantsecrets.ErrClosed)
			_, err = tenantsecrets.Get(t.Context(), c, id, tenantsecrets.DestinationAPIKey("webhook1"))
			checkIs(t, err, tenantsecrets.ErrClosed)
			checkIs(t, c.VerifyHMAC(t.Context(), id, nil, signature), tenantsecrets.ErrClosed)
			checkIs(t, c.Verify(t.Context(), id, func(tenantsecrets.Keyring) error { return nil }), tenantsecrets.ErrClosed)
			_, err = c.CreateTenant(t.Context(), id)
			checkIs(t, err, tenantsecrets.ErrClosed)
		}
		synctest.Wait()
		checkOperations(t, b)
		if called.Load() {
			t.Error("a closed client calls the API")
		}
	})
}

func TestCloseOfAnUnusedClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		newClient(t, secretstest.New()).Close()
	})
}

// closeAfter closes the client at a time at which calls wait.
func closeAfter(t *testing.T, c *tenantsecrets.Client, d time.Duration) {
	t.Helper()
	time.Sleep(d)
	synctest.Wait()
	c.Close()
}

func TestCloseEndsWaitsAndLoads(t *testing.T) {
	const wait = 10 * time.Millisecond
	for _, test := range []struct {
		name string
		age  time.Duration
	}{{"cold", 0}, {"stale", ttl}, {"past MaxStale", maxStale}} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				api := &tapped{Backend: b}
				c := newClient(t, api)
				if test.age > 0 {
					tenantSecret(t, c)
				}
				b.Inject(secretstest.Fault{Delay: time.Hour})
				time.Sleep(test.age)
				var waiters []<-chan answer
				for range 100 {
					waiters = append(waiters, askAsync(t.Context(), c))
				}
				closeAfter(t, c, wait)
				synctest.Wait()
				if n := api.running.Load(); n != 0 {
					t.Errorf("%d calls are still running", n)
				}
				for _, w := range waiters {
					(<-w).fails(t, wait, tenantsecrets.ErrClosed)
				}
				ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrClosed)
			})
		})
	}
}

func TestCloseEndsABackgroundLoad(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		api := &tapped{Backend: b}
		c := newClient(t, api)
		s := tenantSecret(t, c)
		b.Inject(secretstest.Fault{Delay: time.Hour})
		time.Sleep(agesLatest)
		ask(t.Context(), c).serves(t, s, 0)
		synctest.Wait()
		if n := api.running.Load(); n != 1 {
			t.Fatalf("%d calls are running, want 1", n)
		}
		c.Close()
		synctest.Wait()
		if n := api.running.Load(); n != 0 {
			t.Errorf("%d calls are still running", n)
		}
	})
}

func TestCloseEndsTheQueueForATurn(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		const other = "t_a"
		var called atomic.Int64
		release := make(chan struct{})
		api := &tapped{Backend: b, before: func(context.Context, string) { called.Add(1); <-release }}
		c := newClient(t, api, func(o *tenantsecrets.Options) { o.MaxLoads = 1 })
		running := askAsync(t.Context(), c)
		queued := make(chan error, 1)
		go func() {
			_, err := c.TenantSecret(t.Context(), other)
			queued <- err
		}()
		closeAfter(t, c, time.Second)
		(<-running).fails(t, time.Second, tenantsecrets.ErrClosed)
		checkIs(t, <-queued, tenantsecrets.ErrClosed)
		close(release)
		synctest.Wait()
		if n := called.Load(); n != 1 {
			t.Errorf("%d calls: the queued load has begun", n)
		}
	})
}

// An API that does not heed its context delays nobody, and what it answers after
// Close is not kept.
func TestCloseDoesNotWaitForTheAPI(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		release := make(chan struct{})
		c := newClient(t, &tapped{Backend: b, before: func(context.Context, string) { <-release }})
		waiter := askAsync(t.Context(), c)
		closeAfter(t, c, time.Millisecond)
		(<-waiter).fails(t, time.Millisecond, tenantsecrets.ErrClosed)
		close(release)
		synctest.Wait()
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrClosed)
	})
}

// A call that meets Close does not mistake the load that Close has ended for an
// outage, whichever of the two it hears of first.
func TestCloseIsNoOutage(t *testing.T) {
	for range 500 {
		api := &tapped{Backend: secretstest.New()}
		c := newClient(t, api)
		api.before = func(context.Context, string) { c.Close() }
		_, err := c.TenantSecret(t.Context(), tenant)
		checkIs(t, err, tenantsecrets.ErrClosed)
	}
}

func TestCloseEndsAVerification(t *testing.T) {
	for name, age := range map[string]time.Duration{"waiting for its turn": time.Millisecond, "waiting for a load": time.Minute} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				c, _ := warm(t, b)
				b.Inject(secretstest.Fault{Delay: time.Hour})
				time.Sleep(age)
				outcome := make(chan error, 1)
				go func() { outcome <- c.VerifyHMAC(t.Context(), tenant, nil, forged()) }()
				closeAfter(t, c, 10*time.Millisecond)
				checkIs(t, <-outcome, tenantsecrets.ErrClosed)
				if age := time.Since(bubbleStart) - age; age != 10*time.Millisecond {
					t.Errorf("took %v", age)
				}
			})
		})
	}
}

// A defer of Close after a New that has failed is no reason to panic.
func TestCloseOfNoClient(*testing.T) {
	var none *tenantsecrets.Client
	none.Close()
	new(tenantsecrets.Client).Close()
}
