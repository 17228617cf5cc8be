package rotation_test

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/formbridge/tenantsecrets"
)

// leaked is a key that was revoked, and a webhook that it has signed.
type leaked struct {
	signedWebhook
	at    time.Time    // when it was revoked
	worst atomic.Int64 // how long after that somebody still accepted it, in nanoseconds
}

// revoke revokes the key that signs for a tenant, or all that the tenant has.
func (f *fleet) revoke(tenant string, all bool) *leaked {
	f.Helper()
	l := &leaked{signedWebhook: f.signed(tenant)}
	f.excuse(tenant)
	f.persist(func() (err error) {
		if all {
			_, err = f.rotator.RevokeAll(f.Context(), tenant)
		} else {
			_, err = f.rotator.Revoke(f.Context(), tenant, l.kid)
		}
		return err
	})
	f.excuse(tenant)
	l.at = time.Now()
	return l
}

// excuse lets a tenant's webhooks be refused until everybody has seen what is written
// now, and what was signed before has come.
func (f *fleet) excuse(tenant string) {
	f.excusedUntil.Store(tenant, time.Now().Add(seenWithin+inFlight))
}

// watch asks a verifier again and again until it refuses the leaked key.
func (l *leaked) watch(f *fleet, p *fleetProcess, every, within time.Duration) {
	for {
		asked := time.Since(l.at)
		if err := l.ask(f, p); err != nil {
			l.checkRefusal(f, err)
			return
		}
		if asked > within {
			f.Errorf("%v after it was revoked a key of %s is accepted, want %v at most", asked, l.tenant, within)
			return
		}
		for was := l.worst.Load(); int64(asked) > was && !l.worst.CompareAndSwap(was, int64(asked)); {
			was = l.worst.Load()
		}
		time.Sleep(every)
	}
}

func (l *leaked) checkRefusal(f *fleet, err error) {
	if !errors.Is(err, tenantsecrets.ErrMismatch) && !errors.Is(err, tenantsecrets.ErrUnavailable) {
		f.Errorf("a revoked key of %s: %v", l.tenant, err)
	}
}

// warm asks every verifier for a tenant once, at some time before d is over.
func (f *fleet) warm(tenant string, d time.Duration) {
	for _, p := range f.verifiers {
		after := time.Duration(f.random.Int64N(int64(d)))
		f.working.Go(func() {
			time.Sleep(after)
			_, err := p.client.TenantSecret(f.Context(), tenant)
			for tries := 1; tries < 5 && errors.Is(err, tenantsecrets.ErrUnavailable); tries++ {
				time.Sleep(readLag) // a value may lag behind its description
				_, err = p.client.TenantSecret(f.Context(), tenant)
			}
			if err != nil {
				f.Errorf("%s: %v", tenant, err)
			}
		})
	}
}

// longest is how long the longest-lived of the leaked keys was accepted.
func longest(keys []*leaked) (d time.Duration) {
	for _, l := range keys {
		d = max(d, time.Duration(l.worst.Load()))
	}
	return d.Truncate(time.Second)
}

// refusedAs is nil for the refusal of one who has heard of the revocation.
func refusedAs(err error) error {
	switch {
	case err == nil:
		return errors.New("a revoked key was accepted")
	case errors.Is(err, tenantsecrets.ErrUnavailable):
		return err
	}
	return nil
}
