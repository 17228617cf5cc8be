package rotation_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// overtaken is a rotator whose first write comes after somebody else's.
func (s *service) overtaken(by func()) *rotation.Rotator {
	var once sync.Once
	return s.newRotator(&tapped{Backend: s.backend, before: func(operation string, _ int) error {
		if operation == "PutSecretValue" {
			once.Do(by)
		}
		return nil
	}})
}

// Two at once: one writes, and both succeed.
func TestTwoRotateAtOnce(t *testing.T) {
	inBubble(t, func(s *service) {
		s.backend.Inject(secretstest.Fault{Delay: 10 * time.Millisecond})
		for range 5 {
			results := make([]rotation.Result, 4)
			var group sync.WaitGroup
			for i := range results {
				r := s.otherProcess()
				group.Go(func() {
					var err error
					if results[i], err = r.Rotate(s.Context(), tenant); err != nil {
						s.Error(err)
					}
				})
			}
			group.Wait()
			outcomes := map[rotation.Outcome]int{}
			for _, result := range results {
				outcomes[result.Outcome]++
				if result.VersionID != results[0].VersionID || !slices.Equal(kids(result), kids(results[0])) {
					s.Errorf("%+v and %+v", result, results[0])
				}
			}
			if outcomes[rotation.Done] != 1 || outcomes[rotation.AlreadyDone] != 3 {
				s.Errorf("outcomes %v", outcomes)
			}
			time.Sleep(4 * time.Hour)
		}
		s.wantsVersions(6, hmacName)
	})
}

// A rotation that a rotation has overtaken is satisfied by it.
func TestRotateOvertakenByRotate(t *testing.T) {
	inBubble(t, func(s *service) {
		first, _ := s.current(hmacName)
		var winner string
		r := s.overtaken(func() { winner = s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)).VersionID })
		result := s.wants(rotation.AlreadyDone)(r.Rotate(s.Context(), tenant))
		if result.VersionID != winner || !slices.Equal(kids(result), []string{winner, first.KID}) {
			s.Errorf("%+v, the winner wrote %s", result, winner)
		}
		s.ledger("hmac_key").check(first.KID, winner)
	})
}

// And one that a revocation has overtaken, by the new key, or goes again where that
// made none.
func TestRotateOvertakenByARevocation(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(1)
		r := s.overtaken(func() { s.wants(rotation.Done)(s.rotator.RevokeAll(s.Context(), tenant)) })
		s.wants(rotation.AlreadyDone)(r.Rotate(s.Context(), tenant))
		d, _ := s.current(hmacName)
		l.check(d.KID)

		time.Sleep(time.Hour)
		n := s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)).VersionID
		time.Sleep(handover)
		r = s.overtaken(func() { s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, d.KID)) })
		last := s.wants(rotation.Done)(r.Rotate(s.Context(), tenant)).VersionID
		if l.check(n, last); slices.Contains(k, n) {
			s.Error("an old key signs")
		}
	})
}

// A revocation that a rotation has overtaken goes again, and the rotation's key signs;
// but RevokeAll ends every key that it finds, that one too.
func TestRevocationOvertakenByRotate(t *testing.T) {
	inBubble(t, func(s *service) {
		first, _ := s.current(hmacName)
		time.Sleep(time.Hour)
		var winner string
		overtaken := func() *rotation.Rotator {
			return s.overtaken(func() { winner = s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)).VersionID })
		}
		s.wants(rotation.Done)(overtaken().Revoke(s.Context(), tenant, first.KID))
		l := s.ledger("hmac_key")
		l.check(winner)
		time.Sleep(time.Hour)
		fresh := s.wants(rotation.Done)(overtaken().RevokeAll(s.Context(), tenant)).VersionID
		if l.check(fresh); fresh == winner {
			s.Error("the rotation's key is spared")
		}
	})
}

// Two revocations: whoever loses revokes what is left of his, and nothing of the other's
// comes back.
func TestRevocationOvertakenByARevocation(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(2)
		r := s.overtaken(func() { s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, k[0])) })
		s.wants(rotation.Done)(r.Revoke(s.Context(), tenant, k[1]))
		l.check(k[2])
		r = s.overtaken(func() { s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, k[2])) })
		s.wants(rotation.AlreadyDone)(r.Revoke(s.Context(), tenant, k[2]))
		d, _ := s.current(hmacName)
		if l.check(d.KID); len(d.Revoked) != 3 {
			s.Errorf("revoked are %v", d.Revoked)
		}
	})
}

// RevokeAll by two at once: no key from before is left, and one signs.
func TestTwoRevokeAllsAtOnce(t *testing.T) {
	inBubble(t, func(s *service) {
		s.backend.Inject(secretstest.Fault{Delay: 10 * time.Millisecond})
		for range 5 {
			l, k := s.rotated(2)
			before := time.Now()
			var group sync.WaitGroup
			for range 3 {
				r := s.otherProcess()
				group.Go(func() {
					if result, err := r.RevokeAll(s.Context(), tenant); err != nil || result.Outcome > rotation.AlreadyDone {
						s.Errorf("%v, %v", result.Outcome, err)
					}
				})
			}
			group.Wait()
			d, _ := s.current(hmacName)
			l.check(d.KID)
			for _, kid := range k {
				if !slices.Contains(d.Revoked, kid) {
					s.Errorf("%s is not revoked", kid)
				}
			}
			if len(d.Previous) != 0 || time.Since(before) > time.Minute {
				s.Errorf("%d previous keys, after %v", len(d.Previous), time.Since(before))
			}
		}
	})
}

