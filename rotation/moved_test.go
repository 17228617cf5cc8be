package rotation_test

import (
	"testing"
	"time"
)

// A revocation that makes no key would be the same text each time. Where its version is
// there and was moved aside by hand, the same text under the same id is answered as a
// success and changes nothing.
func TestRevokeAgainAfterAMoveByHand(t *testing.T) {
	for _, moves := range []int{1, 2} {
		inAdversity(t, func(s adversity) {
			first := s.current()
			time.Sleep(time.Second)
			second := s.rotate().VersionID
			time.Sleep(time.Second)
			s.revoke(first)
			time.Sleep(time.Second)
			if moves == 2 {
				s.move(s.current(), first)
			}
			s.move(s.current(), second)
			if result := s.revoke(first); s.current() != result.VersionID {
				s.Errorf("%d moves: done, and %s is current, not %s", moves, s.current(), result.VersionID)
			}
		})
	}
}
