package rotation_test

import (
	"encoding/hex"
	"errors"
	"time"

	"github.com/formbridge/tenantsecrets"
)

// The attacker sends bad signatures, at one rate, to whom it likes.
const (
	attackSpread = iota // to any verifier for any tenant
	attackSiege         // to any verifier for one tenant
	attackFlood         // to one verifier for any tenant
	attackKinds
)

// attackCycle begins with an attack of each kind, attackLasts long.
const attackCycle = 10 * time.Minute

// besiegedName is the secret of the tenant that a siege is about.
const besiegedName = "prod/formbridge/t_0/hmac_key"

// attack sends the bad signatures of a tick.
func (f *fleet) attack() {
	if f.attackLasts == 0 || time.Since(f.born)%attackCycle >= attackKinds*f.attackLasts {
		return
	}
	kind := int(time.Since(f.born) % attackCycle / f.attackLasts)
	f.attackDue += f.attacks
	for ; f.attackDue >= int(time.Second/fleetTick); f.attackDue -= int(time.Second / fleetTick) {
		to, tenant := f.verifiers[f.random.IntN(len(f.verifiers))], f.anyTenant()
		switch kind {
		case attackSiege:
			tenant = f.busy.tenants[0]
		case attackFlood:
			to = f.verifiers[0]
		}
		to.attacked[kind]++
		forged := f.forge()
		f.working.Go(func() { f.bad(to, tenant, forged) })
	}
}

// anyTenant is one of those that no siege is about, so that the loads of that one can be
// counted.
func (f *fleet) anyTenant() string {
	i := 1 + f.random.IntN(len(f.busy.tenants)+len(f.idle.tenants)-1)
	if i < len(f.busy.tenants) {
		return f.busy.tenants[i]
	}
	return f.idle.tenants[i-len(f.busy.tenants)]
}

// forge makes a signature that no key has made.
func (f *fleet) forge() string {
	var tag [32]byte
	for i := range tag {
		tag[i] = byte(f.random.Uint32())
	}
	return hex.EncodeToString(tag[:])
}

func (f *fleet) bad(to *fleetProcess, tenant, forged string) {
	f.attacked.Add(1)
	err := to.client.VerifyHMAC(f.Context(), tenant, webhookBody, forged)
	if !errors.Is(err, tenantsecrets.ErrSignature) && !errors.Is(err, tenantsecrets.ErrUnconfirmed) {
		f.Errorf("a bad signature: %v, want ErrSignature or ErrUnconfirmed", err)
	}
}
