package rotation_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/rotation"
)

func olderThan(age time.Duration) func(*rotation.RotateOptions) {
	return func(o *rotation.RotateOptions) { o.OlderThan = age }
}

func grace(d time.Duration) func(*rotation.RotateOptions) {
	return func(o *rotation.RotateOptions) { o.Grace = d }
}

func dry(o *rotation.RotateOptions) { o.DryRun = true }

// A key is too young until it is older, and it is as old as its created_at says.
func TestOlderThan(t *testing.T) {
	inBubble(t, func(s *service) {
		first, id := s.current(hmacName)
		time.Sleep(time.Hour)
		s.backend.ClearCalls()
		result := s.wants(rotation.TooYoung)(s.rotator.Rotate(s.Context(), tenant, olderThan(time.Hour)))
		if result.VersionID != id || !slices.Equal(kids(result), []string{first.KID}) || s.writes() != 0 {
			s.Errorf("result %+v, %d writes", result, s.writes())
		}
		time.Sleep(time.Nanosecond)
		s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant, olderThan(time.Hour)))
		s.wants(rotation.TooYoung)(s.rotator.Rotate(s.Context(), tenant, olderThan(time.Hour)))
		s.wants(rotation.TooYoung)(s.rotator.Rotate(s.Context(), tenant, olderThan(1)))
		s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
	})
}

// The version's own date says nothing: a program that stores a document again does not
// make its key younger.
func TestOlderThanGoesByTheKey(t *testing.T) {
	inBubble(t, func(s *service) {
		s.put(hmacName, s.document(nil)) // with a key of yesterday
		s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant, olderThan(time.Hour)))
	})
}

// The grace begins when the new key signs.
func TestGrace(t *testing.T) {
	for _, d := range []time.Duration{0, 10 * time.Minute, 30 * 24 * time.Hour} {
		inBubble(t, func(s *service) {
			result := s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant, grace(d)))
			if d == 0 {
				d = 24 * time.Hour
			}
			if got := result.Keys[1].NotAfter.Sub(result.Keys[0].SignAfter); got != d || !result.Keys[0].NotAfter.IsZero() {
				s.Errorf("a grace of %v, want %v: %+v", got, d, result.Keys)
			}
		})
	}
}

// A dry run says what would happen, and nothing does.
func TestDryRun(t *testing.T) {
	inBubble(t, func(s *service) {
		before, id := s.current(hmacName)
		s.backend.ClearCalls()
		result := s.wants(rotation.Planned)(s.rotator.Rotate(s.Context(), tenant, dry))
		if result.VersionID != id || !slices.Equal(kids(result), []string{before.KID}) {
			s.Errorf("result %+v", result)
		}
		s.wants(rotation.TooYoung)(s.rotator.Rotate(s.Context(), tenant, dry, olderThan(time.Hour)))
		if s.writes() != 0 {
			s.Errorf("a dry run wrote: %v", s.operations())
		}
		for range 7 {
			s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
		}
		if _, err := s.rotator.Rotate(s.Context(), tenant, dry); !errors.Is(err, rotation.ErrTooManyKeys) {
			s.Errorf("a ninth key is planned: %v", err)
		}
	})
}

// A rotation that AWS drives is not overtaken, by a dry run neither. A version that is
// current and still labelled AWSPENDING is none.
func TestRotationInProgress(t *testing.T) {
	inBubble(t, func(s *service) {
		s.put(hmacName, s.document(nil), "AWSPENDING")
		s.backend.ClearCalls()
		for _, options := range [][]func(*rotation.RotateOptions){nil, {dry}} {
			_, err := s.rotator.Rotate(s.Context(), tenant, options...)
			s.wantsError(err, "Rotate", tenant, rotation.ErrRotationInProgress)
		}
		s.wants(rotation.TooYoung)(s.rotator.Rotate(s.Context(), tenant, olderThan(time.Hour)))
		if s.writes() != 0 {
			s.Errorf("wrote: %v", s.operations())
		}
		s.put(hmacName, s.document(nil), "AWSPENDING", "AWSCURRENT")
		s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
	})
}

// The text of ErrTooManyKeys says when there is room, and the grace that would fit.
func TestTooManyKeysSaysWhen(t *testing.T) {
	inBubble(t, func(s *service) {
		var oldest time.Time
		for range 7 {
			time.Sleep(time.Hour)
			result := s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
			if oldest.IsZero() {
				oldest = result.Keys[1].NotAfter
			}
		}
		time.Sleep(time.Hour)
		s.backend.ClearCalls()
		_, err := s.rotator.Rotate(s.Context(), tenant)
		s.wantsError(err, "Rotate", tenant, rotation.ErrTooManyKeys)
		s.wantsText(err, oldest.Format(time.RFC3339), "5h55m0s") // 7 hours between, less the handover
		if s.writes() != 0 {
			s.Errorf("wrote: %v", s.operations())
		}
		time.Sleep(time.Until(oldest) - 1)
		if _, err := s.rotator.Rotate(s.Context(), tenant); !errors.Is(err, rotation.ErrTooManyKeys) {
			s.Errorf("before the oldest key has ended: %v", err)
		}
		time.Sleep(time.Nanosecond)
		s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
	})
}

// Rotations every hour go on for ever at the grace that the text names, and at a
// minute more they do not.
func TestTheGraceThatFits(t *testing.T) {
	fit := 5*time.Hour + 55*time.Minute
	for _, tt := range []struct {
		grace time.Duration
		goes  bool
	}{{fit, true}, {fit + time.Minute, false}} {
		inBubble(t, func(s *service) {
			var failed error
			for range 40 {
				time.Sleep(time.Hour)
				if _, err := s.rotator.Rotate(s.Context(), tenant, grace(tt.grace)); err != nil {
					failed = err
				}
			}
			if (failed == nil) != tt.goes || failed != nil && !errors.Is(failed, rotation.ErrTooManyKeys) {
				s.Errorf("at a grace of %v: %v", tt.grace, failed)
			}
		})
	}
}
