package provision_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/provision"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// Of many who put another value on one version at once, one wins; all others lose with
// ErrConflict, and have written nothing.
func TestPutAtOnce(t *testing.T) {
	for range 20 {
		s := newService(t)
		base, _ := s.created()
		const writers = 4
		keys, ids, errs := make([]tenantsecrets.APIKey, writers), make([]string, writers), make([]error, writers)
		var all sync.WaitGroup
		start := make(chan struct{})
		for i := range writers {
			keys[i] = newAPIKey()
			other := s.over(s.backend)
			all.Go(func() {
				<-start
				ids[i], errs[i] = other.putShop(base, keys[i])
			})
		}
		close(start)
		all.Wait()
		s.wantsOneWinner(keys, ids, errs)
	}
}

// wantsOneWinner wants all to have lost but the one whose value is read.
func (s *service) wantsOneWinner(keys []tenantsecrets.APIKey, ids []string, errs []error) {
	s.Helper()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			s.Fatal("two have won")
		case err == nil:
			winner = i
		default:
			s.wantsError(err, "Put", provision.ErrConflict, keys[i].Key.Reveal())
		}
	}
	if winner < 0 {
		s.Fatal("nobody has won")
	}
	entry, err := provision.Read(context.Background(), s.provisioner, tenant, shop)
	if err != nil || entry.VersionID != ids[winner] || !entry.Value.Key.Equal(keys[winner].Key) {
		s.Errorf("what is read is not the winner's; error %v", err)
	}
	if n := s.versions(shopName); n != 2 {
		s.Errorf("%d versions, want 2", n)
	}
}

// turns is who may make the next call.
type turns struct{ turn []chan struct{} }

func (o *turns) api(b *secretstest.Backend, i int) *hooked {
	return &hooked{b, func(_ context.Context, _ string, call func() error) error {
		<-o.turn[i]
		return call()
	}}
}

// Whatever the order of two writers' calls, one wins.
func TestPutInEveryOrder(t *testing.T) {
	const calls = 8 // of 3 for the winner, and of 4 and more for the other
	for order := range 1 << calls {
		t.Run(fmt.Sprintf("%08b", order), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				base, _ := s.created()
				o := &turns{[]chan struct{}{make(chan struct{}), make(chan struct{})}}
				keys, ids, errs := []tenantsecrets.APIKey{newAPIKey(), newAPIKey()}, make([]string, 2), make([]error, 2)
				done := []chan struct{}{make(chan struct{}), make(chan struct{})}
				for i := range 2 {
					other := s.over(o.api(s.backend, i))
					go func() {
						defer close(done[i])
						ids[i], errs[i] = other.putShop(base, keys[i])
					}()
				}
				for n := 0; n < calls; n++ {
					o.next(done, order>>n&1)
				}
				for i := range 2 {
					for o.next(done[i:i+1], 0, i) {
					}
				}
				s.wantsOneWinner(keys, ids, errs)
			})
		})
	}
}

// next lets one of those who are not done make a call, and tells whether there was one.
func (o *turns) next(done []chan struct{}, first int, offset ...int) bool {
	from := 0
	if len(offset) > 0 {
		from = offset[0]
	}
	for n := range done {
		i := (first + n) % len(done)
		select {
		case <-done[i]:
		case o.turn[from+i] <- struct{}{}:
			synctest.Wait()
			return true
		}
	}
	return false
}

// What another program wrote after the value was read is not written over.
func TestPutAfterAnother(t *testing.T) {
	s := newService(t)
	base, _ := s.created()
	foreign := s.write(`{"api_key":"theirs","tenant_id":"t_abc123"}`)
	s.backend.ClearCalls()
	key := newAPIKey()
	_, err := s.putShop(base, key)
	s.wantsError(err, "Put", provision.ErrConflict, key.Key.Reveal())
	s.wantsCalls("DescribeSecret", "GetSecretValue")
	if s.current(shopName) != foreign {
		t.Error("theirs is not current any more")
	}
	if _, err := s.putShop(foreign, key); err != nil {
		t.Errorf("on theirs: %v", err)
	}
}

// A program that does not choose its version ids as this one does, and writes between the
// reads of a Put and its write, is not seen: its version is AWSPREVIOUS then.
func TestPutDuringAnothers(t *testing.T) {
	s := newService(t)
	base, _ := s.created()
	var foreign version
	other := s.over(&hooked{s.backend, func(_ context.Context, operation string, call func() error) error {
		if operation == "PutSecretValue" {
			foreign = s.write(`{"api_key":"theirs","tenant_id":"t_abc123"}`)
		}
		return call()
	}})
	if _, err := other.putShop(base, newAPIKey()); err != nil {
		t.Fatal(err)
	}
	if got := s.labelled(shopName, "AWSPREVIOUS"); got != foreign {
		t.Error("theirs is not the previous version")
	}
}

