package tenantsecrets_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func TestMismatchInAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, _ := warm(t, b)
		good := signed(t, b)
		b.Inject(secretstest.Fault{Delay: 10 * time.Millisecond, Err: secretstest.InternalError()})
		time.Sleep(time.Minute)
		verify(t.Context(), c, forged()).refuses(t, 10*time.Millisecond, tenantsecrets.ErrUnconfirmed)
		verify(t.Context(), c, good).accepts(t, 0)
		checkOperations(t, b, describeCall)
	})
}

func TestMismatchWaitsForOneSecondAtMost(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, old := warm(t, b)
		rotate(t, b, old)
		signature := signed(t, b)
		slowLoads(b, time.Second)
		time.Sleep(time.Minute)
		verify(t.Context(), c, signature).refuses(t, mismatchWait, tenantsecrets.ErrUnconfirmed)
		time.Sleep(time.Second)
		synctest.Wait()
		verify(t.Context(), c, signature).accepts(t, 0) // the load was not in vain
		checkOperations(t, b, describeCall, getCall)
	})
}

// The wait for a turn and the wait for the load are one second together, and
// half a second more where that is less than a load needs.
func TestMismatchWaitsForOneSecondInAll(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, _ := warm(t, b)
		slowLoads(b, time.Hour)
		time.Sleep(600 * time.Millisecond)
		verify(t.Context(), c, forged()).refuses(t, mismatchWait, tenantsecrets.ErrUnconfirmed)
		checkOperations(t, b, describeCall)
	})
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, _ := warm(t, b)
		slowLoads(b, time.Hour)
		time.Sleep(100 * time.Millisecond)
		verify(t.Context(), c, forged()).refuses(t, 900*time.Millisecond+mismatchGrace, tenantsecrets.ErrUnconfirmed)
		checkOperations(t, b, describeCall)
	})
}

// The wait for a load that was under way before counts too.
func TestMismatchWaitsForOneSecondWithALoadUnderWay(t *testing.T) {
	for name, test := range map[string]struct {
		call  time.Duration
		waits time.Duration
		calls []string
	}{
		"a slow one":           {4 * time.Second, mismatchWait, nil},
		"one, and then a turn": {600 * time.Millisecond, 900*time.Millisecond + mismatchGrace, []string{describeCall}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				c, old := warm(t, b)
				time.Sleep(agesLatest)
				slowLoads(b, test.call)
				ask(t.Context(), c).serves(t, old, 0)
				time.Sleep(100 * time.Millisecond)
				checkOperations(t, b, describeCall)
				verify(t.Context(), c, forged()).refuses(t, test.waits, tenantsecrets.ErrUnconfirmed)
				checkOperations(t, b, test.calls...)
			})
		})
	}
}

// A load that began after the caller arrived may have ended before the caller
// comes to wait for it: then its outcome counts, and there is no other.
func TestMismatchAfterALoadHasEnded(t *testing.T) {
	for name, test := range map[string]struct {
		fault secretstest.Fault
		want  error
	}{
		"good":     {secretstest.Fault{}, tenantsecrets.ErrMismatch},
		"failed":   {secretstest.Fault{Err: secretstest.Throttling()}, tenantsecrets.ErrUnconfirmed},
		"definite": {secretstest.Fault{Err: secretstest.AccessDenied()}, tenantsecrets.ErrAccessDenied},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				c, _ := warm(t, b)
				b.Inject(test.fault)
				time.Sleep(time.Minute)
				err := c.Verify(t.Context(), tenant, func(tenantsecrets.Keyring) error {
					time.Sleep(time.Nanosecond) // what begins in the very instant may have begun before
					_ = c.VerifyHMAC(t.Context(), tenant, message, forged())
					return tenantsecrets.ErrMismatch
				})
				checkIs(t, err, test.want)
				if took := time.Since(bubbleStart) - time.Minute; took != time.Nanosecond {
					t.Errorf("took %v", took)
				}
				checkOperations(t, b, describeCall)
			})
		})
	}
}

func TestMismatchWaitsNoLongerThanItsContext(t *testing.T) {
	const left = 5 * time.Millisecond
	for name, age := range map[string]time.Duration{"for its turn": left, "for a load": time.Minute} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				c, _ := warm(t, b)
				slowLoads(b, time.Second)
				time.Sleep(age)
				ctx, cancel := context.WithTimeout(t.Context(), left)
				defer cancel()
				verify(ctx, c, forged()).refuses(t, left, tenantsecrets.ErrUnconfirmed)
			})
		})
	}
}

// Where the load that a mismatch asks for finds a definite no, that is the answer,
// and only an unknown tenant looks like a bad signature.
func TestMismatchOnARefusedSecret(t *testing.T) {
	eachRefusal(t, func(t *testing.T, b *secretstest.Backend, r *refusal) {
		c, _ := warm(t, b, quiet)
		r.start(t, b)
		slowLoads(b, 10*time.Millisecond)
		time.Sleep(time.Minute)
		took := time.Duration(len(r.calls)) * 10 * time.Millisecond
		v := verify(t.Context(), c, forged())
		v.refuses(t, took, r.want)
		unknown := errors.Is(r.want, tenantsecrets.ErrNotFound)
		if errors.Is(v.err, tenantsecrets.ErrSignature) != unknown {
			t.Errorf("error is %v; ErrSignature: want %v", v.err, unknown)
		}
		if errors.Is(v.err, tenantsecrets.ErrMismatch) {
			t.Errorf("error is %v, though no key is left to compare with", v.err)
		}
		checkOperations(t, b, r.calls...)
	})
}

func TestVerificationOfWhatIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		c := newClient(t, b)
		verify(t.Context(), c, forged()).refuses(t, 0, tenantsecrets.ErrSignature, tenantsecrets.ErrNotFound)
		verify(t.Context(), c, forged()).refuses(t, 0, tenantsecrets.ErrSignature, tenantsecrets.ErrNotFound)
		checkOperations(t, b, describeCall)

		b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
		time.Sleep(negativeTTL)
		v := verify(t.Context(), c, forged())
		v.refuses(t, 0, tenantsecrets.ErrUnavailable)
		if errors.Is(v.err, tenantsecrets.ErrSignature) {
			t.Errorf("error is %v: an outage says nothing of a signature", v.err)
		}
	})
}
