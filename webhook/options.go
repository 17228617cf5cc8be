package webhook

import (
	"context"
	"time"
)

// Options are the options of [New]. The zero value of each means its default. A negative
// number is an error, because no option with a number can be off. New applies the
// functions to zero Options, in order.
type Options struct {
	// Scheme is the signature scheme of the webhooks. Default: StandardWebhooks().
	Scheme Scheme

	// SecondScheme allows this Verifier beside another one of the same client whose scheme
	// signs other bytes. By default New refuses it: if one key is used under two schemes, a
	// message signed for one of them can be read as a different message of the other.
	// StandardWebhooks and Svix sign the same bytes, as do Stripe and TimestampedPair, and
	// GitHub and Shopify.
	//
	// Set it while a sender changes from one scheme to another with the same key, or if the
	// function given to Middleware returns "" for the tenants of the other scheme. New
	// compares the Verifiers of one *tenantsecrets.Client in one process. It does not see
	// other processes, two clients of the same secrets, or a KeySource of your own.
	SecondScheme bool

	// Tolerance is the largest accepted difference between a timestamp and the current
	// time, before or after it. Default: 5 minutes. At most 24 hours. For schemes that sign
	// no timestamp it is how long a ReplayGuard remembers a message.
	Tolerance time.Duration

	// MaxBody is the largest accepted body in bytes. Default: 1 MiB. The whole body is kept
	// in memory.
	MaxBody int64

	// Replay refuses a message that was accepted before, within Tolerance. If the scheme
	// signs neither an ID nor a timestamp, a message with the same body counts as the same
	// message. Default: nil, no message is refused as a replay.
	Replay ReplayGuard

	// Now is the clock for timestamps. Default: time.Now. It must be safe for concurrent
	// use.
	Now func() time.Time

	// Observe is called once for each request to [Verifier.Middleware], after the check and
	// before the handler. err is nil for a verified webhook, otherwise it says why the
	// request was refused. The sender is not told, so log it here. If err is not nil, only
	// m.Tenant is set, to the tenant that the request names; it can be any text. Observe is
	// called a second time if the replay guard fails to release a message. It must be safe
	// for concurrent use. Default: nil, nothing is called.
	Observe func(ctx context.Context, m Match, err error)
}

const (
	defaultTolerance = 5 * time.Minute
	maxTolerance     = 24 * time.Hour
	defaultMaxBody   = 1 << 20
)

// resolve applies the functions, checks the result and fills in the defaults. Now stays
// nil, see clock.
func resolve(optFns []func(*Options)) (Options, error) {
	var o Options
	for _, fn := range optFns {
		fn(&o)
	}
	switch {
	case o.Tolerance < 0 || o.Tolerance > maxTolerance:
		return o, invalid("Tolerance is %v: use 0 for %v, or a duration up to %v", o.Tolerance, defaultTolerance, maxTolerance)
	case o.MaxBody < 0:
		return o, invalid("MaxBody is %d: use 0 for %d, or a positive number of bytes", o.MaxBody, defaultMaxBody)
	}
	if m, ok := o.Replay.(*memoryGuard); ok && m.invalid() {
		return o, invalid("the capacity of NewMemoryReplayGuard is negative: use 0 for %d, or a positive number of messages", defaultCapacity)
	}
	if o.Scheme == nil {
		o.Scheme = StandardWebhooks()
	}
	if o.Tolerance == 0 {
		o.Tolerance = defaultTolerance
	}
	if o.MaxBody == 0 {
		o.MaxBody = defaultMaxBody
	}
	if o.Observe == nil {
		o.Observe = func(context.Context, Match, error) {}
	}
	return o, nil
}
