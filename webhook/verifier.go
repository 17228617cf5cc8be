package webhook

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/formbridge/tenantsecrets"
)

// Verifier verifies the webhooks of one scheme. Make one with [New]. It is safe for
// concurrent use.
type Verifier struct {
	keys    KeySource
	options Options
	clock   *clock
	claimer claimer
	decoy   tenantsecrets.Keyring // for tenants without keys, see hashAnyway
	checks  sync.Pool             // of *check
}

// New returns a Verifier that takes the tenants' keys from keys, usually a
// *tenantsecrets.Client. The error is ErrInvalidOption if keys is nil, an option is out of
// range, or the client has a Verifier whose scheme signs other bytes; see
// Options.SecondScheme.
func New(keys KeySource, optFns ...func(*Options)) (*Verifier, error) {
	v, err := newVerifier(keys, optFns)
	if err != nil {
		return nil, fmt.Errorf("webhook: New: %w", err)
	}
	return v, nil
}

func newVerifier(keys KeySource, optFns []func(*Options)) (*Verifier, error) {
	o, err := resolve(optFns)
	if err != nil {
		return nil, err
	}
	if c, ok := keys.(*tenantsecrets.Client); keys == nil || ok && c == nil {
		return nil, invalid("the KeySource is nil: pass a *tenantsecrets.Client")
	}
	if !o.SecondScheme {
		if err := bind(keys, o.Scheme); err != nil {
			return nil, err
		}
	}
	decoy, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(rand.Text()))
	if err != nil {
		return nil, err
	}
	now := newClock(o.Now)
	v := &Verifier{keys: keys, options: o, clock: now, claimer: claimer{o.Replay, o.Tolerance, now}, decoy: decoy}
	v.checks.New = func() any { return newCheck(o.Scheme) }
	return v, nil
}

// Verify verifies a webhook: it returns no error if a live key of the tenant signed the
// body and the header values that the scheme signs. While the keys are fresh it makes no
// call to Secrets Manager, and without a [ReplayGuard] it allocates nothing. Otherwise it
// waits for keys as long as tenantsecrets.Client.Verify does.
//
// The error is a *tenantsecrets.Error. [Status] maps it to the HTTP status for the sender.
// An error that is tenantsecrets.ErrUnavailable (ErrUnconfirmed is) or the context's error
// means that the webhook could not be checked, even if it is another error, too. Otherwise
// these errors are final:
//
//   - ErrInvalidTenant
//   - ErrSignature: the headers are malformed. ErrTolerance, ErrMismatch, ErrReplay and an
//     unknown tenant's ErrNotFound are ErrSignature, too.
//   - ErrPendingDeletion and ErrSuspended
//   - ErrTooLarge
//
// Every other error means that the webhook could not be checked.
//
// With a [ReplayGuard], the message is refused from then on. Call [Verifier.Release] if you
// could not process it.
func (v *Verifier) Verify(ctx context.Context, tenant string, header http.Header, body []byte) (Match, error) {
	m, _, err := v.verify(ctx, tenant, header, content{bytes: body, length: int64(len(body))})
	return m, err
}

// verify also returns the body, which it reads if body has a reader.
func (v *Verifier) verify(ctx context.Context, tenant string, header http.Header, body content) (m Match, read []byte, err error) {
	c := v.checks.Get().(*check)
	c.setBody(body)
	m.Tenant = tenant
	if err = v.authenticate(ctx, c, tenant, header); err == nil {
		c.fill(&m)
		if err = v.claimer.claim(ctx, c, &m); err == nil {
			read = c.takeBody()
		}
	}
	c.reset()
	v.checks.Put(c)
	if err != nil {
		return Match{Tenant: tenant}, nil, err
	}
	return m, read, nil
}

// authenticate does every check but the replay guard's, the cheap ones first.
func (v *Verifier) authenticate(ctx context.Context, c *check, tenant string, header http.Header) error {
	if err := v.readHeaders(c, header); err != nil {
		return failed(tenant, tenantFirst(tenant, err))
	}
	if c.body.length > v.options.MaxBody {
		return failed(tenant, tenantFirst(tenant, ErrTooLarge))
	}
	// The body is read before the keys are looked up: a sender can take hours to send it,
	// and keys from before that could have been revoked since.
	if err := c.body.read(v.options.MaxBody); err != nil {
		return failed(tenant, tenantFirst(tenant, err))
	}
	if err := v.keys.Verify(ctx, tenant, c.try); err != nil {
		v.hashAnyway(c, err)
		return err
	}
	if !c.match {
		return failed(tenant, errNoMatch)
	}
	return nil
}

// errNoMatch protects against a KeySource that drops the error of try.
var errNoMatch = errors.New("the KeySource returned no error, but none of its keys made the signature")

// readHeaders does the checks that need only the headers.
func (v *Verifier) readHeaders(c *check, header http.Header) error {
	e := &c.envelope
	if err := readEnvelope(v.options.Scheme, e, header); err != nil {
		return err
	}
	if e.timestamp != "" && !v.clock.within(e.time, v.options.Tolerance) {
		return ErrTolerance
	}
	return nil
}

// hashAnyway hashes the body if no key was tried because there is none. Then a request to
// an unknown tenant takes as much work as one to a real tenant, and cannot be told from it
// by its time, whether the answer is 401 or 503.
func (v *Verifier) hashAnyway(c *check, err error) {
	if !c.tried && isAny(err, withoutKeys) {
		_ = c.attempt(v.decoy) // never matches: the key is random and not stored
	}
}

// withoutKeys are the errors of a KeySource that has no keys to try.
var withoutKeys = []error{
	tenantsecrets.ErrNotFound,
	tenantsecrets.ErrPendingDeletion,
	tenantsecrets.ErrSuspended,
	tenantsecrets.ErrUnavailable,
}

// tenantFirst returns the error for an invalid tenant ID, and err if the ID is valid. It is
// called only for refused requests: for others the KeySource validates the ID.
func tenantFirst(tenant string, err error) error {
	if bad := tenantsecrets.ValidateTenant(tenant); bad != nil {
		return bad
	}
	return err
}

// Release makes the replay guard forget a message that was accepted and could not be
// processed, so that the same request is accepted when it is sent again.
// [Verifier.Middleware] does so itself. Release does nothing without a guard, and nothing
// once the guard may have forgotten the message: another request may have been accepted
// since. The error is the guard's.
func (v *Verifier) Release(ctx context.Context, m Match) error { return v.claimer.release(ctx, m) }
