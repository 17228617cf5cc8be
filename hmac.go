package tenantsecrets

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
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

// ring is keys by index, in the order in which they are tried.
type ring struct {
	now     func() time.Time
	kids    []string
	windows []document.Window
	keys    []mac.Key

	timeless bool // always is the Selection at all times
	always   document.Selection
}

// NewKeyring makes a keyring of keys without end for tests and test vectors. The
// first one signs; the kid of the n-th, from 0, is n in decimal. The key is the
// value's bytes as they stand, 16 to 128 of them, else the error is
// ErrInvalidKey. At most 8 keys are tried.
func NewKeyring(keys ...Value) (Keyring, error) {
	r := &ring{now: time.Now}
	for i, v := range keys {
		secret := []byte(v.Reveal())
		if err := document.CheckKey(secret); err != nil {
			return Keyring{}, fmt.Errorf("%w: key %d %s", ErrInvalidKey, i, err.Error())
		}
		r.add(fmt.Sprint(i), document.Window{}, secret)
	}
	return r.seal(), nil
}

// newKeyring makes a keyring of a stored ring.
func newKeyring(keys []document.Key, now func() time.Time) Keyring {
	r := &ring{now: now}
	for _, k := range keys {
		secret, err := k.Bytes()
		if err != nil {
			continue // a decoded key has valid bytes
		}
		r.add(k.KID, k.Window, secret)
	}
	return r.seal()
}

func (r *ring) add(kid string, window document.Window, secret []byte) {
	r.kids = append(r.kids, kid)
	r.windows = append(r.windows, window)
	r.keys = append(r.keys, mac.NewKey(secret))
}

func (r *ring) seal() Keyring {
	r.timeless = document.Timeless(r.windows)
	if r.timeless {
		r.always = document.Select(r.windows, time.Time{})
	}
	return Keyring{func() *ring { return r }}
}

// selection is read once per operation, so that all of it sees one time.
func (r *ring) selection() document.Selection {
	if r.timeless {
		return r.always
	}
	return document.Select(r.windows, r.now())
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
	r := k.open()
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
		r.keys[live[position]].Sum(&sum, message...)
		equal := 0
		for _, tag := range tags {
			equal |= subtle.ConstantTimeCompare(sum[:], tag)
		}
		matched = subtle.ConstantTimeSelect(equal, position, matched)
	}
	if matched == len(live) {
		return "", false, ErrMismatch
	}
	return r.kids[live[matched]], matched == 0, nil
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
	r.keys[key].Sum(&sum, message...)
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
	_, _, err := k.Match([][]byte{tag[:]}, message)
	return err
}

const (
	hexLength    = 2 * mac.Size
	base64Length = 44 // of 32 bytes, one "=" of padding included
	hexPrefix    = "sha256="
)

// strictBase64 refuses set trailing bits. Line breaks, which it would skip, are
// refused by the length: 44 characters must give 32 bytes.
var strictBase64 = base64.StdEncoding.Strict()

// parseSignature tells the encodings apart by their length and accepts one text
// per tag and encoding.
func parseSignature(tag *[mac.Size]byte, signature string) bool {
	switch len(signature) {
	case base64Length:
		var text [base64Length]byte
		copy(text[:], signature)
		var decoded [base64Length / 4 * 3]byte
		n, err := strictBase64.Decode(decoded[:], text[:])
		copy(tag[:], decoded[:])
		return err == nil && n == mac.Size
	case len(hexPrefix) + hexLength:
		digits, ok := strings.CutPrefix(signature, hexPrefix)
		return ok && parseHex(tag, digits)
	case hexLength:
		return parseHex(tag, signature)
	}
	return false
}

func parseHex(tag *[mac.Size]byte, digits string) bool {
	for i := range tag {
		high, low := hexDigit(digits[2*i]), hexDigit(digits[2*i+1])
		if high|low > 0xf {
			return false
		}
		tag[i] = high<<4 | low
	}
	return true
}

// hexDigit returns 0xff for what is not a lower-case hex digit.
func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

// String returns "[redacted]".
func (k Keyring) String() string { return document.Redaction }

// Format prints "[redacted]" for every verb and flag.
func (k Keyring) Format(f fmt.State, _ rune) { redact(f, document.Redaction) }

// LogValue returns "[redacted]".
func (k Keyring) LogValue() slog.Value { return slog.StringValue(document.Redaction) }
