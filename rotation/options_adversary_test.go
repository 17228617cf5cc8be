package rotation_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
)

// The longest time there is, added to now, is a time in the past.
func TestAnEndlessMaxStaleDoesNotSignAtOnce(t *testing.T) {
	inAdversity(t, func(s adversity) {
		r := s.newRotator(s.backend, func(o *rotation.Options) { o.MaxStale = math.MaxInt64 })
		result := s.wants(rotation.Done)(r.Rotate(s.Context(), tenant))
		if at := result.Keys[0].SignAfter; at.Before(time.Now().AddDate(99, 0, 0)) {
			s.Errorf("signs from %v", at)
		}
		if _, err := r.RotateAll(s.Context(), nil); err != nil {
			s.Errorf("RotateAll: %v", err)
		}
	})
}

// A run over many tenants may take longer than a key takes to sign. When it is resumed
// then, OlderThan tells which tenants are done.
func TestAResumedRunWithOlderThanRotatesOnce(t *testing.T) {
	inAdversity(t, func(s adversity) {
		time.Sleep(24 * time.Hour)
		daily := func(o *rotation.RotateAllOptions) { o.OlderThan = 12 * time.Hour }
		for _, want := range []rotation.Summary{{Rotated: 1}, {TooYoung: 1}} {
			got, err := s.rotator.RotateAll(s.Context(), nil, daily)
			if err != nil || got != want {
				s.Errorf("%+v, error %v, want %+v", got, err, want)
			}
			time.Sleep(83 * time.Minute) // 100,000 tenants at 20 writes a second
		}
	})
}

// The workers of a run end with it, even where the caller's own code ends it.
func TestAPanicOfTheIteratorLeavesNoWorker(t *testing.T) {
	s := newService(t)
	before := goleak.IgnoreCurrent()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is swallowed")
			}
		}()
		_, _ = s.rotator.RotateAll(t.Context(), func(func(string) bool) { panic("the caller's") })
	}()
	goleak.VerifyNone(t, before)
}

// silent is a target system that takes everything.
type silent struct{}

func (silent) Set(context.Context, rotation.Change) error  { return nil }
func (silent) Test(context.Context, rotation.Change) error { return nil }

// A target system knows one secret of a document, so that as one of HMAC keys it would end
// those that are live.
func TestAFarSideOfHMACKeysIsRefused(t *testing.T) {
	s := newService(t)
	_, err := s.rotator.Handler(rotation.FarSide{SecretType: "hmac_key", Member: "shared_secret", Setter: silent{}, Tester: silent{}})
	if !errors.Is(err, tenantsecrets.ErrInvalidOption) {
		t.Errorf("error %v, want ErrInvalidOption", err)
	}
}

// A step's error is all that a Lambda's log shows.
func TestAnErrorOfAStepNamesTheSecret(t *testing.T) {
	inAdversity(t, func(s adversity) {
		handle, err := s.rotator.Handler()
		if err != nil {
			s.Fatal(err)
		}
		err = handle(s.Context(), rotation.Event{Step: "createSecret", SecretID: *s.get("").ARN, ClientRequestToken: token})
		var of *tenantsecrets.Error
		if !errors.As(err, &of) || of.Op != "createSecret" || of.Name != s.name() || of.Tenant != tenant {
			s.Errorf("error %v of %+v", err, of)
		}
	})
}

// Dates are whole seconds: of two versions of one second the list tells which is later.
func TestVersionsOfOneSecondAreLatestFirst(t *testing.T) {
	inAdversity(t, func(s adversity) {
		want := []string{s.current()}
		for range 3 {
			want = append([]string{s.rotate().VersionID}, want...)
		}
		versions, err := s.rotator.Versions(s.Context(), tenant)
		if err != nil || len(versions) != len(want) {
			s.Fatalf("%d versions, error %v", len(versions), err)
		}
		for i, v := range versions {
			if v.ID != want[i] {
				s.Errorf("version %d is %s, want %s", i, v.ID, want[i])
			}
		}
	})
}
