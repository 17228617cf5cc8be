package tenantsecrets_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// Between loads that mismatches ask for, and the longest wait for one.
const (
	mismatchGap   = time.Second
	mismatchWait  = time.Second
	mismatchGrace = 500 * time.Millisecond
)

var message = []byte(`{"event":"paid"}`)

// forged is a well-formed signature that no key made.
func forged() string {
	var tag [32]byte
	_, _ = rand.Read(tag[:]) // never fails
	return hex.EncodeToString(tag[:])
}

// signed is the message's signature by the key that is current now.
func signed(t *testing.T, b *secretstest.Backend) string {
	t.Helper()
	s := tenantSecret(t, newClient(t, b))
	b.ClearCalls()
	signature, err := tenantsecrets.SignHMAC(s.Keys(), message)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

// verdict is what a verification returned, and when.
type verdict struct {
	err  error
	took time.Duration
}

func verify(ctx context.Context, c *tenantsecrets.Client, signature string) verdict {
	began := time.Now()
	err := c.VerifyHMAC(ctx, tenant, message, signature)
	return verdict{err, time.Since(began)}
}

// accepts wants the signature to be good, after exactly that time.
func (v verdict) accepts(t *testing.T, took time.Duration) {
	t.Helper()
	if v.err != nil || v.took != took {
		t.Errorf("got %v after %v, want a valid signature after %v", v.err, v.took, took)
	}
}

// refuses wants an error that is every one of those, after exactly that time.
func (v verdict) refuses(t *testing.T, took time.Duration, want ...error) {
	t.Helper()
	checkIs(t, v.err, want...)
	if v.err == nil || v.took != took {
		t.Errorf("got %v after %v, want an error after %v", v.err, v.took, took)
	}
}

func TestNewKeyIsFoundOnAMismatch(t *testing.T) {
	const call = 10 * time.Millisecond
	for name, age := range map[string]time.Duration{
		"fresh": time.Minute, "aging": agesLatest, "stale": ttl, "past MaxStale": maxStale - ttl,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				c, old := warm(t, b)
				rotate(t, b, old)
				signature := signed(t, b)
				slowLoads(b, call)
				time.Sleep(age)
				verify(t.Context(), c, signature).accepts(t, 2*call)
				verify(t.Context(), c, signature).accepts(t, 0)
				checkOperations(t, b, describeCall, getCall)
			})
		})
	}
}

func TestNewKeyIsFoundInTheInstantOfItsRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		c := newClient(t, b)
		rotate(t, b, created(t, c))
		verify(t.Context(), c, signed(t, b)).accepts(t, 0)
		checkOperations(t, b, describeCall, getCall)
	})
}

func TestOldKeyStaysValidAfterAForeignRotation(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, _ := warm(t, b)
		before := signed(t, b)
		put(t, b, hmacName, document(t, nil))
		after := signed(t, b)
		time.Sleep(time.Minute)
		verify(t.Context(), c, before).accepts(t, 0)
		verify(t.Context(), c, after).accepts(t, 0)
		verify(t.Context(), c, before).accepts(t, 0)
	})
}

func TestConcurrentMismatchesShareOneLoad(t *testing.T) {
	const call = 10 * time.Millisecond
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, old := warm(t, b)
		rotate(t, b, old)
		signature := signed(t, b)
		slowLoads(b, call)
		time.Sleep(time.Minute)
		var callers sync.WaitGroup
		for range 500 {
			callers.Go(func() { verify(t.Context(), c, signature).accepts(t, 2*call) })
			callers.Go(func() { verify(t.Context(), c, forged()).refuses(t, 2*call, tenantsecrets.ErrMismatch) })
		}
		callers.Wait()
		checkOperations(t, b, describeCall, getCall)
	})
}

// A load that began after the caller arrived has seen all there is to see.
func TestMismatchOnAFreshLoadCausesNoOther(t *testing.T) {
	const call = 10 * time.Millisecond
	for name, age := range map[string]time.Duration{"cold": 0, "stale": ttl} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				c := newClient(t, b)
				want := []string{describeCall, getCall}
				if age > 0 {
					tenantSecret(t, c)
					b.ClearCalls()
					want = want[:1]
				}
				slowLoads(b, call)
				time.Sleep(age)
				took := time.Duration(len(want)) * call
				verify(t.Context(), c, forged()).refuses(t, took, tenantsecrets.ErrMismatch)
				checkOperations(t, b, want...)
			})
		})
	}
}

// A load that is under way when the caller arrives costs nothing to wait for, and
// may have seen the rotation.
func TestMismatchJoinsTheLoadUnderWay(t *testing.T) {
	const call = 100 * time.Millisecond
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, old := warm(t, b)
		time.Sleep(agesLatest)
		slowLoads(b, call) // which takes effect at the end
		ask(t.Context(), c).serves(t, old, 0)
		time.Sleep(call / 2)
		secret := rand.Text() + rand.Text()
		put(t, b, hmacName, document(t, map[string]any{"shared_secret": secret, "base": old.VersionID()}))
		b.ClearCalls()
		signature, err := tenantsecrets.SignHMAC(keyringOf(t, secret), message)
		if err != nil {
			t.Fatal(err)
		}
		verify(t.Context(), c, signature).accepts(t, call/2+call)
		checkOperations(t, b, getCall) // and DescribeSecret before
	})
}

