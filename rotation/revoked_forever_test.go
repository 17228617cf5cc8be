package rotation_test

import (
	"errors"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
)

// A program that stores the same secret without a kid gives it a second one, the id of
// its own version. Whoever revokes it knows one of the two.
func TestRevokedDoesNotComeBackUnderItsOtherKID(t *testing.T) {
	inAdversity(t, func(s adversity) {
		first, leaked := s.current(), s.secret("")
		again := s.foreign(s.seed(leaked))
		time.Sleep(time.Minute)
		s.revoke(again)
		s.wantsNoReturn(first, leaked)
	})
}

// A document of another program's names no revocations; the one before it does. When
// that program has written twice, neither of the two versions that readers see does.
func TestRevokedDoesNotComeBackAfterTwoWritesOfOthers(t *testing.T) {
	inAdversity(t, func(s adversity) {
		first, leaked := s.current(), s.secret("")
		s.revoke(first)
		s.foreign(s.seed(anyKey("A")))
		s.foreign(s.seed(anyKey("B")))
		s.wantsNoReturn(first, leaked)
	})
}

// wantsNoReturn rolls back to a revoked key in vain.
func (s adversity) wantsNoReturn(kid, leaked string) {
	s.Helper()
	if s.accepts(s.reader(), leaked) == nil {
		s.Fatal("it is not revoked")
	}
	if _, err := s.rotator.Rollback(s.Context(), tenant, kid); !errors.Is(err, rotation.ErrRevoked) {
		s.Errorf("error %v, want ErrRevoked", err)
	}
	if s.accepts(s.reader(), leaked) == nil {
		s.Error("the leaked key is accepted again")
	}
}

// A label that is moved back makes a document current that does not know of the
// revocation; AWSPREVIOUS still does. That is not enough: readers that see values alone
// do not look there, and the next write of another program's ends it for all. So an
// operator who revokes once more is not told that it is done already.
func TestRevokeIsWrittenWhereOnlyThePreviousVersionSaysIt(t *testing.T) {
	inAdversity(t, func(s adversity) {
		first, leaked := s.current(), s.secret("")
		second := s.rotate().VersionID
		s.revoke(first)
		s.move(s.current(), second)
		s.revoke(first)
		if s.accepts(s.reader(func(o *tenantsecrets.Options) { o.ValuesOnly = true }), leaked) == nil {
			s.Error("a reader of values alone accepts the key")
		}
		s.foreign(s.seed(anyKey("A")))
		if s.accepts(s.reader(), leaked) == nil {
			s.Error("after another program's write the key is accepted")
		}
	})
}

// Where another program stores a new secret under the kid of an older one, the ring
// gives one of the two another kid. The older one is still to be revoked by the kid
// that it was made with.
func TestRevokeByTheKIDThatAKeyWasMadeWith(t *testing.T) {
	inAdversity(t, func(s adversity) {
		first, leaked := s.current(), s.secret("")
		s.rotate()
		d := s.seed(anyKey("F"))
		d["kid"] = first
		s.foreign(d)
		if err := s.accepts(s.reader(), leaked); err != nil {
			s.Fatalf("before the revocation: %v", err)
		}
		s.revoke(first)
		if s.accepts(s.reader(), leaked) == nil {
			s.Error("the key is accepted after it was revoked")
		}
	})
}

// A key that the first read of RevokeAll does not see, for it lags behind, was made
// before the call all the same, be it in the same second.
func TestRevokeAllEndsAKeyThatItsFirstReadDoesNotSee(t *testing.T) {
	inAdversity(t, func(s adversity) {
		time.Sleep(time.Minute)
		made := s.rotate().VersionID
		time.Sleep(300 * time.Millisecond)
		leaked := s.secret("")
		defer s.backend.Inject(lagOnce("DescribeSecret", time.Second))()
		for _, k := range s.revokeAll().Keys {
			if k.KID == made {
				s.Error("a key that was made before the call is live after it")
			}
		}
		if s.accepts(s.reader(), leaked) == nil {
			s.Error("it is accepted")
		}
	})
}
