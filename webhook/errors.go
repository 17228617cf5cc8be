package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/formbridge/tenantsecrets"
)

// What can be wrong with a webhook beside what package tenantsecrets says, for
// errors.Is. No text of them holds anything that was received.
var (
	// ErrTolerance is an ErrSignature: the timestamp is further from the time here
	// than Options.Tolerance. Many of them mean that a clock is wrong.
	ErrTolerance = fmt.Errorf("%w: its timestamp is too far from the time here: compare the clocks", tenantsecrets.ErrSignature)

	// ErrReplay is an ErrSignature: the same message was accepted before.
	ErrReplay = fmt.Errorf("%w: the message was accepted before", tenantsecrets.ErrSignature)

	// ErrTooLarge: the body has more than Options.MaxBody bytes.
	ErrTooLarge = errors.New("the body is too large")
)

// malformed is an ErrSignature that no newer key would make good.
func malformed(why string) error {
	return fmt.Errorf("%w: %s", tenantsecrets.ErrSignature, why)
}

// unanswered are what says that the question could not be answered, whatever else the
// same error says.
var unanswered = []error{
	tenantsecrets.ErrUnavailable, // ErrUnconfirmed too
	context.Canceled,
	context.DeadlineExceeded,
}

// refusals are what is final for the sender.
var refusals = []error{
	tenantsecrets.ErrSignature, // an unknown tenant's too
	tenantsecrets.ErrNotFound,
	tenantsecrets.ErrPendingDeletion,
	tenantsecrets.ErrInvalidTenant,
	tenantsecrets.ErrSuspended,
}

// Status returns the HTTP status to answer a webhook's sender with, from the error of
// [Verifier.Verify]:
//
//   - 200 for nil.
//   - 401 where the answer is final. The signature is malformed, late or a replay; or
//     newer keys were looked for and none made it; or there is no such tenant, or the
//     tenant is suspended or scheduled for deletion.
//   - 413 for a body over Options.MaxBody.
//   - 503 for everything else: the question could not be answered, and the same request
//     may be valid. That includes tenantsecrets.ErrUnconfirmed: no known key made the
//     signature, and newer keys could not be loaded, in an outage, with a spent budget,
//     or too soon after the last load for this tenant. Send Retry-After with it; [Verifier.Middleware] does.
//
// An error that is tenantsecrets.ErrUnavailable is never a 401, whatever else it is.
func Status(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case isAny(err, unanswered...):
		return http.StatusServiceUnavailable
	case isAny(err, refusals...):
		return http.StatusUnauthorized
	}
	return http.StatusServiceUnavailable
}

func isAny(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
