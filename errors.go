package tenantsecrets

import (
	"errors"
	"fmt"
	"strings"

	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/keyring"
)

// What can go wrong, for errors.Is. A message says what to do next.
var (
	// ErrNotFound: Secrets Manager holds no such secret, or no current version of it.
	ErrNotFound = errors.New("no such secret: create it first, and check environment, service and Region")

	// ErrExists: the name is taken by a secret that this call did not create.
	ErrExists = errors.New("the secret exists already: read it, or create it under the idempotency key it was created with")

	// ErrPendingDeletion: the secret is scheduled for deletion.
	ErrPendingDeletion = errors.New("the secret is scheduled for deletion: restore it, or wait until its recovery window has passed")

	// ErrAccessDenied: IAM, a resource policy or the KMS key denies it.
	ErrAccessDenied = errors.New("access denied: allow the Secrets Manager action on the secret, and kms:Decrypt on its key")

	// ErrUnavailable: no answer could be had, and nothing usable is held.
	ErrUnavailable = errors.New("no answer from Secrets Manager: try again later")

	// ErrRefused: Secrets Manager refuses a write, and would refuse it again: a quota is
	// reached, or the request or the state of the secret does not allow it. The text says
	// which. Nothing was written.
	ErrRefused = errors.New("the write is refused by Secrets Manager: change what the text names, then call again")

	// ErrStale is an ErrUnavailable: something is held, but it is older than
	// MaxStale.
	ErrStale = fmt.Errorf("%w; what is held is older than MaxStale", ErrUnavailable)

	// ErrMalformed: the stored secret is not what its kind says. The text names every
	// member that is wrong, and never quotes one.
	ErrMalformed = errors.New("the stored secret cannot be used: store a document as docs/formats.md describes")

	// ErrWrongTenant: the answer is about another secret, tenant, account or Region.
	ErrWrongTenant = errors.New("the answer belongs to another tenant or place: find out who wrote it before using it")

	// ErrSuspended: the document says that the tenant is suspended.
	ErrSuspended = errors.New("the tenant is suspended")

	// ErrInvalidTenant: not a tenant id.
	ErrInvalidTenant = errors.New("invalid tenant id")

	// ErrInvalidName: not an environment, service, destination or secret type.
	ErrInvalidName = errors.New("invalid name")

	// ErrInvalidOption: an option that is impossible or contradicts another.
	ErrInvalidOption = errors.New("invalid option")

	// ErrInvalidKey: not a key of 16 to 128 bytes.
	ErrInvalidKey = errors.New("invalid key")

	// ErrSignature: the signature is not one of this message. In a Client's call
	// it is also the answer to an unknown tenant, together with ErrNotFound.
	ErrSignature = keyring.ErrSignature

	// ErrMismatch is an ErrSignature: the signature is well formed, and no live
	// key made it.
	ErrMismatch = keyring.ErrMismatch

	// ErrUnconfirmed is an ErrUnavailable, and no ErrSignature: no cached key made the
	// signature, and newer keys could not be loaded. The signature may be valid: answer
	// 503, so that the sender tries again.
	ErrUnconfirmed = fmt.Errorf("%w: no cached key made the signature, and newer keys could not be loaded", ErrUnavailable)

	// ErrNoKey: no key may be used at this time.
	ErrNoKey = keyring.ErrNoKey

	// ErrClosed: the Client is closed.
	ErrClosed = errors.New("the client is closed")
)

// Error is what every failing call of a [Client] returns. It never holds a
// secret, a key or a signature.
type Error struct {
	Op     string // the call: "TenantSecret"
	Tenant string // as the caller gave it
	Name   string // of the secret; "" where the arguments make none

	// Err is one of the sentinels above with its details. Where Secrets Manager
	// answered with an error, errors.As finds a smithy.APIError in it: code, message
	// and fault.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("tenantsecrets: " + e.Op)
	switch {
	case e.Name != "":
		b.WriteString(" " + e.Name)
	case e.Tenant != "":
		b.WriteString(" " + quote(e.Tenant))
	}
	return b.String() + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// failure is a sentinel with what else is known.
type failure = answer.Failure

// sentinels are the names of what Secrets Manager's answers come to.
var sentinels = answer.Sentinels{
	Unavailable: ErrUnavailable, NotFound: ErrNotFound, AccessDenied: ErrAccessDenied, PendingDeletion: ErrPendingDeletion,
	Refused: ErrRefused,
}

func explain(err error) *failure { return sentinels.Explain(err) }

// definite is a failure that a further try would not mend.
func definite(sentinel error, format string, args ...any) *failure {
	return answer.Definite(sentinel, format, args...)
}

// transient is a failure that says nothing about the secret.
func transient(format string, args ...any) *failure { return sentinels.Transient(format, args...) }
