package rotation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/rotation"
)

// A grace that is named must be one that Rotate takes, 30 days at most, however long ago
// the last rotation was and whatever date another program has stored.
func TestNoGraceIsNamedAboveTheLongest(t *testing.T) {
	for name, date := range map[string]string{"weeks ago": "", "in 1900": "1900-01-01T00:00:00Z", "in 1950": "1950-01-01T00:00:00Z"} {
		t.Run(name, func(t *testing.T) {
			inAdversity(t, func(s adversity) {
				for range 7 {
					s.rotate(func(o *rotation.RotateOptions) { o.Grace = aMonth })
				}
				if date != "" {
					d := s.onBase()
					d["created_at"] = date
					s.foreign(d)
				}
				time.Sleep(20 * 24 * time.Hour)
				if text := s.wantsNoRoom(); !strings.Contains(text, "a grace of at most 720h0m0s") {
					s.Errorf("error %q", text)
				}
			})
		})
	}
}

// Where no key ends, neither waiting nor a grace makes room.
func TestKeysWithoutAnEndAreNotWaitedFor(t *testing.T) {
	inAdversity(t, func(s adversity) {
		s.fillWithoutEnd()
		if text := s.wantsNoRoom(); !strings.Contains(text, "none of them ends: revoke one") || strings.Contains(text, "of at most") {
			s.Errorf("error %q", text)
		}
	})
}
