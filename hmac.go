package tenantsecrets

import (
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/mac"
)

// Keyring is the HMAC-SHA256 keys of one secret: which of them verify and which
// one signs depends on the time. It is immutable, prints as "[redacted]" and may
// be used by any number of goroutines; a Keyring that is kept does not follow a
// rotation, so ask for it per request.
//
// The zero Keyring verifies nothing and signs nothing: ErrNoKey.
type Keyring struct {
	open func() *ring // a closure, for the state in it is as good as the keys
}

// ring is keys in the order in which they are tried. Nearly all have one key that
// is live at all times: it stands beside what a hit has read of its snapshot.
type ring struct {
	first ringKey
	rest  *rest // nil: there are no others, and no times
}

type ringKey struct {
	mac.Key
	kid string
}

// rest is what else there is to a ring. What there is after a rotation, two keys
// and their times, is in one piece of memory.
type rest struct {
	size   int // of the whole ring
	now    func() time.Time
	more   []ringKey         // those after the first
	bounds []document.Bounds // when each is live; nil: all are, at all times

	second [1]ringKey
	two    [2]document.Bounds
}

// NewKeyring makes a keyring of keys without end for tests and test vectors. The
// first one signs; the kid of the n-th, from 0, is n in decimal. The key is the
// value's bytes as they stand, 16 to 128 of them, else the error is
// ErrInvalidKey. At most 8 keys are tried.
func NewKeyring(keys ...Value) (Keyring, error) {
	var stored []document.Key
	for i, v := range keys {
		if err := document.CheckKey([]byte(v.Reveal())); err != nil {
			return Keyring{}, fmt.Errorf("%w: key %d %s", ErrInvalidKey, i, err.Error())
		}
		stored = append(stored, document.Key{KID: strconv.Itoa(i), Secret: v.Reveal()})
	}
	r := newRing(stored, nil)
	return r.keyring(), nil
}

// newRing prepares keys, whose bytes have been decoded before.
func newRing(keys []document.Key, now func() time.Time) (r ring) {
	rest := &rest{size: len(keys), now: now}
	rest.more, rest.bounds = rest.second[:0], rest.two[:0]
	for i, k := range keys {
		secret, _ := k.Bytes()
		prepared := ringKey{mac.NewKey(secret), k.KID}
		if i == 0 {
			r.first = prepared
		} else {
			rest.more = append(rest.more, prepared)
		}
		rest.bounds = append(rest.bounds, k.Bounds())
	}
	if document.Timeless(rest.bounds) {
		rest.bounds = nil
	}
	if rest.bounds != nil || rest.size != 1 {
		r.rest = rest
	}
	return r
}

// keyring hides the ring, which must not move from then on.
func (r *ring) keyring() Keyring { return Keyring{func() *ring { return r }} }

// key by its index.
func (r *ring) key(i int) *ringKey {
	if i == 0 {
		return &r.first
	}
	return &r.rest.more[i-1]
}

// selection is made once per operation, so that all of it sees one time.
func (r *ring) selection() document.Selection {
	switch {
	case r.rest == nil:
		return document.SelectAll(1)
	case r.rest.bounds == nil:
		return document.SelectAll(r.rest.size)
	}
	return document.Select(r.rest.bounds, r.rest.now())
}

// Match computes the tag of the message, the concatenation of its parts, with
// every live key once, compares each with every one of tags in constant time and
// without an early exit, and returns the kid of the key that made one. newest
// tells whether that is the newest key: the sign that a rotation has reached the
// signer.
//
// The error is ErrMismatch where no live key made any of the tags, ErrSignature
// where none of them is 32 bytes long, ErrNoKey where no key is live.
func (k Keyring) Match(tags [][]byte, message ...[]byte) (kid string, newest bool, err error) {
	if k.open == nil {
		return "", false, ErrNoKey
	}
	return k.open().match(tags, message...)
}

func (r *ring) match(tags [][]byte, message ...[]byte) (kid string, newest bool, err error) {
	selection := r.selection()
	live := selection.Live()
	if len(live) == 0 {
		return "", false, ErrNoKey
	}
	if !anyTag(tags) {
		return "", false, ErrSignature
	}
	matched := len(live)
	for position := len(live) - 1; position >= 0; position-- { // the newest match wins
		var sum [mac.Size]byte
		r.key(int(live[position])).Sum(&sum, message...)
		equal := 0
		for _, tag := range tags {
			equal |= subtle.ConstantTimeCompare(sum[:], tag)
		}
		matched = subtle.ConstantTimeSelect(equal, position, matched)
	}
	if matched == len(live) {
		return "", false, ErrMismatch
	}
	return r.key(int(live[matched])).kid, matched == 0, nil
}

