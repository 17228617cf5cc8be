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

// A version that never got a value can be AWSPREVIOUS, after a label was moved to it
// and back. Right after that it may as well be a value that is not to be seen yet, whose
// keys would be lost; later it must not keep anybody from revoking a key.
func TestAnEmptyPreviousVersionIsWaitedForNoLongerThanReadsLag(t *testing.T) {
	for _, test := range []struct {
		name  string
		after time.Duration // the labels were moved
		err   error
	}{
		{"at once", 0, tenantsecrets.ErrUnavailable},
		{"half a minute later", 30 * time.Second, tenantsecrets.ErrUnavailable},
		{"two minutes later", 2 * time.Minute, nil},
		{"a day later", 24 * time.Hour, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			inAdversity(t, func(s adversity) {
				first, leaked := s.current(), s.secret("")
				s.emptyPrevious()
				time.Sleep(test.after)
				result, err := s.rotator.Revoke(s.Context(), tenant, first)
				if test.err != nil {
					if !errors.Is(err, test.err) {
						s.Errorf("%v, error %v, want %v", result.Outcome, err, test.err)
					}
					return
				}
				s.wants(rotation.Done)(result, err)
				if s.accepts(s.reader(), leaked) == nil {
					s.Error("the leaked key is accepted")
				}
			})
		})
	}
}

// emptyPrevious makes AWSPREVIOUS a version without a value.
func (s adversity) emptyPrevious() {
	s.Helper()
	first := s.current()
	s.drive(s.rotator, func(step) step {
		return func(context.Context, rotation.Event) error { return errors.New("broken") }
	})
	s.move(first, token)
	s.move(token, first)
}

// Where no key signs yet and the newest is revoked, the one that it replaces ends soon,
// as it was to. A fresh key has to follow, or nobody signs from then on.
func TestRevokeWhereNoKeySignsYet(t *testing.T) {
	inAdversity(t, func(s adversity) {
		d := s.onBase()
		d["kid"], d["shared_secret"], d["sign_after"] = "top", anyKey("T"), dated(time.Hour)
		d["previous"] = []any{map[string]any{
			"kid": "older", "shared_secret": anyKey("o"), "sign_after": dated(time.Hour), "not_after": dated(90 * time.Minute),
		}}
		s.foreign(d)
		s.revoke("top")
		time.Sleep(2 * time.Hour)
		if _, err := tenantsecrets.SignHMAC(s.keys(s.reader()), []byte("body")); err != nil {
			s.Errorf("two hours later nobody signs: %v", err)
		}
	})
}

// A secret whose every key has ended is no reason to do nothing: a tenant without a key
// is what RevokeAll is called to mend.
func TestRevokeAllWhereEveryKeyHasEnded(t *testing.T) {
	inAdversity(t, func(s adversity) {
		d := s.onBase()
		d["not_after"] = dated(time.Minute)
		d["base"] = s.foreign(d)
		s.foreign(d) // on a base that has ended too
		time.Sleep(25 * time.Hour)
		if n := len(s.revokeAll().Keys); n != 1 {
			s.Errorf("%d keys, want 1", n)
		}
		if _, err := tenantsecrets.SignHMAC(s.keys(s.reader()), []byte("body")); err != nil {
			s.Errorf("nobody signs: %v", err)
		}
	})
}

// What this process holds is forgotten whether an answer came or not: without one the
// key may have been revoked.
func TestThisProcessRefusesARevokedKeyWithItsNextLoad(t *testing.T) {
	for name, faults := range map[string][]secretstest.Fault{
		"answered":   nil,
		"unanswered": {{Operation: "PutSecretValue", LostAnswer: true, Times: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			inAdversity(t, func(s adversity) {
				first, leaked := s.current(), s.secret("")
				if err := s.accepts(s.client, leaked); err != nil {
					s.Fatal(err)
				}
				s.backend.Inject(faults...)
				_, err := s.rotator.Revoke(s.Context(), tenant, first)
				if lost := len(faults) > 0; lost != errors.Is(err, tenantsecrets.ErrUnavailable) || !lost && err != nil {
					s.Errorf("error %v", err)
				}
				if s.accepts(s.client, leaked) == nil {
					s.Error("the next call accepts it")
				}
			})
		})
	}
}

// A rotation that AWS drives may end between what a revocation reads and what it writes.
// The revocation is made, and the key that was promoted is not lost.
func TestRevokeAgainstAPromotion(t *testing.T) {
	inAdversity(t, func(s adversity) {
		first, leaked := s.current(), s.secret("")
		var finish func() error
		s.drive(s.rotator, func(handle step) step {
			return func(ctx context.Context, e rotation.Event) error {
				if e.Step != "finishSecret" {
					return handle(ctx, e)
				}
				finish = func() error { return handle(s.Context(), e) }
				return errors.New("not yet")
			}
		})
		promoted := s.secret(token)
		r := s.overtaken(func() {
			if err := finish(); err != nil {
				s.Error(err)
			}
		})
		s.wants(rotation.Done)(r.Revoke(s.Context(), tenant, first))
		if s.accepts(s.reader(), leaked) == nil {
			s.Error("the leaked key is accepted")
		}
		if err := s.accepts(s.reader(), promoted); err != nil {
			s.Errorf("the promoted key: %v", err)
		}
	})
}

// Every loser reads again and writes after the winner. Those who began together must not
// go on meeting, or the last of them give up.
func TestManyRevocationsAtOnce(t *testing.T) {
	inAdversity(t, func(s adversity) {
		var kids []string
		for range 15 {
			kids = append(kids, s.current())
			s.rotate(func(o *rotation.RotateOptions) { o.Grace = 10 * time.Minute })
			time.Sleep(24 * time.Hour)
		}
		const latency = 20 * time.Millisecond
		s.backend.Inject(secretstest.Fault{Operation: "GetSecretValue", Delay: latency}, secretstest.Fault{Operation: "PutSecretValue", Delay: latency})
		errs := make(chan error)
		for _, kid := range kids {
			go func() {
				_, err := s.rotator.Revoke(s.Context(), tenant, kid)
				errs <- err
			}()
		}
		for range kids {
			if err := <-errs; err != nil {
				s.Error(err)
			}
		}
	})
}

// A revocation that could not read, let alone write, leaves what is held: the tenant is
// served on.
func TestARevocationThatWroteNothingForgetsNothing(t *testing.T) {
	inAdversity(t, func(s adversity) {
		kid, secret := s.current(), s.secret("")
		if err := s.accepts(s.client, secret); err != nil {
			s.Fatal(err)
		}
		defer s.backend.Inject(secretstest.Fault{Err: secretstest.Throttling()})()
		if _, err := s.rotator.Revoke(s.Context(), tenant, kid); err == nil {
			s.Fatal("revoked without an answer")
		}
		if err := s.accepts(s.client, secret); err != nil {
			s.Errorf("refused: %v", err)
		}
	})
}
