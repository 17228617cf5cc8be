package keyring

import (
	"crypto/subtle"
	"slices"

	"github.com/formbridge/tenantsecrets/internal/mac"
)

// Verify reports whether a live key made the tag of the message: the error is nil,
// ErrMismatch or ErrNoKey. It does not allocate. What its duration tells is said at
// Match.
func (r *Ring) Verify(tag *[mac.Size]byte, message []byte) error {
	if !r.alone {
		_, _, err := r.find([][]byte{tag[:]}, [][]byte{message})
		return err
	}
	var sum [mac.Size]byte
	r.first.Sum(&sum, message)
	if subtle.ConstantTimeCompare(sum[:], tag[:]) == 0 {
		return ErrMismatch
	}
	return nil
}

// Match returns the kid of the newest live key that made one of the tags of the
// message, which is the concatenation of its parts, and whether that key is the
// newest live key. The error is ErrNoKey if no key is live, ErrSignature if no tag
// has 32 bytes, ErrMismatch if no live key made any of the tags. It does not
// allocate.
//
// Every live key is tried before the tags are refused, and each key's tag is
// compared with all tags in constant time. So the duration of a refusal tells how
// many keys are live, and neither which key came close nor how many bytes were
// right. A match ends the search: who has a valid tag can tell from the duration
// how many keys were tried before the one that made it.
func (r *Ring) Match(tags [][]byte, message ...[]byte) (kid string, newest bool, err error) {
	matched, newest, err := r.find(tags, message)
	if err != nil {
		return "", false, err
	}
	return r.kid(matched), newest, nil
}

// find is Match that returns the key's index.
func (r *Ring) find(tags, message [][]byte) (matched int, newest bool, err error) {
	selection := r.live()
	live := selection.Live()
	if len(live) == 0 {
		return none, false, ErrNoKey
	}
	preferred := none
	switch countUsable(tags) {
	case 0:
		return none, false, ErrSignature
	case 1:
		preferred = int(r.last.Load())
	}
	if matched = r.search(live, preferred, tags, message); matched == none {
		return none, false, ErrMismatch
	}
	r.remember(matched)
	return matched, matched == int(live[0]), nil
}

const none = -1 // is no index

// countUsable counts the tags that a key can have made.
func countUsable(tags [][]byte) (n int) {
	for _, tag := range tags {
		if len(tag) == mac.Size {
			n++
		}
	}
	return n
}

// search returns the index of the newest live key that made one of the tags, or none.
//
// If there is one tag, the key that matched last is preferred: it is tried first. That
// finds the newest match: keys that are no twins do not make the same tag (it would be
// a collision of HMAC-SHA256), and a ring with twins remembers no key.
//
// If there are several tags, a newer key may have made another one of them. To rule
// that out, all newer keys have to be tried. So no key is preferred, the search goes
// from the newest key to the oldest, and tries no key beyond the one that it returns.
func (r *Ring) search(live []uint16, preferred int, tags, message [][]byte) int {
	if preferred != none {
		if !slices.Contains(live, uint16(preferred)) {
			preferred = none // it has ended
		} else if made(r.key(preferred), tags, message) {
			return preferred
		}
	}
	for _, i := range live {
		if int(i) != preferred && made(r.key(int(i)), tags, message) {
			return int(i)
		}
	}
	return none
}

// made reports whether a key made one of the tags. It compares with all of them.
func made(k *mac.Key, tags, message [][]byte) bool {
	var sum [mac.Size]byte
	k.Sum(&sum, message...)
	equal := 0
	for _, tag := range tags {
		equal |= subtle.ConstantTimeCompare(sum[:], tag)
	}
	return equal == 1
}

// remember notes which key matched. It writes only what changes, since memory that
// is not written stays in every core's cache.
func (r *Ring) remember(i int) {
	if r.last.Load() != uint32(i) && !r.twins {
		r.last.Store(uint32(i))
	}
}
