package webhook

import (
	"context"
	"errors"
	"time"

	"github.com/formbridge/tenantsecrets"
)

// replayMargin covers the time between reading the clock and the call of Claim.
const replayMargin = time.Second

// claimer claims verified messages at the replay guard of a Verifier.
type claimer struct {
	guard     ReplayGuard // nil: every message is accepted
	tolerance time.Duration
	clock     *clock
}

// claim claims the message that c has verified. Its key does not contain the signature,
// because each live key makes another signature of the same message.
func (g *claimer) claim(ctx context.Context, c *check, m *Match) error {
	if g.guard == nil {
		return nil
	}
	key := ReplayKey{Tenant: m.Tenant, Timestamp: c.envelope.timestamp, ID: m.ID}
	if key.ID == "" {
		key.ID = c.digest()
	}
	hold := g.tolerance
	if !m.Time.IsZero() {
		// The timestamp is checked again, because a slow sender can let any time pass
		// between its headers and its body. An earlier claim of the same message may have
		// ended in that time.
		now := g.clock.now()
		if !within(m.Time, now, g.tolerance) {
			return failed(m.Tenant, ErrTolerance)
		}
		hold += m.Time.Sub(now)
	}
	hold += replayMargin
	until := time.Now().Add(hold)
	if err := g.guard.Claim(ctx, key, hold); err != nil {
		return failed(m.Tenant, claimError(err))
	}
	m.claim = &claim{key, until}
	return nil
}

// claimError returns a guard's error as ErrReplay or ErrUnavailable. A guard in a shared
// store may fail with an ErrNotFound of its own, for example for its password. That must
// not be answered with 401.
func claimError(err error) error {
	if errors.Is(err, ErrReplay) || errors.Is(err, tenantsecrets.ErrUnavailable) {
		return err
	}
	return &guardError{"the replay guard failed, and the message was not accepted", err}
}

// release does nothing once the claim has ended: another request may have claimed the
// same message since.
func (g *claimer) release(ctx context.Context, m Match) error {
	if g.guard == nil || m.claim == nil || time.Now().After(m.claim.until) {
		return nil
	}
	return g.guard.Release(ctx, m.claim.key)
}
