package provision_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/provision"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// putCalls is how many calls a Put makes that meets nobody.
const putCalls = 3

// A process that ends at any call of a Put, before the call has taken effect or after it,
// has changed all or nothing; the same call by another process ends with one version.
func TestPutCrashes(t *testing.T) {
	for at := range putCalls {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("call %d, after its effect %v", at, after), func(t *testing.T) {
				s := newService(t)
				base, _ := s.created()
				key := newAPIKey()
				_, err := s.over(crashing(s.backend, at, after)).putShop(base, key)
				s.wantsError(err, "Put", tenantsecrets.ErrUnavailable, key.Key.Reveal())
				if n := s.versions(shopName); n > 2 {
					t.Errorf("%d versions", n)
				}
				id, err := s.putShop(base, key)
				if err != nil || s.current(shopName).id != id || s.versions(shopName) != 2 {
					t.Errorf("again: %s, error %v, %d versions", id, err, s.versions(shopName))
				}
			})
		}
	}
}

// A creation that is repeated after its process has ended is one secret, too.
func TestCreateCrashes(t *testing.T) {
	for _, after := range []bool{false, true} {
		s := newService(t)
		once := func(o *tenantsecrets.CreateOptions) { o.IdempotencyKey = "signup 42" }
		key := newAPIKey()
		_, err := provision.Create(t.Context(), s.over(crashing(s.backend, 0, after)).provisioner, tenant, shop, key, once)
		s.wantsError(err, "Create", tenantsecrets.ErrUnavailable, key.Key.Reveal())
		id, err := provision.Create(t.Context(), s.provisioner, tenant, shop, key, once)
		if err != nil || s.current(shopName).id != id || s.versions(shopName) != 1 {
			t.Errorf("again: %s, error %v", id, err)
		}
	}
}

// crashing ends at a call: nothing gets through from then on.
func crashing(b *secretstest.Backend, at int, after bool) *hooked {
	made := 0
	return &hooked{b, func(_ context.Context, _ string, call func() error) error {
		n := made
		made++
		if n < at {
			return call()
		}
		if n == at && after {
			_ = call()
		}
		return errors.New("the process has ended")
	}}
}

// Answers that are lost, at any call of a Put, leave one version; the same call again
// returns it without a further write.
func TestPutLosesAnswers(t *testing.T) {
	for at := range putCalls {
		for times := 1; times <= 3; times++ {
			t.Run(fmt.Sprintf("%d from call %d on", times, at), func(t *testing.T) {
				s := newService(t)
				base, _ := s.created()
				key := newAPIKey()
				s.backend.Inject(secretstest.Fault{LostAnswer: true, After: at, Times: times})
				first, err := s.putShop(base, key)
				if err != nil {
					s.wantsError(err, "Put", tenantsecrets.ErrUnavailable, key.Key.Reveal())
				} else if at != 2 || times != 1 {
					t.Errorf("it has not noticed; %s", first)
				}
				var id string
				for range 4 {
					if id, err = s.putShop(base, key); err == nil {
						break
					}
				}
				if err != nil || first != "" && id != first || s.current(shopName).id != id || s.versions(shopName) != 2 {
					t.Errorf("again: %s, error %v, %d versions", id, err, s.versions(shopName))
				}
				s.backend.ClearCalls()
				if again, err := s.putShop(base, key); err != nil || again != id {
					t.Errorf("once more: %s, error %v, want %s", again, err, id)
				}
				s.wantsCalls("DescribeSecret", "GetSecretValue")
			})
		}
	}
}

// An answer that was lost is found again by reads that lag behind it, too.
func TestPutLosesAnAnswerAndReadsLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		base, _ := s.created()
		time.Sleep(time.Minute)
		key := newAPIKey()
		remove := s.backend.Inject(secretstest.Fault{Operation: "PutSecretValue", LostAnswer: true})
		_, err := s.putShop(base, key)
		s.wantsError(err, "Put", tenantsecrets.ErrUnavailable, key.Key.Reveal())
		remove()
		s.backend.Inject(
			secretstest.Fault{Operation: "DescribeSecret", StaleBy: time.Second},
			secretstest.Fault{Operation: "GetSecretValue", StaleBy: time.Second})
		id, err := s.putShop(base, key)
		if err != nil || s.versions(shopName) != 2 || s.current(shopName).id != id {
			t.Errorf("again: %s, error %v, %d versions", id, err, s.versions(shopName))
		}
	})
}

