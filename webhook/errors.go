package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/formbridge/tenantsecrets"
)

// Errors of this package, for errors.Is. Package tenantsecrets has the others. No error
// text contains anything that was received.
var (
	// ErrTolerance is an ErrSignature: the timestamp differs from the verifier's clock by
	// more than Options.Tolerance. If there are many, a clock is wrong.
	ErrTolerance = fmt.Errorf("%w: the timestamp is too far from the current time: compare the clocks of sender and receiver", tenantsecrets.ErrSignature)

	// ErrReplay is an ErrSignature: the same message was accepted before.
	ErrReplay = fmt.Errorf("%w: the message was accepted before", tenantsecrets.ErrSignature)

	// ErrTooLarge: the body is larger than Options.MaxBody.
	ErrTooLarge = errors.New("the body is larger than Options.MaxBody")
)

// malformed returns an ErrSignature that loading newer keys would not change.
func malformed(why string) error {
	return fmt.Errorf("%w: %s", tenantsecrets.ErrSignature, why)
}

// failed returns err as the error of [Verifier.Verify].
func failed(tenant string, err error) error {
	return &tenantsecrets.Error{Op: "webhook.Verify", Tenant: tenant, Err: err}
}

// invalid returns an ErrInvalidOption.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{tenantsecrets.ErrInvalidOption}, args...)...)
}

// guardError is an ErrUnavailable of a replay guard. Its text does not mention Secrets
// Manager, because Secrets Manager is not the cause.
type guardError struct {
	why   string
	cause error // nil if the guard is full
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

// transient errors say that the webhook could not be checked. They decide the status even
// if the same error is a final one, too.
var transient = []error{
	tenantsecrets.ErrUnavailable, // includes ErrUnconfirmed
	context.Canceled,
	context.DeadlineExceeded,
}

// final errors are answered with 401.
var final = []error{
	tenantsecrets.ErrSignature, // includes unknown tenant IDs
	tenantsecrets.ErrNotFound,
	tenantsecrets.ErrPendingDeletion,
	tenantsecrets.ErrInvalidTenant,
	tenantsecrets.ErrSuspended,
}

// Status returns the HTTP status for the error of [Verifier.Verify]:
//
//   - 200 for nil.
//   - 401 for a final error: the signature is malformed, late or a replay; or no key made
//     it, newer keys included; or the tenant does not exist, is suspended or is scheduled
//     for deletion.
//   - 413 if the body is larger than Options.MaxBody.
//   - 503 for every other error: the webhook could not be checked, and the same request may
//     be valid. This includes tenantsecrets.ErrUnconfirmed: no cached key made the
//     signature, and newer keys could not be loaded because of an outage, a spent budget, or
//     a load for this tenant less than 10 s ago. Send Retry-After with it, as
//     [Verifier.Middleware] does.
//
// An error that is tenantsecrets.ErrUnavailable is never a 401, even if it is another
// error, too.
func Status(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case isAny(err, transient):
		return http.StatusServiceUnavailable
	case isAny(err, final):
		return http.StatusUnauthorized
	}
	return http.StatusServiceUnavailable
}

func isAny(err error, targets []error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
