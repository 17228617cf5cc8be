package rotation_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/rotation"
)

// A key that is live signs at once, and has no end any more; those that were newer are
// accepted for a grace.
func TestRollbackToALiveKey(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(1)
		time.Sleep(handover)
		l.check(k[1], k[0])
		result := s.wants(rotation.Done)(s.rotator.Rollback(s.Context(), tenant, k[0]))
		if !slices.Equal(kids(result), k) || result.VersionID == k[0] {
			s.Errorf("%+v", result)
		}
		l.walk(
			moment{0, k[0], k[1:]},
			moment{handover + day - time.Microsecond, k[0], k[1:]},
			moment{handover + day, k[0], nil},
			moment{1000 * day, k[0], nil},
		)
	})
}

// Before the new key signs, a rollback keeps it from ever doing so.
func TestRollbackWithinTheHandover(t *testing.T) {
	inBubble(t, func(s *service) {
		first, _ := s.current(hmacName)
		next := s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)).VersionID
		time.Sleep(time.Minute)
		s.wants(rotation.Done)(s.rotator.Rollback(s.Context(), tenant, first.KID))
		s.ledger("hmac_key").walk(
			moment{0, first.KID, []string{next}},
			moment{handover, first.KID, []string{next}},
			moment{handover + day, first.KID, nil},
		)
	})
}

// A key that does not sign yet keeps its sign_after: not every reader has seen it.
func TestRollbackKeepsSignAfter(t *testing.T) {
	inBubble(t, func(s *service) {
		first, _ := s.current(hmacName)
		one := s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)).VersionID
		time.Sleep(time.Minute)
		two := s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)).VersionID
		s.wants(rotation.Done)(s.rotator.Rollback(s.Context(), tenant, one))
		s.ledger("hmac_key").walk(
			moment{0, first.KID, []string{one, two}},
			moment{handover - time.Minute - 1, first.KID, []string{one, two}},
			moment{handover - time.Minute, one, []string{first.KID, two}},
			moment{handover + day, one, nil},
		)
	})
}

// A key whose time was over signs when every reader has seen it, and until then the
// one that signs now does.
func TestRollbackToADeadKey(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(1)
		time.Sleep(3 * day)
		l.check(k[1])
		s.wants(rotation.Done)(s.rotator.Rollback(s.Context(), tenant, k[0]))
		l.walk(
			moment{0, k[1], k[:1]},
			moment{handover - 1, k[1], k[:1]},
			moment{handover, k[0], k[1:]},
			moment{handover + day, k[0], nil},
		)
	})
}

// One that is live, but ends before every reader has seen the change, counts as dead: a
// reader that has not would refuse it.
func TestRollbackToAKeyNearItsEnd(t *testing.T) {
	for _, left := range []time.Duration{time.Second, time.Minute, handover - time.Second} {
		inBubble(t, func(s *service) {
			l, k := s.rotated(1)
			time.Sleep(handover - time.Hour + day - left)
			l.check(k[1], k[0])
			s.wants(rotation.Done)(s.rotator.Rollback(s.Context(), tenant, k[0]))
			l.walk(
				moment{0, k[1], k[:1]},
				moment{handover - 1, k[1], k[:1]},
				moment{handover, k[0], k[1:]},
				moment{handover + day, k[0], nil},
			)
		})
	}
}

// A key that is on top already is left there.
func TestRollbackToTheNewestKey(t *testing.T) {
	inBubble(t, func(s *service) {
		_, k := s.rotated(1)
		s.backend.ClearCalls()
		result := s.wants(rotation.AlreadyDone)(s.rotator.Rollback(s.Context(), tenant, k[1]))
		if result.VersionID != k[1] || s.writes() != 0 {
			s.Errorf("%+v, called %v", result, s.operations())
		}
		s.wants(rotation.Done)(s.rotator.Rollback(s.Context(), tenant, k[0]))
		s.wants(rotation.AlreadyDone)(s.rotator.Rollback(s.Context(), tenant, k[0]))
	})
}

// Back and forth, and nothing is lost.
func TestRollbackAndForth(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(2)
		time.Sleep(handover)
		for _, i := range []int{0, 1, 2, 0, 2, 1} {
			s.wants(rotation.Done)(s.rotator.Rollback(s.Context(), tenant, k[i]))
			l.check(k[i], k...)
			time.Sleep(time.Minute)
		}
	})
}

