package rotation_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// lagOnce makes one read answer as of a while ago.
func lagOnce(operation string, by time.Duration) secretstest.Fault {
	return secretstest.Fault{Operation: operation, StaleBy: by, Times: 1}
}

// A version that a description names is there. One that cannot be found is waited for
// as long as a request may take, and is no reason to say that the tenant has no secret.
func TestAValueThatLagsBehindItsDescription(t *testing.T) {
	for _, test := range []struct {
		name string
		lag  time.Duration
		err  error
	}{
		{"by seconds", 5 * time.Second, nil},
		{"for good", time.Hour, tenantsecrets.ErrUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			inAdversity(t, func(s adversity) {
				time.Sleep(2 * time.Hour)
				s.rotate()
				time.Sleep(time.Second)
				defer s.backend.Inject(secretstest.Fault{Operation: "GetSecretValue", StaleBy: test.lag})()
				_, err := s.rotator.Rotate(s.Context(), tenant)
				if !errors.Is(err, test.err) {
					s.Errorf("error %v, want %v", err, test.err)
				}
			})
		})
	}
}

// A revocation that has lost reads what the winner wrote a moment ago. That a replica
// does not show it yet must not end the revocation.
func TestARevocationThatLosesGoesOnThoughTheValueLags(t *testing.T) {
	inAdversity(t, func(s adversity) {
		time.Sleep(time.Minute)
		first := s.current()
		r := s.overtaken(func() {
			s.rotate()
			// The first value that is read is the winner's, by the loser who wants to know whether it is current.
			s.backend.Inject(secretstest.Fault{Operation: "GetSecretValue", After: 1, StaleBy: 500 * time.Millisecond})
		})
		s.wants(rotation.Done)(r.Revoke(s.Context(), tenant, first))
	})
}

// A step of a rotation that AWS drives describes the secret twice. Where the second
// description does not show the latest write, the step fails, and Secrets Manager takes
// it again; it must neither prepare nor abandon anything.
func TestAStepThatReadsStaleCanBeTakenAgain(t *testing.T) {
	for _, name := range []string{"createSecret", "testSecret", "finishSecret"} {
		t.Run(name, func(t *testing.T) {
			inAdversity(t, func(s adversity) {
				time.Sleep(time.Minute)
				s.rotate() // what the stale description does not show
				time.Sleep(time.Second)
				var failed error
				s.drive(s.rotator, func(handle step) step {
					return func(ctx context.Context, e rotation.Event) error {
						if e.Step == name {
							remove := s.backend.Inject(secretstest.Fault{Operation: "DescribeSecret", After: 1, StaleBy: 5 * time.Second, Times: 1})
							failed = handle(ctx, e)
							remove()
						}
						return handle(ctx, e)
					}
				})
				if !errors.Is(failed, tenantsecrets.ErrUnavailable) || s.current() != token {
					s.Errorf("error %v, rotated %t; want ErrUnavailable, and to be rotated by the second try", failed, s.current() == token)
				}
			})
		})
	}
}

// The promotion may have taken effect when its answer is lost, and the description that
// is to tell may be of a time before. The secret that was rotated is not abandoned.
func TestAPromotionWithoutAnAnswerIsNotAbandoned(t *testing.T) {
	inAdversity(t, func(s adversity) {
		time.Sleep(time.Minute)
		s.rotate()
		time.Sleep(time.Second)
		var failed, again error
		s.drive(s.rotator, func(handle step) step {
			return func(ctx context.Context, e rotation.Event) error {
				if e.Step != "finishSecret" {
					return handle(ctx, e)
				}
				remove := s.backend.Inject(
					secretstest.Fault{Operation: "UpdateSecretVersionStage", LostAnswer: true, Times: 1},
					secretstest.Fault{Operation: "DescribeSecret", After: 2, StaleBy: 5 * time.Second}, // the third is after the promotion
				)
				failed = handle(ctx, e)
				remove()
				again = handle(ctx, e)
				return again
			}
		})
		if s.current() != token {
			s.Fatal("not promoted")
		}
		if errors.Is(failed, rotation.ErrAbandoned) || again != nil {
			s.Errorf("error %v, and of the step when it is taken again %v", failed, again)
		}
	})
}
