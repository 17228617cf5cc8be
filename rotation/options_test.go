package rotation_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// doors are the calls about one tenant.
var doors = []struct {
	op   string
	call func(ctx context.Context, r *rotation.Rotator, tenant string) error
}{
	{"Rotate", func(ctx context.Context, r *rotation.Rotator, tenant string) error {
		_, err := r.Rotate(ctx, tenant)
		return err
	}},
	{"RotateAll", func(ctx context.Context, r *rotation.Rotator, tenant string) error {
		summary, err := r.RotateAll(ctx, slices.Values([]string{tenant}), func(o *rotation.RotateAllOptions) { o.OlderThan = 1 })
		if err != nil && ctx.Err() == nil && summary != (rotation.Summary{Failed: 1}) {
			return errors.New("the summary does not say that it failed")
		}
		return err
	}},
	{"Revoke", func(ctx context.Context, r *rotation.Rotator, tenant string) error {
		_, err := r.Revoke(ctx, tenant, token)
		return err
	}},
	{"RevokeAll", func(ctx context.Context, r *rotation.Rotator, tenant string) error {
		_, err := r.RevokeAll(ctx, tenant)
		return err
	}},
	{"Rollback", func(ctx context.Context, r *rotation.Rotator, tenant string) error {
		_, err := r.Rollback(ctx, tenant, token)
		return err
	}},
	{"Versions", func(ctx context.Context, r *rotation.Rotator, tenant string) error {
		_, err := r.Versions(ctx, tenant)
		return err
	}},
}

// wantsError wants an *Error of a call, with a sentinel, that fits on a terminal.
func (s *service) wantsError(err error, op, tenant string, want error) {
	s.Helper()
	var e *tenantsecrets.Error
	if !errors.As(err, &e) || e.Op != op || e.Tenant != tenant {
		s.Fatalf("%v is no *Error of %s", err, op)
	}
	if !errors.Is(err, want) {
		s.Errorf("%v, want %v", err, want)
	}
	if text := err.Error(); len(text) > 1000 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		s.Errorf("the error is %d bytes, not all of them printable", len(text))
	}
}

// wantsNoCalls wants that nothing was asked of Secrets Manager.
func (s *service) wantsNoCalls() {
	s.Helper()
	if calls := s.backend.Calls(); len(calls) > 0 {
		s.Errorf("called %v", calls)
	}
}

// badParts are no part of a name, wherever they stand.
var badParts = []string{
	"", ".", "..", "../t_a", "/", "/t_a", "t_a/", "t_a/b", `t\a`, "*", "t_*", "!t_a", "${x}", "t%5fa", "t:a", "t+a=b.c@d",
	" ", " t_a", "t_a\n", "t_a\x00", "\x1b[2J", "-t_a", "_t_a", "t_\u00e9", "\u0430bc", "\uff54_a", "t\u00a0a", "t_a\u200b",
	"t_\u202ea", "t_\xff", strings.Repeat("a", 64), strings.Repeat("\n\x1b", 1<<19),
}

func TestInvalidTenantsCallNothing(t *testing.T) {
	s := newService(t)
	s.backend.ClearCalls()
	for _, door := range doors {
		for _, id := range append(badParts, tenantsecrets.Global) {
			s.wantsError(door.call(t.Context(), s.rotator, id), door.op, id, tenantsecrets.ErrInvalidTenant)
			s.wantsError(door.call(t.Context(), s.rotator.Destination("webhook1"), id), door.op, id, tenantsecrets.ErrInvalidTenant)
		}
	}
	s.wantsNoCalls()
}

func TestInvalidDestinationsCallNothing(t *testing.T) {
	s := newService(t)
	s.backend.ClearCalls()
	for _, door := range doors {
		for _, name := range badParts {
			s.wantsError(door.call(t.Context(), s.rotator.Destination(name), tenant), door.op, tenant, tenantsecrets.ErrInvalidName)
		}
	}
	s.wantsNoCalls()
}

func TestInvalidRotateOptionsCallNothing(t *testing.T) {
	s := newService(t)
	s.backend.ClearCalls()
	for what, o := range map[string]rotation.RotateOptions{
		"a grace that is too short":  {Grace: 10*time.Minute - 1},
		"a grace that is too long":   {Grace: 30*24*time.Hour + 1},
		"a grace below zero":         {Grace: -time.Hour},
		"the smallest grace":         {Grace: math.MinInt64},
		"the largest grace":          {Grace: math.MaxInt64},
		"an age below zero":          {OlderThan: -1},
		"an age below zero, and dry": {OlderThan: math.MinInt64, DryRun: true},
	} {
		_, err := s.rotator.Rotate(t.Context(), tenant, func(to *rotation.RotateOptions) { *to = o })
		if err == nil {
			t.Errorf("%s is accepted", what)
			continue
		}
		s.wantsError(err, "Rotate", tenant, tenantsecrets.ErrInvalidOption)
		_, err = s.rotator.RotateAll(t.Context(), nil, func(to *rotation.RotateAllOptions) { to.RotateOptions = o })
		if !errors.Is(err, tenantsecrets.ErrInvalidOption) {
			t.Errorf("%s, in RotateAll: %v", what, err)
		}
	}
	for _, n := range []int{math.MinInt, -1, 46, 50, math.MaxInt} {
		_, err := s.rotator.RotateAll(t.Context(), nil, func(o *rotation.RotateAllOptions) { o.WritesPerSecond = n })
		if !errors.Is(err, tenantsecrets.ErrInvalidOption) {
			t.Errorf("%d writes a second: %v", n, err)
		}
	}
	_, err := s.rotator.Revoke(t.Context(), tenant)
	s.wantsError(err, "Revoke", tenant, tenantsecrets.ErrInvalidOption)
	s.wantsNoCalls()
}

