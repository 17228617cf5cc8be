// Package mac computes HMAC-SHA256 (RFC 2104, FIPS 198-1) from key state that
// is computed once per key.
//
// The first block that HMAC hashes, inner and outer, depends on the key alone.
// A Key keeps the two SHA-256 states that follow it, 64 bytes in all, so that a
// tag costs the hash of the message and two more blocks, on the stack, without
// an allocation and without state shared between cores.
package mac

import (
	"crypto/fips140"
	"crypto/hmac"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
)

// Size is the length of a tag in bytes.
const Size = sha256.Size

// precomputed tells whether the fast path is in use. Under FIPS 140-3 the
// validated crypto/hmac is used instead, and so it is where the marshaled form
// of a SHA-256 state is not the one this package was written for.
var precomputed = !fips140.Enabled() && selfTest()

// Key is a prepared key in 64 bytes, one cache line. Its zero value is not a key.
// It is never written after NewKey, so any number of goroutines may use it at
// once.
type Key struct {
	inner, outer [sha256.Size]byte // SHA-256 states after the padded key; or the padded key itself, for crypto/hmac
}

// NewKey prepares secret, which it does not keep a reference to. It takes any
// length, as RFC 2104 does; what makes a key acceptable is its caller's matter.
func NewKey(secret []byte) Key {
	if precomputed {
		return prepare(secret)
	}
	return keep(secret)
}

// Sum writes the tag of the message, the concatenation of parts, to tag.
func (k *Key) Sum(tag *[Size]byte, parts ...[]byte) {
	if precomputed {
		k.sumPrepared(tag, parts)
		return
	}
	k.sumStandard(tag, parts)
}

// keep makes a key of the padded secret: RFC 2104 pads it with zeros itself, so
// that its tags are the secret's.
func keep(secret []byte) Key {
	block := pad(secret)
	return Key{[sha256.Size]byte(block[:sha256.Size]), [sha256.Size]byte(block[sha256.Size:])}
}

// pad returns the first block that is hashed, before it is masked.
func pad(secret []byte) (block [sha256.BlockSize]byte) {
	if len(secret) > len(block) {
		sum := sha256.Sum256(secret)
		secret = sum[:]
	}
	copy(block[:], secret)
	return block
}

func (k *Key) sumStandard(tag *[Size]byte, parts [][]byte) {
	h := hmac.New(sha256.New, append(k.inner[:len(k.inner):len(k.inner)], k.outer[:]...))
	for _, p := range parts {
		h.Write(p)
	}
	copy(tag[:], h.Sum(nil)) // through an interface: tag itself would move to the heap
}

// The marshaled form of crypto/sha256's state: magic, the chaining value, the
// unfinished block (empty here) and the number of bytes hashed. selfTest guards
// against a Go release that changes it.
const (
	stateMagic  = "sha\x03"
	chainAt     = len(stateMagic)
	lengthAt    = chainAt + sha256.Size + sha256.BlockSize
	stateLength = lengthAt + 8
)

func prepare(secret []byte) Key {
	block := pad(secret)
	var k Key
	for i := range block {
		block[i] ^= 0x36
	}
	k.inner = chainAfter(&block)
	for i := range block {
		block[i] ^= 0x36 ^ 0x5c
	}
	k.outer = chainAfter(&block)
	clear(block[:])
	return k
}

// chainAfter returns the SHA-256 chaining value after one block.
func chainAfter(block *[sha256.BlockSize]byte) (chain [sha256.Size]byte) {
	h := sha256.New()
	h.Write(block[:])
	state, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err == nil && len(state) == stateLength {
		copy(chain[:], state[chainAt:])
	}
	return chain
}

// sumPrepared keeps the hash and its state on the stack: sha256.New is inlined
// and every call on its result devirtualized, which an indirection through a
// helper would undo.
func (k *Key) sumPrepared(tag *[Size]byte, parts [][]byte) {
	var state [stateLength]byte
	copy(state[:], stateMagic)
	binary.BigEndian.PutUint64(state[lengthAt:], sha256.BlockSize)

	h := sha256.New()
	copy(state[chainAt:], k.inner[:])
	_ = h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state[:])
	for _, p := range parts {
		h.Write(p)
	}
	h.Sum(tag[:0])

	copy(state[chainAt:], k.outer[:])
	_ = h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state[:])
	h.Write(tag[:])
	h.Sum(tag[:0])
}

// selfTest compares both ways for keys below, at and above the block size.
func selfTest() bool {
	for _, length := range []int{1, sha256.Size, sha256.BlockSize, sha256.BlockSize + 1} {
		secret := make([]byte, length)
		for i := range secret {
			secret[i] = byte(i + length)
		}
		parts := [][]byte{secret[:1], secret, make([]byte, 2*sha256.BlockSize)}
		var want, got [Size]byte
		kept, prepared := keep(secret), prepare(secret)
		kept.sumStandard(&want, parts)
		prepared.sumPrepared(&got, parts)
		if want != got {
			return false
		}
	}
	return true
}
