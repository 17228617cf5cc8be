package tenantsecrets_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func TestCallersShareOneLoad(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		b.Inject(secretstest.Fault{Delay: 10 * time.Millisecond})
		c := newClient(t, b)
		var callers sync.WaitGroup
		for range 1000 {
			callers.Go(func() {
				if a := ask(t.Context(), c); a.err != nil || a.took != 20*time.Millisecond {
					t.Errorf("a caller got %v after %v", a.err, a.took)
				}
			})
		}
		callers.Wait()
		checkOperations(t, b, describeCall, getCall)
	})
}

func TestCallersShareOneFailure(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		b.Inject(secretstest.Fault{Delay: 10 * time.Millisecond, Err: secretstest.Throttling()})
		c := newClient(t, b)
		var callers sync.WaitGroup
		for range 1000 {
			callers.Go(func() { ask(t.Context(), c).fails(t, 10*time.Millisecond, tenantsecrets.ErrUnavailable) })
		}
		callers.Wait()
		checkOperations(t, b, describeCall)
	})
}

func TestDeadlineBoundsItsCallersWaitAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		b.Inject(secretstest.Fault{Delay: 500 * time.Millisecond})
		c := newClient(t, b)
		patient := askAsync(t.Context(), c)
		askWithin(t, c, 5*time.Millisecond).fails(t, 5*time.Millisecond, tenantsecrets.ErrUnavailable, context.DeadlineExceeded)
		if a := <-patient; a.err != nil || a.took != time.Second {
			t.Errorf("the patient caller got %v after %v", a.err, a.took)
		}
		checkOperations(t, b, describeCall, getCall)
	})
}

func TestLoadOutlivesItsOnlyCaller(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		b.Inject(secretstest.Fault{Delay: 500 * time.Millisecond})
		c := newClient(t, b)
		askWithin(t, c, 5*time.Millisecond).fails(t, 5*time.Millisecond, context.DeadlineExceeded)
		time.Sleep(995 * time.Millisecond)
		synctest.Wait()
		if a := ask(t.Context(), c); a.err != nil || a.took != 0 {
			t.Errorf("got %v after %v", a.err, a.took)
		}
		checkOperations(t, b, describeCall, getCall)
	})
}

func TestEndedContextBeginsNoLoad(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		ask(ctx, c).fails(t, 0, tenantsecrets.ErrUnavailable, context.Canceled)
		synctest.Wait()
		checkOperations(t, b)
	})
}

// What is known takes no wait, and so no context.
func TestKnownAnswerIgnoresAnEndedContext(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, s := warm(t, b)
		askWithin(t, c, 0).serves(t, s, 0)
		deleteNow(t, b)
		time.Sleep(ttl)
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
		askWithin(t, c, 0).fails(t, 0, tenantsecrets.ErrNotFound)
	})
}

func TestCancelledLeaderHarmsNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		b.Inject(secretstest.Fault{Delay: 500 * time.Millisecond})
		c := newClient(t, b)
		ctx, cancel := context.WithCancel(t.Context())
		leader := askAsync(ctx, c)
		checkOperations(t, b, describeCall)
		var others sync.WaitGroup
		for range 999 {
			others.Go(func() {
				if a := ask(t.Context(), c); a.err != nil || a.took != time.Second {
					t.Errorf("another caller got %v after %v", a.err, a.took)
				}
			})
		}
		time.Sleep(10 * time.Millisecond)
		cancel()
		(<-leader).fails(t, 10*time.Millisecond, context.Canceled)
		time.Sleep(time.Second - 10*time.Millisecond)
		others.Wait()
		checkOperations(t, b, getCall)
	})
}

func TestLoadTimeoutBoundsOneLoad(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		b.Inject(secretstest.Fault{Operation: getCall, Delay: time.Hour, Times: 1})
		c := newClient(t, b)
		ask(t.Context(), c).fails(t, loadTimeout, tenantsecrets.ErrUnavailable)
		time.Sleep(time.Second)
		if a := ask(t.Context(), c); a.err != nil {
			t.Error(a.err)
		}
	})
}

