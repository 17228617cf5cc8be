package rotation_test

import (
	"errors"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
)

// At full depth 50 verifiers, 20 signers and 1,000 tenants for three hours and a half,
// with a rotation by the hour, an attacker who sends 500 bad signatures a second all the
// time, and at the end leaked keys. So that this takes two minutes, a verifier hears of
// most tenants every 15 minutes. By default everything is smaller.
func TestFleetInRoutine(t *testing.T) {
	inFleet(t, atFleetSize(
		fleetSize{verifiers: 10, signers: 8, busy: 10, idle: 50, attacks: 30, attackLasts: 10 * time.Second, revisit: 2 * time.Minute, seldom: 10 * time.Minute},
		fleetSize{verifiers: 50, signers: 20, busy: 100, idle: 900, attacks: 500, attackLasts: 200 * time.Second, revisit: 2 * time.Minute, seldom: 15 * time.Minute},
	), func(f *fleet) {
		f.run(5 * time.Minute) // so that each key begins to sign when an attack begins
		f.hour()
		f.hour()
		late := f.signed(f.idle.tenants[0])
		f.hour()
		f.checkAccepted(late, true)
		f.run(10 * time.Minute) // another key begins to sign, and the one before the last ends
		f.checkAccepted(late, false)
		f.checkRoutine()
		f.checkBudget()
		f.checkRevocation()
		f.checkRoutine()
	})
}

// checkAccepted wants every verifier to accept a webhook, or to refuse it because the time
// of its key is over.
func (f *fleet) checkAccepted(w signedWebhook, accepted bool) {
	f.Helper()
	for _, p := range f.verifiers {
		switch err := w.ask(f, p); {
		case accepted && err != nil:
			f.Errorf("a webhook of a key in its grace: %v", err)
		case !accepted && !errors.Is(err, tenantsecrets.ErrMismatch) && !errors.Is(err, tenantsecrets.ErrUnconfirmed):
			f.Errorf("a webhook of a key that has ended: %v", err)
		}
	}
}

// checkRoutine wants no valid webhook to have been refused, and none to have needed
// newer keys than its verifier had.
func (f *fleet) checkRoutine() {
	f.Helper()
	f.Logf("after %v: %d webhooks verified, %d refused, %d looked for newer keys; %d refused after a revocation; %d bad signatures",
		time.Since(f.born).Round(time.Minute), f.verified.Load(), f.refused.Load(), f.retried.Load(), f.excused.Load(), f.attacked.Load())
	if f.verified.Load() == 0 || f.refused.Load() != 0 || f.retried.Load() != 0 {
		f.Errorf("of %d valid webhooks %d were refused, and %d looked for newer keys", f.verified.Load(), f.refused.Load(), f.retried.Load())
	}
}

// checkRevocation wants a revoked key to be refused within Seen: by verifiers that are
// asked every second, and by those that have heard of the tenant in the last minutes and
// not since. Seen is what a Secrets Manager that answers promises, so none is throttled.
func (f *fleet) checkRevocation() {
	f.Helper()
	f.calm()
	for _, tenant := range f.quiet {
		f.warm(tenant, fleetTTL+readLag)
	}
	f.run(fleetTTL)
	keys := []*leaked{f.revoke(f.quiet[0], false), f.revoke(f.quiet[1], true)}
	for i, tenant := range f.busy.tenants[:4] {
		keys = append(keys, f.revoke(tenant, i%2 == 0))
	}
	for i, l := range keys {
		for _, p := range f.verifiers {
			f.working.Go(func() {
				if i < len(f.quiet) {
					time.Sleep(seenWithin)
				}
				l.watch(f, p, time.Second, seenWithin-1)
			})
		}
	}
	f.run(seenWithin + 5*time.Minute)
	f.working.Wait()
	f.Logf("a revoked key was accepted for %v at most, %v are allowed", longest(keys), seenWithin)
	if longest(keys) == 0 {
		f.Error("no verifier accepted a key that was just revoked: nothing was measured")
	}
}

