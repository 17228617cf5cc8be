package main

import (
	"crypto/subtle"
	"math/rand/v2"

	"github.com/formbridge/tenantsecrets/internal/mac"
)

// floor is the least that the whole job costs: parse the signature, one MAC per
// key from precomputed state, compare. It knows the keys by index, without a
// lookup, a clock or an error.
type floor struct {
	keys      [][]mac.Key // of each tenant, by index; an allocation each, as in any cache
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
		body:  p.body, signature: p.signature,
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

// loop is the work of a contender. None of the keys made the signature, which
// takes as long to find out as that one did.
func (f *floor) loop(from, n int) {
	for i := range n {
		if verifyWith(f.keys[f.order[(from+i)%orderLength]], f.body, f.signature) {
			panic("a random key made the signature")
		}
	}
}

// verifyWith compares with every key, as ours does.
func verifyWith(keys []mac.Key, body []byte, signature string) bool {
	var tag [mac.Size]byte
	if !mac.ParseHex(&tag, signature) {
		return false
	}
	equal := 0
	for i := range keys {
		var sum [mac.Size]byte
		keys[i].Sum(&sum, body)
		equal |= subtle.ConstantTimeCompare(sum[:], tag[:])
	}
	return equal == 1
}
