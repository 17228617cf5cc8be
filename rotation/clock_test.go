package rotation_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/middleware"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// wrongBy is the clock of a machine.
func wrongBy(d time.Duration) func(*rotation.Options) {
	return func(o *rotation.Options) { o.Now = func() time.Time { return time.Now().Add(d) } }
}

// writers are the calls that write dates.
var writers = map[string]func(ctx context.Context, r *rotation.Rotator, kid string) (rotation.Result, error){
	"Rotate": func(ctx context.Context, r *rotation.Rotator, _ string) (rotation.Result, error) {
		return r.Rotate(ctx, tenant)
	},
	"Revoke": func(ctx context.Context, r *rotation.Rotator, kid string) (rotation.Result, error) {
		return r.Revoke(ctx, tenant, kid)
	},
	"RevokeAll": func(ctx context.Context, r *rotation.Rotator, _ string) (rotation.Result, error) {
		return r.RevokeAll(ctx, tenant)
	},
	"Rollback": func(ctx context.Context, r *rotation.Rotator, kid string) (rotation.Result, error) {
		return r.Rollback(ctx, tenant, kid)
	},
}

// The server's time comes in whole seconds, so that a clock may be wrong by up to one
// more before that can be told.
func TestClock(t *testing.T) {
	for op, write := range writers {
		for _, part := range []time.Duration{0, time.Millisecond, 500 * time.Millisecond, 999 * time.Millisecond} {
			for by, right := range map[time.Duration]bool{
				0: true, 29 * time.Second: true, -29 * time.Second: true, 30 * time.Second: true, -30 * time.Second: true,
				31*time.Second + 1: false, -31*time.Second - 1: false, time.Hour: false, -time.Hour: false, 100 * 365 * day: false, -20 * 365 * day: false,
			} {
				inBubble(t, func(s *service) {
					first, _ := s.current(hmacName)
					s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
					time.Sleep(time.Hour + part)
					s.backend.ClearCalls()
					_, err := write(s.Context(), s.newRotator(s.backend, wrongBy(by)), first.KID)
					switch {
					case right && err != nil:
						s.Errorf("%s with a clock that is wrong by %v, %v after the second: %v", op, by, part, err)
					case !right:
						s.wantsError(err, op, tenant, rotation.ErrClock)
						if !slices.Equal(s.operations(), []string{"DescribeSecret"}) {
							s.Errorf("called %v", s.operations())
						}
					}
				})
			}
		}
	}
}

// 31 s are told at most times: wherever a second is not just beginning.
func TestClockThatIsWrongBy31Seconds(t *testing.T) {
	for _, by := range []time.Duration{31 * time.Second, -31 * time.Second} {
		inBubble(t, func(s *service) {
			time.Sleep(500 * time.Millisecond)
			s.backend.ClearCalls()
			_, err := s.newRotator(s.backend, wrongBy(by)).Rotate(s.Context(), tenant)
			s.wantsError(err, "Rotate", tenant, rotation.ErrClock)
			s.wantsText(err, "it is 3", "s from Secrets Manager's")
			if s.writes() != 0 {
				s.Error("it wrote")
			}
		})
	}
}

// An answer that takes long is no wrong clock.
func TestClockAndSlowAnswers(t *testing.T) {
	inBubble(t, func(s *service) {
		c, err := tenantsecrets.New(s.backend, naming, func(o *tenantsecrets.Options) { o.LoadTimeout = -1 })
		if err != nil {
			s.Fatal(err)
		}
		defer c.Close()
		r, err := rotation.New(c, s.backend)
		if err != nil {
			s.Fatal(err)
		}
		s.backend.Inject(secretstest.Fault{Operation: "DescribeSecret", Delay: 50 * time.Second})
		s.wants(rotation.Done)(r.Rotate(s.Context(), tenant))
	})
}

// A server, or a fake, that does not say what time it is: the clock is trusted, and
// the operator is told.
func TestClockThatCannotBeChecked(t *testing.T) {
	inBubble(t, func(s *service) {
		var log bytes.Buffer
		api := &tapped{Backend: s.backend, describe: func(out *secretsmanager.DescribeSecretOutput) {
			out.ResultMetadata = middleware.Metadata{}
		}}
		r := s.newRotator(api, wrongBy(time.Hour), func(o *rotation.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		if result := s.wants(rotation.Done)(r.Rotate(s.Context(), tenant)); !result.ClockUnchecked {
			s.Error("the result does not say so")
		}
		if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "level=WARN") || !strings.Contains(text, "clock could not be checked") {
			s.Errorf("logged %q", text)
		}
		summary, err := r.RotateAll(s.Context(), nil)
		if err != nil || summary != (rotation.Summary{TooYoung: 1, ClockUnchecked: 1}) {
			s.Errorf("%+v, %v", summary, err)
		}
		if result := s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)); result.ClockUnchecked {
			s.Error("a checked clock counts as unchecked")
		}
	})
}

// What is written is dated by the rotator's clock.
func TestDatesAreOfTheRotatorsClock(t *testing.T) {
	inBubble(t, func(s *service) {
		r := s.newRotator(s.backend, wrongBy(20*time.Second))
		result := s.wants(rotation.Done)(r.Rotate(s.Context(), tenant))
		now := time.Now().Add(20 * time.Second)
		if k := result.Keys[0]; !k.CreatedAt.Equal(now) || !k.SignAfter.Equal(now.Add(handover)) {
			s.Errorf("keys %+v, the clock is at %v", result.Keys, now)
		}
	})
}

// Looking takes no right clock.
func TestVersionsNeedNoClock(t *testing.T) {
	inBubble(t, func(s *service) {
		versions, err := s.newRotator(s.backend, wrongBy(time.Hour)).Versions(s.Context(), tenant)
		if err != nil || len(versions) != 1 {
			s.Errorf("%+v, %v", versions, err)
		}
	})
}

// In RotateAll a wrong clock fails every tenant, and writes nothing.
func TestClockInRotateAll(t *testing.T) {
	inBubble(t, func(s *service) {
		time.Sleep(2 * handover)
		s.backend.ClearCalls()
		summary, err := s.newRotator(s.backend, wrongBy(time.Minute)).RotateAll(s.Context(), nil)
		if !errors.Is(err, rotation.ErrClock) || summary != (rotation.Summary{Failed: 1}) || s.writes() != 0 {
			s.Errorf("%+v, %v, %d writes", summary, err, s.writes())
		}
	})
}
