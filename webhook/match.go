package webhook

import (
	"context"
	"time"
)

// Match describes a verified webhook.
type Match struct {
	// Tenant is the tenant whose key signed the webhook.
	Tenant string

	// KeyID is the kid of that key. Newest reports whether it is the tenant's newest key:
	// a rotation is complete once all webhooks of a tenant are signed with the newest.
	KeyID  string
	Newest bool

	// ID is the message ID. It is the same each time the sender sends the message again.
	// It is empty if the scheme signs no ID.
	ID string

	// Time is the signed timestamp. It is zero if the scheme signs no timestamp.
	Time time.Time

	claim *claim // nil if there is nothing to release
}

// FromContext returns the verified webhook from the context of a request that
// [Verifier.Middleware] has passed to a handler. For any other context it returns false.
func FromContext(ctx context.Context) (Match, bool) {
	m, ok := ctx.Value(matchKey{}).(*Match)
	if !ok {
		return Match{}, false
	}
	return *m, true
}

type matchKey struct{}
