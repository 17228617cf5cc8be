package rotation_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
)

const aMonth = 30 * 24 * time.Hour

// Where eight keys are live, a rotation has to wait. What an incident asks for does not:
// an older key can come back, a key can be revoked, and all of them.
func TestWaysOutOfAFullRing(t *testing.T) {
	inAdversity(t, func(s adversity) {
		first := s.current()
		for range 7 {
			s.rotate(func(o *rotation.RotateOptions) { o.Grace = aMonth })
			time.Sleep(time.Minute)
		}
		s.wantsNoRoom()
		s.rollback(first)
		s.wantsNoRoom()
		if n := len(s.revoke(first).Keys); n != 8 {
			s.Errorf("%d keys, want 8: seven that were live, and one in place of the one that signed", n)
		}
		if _, err := tenantsecrets.SignHMAC(s.keys(s.reader()), []byte("body")); err != nil {
			s.Errorf("nobody signs: %v", err)
		}
		s.revokeAll()
		s.rotate()
	})
}

// wantsNoRoom wants a rotation refused, and returns what it says.
func (s adversity) wantsNoRoom() string {
	s.Helper()
	_, err := s.rotator.Rotate(s.Context(), tenant)
	if !errors.Is(err, rotation.ErrTooManyKeys) {
		s.Fatalf("error %v, want ErrTooManyKeys", err)
	}
	return err.Error()
}

// Keys that another program has stored without an end never leave by themselves: it
// takes a revocation.
func TestEightKeysWithoutAnEnd(t *testing.T) {
	inAdversity(t, func(s adversity) {
		s.fillWithoutEnd()
		time.Sleep(aMonth)
		if text := s.wantsNoRoom(); !strings.Contains(text, "revoke one") {
			s.Errorf("error %q does not say what to do", text)
		}
		s.revoke("k0")
		for _, k := range s.rotate().Keys[1:] {
			if k.NotAfter.IsZero() {
				s.Errorf("%s has no end after a rotation", k.KID)
			}
		}
	})
}

// fillWithoutEnd stores seven previous keys, k0 to k6, none of which has an end.
func (s adversity) fillWithoutEnd() {
	s.Helper()
	d := s.onBase()
	var previous []any
	for i := range 7 {
		previous = append(previous, map[string]any{"kid": fmt.Sprint("k", i), "shared_secret": anyKey(string(rune('a' + i)))})
	}
	d["previous"] = previous
	s.foreign(d)
}

// The error names a grace with which rotations as frequent as these would go on, but
// none that Rotate itself refuses.
func TestNoGraceIsNamedThatCannotBeAskedFor(t *testing.T) {
	for _, test := range []struct {
		apart time.Duration
		names string
	}{
		{10 * time.Minute, ""}, // 7 * 10 min - 65 min would be 5 min
		{11 * time.Minute, "a grace of at most 12m0s"},
		{time.Hour, "a grace of at most 5h55m0s"},
	} {
		t.Run(test.apart.String(), func(t *testing.T) {
			inAdversity(t, func(s adversity) {
				for range 7 {
					s.rotate()
					time.Sleep(test.apart)
				}
				text := s.wantsNoRoom()
				if !strings.Contains(text, "wait until one ends, or revoke one") || !strings.Contains(text, test.names) {
					s.Errorf("error %q", text)
				}
				if test.names == "" && strings.Contains(text, "of at most") {
					s.Errorf("error %q names a grace below 10 min", text)
				}
			})
		})
	}
}
