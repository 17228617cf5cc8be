package webhook

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/formbridge/tenantsecrets"
)

// Keys is where a [Verifier] gets a tenant's keys from. A *tenantsecrets.Client
// is one. Verify calls try with the tenant's keys and returns its error. Where that is
// ErrMismatch it calls try again with newer keys, or returns tenantsecrets.ErrUnconfirmed
// where it could not look for any. It must not call try twice at once, nor after it has
// returned: by then try belongs to another request. It is called by many goroutines at
// once.
type Keys interface {
	Verify(ctx context.Context, tenant string, try func(tenantsecrets.Keyring) error) error
}

// Verifier verifies webhooks of one scheme. Make one with [New]; it may be used by any
// number of goroutines.
type Verifier struct {
	keys    Keys
	options Options
	decoy   tenantsecrets.Keyring // for tenants that have no keys
	checks  sync.Pool             // of *check
}

// New returns a Verifier with the keys of a client. The error is ErrInvalidOption, also
// where the client has a Verifier already whose scheme signs other bytes; see
// Options.SecondScheme.
func New(keys Keys, optFns ...func(*Options)) (*Verifier, error) {
	o, err := resolve(optFns)
	if c, ok := keys.(*tenantsecrets.Client); err == nil && (keys == nil || ok && c == nil) {
		err = invalid("no keys")
	}
	if err == nil && !o.SecondScheme {
		err = bind(keys, o.Scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("webhook: New: %w", err)
	}
	decoy, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(rand.Text()))
	if err != nil {
		return nil, fmt.Errorf("webhook: New: %w", err)
	}
	v := &Verifier{keys: keys, options: o, decoy: decoy}
	v.checks.New = func() any { return newCheck(v) }
	return v, nil
}

// Match is a webhook that was verified.
type Match struct {
	// Tenant is whose key signed it.
	Tenant string

	// KeyID is the kid of that key, and Newest tells whether it is the newest: once
	// all webhooks of a tenant are of the newest, a rotation is through.
	KeyID  string
	Newest bool

	// ID is the message id, the same whenever the sender sends the message again;
	// "" where the scheme signs none.
	ID string

	// Time is the timestamp that was signed; zero where the scheme signs none.
	Time time.Time

	claim *claimed // nil: nothing to release
}

// Verify tells whether a live key of the tenant signed the body and what the
// scheme takes from the headers. While the keys are fresh it costs no call and,
// without a [ReplayGuard], no allocation; it waits for newer keys at most as long as
// tenantsecrets.Client.Verify does.
//
// The error is a *tenantsecrets.Error. [Status] says what to answer the sender with.
// An error that is tenantsecrets.ErrUnavailable, as ErrUnconfirmed is, or the context's,
// means that the question could not be answered, whatever else the error is. Otherwise
// the answer is final for
//
//   - ErrInvalidTenant
//   - ErrSignature: malformed headers; also ErrTolerance, ErrMismatch, ErrNotFound
//     and ErrReplay
//   - ErrPendingDeletion and ErrSuspended
//   - ErrTooLarge
//
// and every other error means that the question could not be answered.
//
// With a [ReplayGuard], a message that was accepted stays so: if it is not handled
// after all, say so with [Verifier.Release].
func (v *Verifier) Verify(ctx context.Context, tenant string, header http.Header, body []byte) (Match, error) {
	m, _, err := v.verify(ctx, tenant, header, content{bytes: body, length: int64(len(body))})
	return m, err
}

// verify also returns the body that it has read.
func (v *Verifier) verify(ctx context.Context, tenant string, header http.Header, body content) (m Match, read []byte, err error) {
	c := v.checks.Get().(*check)
	c.body = body
	m.Tenant = tenant
	if err = v.check(ctx, c, tenant, header); err == nil {
		c.fill(&m)
		read = c.body.bytes
		err = v.claim(ctx, c, &m)
	}
	c.reset()
	v.checks.Put(c)
	if err != nil {
		return Match{Tenant: tenant}, nil, err
	}
	return m, read, nil
}

// check is the order of work, up to the replay guard.
func (v *Verifier) check(ctx context.Context, c *check, tenant string, header http.Header) error {
	if err := v.envelope(c, header); err != nil {
		return failed(tenant, syntaxFirst(tenant, err))
	}
	if c.body.length > v.options.MaxBody {
		return failed(tenant, syntaxFirst(tenant, ErrTooLarge))
	}
	// Before the keys, for a sender may take hours: keys from before the body would
	// outlive a revocation by as much.
	if err := c.body.read(v.options.MaxBody); err != nil {
		return failed(tenant, syntaxFirst(tenant, err))
	}
	if err := v.keys.Verify(ctx, tenant, c.try); err != nil {
		return v.refuse(c, err)
	}
	if !c.match {
		return failed(tenant, errNoMatch)
	}
	return nil
}

// errNoMatch is for Keys that lose try's error: what no key made is not accepted.
var errNoMatch = errors.New("these Keys returned no error, and none of them made the signature")

// envelope checks what the headers alone decide.
func (v *Verifier) envelope(c *check, header http.Header) error {
	e := &c.envelope
	if err := e.read(v.options.Scheme, header); err != nil {
		return err
	}
	if e.timestamp != "" && !within(e.signedAt(), v.options.Now(), v.options.Tolerance) {
		return ErrTolerance
	}
	return nil
}

// refuse does for a tenant without keys at hand what is done for one that has a key: it
// hashes the body. So one request to a made-up tenant and one to a real tenant cost the
// same work, and get the same answer, whether that is 401 or 503.
func (v *Verifier) refuse(c *check, err error) error {
	alike := isAny(err, tenantsecrets.ErrNotFound, tenantsecrets.ErrPendingDeletion, tenantsecrets.ErrSuspended, tenantsecrets.ErrUnavailable)
	if !c.tried && alike {
		_ = c.attempt(v.decoy) // nobody has its key
	}
	return err
}

// syntaxFirst is the error that comes first in the order of work: the tenant id's,
// where it is none. It costs too much to ask on the way of what is accepted, where
// Keys does it.
func syntaxFirst(tenant string, err error) error {
	anywhere := tenantsecrets.Naming{Environment: "any", Service: "any"}
	// With a shorter path the name of tenant acme-eu would look like an ARN.
	if _, bad := anywhere.Build(tenant, "hmac_key"); bad != nil {
		return bad
	}
	if tenant == tenantsecrets.Global {
		return fmt.Errorf("%w: %q is the space beside the tenants", tenantsecrets.ErrInvalidTenant, tenant)
	}
	return err
}

func failed(tenant string, err error) error {
	return &tenantsecrets.Error{Op: "webhook.Verify", Tenant: tenant, Err: err}
}
