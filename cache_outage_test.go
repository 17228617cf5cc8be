package tenantsecrets_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func TestErrStaleIsErrUnavailable(t *testing.T) {
	checkIs(t, tenantsecrets.ErrStale, tenantsecrets.ErrUnavailable)
	if errors.Is(tenantsecrets.ErrUnavailable, tenantsecrets.ErrStale) {
		t.Error("every ErrUnavailable is ErrStale")
	}
}

func TestTransientFailureServesTheOldValueAtOnce(t *testing.T) {
	for name, fault := range map[string]secretstest.Fault{
		"throttling":       {Err: secretstest.Throttling()},
		"internal error":   {Err: secretstest.InternalError()},
		"expired token":    {Err: secretstest.ExpiredToken()},
		"connection reset": {Err: secretstest.ConnectionReset()},
		"lost answer":      {LostAnswer: true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				c, old := warm(t, b)
				time.Sleep(ttl)
				fault.Delay = 10 * time.Millisecond
				b.Inject(fault)
				ask(t.Context(), c).serves(t, old, 10*time.Millisecond) // the one that meets it
				ask(t.Context(), c).serves(t, old, 0)                   // and while loads are held back
				synctest.Wait()
				checkOperations(t, b, describeCall)
			})
		})
	}
}

// step is how often these tests ask.
const step = 10 * time.Millisecond

// checkBackoff wants calls 1 s, 2 s, 4 s ... 30 s apart, where jitter may have
// taken away a quarter but never the first second, and polling added a step.
func checkBackoff(t *testing.T, calls []secretstest.Call) {
	t.Helper()
	want := time.Second
	for i := range len(calls) - 1 {
		gap := calls[i+1].At.Sub(calls[i].At)
		if least := max(time.Second, want*3/4); gap < least || gap > want+step {
			t.Errorf("pause %d is %v, want %v to %v", i+1, gap, least, want)
		}
		want = min(2*want, 30*time.Second)
	}
}

func TestLoadsBackOffInAnOutage(t *testing.T) {
	for name, age := range map[string]time.Duration{"aging": agesLatest, "stale": ttl, "past MaxStale": maxStale} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				c, old := warm(t, b)
				b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
				time.Sleep(age)
				poll(3*time.Minute, step, func() {
					if age < maxStale {
						ask(t.Context(), c).serves(t, old, 0)
					} else {
						ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrStale)
					}
				})
				calls := b.Calls()
				if len(calls) < 9 { // after 0, 1, 3, 7, 15, 31, 61, 91, 121, 151 s, or before
					t.Errorf("%d loads in 3 minutes", len(calls))
				}
				checkBackoff(t, calls)
			})
		})
	}
}

func TestColdSecretBacksOffInAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b)
		b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
		poll(time.Minute, step, func() {
			a := ask(t.Context(), c)
			a.fails(t, 0, tenantsecrets.ErrUnavailable)
			if errors.Is(a.err, tenantsecrets.ErrStale) {
				t.Errorf("error is %v, though nothing is held", a.err)
			}
		})
		if n := len(b.Calls()); n < 6 {
			t.Errorf("%d loads in a minute", n)
		}
		checkBackoff(t, b.Calls())
	})
}

// However long the outage was, the first load after it is no further than one
// pause away; and then the pauses begin with the shortest again.
func TestRecovery(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, old := warm(t, b)
		time.Sleep(ttl)
		remove := b.Inject(secretstest.Fault{Err: secretstest.InternalError()})
		poll(10*time.Minute, step, func() { ask(t.Context(), c).serves(t, old, 0) })

		remove()
		version := rotate(t, b, old)
		poll(30*time.Second, step, func() { ask(t.Context(), c) })
		synctest.Wait()
		ask(t.Context(), c).servesVersion(t, version, 0)
		checkOperations(t, b, describeCall, getCall)

		b.Inject(secretstest.Fault{Err: secretstest.InternalError()})
		time.Sleep(ttl)
		poll(time.Minute, step, func() { ask(t.Context(), c).servesVersion(t, version, 0) })
		checkBackoff(t, b.Calls())
	})
}

func TestLateSecretIsNotWaitedForUntilALoadSucceeds(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, old := warm(t, b)
		time.Sleep(ttl)
		slow := b.Inject(secretstest.Fault{Delay: time.Hour})
		ask(t.Context(), c).serves(t, old, staleWait)
		poll(time.Minute, 100*time.Millisecond, func() { ask(t.Context(), c).serves(t, old, 0) })

		slow()
		b.Inject(secretstest.Fault{Delay: 100 * time.Millisecond})
		poll(31*time.Second, 100*time.Millisecond, func() { ask(t.Context(), c).serves(t, old, 0) })

		time.Sleep(ttl) // a load has succeeded
		version := rotate(t, b, old)
		ask(t.Context(), c).servesVersion(t, version, 200*time.Millisecond)
	})
}

// A load that is late may still succeed, and ends the state.
func TestLateLoadIsKept(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, old := warm(t, b)
		version := rotate(t, b, old)
		time.Sleep(ttl)
		b.Inject(secretstest.Fault{Delay: time.Second})
		ask(t.Context(), c).serves(t, old, staleWait)
		time.Sleep(2*time.Second - staleWait - 1)
		ask(t.Context(), c).serves(t, old, 0)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		ask(t.Context(), c).servesVersion(t, version, 0)
		checkOperations(t, b, describeCall, getCall)

		time.Sleep(ttl)
		ask(t.Context(), c).servesVersion(t, version, staleWait)
	})
}

