package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// goal is a call that is in trouble, and what is true when it has been repeated. k are
// two kids: the second signs, the first is accepted for a while yet.
type goal struct {
	what string
	call func(ctx context.Context, r *rotation.Rotator, k []string) (rotation.Outcome, error)
	ends []int // of k: the keys that it ends
	done func(l *ledger, k []string)
}

var goals = []goal{
	{"Rotate", func(ctx context.Context, r *rotation.Rotator, _ []string) (rotation.Outcome, error) {
		result, err := r.Rotate(ctx, tenant, olderThan(time.Hour))
		return result.Outcome, err
	}, nil, func(l *ledger, k []string) {
		d, _ := l.current(hmacName)
		if l.check(k[1], k[0], d.KID); d.KID == k[1] {
			l.Error("no key is new")
		}
		l.wantsVersions(3, hmacName) // and not one more
	}},
	{"RotateAll", func(ctx context.Context, r *rotation.Rotator, _ []string) (rotation.Outcome, error) {
		var outcome rotation.Outcome
		_, err := r.RotateAll(ctx, nil, func(o *rotation.RotateAllOptions) {
			o.Progress = func(_ string, result rotation.Result, _ error) { outcome = result.Outcome }
		})
		return outcome, err
	}, nil, func(l *ledger, k []string) {
		d, _ := l.current(hmacName)
		if l.check(k[1], k[0], d.KID); d.KID == k[1] {
			l.Error("no key is new")
		}
		l.wantsVersions(3, hmacName)
	}},
	{"Revoke", func(ctx context.Context, r *rotation.Rotator, k []string) (rotation.Outcome, error) {
		result, err := r.Revoke(ctx, tenant, k[1])
		return result.Outcome, err
	}, []int{1}, func(l *ledger, k []string) {
		d, _ := l.current(hmacName)
		l.check(d.KID, k[0])
	}},
	{"RevokeAll", func(ctx context.Context, r *rotation.Rotator, _ []string) (rotation.Outcome, error) {
		result, err := r.RevokeAll(ctx, tenant)
		return result.Outcome, err
	}, []int{0, 1}, func(l *ledger, _ []string) {
		d, _ := l.current(hmacName)
		l.check(d.KID)
	}},
	{"Rollback", func(ctx context.Context, r *rotation.Rotator, k []string) (rotation.Outcome, error) {
		result, err := r.Rollback(ctx, tenant, k[0])
		return result.Outcome, err
	}, nil, func(l *ledger, k []string) {
		l.check(k[0], k[1])
		l.wantsVersions(3, hmacName)
	}},
}

// mishap is what happens to a call of Secrets Manager.
type mishap struct {
	what          string
	before, after func(cancel func()) error
	forever       bool // and to every one after it
}

func answers(err error) func(func()) error { return func(func()) error { return err } }

func cancels(cancel func()) error { cancel(); return nil }

func ends(func()) error { runtime.Goexit(); return nil }

var mishaps = []mishap{
	{"broken", answers(secretstest.ConnectionReset()), nil, false},
	{"broken from here on", answers(secretstest.ConnectionReset()), nil, true},
	{"lost answer", nil, answers(secretstest.ConnectionReset()), false},
	{"lost answers from here on", nil, answers(secretstest.ConnectionReset()), true},
	{"throttled", answers(secretstest.Throttling()), nil, false},
	{"throttled from here on", answers(secretstest.Throttling()), nil, true},
	{"failed after the effect", nil, answers(secretstest.InternalError()), false},
	{"failed after the effect from here on", nil, answers(secretstest.InternalError()), true},
	{"denied", answers(secretstest.AccessDenied()), nil, false},
	{"slow", func(func()) error { time.Sleep(6 * time.Second); return nil }, nil, false},
	{"slow from here on", func(func()) error { time.Sleep(6 * time.Second); return nil }, nil, true},
	{"slow after the effect", nil, func(func()) error { time.Sleep(6 * time.Second); return context.DeadlineExceeded }, true},
	{"cancelled before", cancels, nil, false},
	{"cancelled after", nil, cancels, false},
	{"crash before", ends, nil, false},
	{"crash after", nil, ends, false},
}

// prepared is a secret with the two keys of a goal, and a rotation in progress if the
// goal is to end one.
func (s *service) prepared(g goal) (l *ledger, k []string) {
	s.Helper()
	l, k = s.rotated(1)
	time.Sleep(time.Hour)
	l.check(k[1], k[0])
	if g.ends != nil {
		s.put(hmacName, s.document(nil), "AWSPENDING")
	}
	return l, k
}

// calls is how many calls of Secrets Manager a goal takes where nothing goes wrong.
func (g goal) calls(t *testing.T) (n int) {
	t.Helper()
	inBubble(t, func(s *service) {
		_, k := s.prepared(g)
		api := &tapped{Backend: s.backend}
		if outcome, err := g.call(s.Context(), s.newRotator(api), k); err != nil || outcome != rotation.Done {
			s.Fatalf("%v, %v", outcome, err)
		}
		n = api.calls
	})
	return n
}