// After a lost answer and another's write, the same call loses: its value is not there
// any more.
func TestPutLosesAnAnswerAndThenToAnother(t *testing.T) {
	s := newService(t)
	base, _ := s.created()
	key := newAPIKey()
	remove := s.backend.Inject(secretstest.Fault{Operation: "PutSecretValue", LostAnswer: true})
	_, err := s.putShop(base, key)
	s.wantsError(err, "Put", tenantsecrets.ErrUnavailable, key.Key.Reveal())
	remove()
	foreign := s.write(`{"api_key":"theirs","tenant_id":"t_abc123"}`)
	_, err = s.putShop(base, key)
	s.wantsError(err, "Put", provision.ErrConflict, key.Key.Reveal())
	if s.current(shopName) != foreign {
		t.Error("theirs is not current any more")
	}
}

// A caller that gives up gets its answer at once, and the same call later has one version.
func TestPutCancelled(t *testing.T) {
	for _, operation := range []string{"DescribeSecret", "GetSecretValue", "PutSecretValue"} {
		t.Run(operation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				base, _ := s.created()
				remove := s.backend.Inject(secretstest.Fault{Operation: operation, Delay: 3 * time.Second})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				key := newAPIKey()
				began := time.Now()
				_, err := provision.Put(ctx, s.provisioner, tenant, shop, base.id, key)
				s.wantsError(err, "Put", tenantsecrets.ErrUnavailable, key.Key.Reveal())
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
					t.Errorf("%v after %v", err, time.Since(began))
				}
				remove()
				if id, err := s.putShop(base, key); err != nil || s.current(shopName).id != id || s.versions(shopName) != 2 {
					t.Errorf("again: %s, error %v, %d versions", id, err, s.versions(shopName))
				}
			})
		})
	}
}

// Without the caller's own bound, the client's LoadTimeout bounds each request.
func TestPutTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		base, _ := s.created()
		s.backend.Inject(secretstest.Fault{Operation: "DescribeSecret", Delay: time.Hour})
		began := time.Now()
		_, err := s.putShop(base, newAPIKey())
		s.wantsError(err, "Put", tenantsecrets.ErrUnavailable)
		if took := time.Since(began); took != s.client.Options().LoadTimeout {
			t.Errorf("it took %v", took)
		}
	})
}

// Faults at random: whatever is lost, refused or late, a Put that says it has written has,
// and one that is repeated until it says so has written once.
func TestPutUnderFaults(t *testing.T) {
	for seed := range uint64(atDepth(20, 2000)) {
		synctest.Test(t, func(t *testing.T) {
			s := newService(t)
			base, _ := s.created()
			time.Sleep(time.Minute)
			for round := range uint64(3) {
				key := newAPIKey()
				remove := s.backend.Inject(
					secretstest.Fault{LostAnswer: true, Probability: 0.2, Seed: seed<<8 | round},
					secretstest.Fault{Err: secretstest.Throttling(), Probability: 0.1, Seed: seed<<8 | round},
					secretstest.Fault{StaleUpTo: time.Second, Probability: 0.5, Seed: seed<<8 | round},
				)
				id, tries := "", 0
				for err := errors.New("none yet"); err != nil; tries++ {
					if id, err = s.putShop(base, key); err != nil && !errors.Is(err, tenantsecrets.ErrUnavailable) &&
						!errors.Is(err, provision.ErrConflict) || tries > 50 {
						t.Fatalf("seed %d: %v", seed, err)
					}
				}
				remove()
				if now := s.current(shopName); now.id != id {
					t.Fatalf("seed %d: what was written is not current", seed)
				}
				base = version{id: id}
				time.Sleep(time.Minute)
			}
			if n := s.versions(shopName); n != 4 {
				t.Errorf("seed %d: %d versions, want 4", seed, n)
			}
		})
	}
}