// A flood is 500 bad signatures a second to one process. With so many tenants it is the
// process's budget that bounds the loads; with few it would be what each is permitted.
func TestFleetInAFlood(t *testing.T) {
	s := fleetSize{verifiers: 1, signers: 1, busy: 100, idle: 900, attacks: 500, attackLasts: 200 * time.Second, revisit: 2 * time.Minute, seldom: 10 * time.Minute}
	inFleet(t, s, func(f *fleet) {
		f.checkFlood()
		f.working.Wait()
		f.checkRoutine()
	})
}

func outageSize() fleetSize {
	return atFleetSize(
		fleetSize{verifiers: 10, signers: 8, busy: 20, revisit: 2 * time.Minute, attacks: 20, attackLasts: 10 * time.Second},
		fleetSize{verifiers: 50, signers: 20, busy: 100, revisit: 2 * time.Minute, attacks: 500, attackLasts: 10 * time.Second},
	)
}

// cutVerifiers is an outage for all verifiers: half of them hear nothing, the others
// that the connection broke. Whoever signs and rotates is not affected, which is the
// worst that can happen.
func (f *fleet) cutVerifiers(state ...int32) {
	for i, p := range f.verifiers {
		p.line.state.Store(state[i%len(state)])
	}
}

// outage lets the verifiers be cut off from two minutes before a rotation on.
func (f *fleet) outage() {
	f.cutVerifiers(lineDead, lineCut)
	f.run(2 * time.Minute)
	f.versions++
	f.working.Go(f.rotate)
	f.run(48 * time.Minute)
	f.cutVerifiers(lineUp)
	f.run(10 * time.Minute)
}

// No valid webhook is refused where the verifiers do not hear of two rotations for 50
// minutes, for none signs with the new key before they have.
func TestFleetInAnOutage(t *testing.T) {
	inFleet(t, outageSize(), func(f *fleet) {
		f.run(10 * time.Minute)
		f.outage()
		f.outage()
		f.run(30 * time.Minute)
		f.checkRoutine()
		f.checkNever()
	})
}

// checkNever wants a revoked key to be refused by verifiers that do not hear of it, when
// MaxStale is over.
func (f *fleet) checkNever() {
	f.Helper()
	f.cutVerifiers(lineDead, lineCut)
	keys := []*leaked{f.revoke(f.busy.tenants[0], false), f.revoke(f.busy.tenants[1], true)}
	for _, l := range keys {
		for _, p := range f.verifiers {
			f.working.Go(func() { l.watch(f, p, 5*time.Second, neverAfter-1) })
		}
	}
	f.working.Wait()
	f.Logf("in an outage a revoked key was accepted for %v at most, %v are allowed", longest(keys), neverAfter)
	if longest(keys) <= seenWithin {
		f.Error("the revoked keys were refused as if there was no outage: nothing was measured")
	}
	f.cutVerifiers(lineUp)
	f.calm()
	time.Sleep(time.Minute) // that is longer than they back off
	for _, l := range keys {
		for _, p := range f.verifiers {
			f.persist(func() error { return refusedAs(l.ask(f, p)) })
		}
	}
}

// The same outage, and one who rotates as if no cache were older than TTL: valid
// webhooks are refused, so that the test above can fail.
func TestFleetWithoutAHandover(t *testing.T) {
	s := fleetSize{verifiers: 10, signers: 8, busy: 20, revisit: 2 * time.Minute}
	inFleet(t, s, func(f *fleet) {
		f.run(10 * time.Minute)
		f.outage()
		f.working.Wait()
		f.Logf("%d webhooks verified, %d refused", f.verified.Load(), f.refused.Load())
		if f.refused.Load() == 0 {
			f.Error("no valid webhook was refused: an outage is not felt")
		}
	}, func(o *tenantsecrets.Options) { o.MaxStale = fleetTTL })
}
