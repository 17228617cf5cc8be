package rotation_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// maxStaleOfReaders is the default.
const maxStaleOfReaders = time.Hour

// patient is a rotator whose client sets no limit to a request.
func (s adversity) patient() *rotation.Rotator {
	s.Helper()
	r, err := rotation.New(s.reader(func(o *tenantsecrets.Options) { o.LoadTimeout = -1 }), s.backend)
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// The time at which a new key signs is fixed before the request that publishes it. If
// that may be under way for as long as it likes, readers are left less than MaxStale to
// see the key.
func TestAWriteThatArrivesLate(t *testing.T) {
	inAdversity(t, func(s adversity) {
		r := s.patient()
		defer s.backend.Inject(secretstest.Fault{Operation: "PutSecretValue", Delay: 20 * time.Minute, Times: 1})()
		result := s.wants(rotation.Done)(r.Rotate(s.Context(), tenant))
		s.wantsSeenBeforeItSigns(*s.get("").CreatedDate, result.Keys[0].SignAfter)
	})
}

// The same holds for the request that promotes what a rotation of AWS's has prepared.
func TestAPromotionThatArrivesLate(t *testing.T) {
	inAdversity(t, func(s adversity) {
		r := s.patient()
		defer s.backend.Inject(secretstest.Fault{Operation: "UpdateSecretVersionStage", Delay: time.Hour, Times: 1})()
		s.drive(r, func(handle step) step { return handle })
		if s.current() != token {
			s.Fatal("not rotated")
		}
		d, err := s.backend.DescribeSecret(s.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(s.name())})
		if err != nil {
			s.Fatal(err)
		}
		signs, err := time.Parse(time.RFC3339, s.doc("")["sign_after"].(string))
		if err != nil {
			s.Fatal(err)
		}
		s.wantsSeenBeforeItSigns(*d.LastChangedDate, signs)
	})
}

func (s adversity) wantsSeenBeforeItSigns(published, signs time.Time) {
	s.Helper()
	if seen := published.Add(maxStaleOfReaders); signs.Before(seen) {
		s.Errorf("signs %v before every reader has seen it", seen.Sub(signs))
	}
}

// A write whose answer was lost is sent once more. What the second is told is about the
// second: the first may have taken effect.
func TestALostAnswerIsNoDefiniteNo(t *testing.T) {
	inAdversity(t, func(s adversity) {
		first := s.current()
		s.backend.Inject(
			secretstest.Fault{Operation: "PutSecretValue", LostAnswer: true, Times: 1},
			secretstest.Fault{Operation: "PutSecretValue", After: 1, Err: secretstest.AccessDenied()},
		)
		_, err := s.rotator.Rotate(s.Context(), tenant)
		if s.current() == first {
			s.Fatal("not rotated")
		}
		if !errors.Is(err, tenantsecrets.ErrUnavailable) {
			s.Errorf("rotated, and the error is %v: want ErrUnavailable", err)
		}
	})
}
