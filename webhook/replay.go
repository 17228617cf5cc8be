package webhook

import (
	"context"
	"time"
)

// ReplayGuard remembers accepted messages, so that none is accepted twice.
// [NewMemoryReplayGuard] returns one for a single process. Several processes that serve
// the same tenants need one in a shared store, where Claim can be a SET NX PX. Any number
// of goroutines may call it concurrently.
//
// A sender that sends a message again signs it again, with a new timestamp. That is not a
// replay: use [Match].ID in the handler to process the message only once.
type ReplayGuard interface {
	// Claim remembers a message for at least the given duration. The error is ErrReplay if
	// the message is remembered already. Any other error is answered with 503; then Claim
	// must not have remembered the message, or the sender's next attempt is refused.
	Claim(ctx context.Context, key ReplayKey, hold time.Duration) error

	// Release forgets a message that was claimed and not processed, so that the same
	// request is accepted when it is sent again.
	Release(ctx context.Context, key ReplayKey) error
}

// ReplayKey identifies a message by what its sender has signed. It is comparable.
type ReplayKey struct {
	Tenant    string
	Timestamp string // as received; empty if the scheme signs none

	// ID is the message ID. If the scheme signs none, it is "sha256:" and the hex SHA-256
	// of the signed bytes.
	ID string
}

// String returns the key as one text. Different keys have different texts.
func (k ReplayKey) String() string { return k.Tenant + "/" + k.Timestamp + "/" + k.ID }

// claim is a message that a guard remembers, at least until that time.
type claim struct {
	key   ReplayKey
	until time.Time
}