func anyTag(tags [][]byte) bool {
	for _, tag := range tags {
		if len(tag) == mac.Size {
			return true
		}
	}
	return false
}

// MACs returns one 32-byte tag of the message per live key, the signing key's
// first, for schemes that send several signatures. The error is ErrNoKey where
// no key may sign.
func (k Keyring) MACs(message ...[]byte) ([][]byte, error) {
	if k.open == nil {
		return nil, ErrNoKey
	}
	r := k.open()
	selection := r.selection()
	signing, ok := selection.Signing()
	if !ok {
		return nil, ErrNoKey
	}
	tags := [][]byte{r.sum(signing, message)}
	for _, i := range selection.Live() {
		if int(i) != signing {
			tags = append(tags, r.sum(int(i), message))
		}
	}
	return tags, nil
}

func (r *ring) sum(key int, message [][]byte) []byte {
	var sum [mac.Size]byte
	r.key(key).Sum(&sum, message...)
	return sum[:]
}

// SignHMAC returns the HMAC-SHA256 of the message with the signing key, as 64
// lower-case hex digits. The error is ErrNoKey where no key may sign.
//
// A tenant's hmac_key verifies what comes in. Sign with it only at the sender's
// end of that direction, in your own producers and in tests; what goes out is
// signed with the destination's own key, see [DestinationHMACKey].
func SignHMAC(k Keyring, message []byte) (string, error) {
	if k.open == nil {
		return "", ErrNoKey
	}
	r := k.open()
	selection := r.selection()
	signing, ok := selection.Signing()
	if !ok {
		return "", ErrNoKey
	}
	return hex.EncodeToString(r.sum(signing, [][]byte{message})), nil
}

// VerifyHMAC tells whether a live key of the keyring made the signature: 64
// lower-case hex digits, with or without "sha256=" before them, or 44 characters
// of strict standard base64. The error is ErrSignature for any other text,
// ErrMismatch where no live key made it, ErrNoKey where none is live.
//
// It never asks Secrets Manager; [Client.VerifyHMAC] does, when the signature
// may be of a key that this process has not seen yet.
func VerifyHMAC(k Keyring, message []byte, signature string) error {
	var tag [mac.Size]byte
	if !parseSignature(&tag, signature) {
		return ErrSignature
	}
	return k.verify(&tag, message)
}

func (k Keyring) verify(tag *[mac.Size]byte, message []byte) error {
	if k.open == nil {
		return ErrNoKey
	}
	return k.open().verify(tag, message)
}

// verify is match for one tag, of which nobody asks who made it.
func (r *ring) verify(tag *[mac.Size]byte, message []byte) error {
	if r.rest == nil {
		return r.first.verify(tag, message)
	}
	selection := r.selection()
	live := selection.Live()
	if len(live) == 0 {
		return ErrNoKey
	}
	equal := 0
	for _, i := range live {
		var sum [mac.Size]byte
		r.key(int(i)).Sum(&sum, message)
		equal |= subtle.ConstantTimeCompare(sum[:], tag[:])
	}
	if equal == 0 {
		return ErrMismatch
	}
	return nil
}

func (k *ringKey) verify(tag *[mac.Size]byte, message []byte) error {
	var sum [mac.Size]byte
	k.Sum(&sum, message)
	if subtle.ConstantTimeCompare(sum[:], tag[:]) == 0 {
		return ErrMismatch
	}
	return nil
}

const hexPrefix = "sha256="

// parseSignature tells the encodings apart by their length and accepts one text
// per tag and encoding.
func parseSignature(tag *[mac.Size]byte, signature string) bool {
	if len(signature) == mac.Base64Length {
		return mac.ParseBase64(tag, signature)
	}
	return mac.ParseHex(tag, strings.TrimPrefix(signature, hexPrefix))
}

// String returns "[redacted]".
func (k Keyring) String() string { return document.Redaction }

// Format prints "[redacted]" for every verb and flag.
func (k Keyring) Format(f fmt.State, _ rune) { redact(f, document.Redaction) }

// LogValue returns "[redacted]".
func (k Keyring) LogValue() slog.Value { return slog.StringValue(document.Redaction) }