// A revoked key never comes back, live or dead.
func TestRollbackToARevokedKey(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(2)
		s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, k[1], k[0]))
		s.backend.ClearCalls()
		for _, kid := range k[:2] {
			_, err := s.rotator.Rollback(s.Context(), tenant, kid)
			s.wantsError(err, "Rollback", tenant, rotation.ErrRevoked)
		}
		time.Sleep(100 * day)
		s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
		s.backend.ClearCalls()
		_, err := s.rotator.Rollback(s.Context(), tenant, k[0])
		s.wantsError(err, "Rollback", tenant, rotation.ErrRevoked)
		if s.writes() != 0 {
			s.Errorf("called %v", s.operations())
		}
		_, current := s.current(hmacName)
		l.check(k[2], current)
	})
}

// Nor does one that another program gave a name of its own.
func TestRollbackToARevokedKeyOfAnotherWriter(t *testing.T) {
	inBubble(t, func(s *service) {
		first, _ := s.current(hmacName)
		first.KID = "june"
		s.put(hmacName, s.document(map[string]any{"previous": []any{entry(first)}, "base": first.KID}))
		s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, "june"))
		_, err := s.rotator.Rollback(s.Context(), tenant, "june")
		s.wantsError(err, "Rollback", tenant, rotation.ErrRevoked)
	})
}

// A program that does not know kids stored the leaked secret twice: under the older
// version's id it is still the leaked one.
func TestRollbackToARevokedKeyByAnotherName(t *testing.T) {
	inBubble(t, func(s *service) {
		leaked := s.document(nil)
		a := s.put(hmacName, leaked)
		s.put(hmacName, s.document(nil))
		s.put(hmacName, s.document(nil))
		b := s.put(hmacName, leaked+" ")
		s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, b))
		result, err := s.rotator.Rollback(s.Context(), tenant, a)
		if !errors.Is(err, rotation.ErrRevoked) {
			s.Errorf("a key with the bytes of a revoked one: %v, %v", result.Outcome, err)
		}
	})
}

func TestRollbackToAnUnknownKey(t *testing.T) {
	inBubble(t, func(s *service) {
		s.rotated(1)
		empty, _ := s.current(hmacName)
		s.backend.ClearCalls()
		for _, kid := range []string{token, "", "AWSPREVIOUS", empty.KID + "x", "\n"} {
			_, err := s.rotator.Rollback(s.Context(), tenant, kid)
			s.wantsError(err, "Rollback", tenant, rotation.ErrUnknownKey)
		}
		if s.writes() != 0 {
			s.Errorf("called %v", s.operations())
		}
	})
}

// A version that a rollback itself made holds an older key: its id is no kid.
func TestRollbackToAVersionThatMadeNoKey(t *testing.T) {
	inBubble(t, func(s *service) {
		_, k := s.rotated(1)
		id := s.wants(rotation.Done)(s.rotator.Rollback(s.Context(), tenant, k[0])).VersionID
		_, err := s.rotator.Rollback(s.Context(), tenant, id)
		s.wantsError(err, "Rollback", tenant, rotation.ErrUnknownKey)
	})
}

// A rotation that AWS drives is not overtaken.
func TestRollbackInARotation(t *testing.T) {
	inBubble(t, func(s *service) {
		_, k := s.rotated(1)
		s.put(hmacName, s.document(nil), "AWSPENDING")
		s.backend.ClearCalls()
		_, err := s.rotator.Rollback(s.Context(), tenant, k[0])
		s.wantsError(err, "Rollback", tenant, rotation.ErrRotationInProgress)
		if s.writes() != 0 {
			s.Errorf("called %v", s.operations())
		}
	})
}

// In a full ring a live key can be put on top, and a dead one has no room.
func TestRollbackInAFullRing(t *testing.T) {
	inBubble(t, func(s *service) {
		_, k := s.rotated(1)
		time.Sleep(3 * day)
		var last string
		for range 7 {
			last = s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)).VersionID
		}
		_, err := s.rotator.Rollback(s.Context(), tenant, k[0])
		s.wantsError(err, "Rollback", tenant, rotation.ErrTooManyKeys)
		s.wants(rotation.Done)(s.rotator.Rollback(s.Context(), tenant, k[1]))
		s.ledger("hmac_key").check(k[1], append(kids(s.wants(rotation.AlreadyDone)(s.rotator.Rollback(s.Context(), tenant, k[1]))), last)...)
	})
}

// The key keeps its date: to who rotates by age it is as old as it is.
func TestRollbackKeepsTheKeysAge(t *testing.T) {
	inBubble(t, func(s *service) {
		_, k := s.rotated(1)
		s.wants(rotation.TooYoung)(s.rotator.Rotate(s.Context(), tenant, olderThan(2*time.Hour)))
		time.Sleep(30 * time.Minute)
		result := s.wants(rotation.Done)(s.rotator.Rollback(s.Context(), tenant, k[0]))
		if age := time.Since(result.Keys[0].CreatedAt); age != 90*time.Minute {
			s.Errorf("the key is %v old", age)
		}
		s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant, olderThan(time.Hour)))
	})
}
