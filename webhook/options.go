package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/formbridge/tenantsecrets"
)

// Options are what [New] can be told. The functions get them with the defaults in
// place: what they set to 0 or below is not a default, it is an error.
type Options struct {
	// Scheme is how the webhooks are signed; StandardWebhooks() by default.
	Scheme Scheme

	// SecondScheme allows this Verifier beside others of the same client whose schemes
	// sign other bytes. By default New refuses it: with one key under two schemes, a
	// message that was signed for the one may be read as another message of the other.
	// StandardWebhooks and Svix sign the same bytes, as do Stripe and TimestampedPair, and
	// GitHub and Shopify.
	//
	// Set it for as long as a sender changes from one scheme to another with the same
	// key, or where the function given to Middleware returns "" for tenants of the other
	// scheme. New sees the Verifiers of one *tenantsecrets.Client in one process: neither
	// other processes, nor two clients of the same secrets, nor Keys of your own.
	SecondScheme bool

	// Tolerance is how far a timestamp may be from the time here, before or after
	// it; 5 min by default, more than 0, at most 24 h. For the schemes that sign no
	// time it is how long a ReplayGuard remembers.
	Tolerance time.Duration

	// MaxBody is how many bytes a body may have; 1 MiB by default, more than 0.
	MaxBody int64

	// Replay refuses a message that was accepted before, within Tolerance; of a
	// scheme that signs neither id nor time that is the same body again, whether it
	// was replayed or sent twice. Default: nil, nothing does.
	Replay ReplayGuard

	// Now is the clock of the timestamps; time.Now by default. It must be safe for
	// concurrent use.
	Now func() time.Time

	// Observe is called once for each request that [Verifier.Middleware] sees, when
	// the question is answered and before the handler runs, with why a request was
	// refused: the one place where that is told. Of m only Tenant is set then, to
	// what the request claims, which may be any text. It is called again where the
	// replay guard fails to release a message. By default nobody is told.
	Observe func(ctx context.Context, m Match, err error)
}

const (
	defaultTolerance = 5 * time.Minute
	maxTolerance     = 24 * time.Hour
	defaultMaxBody   = 1 << 20
)

func resolve(optFns []func(*Options)) (Options, error) {
	o := Options{
		Scheme:    StandardWebhooks(),
		Tolerance: defaultTolerance,
		MaxBody:   defaultMaxBody,
		Now:       time.Now,
		Observe:   func(context.Context, Match, error) {},
	}
	for _, fn := range optFns {
		fn(&o)
	}
	switch {
	case o.Tolerance <= 0 || o.Tolerance > maxTolerance:
		return o, invalid("Tolerance %v is not above 0 and at most %v", o.Tolerance, maxTolerance)
	case o.MaxBody <= 0:
		return o, invalid("MaxBody %d is not above 0", o.MaxBody)
	case o.Scheme == nil || o.Now == nil || o.Observe == nil:
		return o, invalid("Scheme, Now and Observe must not be nil")
	}
	return o, nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{tenantsecrets.ErrInvalidOption}, args...)...)
}