// run has the trouble happen at one call, and waits for the caller's end.
func (m mishap) run(s *service, g goal, k []string, at int) (outcome rotation.Outcome, err error, crashed bool) { //nolint:revive // the call's own results first
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	around := func(what func(func()) error) func(string, int) error {
		return func(_ string, n int) error {
			if what == nil || n < at || n > at && !m.forever {
				return nil
			}
			return what(cancel)
		}
	}
	r := s.newRotator(&tapped{Backend: s.backend, before: around(m.before), after: around(m.after)})
	done := make(chan struct{})
	crashed = true
	go func() {
		defer close(done)
		outcome, err = g.call(ctx, r, k)
		crashed = false
	}()
	<-done
	return outcome, err, crashed
}

// At whatever call of Secrets Manager it happens: no key is lost, who reads goes on
// reading, and the call that is repeated by another process comes to what was wanted,
// as if the first one had not been.
func TestTroubleAtEveryCall(t *testing.T) {
	for _, g := range goals {
		calls := g.calls(t)
		if want := map[bool]int{false: 3, true: 5}[g.ends != nil]; calls < want {
			t.Fatalf("%s takes %d calls", g.what, calls)
		}
		for _, m := range mishaps {
			if g.what == "RotateAll" && (m.what == "crash before" || m.what == "crash after") {
				continue // the process would end, and not one goroutine of it
			}
			for at := range calls {
				t.Run(fmt.Sprintf("%s/%s/%d", g.what, m.what, at), func(t *testing.T) {
					inBubble(t, func(s *service) { m.check(s, g, at) })
				})
			}
		}
	}
}

func (m mishap) check(s *service, g goal, at int) {
	l, k := s.prepared(g)
	outcome, err, crashed := m.run(s, g, k, at)
	switch {
	case crashed:
	case err == nil && outcome != rotation.Done:
		s.Errorf("%v", outcome)
	case err != nil && !errors.Is(err, tenantsecrets.ErrUnavailable) && !errors.Is(err, tenantsecrets.ErrAccessDenied):
		s.Errorf("%v", err)
	case err != nil && outcome == rotation.Done && g.ends == nil:
		s.Errorf("done, and %v", err)
	}
	s.readable(l, g, k)

	time.Sleep(time.Minute)
	if _, err := g.call(s.Context(), s.otherProcess(), k); err != nil {
		s.Fatalf("repeated: %v", err)
	}
	g.done(l, k)
	if pending := s.pending(); pending != nil {
		s.Errorf("AWSPENDING is on %v", pending)
	}
}

// readable wants every key that the goal does not end to be accepted by a process that
// starts now.
func (s *service) readable(l *ledger, g goal, k []string) {
	s.Helper()
	l.learn()
	keys := s.keyring(l.path)
	for i, kid := range k {
		if _, _, err := keys.Match([][]byte{l.tags[kid]}, message); err != nil && !slices.Contains(g.ends, i) {
			s.Errorf("key %d is lost: %v", i, err)
		}
	}
	if _, err := keys.MACs(message); err != nil {
		s.Errorf("no key signs: %v", err)
	}
}

// pending are the versions that are labelled AWSPENDING.
func (s *service) pending() (ids []string) {
	for _, id := range s.versionIDs(hmacName) {
		if slices.Contains(s.stages(id), "AWSPENDING") {
			ids = append(ids, id)
		}
	}
	return ids
}

// Without OlderThan nothing tells a second attempt from a second wish; with the answer
// lost twice, the caller is told that nobody knows.
func TestLostAnswersOfAWrite(t *testing.T) {
	inBubble(t, func(s *service) {
		end := s.backend.Inject(secretstest.Fault{Operation: "PutSecretValue", LostAnswer: true, Times: 1})
		s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)) // found by repeating the request
		end()
		s.wantsVersions(2, hmacName)
		time.Sleep(handover)
		end = s.backend.Inject(secretstest.Fault{Operation: "PutSecretValue", LostAnswer: true})
		_, err := s.rotator.Rotate(s.Context(), tenant)
		s.wantsError(err, "Rotate", tenant, tenantsecrets.ErrUnavailable)
		end()
		s.wantsVersions(3, hmacName)
		s.wants(rotation.TooYoung)(s.rotator.Rotate(s.Context(), tenant, olderThan(time.Hour)))
	})
}

// A caller who has stopped waiting before the call is told so, and nothing is asked.
func TestACancelledContext(t *testing.T) {
	s := newService(t)
	s.backend.ClearCalls()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, door := range doors {
		err := door.call(ctx, s.rotator, tenant)
		if !errors.Is(err, tenantsecrets.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", door.op, err)
		}
	}
	s.wantsNoCalls()
}

// The caller's deadline bounds the call, however slow Secrets Manager is, and so does
// LoadTimeout each of its requests.
func TestDeadlines(t *testing.T) {
	inBubble(t, func(s *service) {
		s.backend.Inject(secretstest.Fault{Delay: time.Hour})
		for _, door := range doors {
			ctx, cancel := context.WithTimeout(s.Context(), 2*time.Second)
			start := time.Now()
			err := door.call(ctx, s.rotator, tenant)
			cancel()
			if took := time.Since(start); took != 2*time.Second || !errors.Is(err, context.DeadlineExceeded) {
				s.Errorf("%s took %v: %v", door.op, took, err)
			}
			start = time.Now()
			err = door.call(s.Context(), s.rotator, tenant)
			if took := time.Since(start); took != 5*time.Second || !errors.Is(err, tenantsecrets.ErrUnavailable) {
				s.Errorf("%s took %v: %v", door.op, took, err)
			}
		}
	})
}
