package rotation_test

import (
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/rotation"
)

// How long a rotation takes at the defaults.
const (
	handover = time.Hour + 5*time.Minute
	day      = 24 * time.Hour
	minGrace = 10 * time.Minute
)

// moment is what a process that starts then makes of the secret.
type moment struct {
	at      time.Duration // since the ledger's first moment
	signs   string
	accepts []string
}

// walk looks at a secret as time passes.
func (l *ledger) walk(moments ...moment) {
	l.Helper()
	start := time.Now()
	for _, m := range moments {
		time.Sleep(m.at - time.Since(start))
		if l.check(m.signs, m.accepts...); l.Failed() {
			l.Fatalf("%v after the start", m.at)
		}
	}
}

// The new key verifies from the write on and signs from sign_after on; the old one
// signs until then and verifies until not_after, to the nanosecond.
func TestOneRotation(t *testing.T) {
	inBubble(t, func(s *service) {
		l := s.ledger("hmac_key")
		first, _ := s.current(hmacName)
		l.check(first.KID)
		result := s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant, grace(2*time.Hour)))
		a, b := first.KID, result.VersionID
		l.walk(
			moment{0, a, []string{b}},
			moment{time.Minute, a, []string{b}},
			moment{handover - 1, a, []string{b}},
			moment{handover, b, []string{a}},
			moment{handover + 2*time.Hour - time.Microsecond, b, []string{a}},
			moment{handover + 2*time.Hour, b, nil},
			moment{1000 * day, b, nil},
		)
	})
}

// A second rotation before the first one's key signs loses nothing: every key signs in
// its turn, or is accepted for a grace after it would have.
func TestTwoRotationsInOneHandover(t *testing.T) {
	inBubble(t, func(s *service) {
		l := s.ledger("hmac_key")
		first, _ := s.current(hmacName)
		one := s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
		time.Sleep(30 * time.Minute)
		two := s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
		a, b, c := first.KID, one.VersionID, two.VersionID
		const second = 30 * time.Minute
		l.walk(
			moment{0, a, []string{b, c}},
			moment{handover - second - 1, a, []string{b, c}},
			moment{handover - second, b, []string{a, c}},
			moment{handover - 1, b, []string{a, c}},
			moment{handover, c, []string{a, b}},
			moment{handover - second + day - time.Microsecond, c, []string{a, b}},
			moment{handover - second + day, c, []string{b}},
			moment{handover + day - time.Microsecond, c, []string{b}},
			moment{handover + day, c, nil},
		)
	})
}

// Seven rotations in a row, and eight keys are accepted; the first signs until the
// second may.
func TestEightKeys(t *testing.T) {
	inBubble(t, func(s *service) {
		l := s.ledger("hmac_key")
		first, _ := s.current(hmacName)
		all := []string{first.KID}
		for range 7 {
			all = append(all, s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)).VersionID)
			l.check(first.KID, all...)
			time.Sleep(time.Minute)
		}
		l.walk(
			moment{handover - 7*time.Minute - 1, all[0], all},
			moment{handover - 7*time.Minute, all[1], all},
			moment{handover - 2*time.Minute, all[6], all},
			moment{handover - time.Minute, all[7], all},
			moment{handover - 7*time.Minute + day, all[7], all[1:]},
			moment{handover - time.Minute + day, all[7], nil},
		)
	})
}

// Keys that have ended are in no document that is written after that.
func TestEndedKeysLeaveTheDocument(t *testing.T) {
	inBubble(t, func(s *service) {
		for range 3 {
			s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
			time.Sleep(handover + day)
		}
		result := s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
		if d, _ := s.current(hmacName); len(d.Previous) != 1 || len(result.Keys) != 2 {
			s.Errorf("%d previous keys are stored, and %d are live", len(d.Previous), len(result.Keys))
		}
	})
}

// A process that reads seldom: what it read before the rotation is what it serves for
// MaxStale, and so long nothing is signed that it would refuse.
func TestTheOldestReader(t *testing.T) {
	inBubble(t, func(s *service) {
		l := s.ledger("hmac_key")
		old, err := s.client.TenantSecret(s.Context(), tenant)
		if err != nil {
			s.Fatal(err)
		}
		s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
		for range 60 {
			tags, err := s.keyring(l.path).MACs(message)
			if err != nil {
				s.Fatal(err)
			}
			if _, _, err := old.Keys().Match(tags[:1], message); err != nil {
				s.Fatalf("the oldest reader refuses what the newest signs: %v", err)
			}
			time.Sleep(time.Minute)
		}
	})
}

// passHandover waits until the key that a rotation replaced has ended.
func (s *service) passHandover(grace time.Duration) { time.Sleep(handover + grace) }
