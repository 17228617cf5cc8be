package rotation_test

import (
	"time"

	"github.com/formbridge/tenantsecrets"
)

const (
	fleetTick = 100 * time.Millisecond
	inFlight  = 5 * time.Second // of a webhook, at most

	signersOfOne = 4 // sign for a tenant
)

// traffic is the webhooks of some tenants: every verifier hears of each of them once
// in revisit.
type traffic struct {
	tenants   []string
	revisit   time.Duration
	due, sent int
}

// run lets time pass, with all that goes on in it.
func (f *fleet) run(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(fleetTick) {
		f.send(f.busy)
		f.send(f.idle)
		f.attack()
	}
}

// send sends the webhooks of a tick.
func (f *fleet) send(t *traffic) {
	if len(t.tenants) == 0 {
		return
	}
	ticks := int(t.revisit / fleetTick)
	t.due += len(f.verifiers) * len(t.tenants)
	for ; t.due >= ticks; t.due -= ticks {
		verifier, turn := t.sent%len(f.verifiers), t.sent/len(f.verifiers)
		t.sent++
		tenant := (turn + verifier*len(t.tenants)/len(f.verifiers)) % len(t.tenants)
		signer := (tenant*signersOfOne + f.random.IntN(signersOfOne)) % len(f.signers)
		takes := time.Duration(f.random.IntN(int(inFlight/fleetTick)+1)) * fleetTick
		f.working.Go(func() { f.deliver(f.signers[signer], f.verifiers[verifier], t.tenants[tenant], takes) })
	}
}

// deliver signs a webhook now, and has it verified when it has come.
func (f *fleet) deliver(from, to *fleetProcess, tenant string, takes time.Duration) {
	signature, err := from.sign(f, tenant)
	if err != nil {
		f.Errorf("cannot sign for %s: %v", tenant, err)
		return
	}
	time.Sleep(takes)
	arrived, tries := time.Now(), 0
	err = to.client.Verify(f.Context(), tenant, func(k tenantsecrets.Keyring) error {
		tries++
		return tenantsecrets.VerifyHMAC(k, webhookBody, signature)
	})
	f.verified.Add(1)
	until, _ := f.excusedUntil.Load(tenant)
	switch {
	case until != nil && arrived.Before(until.(time.Time)):
		if err != nil {
			f.excused.Add(1)
		}
	case err != nil:
		if f.refused.Add(1) == 1 {
			f.Logf("the first that was refused, after %v: %v", time.Since(f.born), err)
		}
	case tries > 1:
		f.retried.Add(1)
	}
}
