package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/formbridge/tenantsecrets"
)

// ReplayGuard remembers which messages were accepted, so that none is accepted
// twice. [RememberReplays] is one for a single process; several that serve the same
// tenants need one in a store that they share, where Claim is a SET NX PX, say. It
// is called by many goroutines at once.
//
// A sender that sends a message again signs it again, with a new timestamp: that
// is not a replay, and handling it once is the handler's matter, by [Match].ID.
type ReplayGuard interface {
	// Claim takes a message for at least that long. Where it is taken already, the
	// error is ErrReplay; any other error is answered with 503, and must leave the
	// message free, or the sender that comes again is refused for good.
	Claim(ctx context.Context, key ReplayKey, hold time.Duration) error

	// Release gives a message back that was not handled after all, so that the
	// same request may come again.
	Release(ctx context.Context, key ReplayKey) error
}

// ReplayKey is what tells messages apart, all of it signed. It is comparable.
type ReplayKey struct {
	Tenant    string
	Timestamp string // as received; "" where the scheme signs none

	// ID is the message id; where the scheme signs none, "sha256:" and the hex of
	// the hash of what was signed.
	ID string
}

// String is the key as one text, different for each.
func (k ReplayKey) String() string { return k.Tenant + "/" + k.Timestamp + "/" + k.ID }

// replayMargin covers what passes between reading the time and Claim.
const replayMargin = time.Second

// claim claims the message that c has verified. Tags are no part of its key: each
// live key makes another one of the same message.
func (v *Verifier) claim(ctx context.Context, c *check, m *Match) error {
	if v.options.Replay == nil {
		return nil
	}
	key := ReplayKey{Tenant: m.Tenant, Timestamp: c.envelope.timestamp, ID: m.ID}
	if key.ID == "" {
		key.ID = c.digest()
	}
	hold := v.options.Tolerance
	if !m.Time.IsZero() {
		// The body and the keys have taken time, as much as the sender likes. A claim of
		// the same message may be over since the headers were looked at.
		now := v.options.Now()
		if !within(m.Time, now, v.options.Tolerance) {
			return failed(m.Tenant, ErrTolerance)
		}
		hold += m.Time.Sub(now)
	}
	hold += replayMargin
	until := time.Now().Add(hold)
	if err := v.options.Replay.Claim(ctx, key, hold); err != nil {
		return failed(m.Tenant, unclaimed(err))
	}
	m.claim = &claimed{key, until}
	return nil
}

// unclaimed is a guard's error. One that is not ErrReplay says nothing about the
// message, not even where a guard reports that a secret of its own was not found.
func unclaimed(err error) error {
	if errors.Is(err, ErrReplay) || errors.Is(err, tenantsecrets.ErrUnavailable) {
		return err
	}
	return &guardError{"the replay guard failed, and the message was not accepted", err}
}

// guardError is an ErrUnavailable that has nothing to do with Secrets Manager.
type guardError struct {
	why   string
	cause error // nil: the guard is full
}

func (e *guardError) Error() string {
	if e.cause == nil {
		return e.why
	}
	return e.why + ": " + e.cause.Error()
}

func (e *guardError) Unwrap() []error {
	if e.cause == nil {
		return []error{tenantsecrets.ErrUnavailable}
	}
	return []error{tenantsecrets.ErrUnavailable, e.cause}
}

// claimed is what the guard holds, at least until then.
type claimed struct {
	key   ReplayKey
	until time.Time
}

func (c *check) digest() string {
	h := sha256.New()
	for _, part := range c.parts {
		h.Write(part)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// Release gives a message back to the replay guard: it was accepted and not
// handled, and the same request may come again. [Verifier.Middleware] does it by
// itself. Without a guard, or once the claim's time is over, it does nothing: by
// then somebody else may have claimed the same message.
func (v *Verifier) Release(ctx context.Context, m Match) error {
	if v.options.Replay == nil || m.claim == nil || time.Now().After(m.claim.until) {
		return nil
	}
	return v.options.Replay.Release(ctx, m.claim.key)
}
