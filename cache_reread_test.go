package tenantsecrets_test

import (
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// That a value may no longer be read shows in GetSecretValue alone, which an
// unchanged version does not need.
func TestPlaintextIsReadAgain(t *testing.T) {
	const step = time.Second
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, s := warm(t, b)
		poll(6*maxStale, step, func() { ask(t.Context(), c).serves(t, s, 0) })
		reads := 0
		last := bubbleStart
		for _, call := range b.Calls() {
			if call.Operation != getCall {
				continue
			}
			age := call.At.Sub(last)
			if age <= maxStale-ttl || age > maxStale {
				t.Errorf("the plaintext is %v old when it is read again", age)
			}
			reads, last = reads+1, call.At
		}
		if reads < 6 || reads > len(b.Calls())/5 {
			t.Errorf("%d of %d calls read the plaintext", reads, len(b.Calls()))
		}
	})
}

func TestDenialOfThePlaintextIsSeenWithinMaxStale(t *testing.T) {
	const step = time.Second
	for name, err := range map[string]error{"IAM": secretstest.AccessDenied(), "KMS": secretstest.KMSDenied(), "KMS key disabled": secretstest.KMSDisabled()} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				c, s := warm(t, b)
				b.Inject(secretstest.Fault{Operation: getCall, Err: err})
				poll(maxStale-ttl, step, func() { ask(t.Context(), c).serves(t, s, 0) })
				time.Sleep(maxStale - time.Since(bubbleStart))
				poll(maxStale, step, func() { ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrAccessDenied) })
			})
		})
	}
}

// Where the plaintext cannot be read for the time being, that is a failed load:
// what is held is served until MaxStale after the last good one, and not longer.
func TestOutageOfThePlaintextIsATransientFailure(t *testing.T) {
	const step = time.Second
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, s := warm(t, b)
		b.Inject(secretstest.Fault{Operation: getCall, Err: secretstest.Throttling()})
		poll(maxStale, step, func() { ask(t.Context(), c).serves(t, s, 0) })
		time.Sleep(2*maxStale - time.Since(bubbleStart))
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrStale)
	})
}
