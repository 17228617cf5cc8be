// Package keyring holds the HMAC-SHA256 keys of one secret: which of them are live
// now, whether one of them made a tag, and the tags that they make.
//
// Which keys are live is decided by internal/document, and tags are computed by
// internal/mac. This package decides in which order keys are tried. It knows nothing
// of tenants, caches or the texts of a signature.
package keyring

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/mac"
)

// The root package exports these errors under the same names.
var (
	// ErrSignature: there is no tag of 32 bytes.
	ErrSignature = errors.New("the signature is not valid")

	// ErrMismatch is an ErrSignature: no live key made the tag.
	ErrMismatch = fmt.Errorf("%w: no live key made it", ErrSignature)

	// ErrNoKey: no key is live, or none may sign.
	ErrNoKey = errors.New("no key may be used now: look at the keys and their times in the stored document")
)

// Ring is keys in ring order, the newest first. The zero Ring has no key.
//
// A Ring is a value so that a cache can keep it beside the other fields that a hit
// reads. Once Set has been called, it must not be copied and any number of
// goroutines may use it.
//
// Two keys are part of it, since that is the usual ring for days after a rotation: at
// 100,000 tenants each further place in memory costs a third of a verification.
type Ring struct {
	last  atomic.Uint32 // index of the key that matched last, see remember
	size  uint16        // number of keys
	alone bool          // one key, which never ends
	twins bool          // two keys make the same tags

	until    int64 // Unix microseconds, before which no key ends
	now      func() time.Time
	rest     *rest // nil: there are at most two keys, and no times
	firstKID string
	first    mac.Key
	second   mac.Key
}

// rest is what a verification seldom reads, or only in rings of more than two keys.
type rest struct {
	bounds []document.Bounds // when each key is live; nil: all keys, at all times
	more   []mac.Key         // the keys after the second
	kids   []string          // of the keys after the first
}

// Set prepares the keys, which must have been decoded before. now tells the time in
// which their bounds are read; it may be nil if no key has bounds. Call Set once,
// before other goroutines see the ring.
func (r *Ring) Set(keys []document.Key, now func() time.Time) {
	r.now, r.size = now, uint16(len(keys)) // a document has room for some 600 keys
	var rest rest
	for i, k := range keys {
		secret, _ := k.Bytes() // a decoded key's bytes are valid
		prepared := mac.NewKey(secret)
		rest.bounds = append(rest.bounds, k.Bounds())
		switch i {
		case 0:
			r.first, r.firstKID = prepared, k.KID
			continue
		case 1:
			r.second = prepared
		default:
			rest.more = append(rest.more, prepared)
		}
		rest.kids = append(rest.kids, k.KID)
	}
	r.until = document.FirstEnd(rest.bounds)
	if document.Timeless(rest.bounds) {
		rest.bounds = nil
	}
	if len(keys) > 1 || rest.bounds != nil {
		r.rest = &rest
	}
	r.alone = len(keys) == 1 && r.until == document.Endless
	r.twins = r.hasTwins()
}

// hasTwins reports whether two keys make the same tags. Keys of different bytes do
// if they differ only in zeros at the end, with which HMAC pads a key.
func (r *Ring) hasTwins() bool {
	for i := range int(r.size) {
		for j := range i {
			if *r.key(i) == *r.key(j) {
				return true
			}
		}
	}
	return false
}

// key returns a key by its index in ring order.
func (r *Ring) key(i int) *mac.Key {
	switch i {
	case 0:
		return &r.first
	case 1:
		return &r.second
	}
	return &r.rest.more[i-2]
}

// kid returns the name of a key by its index.
func (r *Ring) kid(i int) string {
	if i == 0 {
		return r.firstKID
	}
	return r.rest.kids[i-1]
}

// live returns a selection in which only the live keys count. It and selection read
// the clock at most once, and an operation calls one of them at most once: so all of
// an operation sees one time.
func (r *Ring) live() document.Selection {
	if r.size == 0 || r.until == document.Endless {
		return document.SelectAll(int(r.size))
	}
	now := r.now()
	if now.UnixMicro() < r.until {
		return document.SelectAll(int(r.size))
	}
	return document.Select(r.rest.bounds, now)
}

// selection returns which keys are live and which one signs.
func (r *Ring) selection() document.Selection {
	if r.rest == nil || r.rest.bounds == nil {
		return document.SelectAll(int(r.size))
	}
	return document.Select(r.rest.bounds, r.now())
}
