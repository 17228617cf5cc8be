package main

import (
	"crypto/subtle"
	"math/rand/v2"

	"github.com/formbridge/tenantsecrets/internal/mac"
)

// floor is the least that the whole job costs: parse the signature, one MAC from
// precomputed state, compare. It knows the key that signed by index, without a
// lookup, a clock or an error.
type floor struct {
	keys      [][]mac.Key // of each tenant, by index; an allocation each, as in any cache
	signer    int         // which of a tenant's keys is tried
	order     []uint32    // tenants by index, drawn at random
	body      []byte
	signature string
}

// newFloor prepares keys of their own for each tenant: what is measured depends
// on where they are in memory, not on what they are.
func newFloor(tenants, each int, p *population) *floor {
	f := &floor{
		keys:  make([][]mac.Key, tenants),
		order: make([]uint32, orderLength),
		body:  p.body, signature: p.signature, signer: p.signer,
	}
	for i := range f.keys {
		f.keys[i] = make([]mac.Key, each)
		for j := range f.keys[i] {
			f.keys[i][j] = mac.NewKey([]byte(newSecret()))
		}
	}
	for i := range f.order {
		f.order[i] = rand.Uint32N(uint32(tenants))
	}
	return f
}

// loop is the work of a contender. The key did not make the signature: to find that
// out takes as long as to find out that it did.
func (f *floor) loop(from, n int) {
	for i := range n {
		if verifyWith(&f.keys[f.order[(from+i)%orderLength]][f.signer], f.body, f.signature) {
			panic("a random key made the signature")
		}
	}
}

func verifyWith(key *mac.Key, body []byte, signature string) bool {
	var tag, sum [mac.Size]byte
	if !mac.ParseHex(&tag, signature) {
		return false
	}
	key.Sum(&sum, body)
	return subtle.ConstantTimeCompare(sum[:], tag[:]) == 1
}
