package cache

import (
	"hash/maphash"
	"math/bits"
)

// Subject says what is loaded.
type Subject interface {
	// ID names the load: loads with one ID run one after the other.
	ID() string
}

// Key names one item: whose it is, and which of the owner's. Name "" is the owner's first
// item, which is found with one hash instead of two.
type Key struct{ Owner, Name string }

// hash may be the same for two keys: who finds an item by it compares the key.
func (k Key) hash(seed maphash.Seed) uint64 {
	h := maphash.String(seed, k.Owner)
	if k.Name != "" {
		h ^= bits.RotateLeft64(maphash.String(seed, k.Name), 1)
	}
	return h
}

// inlineText is a short text beside what a hit reads. A longer one is compared elsewhere.
type inlineText struct {
	length uint8 // 0: too long
	bytes  [27]byte
}

func inline(text string) (t inlineText) {
	if len(text) <= len(t.bytes) {
		t.length = uint8(copy(t.bytes[:], text))
	}
	return t
}

func (t *inlineText) tooLong() bool { return t.length == 0 }

func (t *inlineText) equals(text string) bool { return string(t.bytes[:t.length]) == text }
