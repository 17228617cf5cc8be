package webhook

import (
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

// refusals are what is final for the sender.
var refusals = []error{
	tenantsecrets.ErrSignature, // an unknown tenant's too
	tenantsecrets.ErrNotFound,
	tenantsecrets.ErrPendingDeletion,
	tenantsecrets.ErrInvalidTenant,
	tenantsecrets.ErrSuspended,
}

// Status is the HTTP status that tells a webhook's sender of what
// [Verifier.Verify] returned: 200; 401, which is final; 413 for a body over the
// limit; 503 where the question could not be answered, so that the sender comes
// again. A signature that no known key made is 401 also where newer keys could not
// be looked for: another answer would tell that there is such a tenant.
func Status(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, ErrTooLarge):
		return http.StatusRequestEntityTooLarge
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
