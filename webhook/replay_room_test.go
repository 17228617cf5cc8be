package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

// hold is how long a guard keeps a message whose timestamp is the current time, with
// the default tolerance.
const hold = tolerance + time.Second

// quarterGuard is the control: 65,536 messages, of which one tenant may have a quarter.
type quarterGuard struct{ until []time.Time }

func (g *quarterGuard) Claim(_ context.Context, _ webhook.ReplayKey, hold time.Duration) error {
	for len(g.until) > 0 && time.Now().After(g.until[0]) {
		g.until = g.until[1:]
	}
	if len(g.until) >= 65_536/4 {
		return tenantsecrets.ErrUnavailable
	}
	g.until = append(g.until, time.Now().Add(hold))
	return nil
}

func (*quarterGuard) Release(context.Context, webhook.ReplayKey) error { return nil }

// A Verifier accepts 100 valid messages a second of one tenant, for as long as the guard
// remembers them, and refuses their replays.
func TestBusyTenantIsVerified(t *testing.T) {
	for name, guard := range map[string]webhook.ReplayGuard{"default": nil, "control": &quarterGuard{}} {
		synctest.Test(t, func(t *testing.T) {
			if guard == nil {
				guard = webhook.NewMemoryReplayGuard(0)
			}
			keys := webhooktest.NewKeys(tenant)
			v := newVerifier(t, keys, func(o *webhook.Options) { o.Replay = guard })
			refused, replayed := 0, 0
			for second := range int(hold/time.Second) + 10 {
				for i := range 100 {
					r := webhooktest.NewRequest(t, keys.Of(tenant), "/", body)
					if _, err := v.Verify(t.Context(), tenant, r.Header, []byte(body)); err != nil {
						refused++
					}
					if i == 0 && second%10 == 0 {
						if _, err := v.Verify(t.Context(), tenant, r.Header, []byte(body)); errors.Is(err, webhook.ErrReplay) {
							replayed++
						}
					}
				}
				time.Sleep(time.Second)
			}
			t.Logf("%s: %d refused", name, refused)
			if (refused == 0) != (name == "default") || name == "default" && replayed != 32 {
				t.Errorf("%s: %d valid ones refused, %d replays refused", name, refused, replayed)
			}
		})
	}
}

// However many a tenant sends, there is room for the others: each may have three times
// what is left.
func TestCapacityIsShared(t *testing.T) {
	const room = 1000
	fill := func(g webhook.ReplayGuard, id string) (n int) {
		for i := range room {
			if g.Claim(t.Context(), key(id, i), time.Hour) != nil {
				break
			}
			n++
		}
		return n
	}
	g := webhook.NewMemoryReplayGuard(room)
	if n := fill(g, "t_greedy"); n != room*3/4 {
		t.Errorf("one tenant has %d of %d", n, room)
	}
	for i := range 30 { // each with room for some, though the ones before took all they could
		if n := fill(g, fmt.Sprint("t_greedy_", i)); n == 0 {
			t.Fatalf("after %d there is no room for another tenant", i)
		}
		if i == 2 {
			break
		}
	}
	if err := g.Claim(t.Context(), key("t_small", 1), time.Hour); err != nil {
		t.Errorf("a small tenant among four greedy ones: %v", err)
	}
	if err := g.Claim(t.Context(), key("t_greedy", 1), time.Hour); !errors.Is(err, webhook.ErrReplay) {
		t.Errorf("a replay in a full guard: %v", err)
	}
}

// A guard does what a plain map of times does, under any sequence of claims, releases
// and pauses, while there is room.
func TestReplayGuardAgainstModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		type step struct{ kind, tenant, id, seconds int }
		steps := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) step {
			return step{
				rapid.IntRange(0, 9).Draw(r, "kind"), rapid.IntRange(0, 2).Draw(r, "tenant"),
				rapid.IntRange(0, 20).Draw(r, "id"), rapid.IntRange(1, 30).Draw(r, "seconds"),
			}
		}), 1, 200).Draw(r, "steps")
		synctest.Test(t, func(t *testing.T) {
			g, until := webhook.NewMemoryReplayGuard(10_000), map[webhook.ReplayKey]time.Time{}
			for _, s := range steps {
				k := key(fmt.Sprint("t_", s.tenant), s.id)
				switch s.kind {
				case 0:
					time.Sleep(time.Duration(s.seconds) * time.Second)
				case 1:
					_ = g.Release(t.Context(), k)
					delete(until, k)
				default:
					err := g.Claim(t.Context(), k, time.Duration(s.seconds)*time.Second)
					if free := time.Now().After(until[k]); free != (err == nil) || err != nil && !errors.Is(err, webhook.ErrReplay) {
						t.Fatalf("%v: free %v, error %v", k, free, err)
					}
					if err == nil {
						until[k] = time.Now().Add(time.Duration(s.seconds) * time.Second)
					}
				}
			}
		})
	})
}

// Claims of many goroutines: each message once, and every place is given back.
func TestReplayGuardConcurrently(t *testing.T) {
	const room, each = 4_000, 200
	g := webhook.NewMemoryReplayGuard(room)
	for round := range 20 {
		var all sync.WaitGroup
		won := make([]int, 8)
		for worker := range won {
			all.Go(func() {
				for i := range each {
					if g.Claim(context.Background(), key(tenant, i), time.Hour) == nil {
						won[worker]++
					}
				}
			})
		}
		all.Wait()
		sum := 0
		for _, n := range won {
			sum += n
		}
		if sum != each {
			t.Fatalf("round %d: %d claims of %d messages", round, sum, each)
		}
		for i := range each {
			all.Go(func() { _ = g.Release(context.Background(), key(tenant, i)) })
		}
		all.Wait()
	}
}