// A panic in the user's API is a failed load, for those who wait and in the
// background alike, and what it says is repeated nowhere.
func TestPanicIsAFailedLoad(t *testing.T) {
	for _, operation := range []string{describeCall, getCall} {
		t.Run(operation, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				const words = "what the panic says"
				api := &tapped{Backend: b, before: func(_ context.Context, op string) {
					if op == operation {
						panic(words)
					}
				}}
				c := newClient(t, api)
				for range 3 {
					a := ask(t.Context(), c)
					a.fails(t, 0, tenantsecrets.ErrUnavailable)
					if strings.Contains(a.err.Error(), words) {
						t.Error("the error repeats what the panic says")
					}
					time.Sleep(5 * time.Second)
				}
				api.before = nil
				s := tenantSecret(t, c)

				rotate(t, b, s)
				api.before = func(context.Context, string) { panic(words) }
				time.Sleep(agesLatest)
				ask(t.Context(), c).serves(t, s, 0)
				synctest.Wait()
				ask(t.Context(), c).serves(t, s, 0)
			})
		})
	}
}

// readAll asks for many tenants' secrets at once.
func readAll(t *testing.T, c *tenantsecrets.Client, ids []string) (took time.Duration) {
	t.Helper()
	began := time.Now()
	var callers sync.WaitGroup
	for _, id := range ids {
		callers.Go(func() {
			if _, err := c.TenantSecret(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	return time.Since(began)
}

func TestMaxLoadsBoundsLoadsAtOnce(t *testing.T) {
	const tenants, call = 200, 10 * time.Millisecond
	for _, test := range []struct {
		option int
		peak   int64
		took   time.Duration
	}{
		{0, maxLoads, 4 * 2 * call}, // 200 loads of two calls, 64 at once
		{3, 3, 67 * 2 * call},
		{1, 1, 200 * 2 * call},
		{-1, tenants, 2 * call},
	} {
		t.Run(fmt.Sprint(test.option), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &tapped{Backend: secretstest.New()}
				ids := storeTenants(t, b.Backend, tenants)
				b.Inject(secretstest.Fault{Delay: call})
				c := newClient(t, b, func(o *tenantsecrets.Options) { o.MaxLoads = test.option })
				if took := readAll(t, c, ids); took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
				if peak := b.peak.Load(); peak != test.peak {
					t.Errorf("%d loads at once, want %d", peak, test.peak)
				}
				if n := len(b.Calls()); n != 2*tenants {
					t.Errorf("%d calls for %d tenants", n, tenants)
				}
			})
		})
	}
}

// LoadTimeout is of the load itself, not of its turn.
func TestLoadTimeoutBeginsWithTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		ids := storeTenants(t, b, 2)
		b.Inject(secretstest.Fault{Delay: 2 * time.Second})
		c := newClient(t, b, func(o *tenantsecrets.Options) { o.MaxLoads = 1 })
		if took := readAll(t, c, ids); took != 8*time.Second {
			t.Errorf("took %v, want two loads one after the other", took)
		}
	})
}

// A failed load and one that panicked give their turn back.
func TestFailedLoadsFreeTheirTurn(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		api := &tapped{Backend: b, before: func(context.Context, string) { panic("broken") }}
		c := newClient(t, api, func(o *tenantsecrets.Options) { o.MaxLoads = 1 })
		ids := storeTenants(t, b, 3)
		for _, id := range ids {
			if _, err := c.TenantSecret(t.Context(), id); err == nil {
				t.Error("no error of a panic")
			}
		}
		api.before = nil
		tenantSecret(t, c)
	})
}

// An API that ends its goroutine, as a test's mock does with FailNow, fails a load
// and nothing else.
func TestGoexitIsAFailedLoad(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		api := &tapped{Backend: b, before: func(context.Context, string) { runtime.Goexit() }}
		c := newClient(t, api, func(o *tenantsecrets.Options) { o.MaxLoads = 1 })
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrUnavailable)
		api.before = nil
		time.Sleep(time.Second)
		tenantSecret(t, c)
	})
}

// An API that does not heed its context holds up nobody for longer than
// LoadTimeout, nor the loads that come after.
func TestLoadTimeoutBoundsAnAPIThatIgnoresIt(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		release := make(chan struct{})
		defer close(release)
		var called atomic.Bool
		api := &tapped{Backend: b, before: func(context.Context, string) {
			if !called.Swap(true) {
				<-release
			}
		}}
		c := newClient(t, api, func(o *tenantsecrets.Options) { o.MaxLoads = 1 })
		ask(t.Context(), c).fails(t, loadTimeout, tenantsecrets.ErrUnavailable)
		time.Sleep(time.Second)
		if a := ask(t.Context(), c); a.err != nil || a.took != 0 {
			t.Errorf("got %v after %v", a.err, a.took)
		}
	})
}
