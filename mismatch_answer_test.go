package tenantsecrets_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// isPlain wants ErrMismatch and nothing of an outage.
func (v verdict) isPlain(t *testing.T) {
	t.Helper()
	checkIs(t, v.err, tenantsecrets.ErrMismatch)
	if errors.Is(v.err, tenantsecrets.ErrUnavailable) {
		t.Errorf("error is %v, though an answer came", v.err)
	}
}

// checkThrottled wants the code of what Secrets Manager has answered.
func (v verdict) checkThrottled(t *testing.T) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(v.err, &api) || api.ErrorCode() != "ThrottlingException" {
		t.Errorf("%v does not say what was answered", v.err)
	}
}

// Where newer keys were looked for, a mismatch is a mismatch.
func TestMismatchWithAnAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b)
		verify(t.Context(), c, forged()).isPlain(t) // after a load that was needed anyway
		time.Sleep(time.Minute)
		verify(t.Context(), c, forged()).isPlain(t) // nothing new
		put(t, b, hmacName, document(t, nil))
		time.Sleep(time.Minute)
		verify(t.Context(), c, forged()).isPlain(t) // a new key
	})
}

// Where they could not be looked for, it is that too, and says why.
func TestMismatchWithoutAnAnswer(t *testing.T) {
	t.Run("throttled", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			c, _ := warm(t, b)
			time.Sleep(time.Minute)
			b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
			v := verify(t.Context(), c, forged())
			v.refuses(t, 0, tenantsecrets.ErrUnconfirmed, tenantsecrets.ErrUnavailable)
			v.checkThrottled(t)
			checkOperations(t, b, describeCall)
			v = verify(t.Context(), c, forged()) // the pause is a second
			v.refuses(t, mismatchWait, tenantsecrets.ErrUnconfirmed, tenantsecrets.ErrUnavailable)
			v.checkThrottled(t)
			checkOperations(t, b, describeCall)
			verify(t.Context(), c, forged()).refuses(t, 0, tenantsecrets.ErrUnconfirmed, tenantsecrets.ErrUnavailable) // more than that
			checkOperations(t, b)
		})
	})
	t.Run("too late", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			c, _ := warm(t, b)
			time.Sleep(time.Minute)
			b.Inject(secretstest.Fault{Delay: time.Hour})
			verify(t.Context(), c, forged()).refuses(t, mismatchWait, tenantsecrets.ErrUnconfirmed, tenantsecrets.ErrUnavailable)
		})
	})
	t.Run("given up", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			c, _ := warm(t, b)
			time.Sleep(time.Minute)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			verify(ctx, c, forged()).refuses(t, 0, tenantsecrets.ErrUnconfirmed, context.Canceled)
			checkOperations(t, b)
		})
	})
}

// A load that somebody else began after the caller had arrived, and that has
// failed by the time the caller comes to ask for one, is the one it asks for.
func TestMismatchAfterALoadHasFailed(t *testing.T) {
	const call = 100 * time.Millisecond
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, _ := warm(t, b)
		time.Sleep(time.Minute)
		b.Inject(secretstest.Fault{Delay: call, Err: secretstest.Throttling()})
		began := time.Now()
		err := c.Verify(t.Context(), tenant, func(tenantsecrets.Keyring) error {
			time.Sleep(time.Nanosecond) // what begins in the very instant may have begun before
			verify(t.Context(), c, forged()).checkThrottled(t)
			return tenantsecrets.ErrMismatch
		})
		v := verdict{err, time.Since(began)}
		v.refuses(t, time.Nanosecond+call, tenantsecrets.ErrUnconfirmed)
		v.checkThrottled(t)
		checkOperations(t, b, describeCall)
	})
}

// Forgeries decide when loads begin, and cannot choose it so that a valid
// signature by a new key is refused, but by going on and on: then loads are up to
// ten seconds apart, and until the next one it is ErrMismatch and ErrUnavailable.
func TestForgeriesKeepNoNewKeyOut(t *testing.T) {
	const offsets = 50
	for i := range offsets {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			c, _ := warm(t, b)
			slowLoads(b, 150*time.Millisecond)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			for i := range 20 {
				go func() {
					pause(ctx, time.Duration(i)*50*time.Millisecond)
					for ctx.Err() == nil {
						verify(ctx, c, forged())
						pause(ctx, 10*time.Millisecond)
					}
				}()
			}
			time.Sleep(3*time.Second + time.Duration(i)*mismatchGap/offsets)
			text := document(t, nil)
			put(t, b, hmacName, text)
			if v := verify(t.Context(), c, signedBy(t, text, message)); v.err != nil {
				t.Errorf("%d/%d of a second after a load: %v", i, offsets, v.err)
			}
		})
	}
}