func TestTheBoundsOfOptionsAreAccepted(t *testing.T) {
	inBubble(t, func(s *service) {
		for _, grace := range []time.Duration{10 * time.Minute, 30 * 24 * time.Hour} {
			s.wants(rotation.Planned)(s.rotator.Rotate(s.Context(), tenant, func(o *rotation.RotateOptions) {
				o.Grace, o.DryRun = grace, true
			}))
		}
		for _, n := range []int{1, 45} {
			_, err := s.rotator.RotateAll(s.Context(), slices.Values([]string{tenant}), func(o *rotation.RotateAllOptions) { o.WritesPerSecond = n })
			if err != nil {
				s.Errorf("%d writes a second: %v", n, err)
			}
		}
	})
}

func TestNewRefuses(t *testing.T) {
	b := secretstest.New()
	c, err := tenantsecrets.New(b, naming, func(o *tenantsecrets.Options) { o.MaxStale = 2 * time.Hour })
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	stale := func(d time.Duration) func(*rotation.Options) {
		return func(o *rotation.Options) { o.MaxStale = d }
	}
	grace := func(d time.Duration) func(*rotation.Options) {
		return func(o *rotation.Options) { o.Grace = d }
	}
	for what, call := range map[string]func() (*rotation.Rotator, error){
		"no client":                     func() (*rotation.Rotator, error) { return rotation.New(nil, b) },
		"no API":                        func() (*rotation.Rotator, error) { return rotation.New(c, nil) },
		"MaxStale below the client's":   func() (*rotation.Rotator, error) { return rotation.New(c, b, stale(2*time.Hour-1)) },
		"MaxStale that is off":          func() (*rotation.Rotator, error) { return rotation.New(c, b, stale(-1)) },
		"MaxStale below zero, the most": func() (*rotation.Rotator, error) { return rotation.New(c, b, stale(math.MinInt64)) },
		"a grace that is too short":     func() (*rotation.Rotator, error) { return rotation.New(c, b, grace(10*time.Minute-1)) },
		"a grace that is too long":      func() (*rotation.Rotator, error) { return rotation.New(c, b, grace(30*24*time.Hour+1)) },
	} {
		if r, err := call(); !errors.Is(err, tenantsecrets.ErrInvalidOption) || r != nil {
			t.Errorf("%s: %v, %v", what, r, err)
		}
	}
	for _, d := range []time.Duration{0, 2 * time.Hour, 24 * time.Hour} {
		if _, err := rotation.New(c, b, stale(d)); err != nil {
			t.Errorf("MaxStale %v: %v", d, err)
		}
	}
	if calls := b.Calls(); len(calls) > 0 {
		t.Errorf("New called %v", calls)
	}
}

// A key signs when the reader that asks least often has seen it.
func TestMaxStaleIsTheFleets(t *testing.T) {
	const slack = 5 * time.Minute
	for what, tt := range map[string]struct {
		client func(*tenantsecrets.Options)
		option func(*rotation.Options)
		want   time.Duration
	}{
		"the default":           {func(*tenantsecrets.Options) {}, func(*rotation.Options) {}, time.Hour},
		"the client's":          {func(o *tenantsecrets.Options) { o.MaxStale = 3 * time.Hour }, func(*rotation.Options) {}, 3 * time.Hour},
		"of another process":    {func(*tenantsecrets.Options) {}, func(o *rotation.Options) { o.MaxStale = 6 * time.Hour }, 6 * time.Hour},
		"off: then it is TTL":   {func(o *tenantsecrets.Options) { o.MaxStale, o.TTL = -1, 40*time.Minute }, func(*rotation.Options) {}, 40 * time.Minute},
		"off, and TTL is off":   {func(o *tenantsecrets.Options) { o.MaxStale, o.TTL = -1, -1 }, func(*rotation.Options) {}, 0},
		"longer than one lives": {func(*tenantsecrets.Options) {}, func(o *rotation.Options) { o.MaxStale = 100 * 365 * 24 * time.Hour }, 100 * 365 * 24 * time.Hour},
	} {
		t.Run(what, func(t *testing.T) {
			inBubble(t, func(s *service) {
				c, err := tenantsecrets.New(s.backend, naming, tt.client)
				if err != nil {
					s.Fatal(err)
				}
				defer c.Close()
				r, err := rotation.New(c, s.backend, tt.option)
				if err != nil {
					s.Fatal(err)
				}
				result := s.wants(rotation.Done)(r.Rotate(s.Context(), tenant))
				if got := time.Until(result.Keys[0].SignAfter); got != tt.want+slack {
					s.Errorf("signs after %v, want %v", got, tt.want+slack)
				}
			})
		})
	}
}

// No MaxStale makes a key sign before its readers have seen it.
func TestTheLargestMaxStale(t *testing.T) {
	inBubble(t, func(s *service) {
		r, err := rotation.New(s.client, s.backend, func(o *rotation.Options) { o.MaxStale = math.MaxInt64 })
		if errors.Is(err, tenantsecrets.ErrInvalidOption) {
			return
		}
		if err != nil {
			s.Fatal(err)
		}
		result, err := r.Rotate(s.Context(), tenant)
		if err == nil && !result.Keys[0].SignAfter.After(time.Now().Add(time.Hour)) {
			s.Errorf("signs after %v, %v", result.Keys[0].SignAfter, err)
		}
	})
}
