package tenantsecrets_test

import (
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// corrected runs f with a client whose clock was a day ahead while before ran.
func corrected(t *testing.T, before, f func(*testing.T, *secretstest.Backend, *tenantsecrets.Client)) {
	t.Helper()
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		var clock offsetClock
		c := newClient(t, b, clock.option)
		clock.set(24 * time.Hour)
		before(t, b, c)
		clock.set(time.Hour)
		b.ClearCalls()
		f(t, b, c)
	})
}

func load(t *testing.T, _ *secretstest.Backend, c *tenantsecrets.Client) {
	t.Helper()
	tenantSecret(t, c)
}

// What is held seems to be of the future: it is loaded again, and all is as ever.
func TestClockGoesBackAfterALoad(t *testing.T) {
	corrected(t, load, func(t *testing.T, b *secretstest.Backend, c *tenantsecrets.Client) {
		ask(t.Context(), c)
		checkOperations(t, b, describeCall, getCall) // nor is it known how old the plaintext is
		ask(t.Context(), c)
		checkOperations(t, b)
	})
}

func TestClockGoesBackBeforeADeletion(t *testing.T) {
	corrected(t, load, func(t *testing.T, b *secretstest.Backend, c *tenantsecrets.Client) {
		deleteNow(t, b)
		b.ClearCalls()
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)
		checkOperations(t, b, describeCall)
	})
}

func TestClockGoesBackBeforeARotation(t *testing.T) {
	corrected(t, load, func(t *testing.T, b *secretstest.Backend, c *tenantsecrets.Client) {
		put(t, b, hmacName, document(t, nil))
		verify(t.Context(), c, signed(t, b)).accepts(t, 0)
	})
}

// The load that a mismatch asks for does not wait for the second after one that
// began in the future.
func TestClockGoesBackBeforeAMismatch(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		var clock offsetClock
		c := newClient(t, b, clock.option)
		clock.set(24 * time.Hour)
		old := tenantSecret(t, c)
		version := rotate(t, b, old)
		err := c.Verify(t.Context(), tenant, func(k tenantsecrets.Keyring) error {
			clock.set(time.Hour)
			return tenantsecrets.VerifyHMAC(k, message, signed(t, b))
		})
		if err != nil {
			t.Error(err)
		}
		ask(t.Context(), c).servesVersion(t, version, 0)
		if took := time.Since(bubbleStart); took != 0 {
			t.Errorf("took %v", took)
		}
	})
}

// A pause that a failure began in the future is over.
func TestClockGoesBackInAPause(t *testing.T) {
	for name, fault := range map[string]secretstest.Fault{
		"throttled": {Err: secretstest.Throttling(), Times: 1},
		"denied":    {Err: secretstest.AccessDenied(), Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			fails := func(t *testing.T, b *secretstest.Backend, c *tenantsecrets.Client) {
				b.Inject(fault)
				if a := ask(t.Context(), c); a.err == nil {
					t.Error("no failure")
				}
			}
			corrected(t, fails, func(t *testing.T, _ *secretstest.Backend, c *tenantsecrets.Client) { tenantSecret(t, c) })
		})
	}
}
