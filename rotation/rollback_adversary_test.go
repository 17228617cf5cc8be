package rotation_test

import (
	"errors"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// A key that is replaced ends at a time that every reader knows, and goes on refusing it
// until it sees the rollback. So one that ends before all have seen it must not sign.
func TestRollbackToAKeyThatEndsSoon(t *testing.T) {
	for _, test := range []struct {
		name   string
		left   time.Duration // of the key's time at the rollback
		outage bool          // after the rollback, for the verifier
	}{
		{"in an outage", time.Minute, true},
		{"between two loads", 10 * time.Second, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			inAdversity(t, func(s adversity) {
				first := s.current()
				replaced := s.rotate().Keys[1]
				time.Sleep(time.Until(replaced.NotAfter) - test.left)
				verifier := s.reader()
				s.keys(verifier)
				s.rollback(first)
				signer := s.keys(s.reader())
				if test.outage {
					defer s.backend.Inject(secretstest.Fault{Err: secretstest.InternalError()})()
				}
				s.wantsEveryMinuteAccepted(signer, verifier, 55) // within MaxStale, 1 h
			})
		})
	}
}

// wantsEveryMinuteAccepted verifies a webhook a minute with what the verifier holds
// then.
func (s adversity) wantsEveryMinuteAccepted(signer tenantsecrets.Keyring, verifier *tenantsecrets.Client, minutes int) {
	s.Helper()
	refused := 0
	for range minutes {
		time.Sleep(time.Minute)
		signature, err := tenantsecrets.SignHMAC(signer, []byte("body"))
		if err != nil {
			s.Fatal(err)
		}
		if tenantsecrets.VerifyHMAC(s.keys(verifier), []byte("body"), signature) != nil {
			refused++
		}
	}
	if refused > 0 {
		s.Errorf("%d of %d valid webhooks are refused", refused, minutes)
	}
}

// Readers try eight keys. The ninth of a ring, which another program's write has made
// it, has time left and is accepted by nobody.
func TestRollbackToANinthKeyDoesNotSignAtOnce(t *testing.T) {
	inAdversity(t, func(s adversity) {
		first, oldest := s.current(), s.secret("")
		for range 7 {
			s.rotate()
			time.Sleep(time.Minute)
		}
		s.foreign(s.seed(anyKey("F")))
		if s.accepts(s.reader(), oldest) == nil {
			s.Fatal("the ninth is accepted")
		}
		result, err := s.rotator.Rollback(s.Context(), tenant, first)
		switch {
		case errors.Is(err, rotation.ErrTooManyKeys): // there is no room for it
		case err != nil:
			s.Error(err)
		case !result.Keys[0].SignAfter.After(time.Now()):
			s.Errorf("signs at %v, now %v: no reader accepts it yet", result.Keys[0].SignAfter, time.Now().UTC())
		}
	})
}

// Secrets Manager removes versions beyond a hundred, and answers otherwise for their ids
// than for ids that never were.
func TestAKeyWhoseVersionWasRemovedIsUnknown(t *testing.T) {
	inAdversity(t, func(s adversity) {
		first := s.current()
		for range 105 {
			s.rotate(func(o *rotation.RotateOptions) { o.Grace = 10 * time.Minute })
			time.Sleep(24 * time.Hour)
		}
		if _, err := s.rotator.Rollback(s.Context(), tenant, first); !errors.Is(err, rotation.ErrUnknownKey) {
			s.Errorf("Rollback: error %v, want ErrUnknownKey", err)
		}
		if _, err := s.rotator.Revoke(s.Context(), tenant, first); !errors.Is(err, rotation.ErrUnknownKey) {
			s.Errorf("Revoke: error %v, want ErrUnknownKey", err)
		}
	})
}

// A routine rotation is content with another's. A rollback to a key that is newer than
// the one that was on top looks like it by its dates, and is none.
func TestARollbackIsNoRotation(t *testing.T) {
	inAdversity(t, func(s adversity) {
		first := s.current()
		time.Sleep(time.Minute)
		second := s.rotate().VersionID
		time.Sleep(time.Hour)
		s.rollback(first)
		time.Sleep(time.Minute)
		r := s.overtaken(func() { s.rollback(second) })
		s.wants(rotation.Done)(r.Rotate(s.Context(), tenant))
	})
}
