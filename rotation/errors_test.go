package rotation_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
)

// wantsText wants an error's text to hold all of these.
func (s *service) wantsText(err error, parts ...string) {
	s.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			s.Errorf("%v does not say %q", err, part)
		}
	}
}

// Sentinels are told from each other, and say what to do.
func TestSentinels(t *testing.T) {
	all := []error{
		rotation.ErrTooManyKeys, rotation.ErrRotationInProgress, rotation.ErrClock, rotation.ErrUnknownKey, rotation.ErrRevoked,
		rotation.ErrContended, rotation.ErrStep, rotation.ErrAbandoned, rotation.ErrFarSide, tenantsecrets.ErrUnavailable,
		tenantsecrets.ErrNotFound, tenantsecrets.ErrInvalidOption,
	}
	for i, a := range all {
		for j, b := range all {
			if errors.Is(a, b) != (i == j) {
				t.Errorf("%v is %v", a, b)
			}
		}
		if a.Error() == "" {
			t.Errorf("error %d says nothing", i)
		}
	}
}

// A rival who is always first ends in ErrContended, and nothing is written.
func TestContended(t *testing.T) {
	inBubble(t, func(s *service) {
		first, _ := s.current(hmacName)
		s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant, grace(minGrace)))
		s.passHandover(minGrace)
		s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant, grace(minGrace)))
		rival, wins := s.newRotator(s.backend), 0
		api := &tapped{Backend: s.backend, before: func(operation string, _ int) error {
			if operation == "PutSecretValue" {
				s.wants(rotation.Done)(rival.RevokeAll(s.Context(), tenant))
				wins++
			}
			return nil
		}}
		_, err := s.newRotator(api).Revoke(s.Context(), tenant, first.KID)
		s.wantsError(err, "Revoke", tenant, rotation.ErrContended)
		d, _ := s.current(hmacName)
		for _, kid := range d.Revoked {
			if kid == first.KID {
				s.Error("it was written all the same")
			}
		}
		if wins != 10 {
			s.Errorf("the rival won %d times", wins)
		}
	})
}