// A wait that ends in the instant in which the load succeeds may count as late or
// not, but not for the next time.
func TestLoadInTheLastInstantOfTheWaitIsNotLate(t *testing.T) {
	for range 50 {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			c, old := warm(t, b)
			time.Sleep(ttl)
			b.Inject(secretstest.Fault{Delay: staleWait, Times: 1})
			ask(t.Context(), c).serves(t, old, staleWait)
			synctest.Wait()

			b.Inject(secretstest.Fault{Delay: 10 * time.Millisecond})
			time.Sleep(ttl)
			ask(t.Context(), c).serves(t, old, 10*time.Millisecond)
		})
	}
}

func TestNothingIsServedFromMaxStaleOn(t *testing.T) {
	t.Run("outage", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			c, old := warm(t, b)
			b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
			time.Sleep(maxStale - 1)
			ask(t.Context(), c).serves(t, old, 0)
			time.Sleep(time.Nanosecond)
			a := ask(t.Context(), c)
			a.fails(t, 0, tenantsecrets.ErrStale, tenantsecrets.ErrUnavailable)
			var api smithy.APIError
			if !errors.As(a.err, &api) || api.ErrorCode() != "ThrottlingException" {
				t.Errorf("%v does not say what Secrets Manager answered", a.err)
			}
			time.Sleep(24 * time.Hour)
			ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrStale)
		})
	})
	t.Run("load", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			c, old := warm(t, b)
			version := rotate(t, b, old)
			b.Inject(secretstest.Fault{Delay: 2 * time.Second})
			time.Sleep(maxStale)
			ask(t.Context(), c).servesVersion(t, version, 4*time.Second) // StaleWait is no bound now
		})
	})
	t.Run("late", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			c, old := warm(t, b)
			time.Sleep(maxStale - time.Second)
			b.Inject(secretstest.Fault{Delay: time.Hour})
			ask(t.Context(), c).serves(t, old, staleWait)
			time.Sleep(time.Second - staleWait)
			ask(t.Context(), c).fails(t, 4*time.Second, tenantsecrets.ErrStale) // the load began 1 s ago
		})
	})
	t.Run("caller's deadline", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			c, _ := warm(t, b)
			b.Inject(secretstest.Fault{Delay: time.Hour})
			time.Sleep(maxStale)
			askWithin(t, c, 5*time.Millisecond).fails(t, 5*time.Millisecond, tenantsecrets.ErrStale, context.DeadlineExceeded)
		})
	})
}

// MaxStale passes while a call waits for the load that it began before.
func TestMaxStalePassesDuringTheWait(t *testing.T) {
	const left = 100 * time.Millisecond
	for _, test := range []struct {
		name     string
		fault    secretstest.Fault
		deadline time.Duration
		took     time.Duration
		err      error
	}{
		{"no answer", secretstest.Fault{Delay: time.Hour}, time.Hour, loadTimeout, tenantsecrets.ErrStale},
		{"an answer in StaleWait", secretstest.Fault{Delay: 200 * time.Millisecond}, time.Hour, 200 * time.Millisecond, nil},
		{"an answer after StaleWait", secretstest.Fault{Delay: time.Second}, time.Hour, time.Second, nil},
		{
			"a transient failure in StaleWait",
			secretstest.Fault{Delay: 200 * time.Millisecond, Err: secretstest.Throttling()},
			time.Hour, 200 * time.Millisecond, tenantsecrets.ErrStale,
		},
		{
			"a transient failure after StaleWait",
			secretstest.Fault{Delay: time.Second, Err: secretstest.Throttling()},
			time.Hour, time.Second, tenantsecrets.ErrStale,
		},
		{
			"a definite no",
			secretstest.Fault{Delay: 200 * time.Millisecond, Err: secretstest.AccessDenied()},
			time.Hour, 200 * time.Millisecond, tenantsecrets.ErrAccessDenied,
		},
		{"the caller's end", secretstest.Fault{Delay: time.Hour}, 150 * time.Millisecond, 150 * time.Millisecond, tenantsecrets.ErrStale},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				// The plaintext is of now, so that the load is one call.
				c, old := warm(t, b, func(o *tenantsecrets.Options) { o.MaxStale = 2 * ttl })
				time.Sleep(ttl)
				ask(t.Context(), c).serves(t, old, 0)
				b.ClearCalls()

				time.Sleep(2*ttl - left)
				test.fault.Operation = describeCall
				b.Inject(test.fault)
				a := askWithin(t, c, test.deadline)
				if test.err == nil {
					a.serves(t, old, test.took)
				} else {
					a.fails(t, test.took, test.err)
				}
				if calls := operations(b); calls[0] != describeCall || len(calls) > 2 {
					t.Errorf("calls are %v, want one load's", calls)
				}
			})
		})
	}
}

// Many secrets that fail together are not tried again together.
func TestBackoffSpreadsLoads(t *testing.T) {
	const tenants = 20
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		ids := storeTenants(t, b, tenants)
		c := newClient(t, b)
		b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
		times := make(map[time.Time]bool)
		poll(3*time.Second, step, func() { // the pauses are 1 s, and then 1.5 to 2 s
			for _, id := range ids {
				_, err := c.TenantSecret(t.Context(), id)
				checkIs(t, err, tenantsecrets.ErrUnavailable)
			}
		})
		for _, call := range b.Calls() {
			times[call.At] = true
		}
		if len(times) < 4 { // two, and one more or two by chance
			t.Errorf("%d tenants are tried at %d times", tenants, len(times))
		}
	})
}