// A rollback that a rotation has overtaken goes again, and so does a rotation that a
// rollback has: both keys are there.
func TestRollbackAndRotate(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(1)
		time.Sleep(time.Hour)
		var rotated string
		r := s.overtaken(func() { rotated = s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)).VersionID })
		s.wants(rotation.Done)(r.Rollback(s.Context(), tenant, k[0]))
		l.check(k[0], k[1], rotated)

		r = s.overtaken(func() { s.wants(rotation.Done)(s.rotator.Rollback(s.Context(), tenant, k[1])) })
		last := s.wants(rotation.Done)(r.Rotate(s.Context(), tenant)).VersionID
		l.check(k[1], k[0], rotated, last)
	})
	inBubble(t, func(s *service) { // and to a key that is older than what is on top
		l, k := s.rotated(1)
		time.Sleep(time.Hour)
		r := s.overtaken(func() { s.wants(rotation.Done)(s.rotator.Rollback(s.Context(), tenant, k[0])) })
		last := s.wants(rotation.Done)(r.Rotate(s.Context(), tenant)).VersionID
		l.check(k[0], k[1], last)
	})
}

// Nor does a key whose time was over count as a new one, when a rollback brings it back.
func TestRotateOvertakenByARollbackToADeadKey(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(1)
		time.Sleep(3 * day)
		r := s.overtaken(func() { s.wants(rotation.Done)(s.rotator.Rollback(s.Context(), tenant, k[0])) })
		last := s.wants(rotation.Done)(r.Rotate(s.Context(), tenant)).VersionID
		l.check(k[1], k[0], last)
	})
}

// A read that lags behind does not show the newest key; it was made before the call
// all the same, and is revoked.
func TestRevokeAllAfterAReadThatLags(t *testing.T) {
	inBubble(t, func(s *service) {
		time.Sleep(time.Hour)
		s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
		time.Sleep(2 * time.Second)
		s.backend.Inject(
			secretstest.Fault{Operation: "DescribeSecret", Times: 1, StaleBy: 3 * time.Second},
			secretstest.Fault{Operation: "GetSecretValue", Times: 1, StaleBy: 3 * time.Second},
		)
		result := s.wants(rotation.Done)(s.rotator.RevokeAll(s.Context(), tenant))
		s.ledger("hmac_key").check(result.VersionID)
	})
}

// A rollback to a key that was revoked meanwhile is refused.
func TestRollbackOvertakenByARevocation(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(1)
		time.Sleep(time.Hour)
		r := s.overtaken(func() { s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, k[0])) })
		_, err := r.Rollback(s.Context(), tenant, k[0])
		s.wantsError(err, "Rollback", tenant, rotation.ErrRevoked)
		l.check(k[1])
	})
}

// A program that writes without us in between cannot be refused, and its key is not
// lost either: it signs no more, and is accepted for a day.
func TestOvertakenByAnotherProgram(t *testing.T) {
	inBubble(t, func(s *service) {
		first, _ := s.current(hmacName)
		var foreign string
		r := s.overtaken(func() { foreign = s.put(hmacName, s.document(nil)) })
		n := s.wants(rotation.Done)(r.Rotate(s.Context(), tenant)).VersionID
		l := s.ledger("hmac_key")
		l.walk(
			moment{0, first.KID, []string{n, foreign}},
			moment{handover, n, []string{first.KID, foreign}},
			moment{day - 1, n, []string{first.KID, foreign}},
			moment{day, n, []string{first.KID}},
		)
	})
}

// Every call by many goroutines at once, of one rotator: afterwards one key signs, what
// was revoked is refused, and no call failed but for what others had done.
func TestEveryCallAtOnce(t *testing.T) {
	inBubble(t, func(s *service) {
		s.backend.Inject(secretstest.Fault{Delay: 20 * time.Millisecond})
		l, k := s.rotated(2)
		var group sync.WaitGroup
		for i := range 24 {
			group.Go(func() {
				time.Sleep(time.Duration(i%8) * 15 * time.Millisecond)
				var err error
				switch i % 6 {
				case 0:
					_, err = s.rotator.Rotate(s.Context(), tenant)
				case 1:
					_, err = s.rotator.Revoke(s.Context(), tenant, k[0])
				case 2:
					_, err = s.rotator.Rollback(s.Context(), tenant, k[1])
				case 3:
					_, err = s.rotator.Versions(s.Context(), tenant)
				case 4:
					_, err = s.rotator.RotateAll(s.Context(), nil)
				case 5:
					_, err = s.rotator.Destination("webhook1").Rotate(s.Context(), tenant)
					if err != nil {
						err = nil // there is none
					}
				}
				if err != nil && !errors.Is(err, rotation.ErrContended) {
					s.Errorf("call %d: %v", i, err)
				}
			})
		}
		group.Wait()
		l.learn()
		keys := s.keyring("hmac_key")
		if _, err := keys.MACs(message); err != nil {
			s.Errorf("no key signs: %v", err)
		}
		for _, kid := range k[1:] {
			if _, _, err := keys.Match([][]byte{l.tags[kid]}, message); err != nil {
				s.Errorf("the key %s is lost: %v", kid, err)
			}
		}
		if _, _, err := keys.Match([][]byte{l.tags[k[0]]}, message); err == nil {
			s.Error("the revoked key is accepted")
		}
	})
}