// Who was first may have been followed by others: the version that took the id is not
// current then, and neither is the base.
func TestPutAfterSeveral(t *testing.T) {
	s := newService(t)
	base, _ := s.created()
	wrote := false
	other := s.over(&hooked{s.backend, func(_ context.Context, operation string, call func() error) error {
		if operation == "PutSecretValue" && !wrote {
			wrote = true
			for range 2 {
				if _, err := s.putShop(s.current(shopName), newAPIKey()); err != nil {
					t.Fatal(err)
				}
			}
		}
		return call()
	}})
	key := newAPIKey()
	_, err := other.putShop(base, key)
	s.wantsError(err, "Put", provision.ErrConflict, key.Key.Reveal())
	if n := s.versions(shopName); n != 3 {
		t.Errorf("%d versions, want 3", n)
	}
}

// A version whose label was moved back by hand is current again, and is put on like any
// other: also with the value that was put on it before.
func TestPutOnWhatWasMovedBack(t *testing.T) {
	for _, tt := range []struct {
		what string
		same bool // the same value again
		more int  // versions after the one that is undone
	}{
		{"the same value", true, 0},
		{"another value", false, 0},
		{"the same value, after others", true, 2},
		{"another value, after others", false, 2},
	} {
		t.Run(tt.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				base, _ := s.created()
				undone, key := newAPIKey(), newAPIKey()
				if tt.same {
					key = undone
				}
				if _, err := s.putShop(base, undone); err != nil {
					t.Fatal(err)
				}
				for range tt.more {
					if _, err := s.putShop(s.current(shopName), newAPIKey()); err != nil {
						t.Fatal(err)
					}
				}
				s.move(shopName, s.current(shopName), base)
				time.Sleep(time.Minute)
				id, err := s.putShop(base, key)
				if err != nil {
					t.Fatal(err)
				}
				if now := s.current(shopName); now.id != id || now.id == base.id {
					t.Error("a Put that succeeded is not current")
				}
				if again, err := s.putShop(base, key); err != nil || again != id {
					t.Errorf("the same call again: %s, error %v, want %s", again, err, id)
				}
			})
		})
	}
}

// A change that is based on a version that never was loses.
func TestPutBasedOnNothing(t *testing.T) {
	s := newService(t)
	base, _ := s.created()
	for _, id := range []string{"", "775dff08-e11c-883e-bb8e-1e5540be8e90"} {
		key := newAPIKey()
		_, err := s.putShop(version{id: id}, key)
		s.wantsError(err, "Put", provision.ErrConflict, key.Key.Reveal())
	}
	if s.current(shopName) != base {
		t.Error("it was written")
	}
}

// While AWS rotates a secret, or a rotation has failed, nothing is written.
func TestPutDuringARotation(t *testing.T) {
	s := newService(t)
	base, key := s.created()
	pending := s.write(`{"api_key":"pending","tenant_id":"t_abc123"}`, "AWSPENDING")
	s.backend.ClearCalls()
	changed := newAPIKey()
	_, err := s.putShop(base, changed)
	s.wantsError(err, "Put", provision.ErrRotationInProgress, changed.Key.Reveal(), key.Key.Reveal())
	s.wantsCalls("DescribeSecret", "GetSecretValue")

	s.move(shopName, base, pending) // AWSPENDING stays, on what is current now
	if _, err := s.putShop(pending, changed); err != nil {
		t.Errorf("after it has ended: %v", err)
	}
}

// Reads that lag behind make nobody write over what they do not show yet.
func TestPutOnStaleReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		base, _ := s.created()
		time.Sleep(time.Minute)
		winner, loser := newAPIKey(), newAPIKey()
		id, err := s.putShop(base, winner)
		if err != nil {
			t.Fatal(err)
		}
		s.backend.Inject(
			secretstest.Fault{Operation: "DescribeSecret", StaleBy: 2 * time.Second},
			secretstest.Fault{Operation: "GetSecretValue", StaleBy: 2 * time.Second})
		_, err = s.putShop(base, loser)
		s.wantsError(err, "Put", provision.ErrConflict, loser.Key.Reveal())
		if now := s.current(shopName); now.id != id {
			t.Error("the winner is not current")
		}
	})
}

// Reads that never catch up are no answer.
func TestPutOnReadsThatStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		base, _ := s.created()
		time.Sleep(time.Hour)
		if _, err := s.putShop(base, newAPIKey()); err != nil {
			t.Fatal(err)
		}
		s.backend.Inject(secretstest.Fault{StaleBy: time.Minute})
		key := newAPIKey()
		began := time.Now()
		_, err := s.putShop(base, key)
		s.wantsError(err, "Put", tenantsecrets.ErrUnavailable, key.Key.Reveal())
		if errors.Is(err, provision.ErrConflict) || time.Since(began) > 10*time.Second {
			t.Errorf("%v, after %v", err, time.Since(began))
		}
	})
}