// A load that began before the caller arrived may have missed the rotation in
// between, so that it is not enough.
func TestMismatchOnAnEarlierLoadCausesAnother(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		old := tenantSecret(t, newClient(t, b))
		c := newClient(t, withFirstDescription(b, 10*time.Millisecond))
		early := askAsync(t.Context(), c)
		rotate(t, b, old)
		signature := signed(t, b)

		verify(t.Context(), c, signature).accepts(t, mismatchGap)
		<-early
	})
}

// While forgeries go on, loads for them begin ever further apart, and no caller
// waits for one that is more than a second away.
func TestLoadsForMismatchesBeginEverFurtherApart(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, _ := warm(t, b)
		slowLoads(b, 10*time.Millisecond)
		time.Sleep(time.Minute)
		b.ClearCalls()
		checkGaps(t, b, floodOfForgeries(t, c, time.Minute), 1, 2, 4, 8, 10, 10, 10, 10)

		// A pause ends it, and so does a new version.
		time.Sleep(time.Minute)
		checkGaps(t, b, floodOfForgeries(t, c, 10*time.Second), 1, 2, 4)
		rotate(t, b, tenantSecret(t, c))
		time.Sleep(8 * time.Second)
		checkGaps(t, b, floodOfForgeries(t, c, 10*time.Second), 1, 1, 2, 4) // the first one finds the version
	})
}

// floodOfForgeries sends one every 10 ms.
func floodOfForgeries(t *testing.T, c *tenantsecrets.Client, d time.Duration) time.Time {
	t.Helper()
	began := time.Now()
	var callers sync.WaitGroup
	poll(d, 10*time.Millisecond, func() {
		callers.Go(func() {
			v := verify(t.Context(), c, forged())
			if !errors.Is(v.err, tenantsecrets.ErrMismatch) && !errors.Is(v.err, tenantsecrets.ErrUnconfirmed) {
				t.Error(v.err)
			}
			if v.took > mismatchWait+mismatchGrace {
				t.Errorf("waited for %v", v.took)
			}
		})
	})
	callers.Wait()
	return began
}

// checkGaps wants the descriptions since then to be so many seconds apart.
func checkGaps(t *testing.T, b *secretstest.Backend, since time.Time, seconds ...int) {
	t.Helper()
	var at []time.Time
	for _, call := range b.Calls() {
		if call.Operation == describeCall && !call.At.Before(since) {
			at = append(at, call.At)
		}
	}
	if len(at) != len(seconds)+1 {
		t.Fatalf("%d loads, want %d", len(at), len(seconds)+1)
	}
	for i, s := range seconds {
		want := time.Duration(s) * time.Second
		if gap := at[i+1].Sub(at[i]); gap < want || gap > want+20*time.Millisecond {
			t.Errorf("loads %d and %d began %v apart, want %v", i, i+1, gap, want)
		}
	}
}

// Where no load may begin within the second that a caller would wait, it does not
// wait.
func TestMismatchIsRefusedAtOnceWhereNoLoadMayBegin(t *testing.T) {
	t.Run("the next one is further away", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			c, _ := warm(t, b)
			for range 2 { // one second is not too far; the next is two away
				verify(t.Context(), c, forged()).refuses(t, mismatchWait, tenantsecrets.ErrMismatch)
			}
			checkOperations(t, b, describeCall, describeCall)
			verify(t.Context(), c, forged()).refuses(t, 0, tenantsecrets.ErrUnconfirmed)
			checkOperations(t, b)
		})
	})
	t.Run("outage", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			c, _ := warm(t, b)
			b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
			time.Sleep(ttl)
			for _, pause := range []time.Duration{0, time.Second} { // the pause after the second failure is 1.5 s or more
				time.Sleep(pause)
				if a := ask(t.Context(), c); a.err != nil {
					t.Error(a.err)
				}
			}
			checkOperations(t, b, describeCall, describeCall)
			verify(t.Context(), c, forged()).refuses(t, 0, tenantsecrets.ErrUnconfirmed)
			checkOperations(t, b)
		})
	})
}

func TestMalformedSignatureCausesNoCall(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b)
		good := signed(t, b)
		for _, signature := range []string{"", "x", good[1:], good + "0", "sha256=", "sha256=" + good[1:], "sha1=" + good, "g" + good[1:]} {
			for _, id := range []string{tenant, "t_unknown"} {
				err := c.VerifyHMAC(t.Context(), id, message, signature)
				checkIs(t, err, tenantsecrets.ErrSignature)
				if errors.Is(err, tenantsecrets.ErrMismatch) {
					t.Errorf("%d characters are well-formed", len(signature))
				}
			}
		}
		synctest.Wait()
		checkOperations(t, b)
	})
}
