package document

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"math"
	"strings"
	"time"
)

// The shortest and longest HMAC key in bytes. RFC 2104 discourages keys below
// the hash's 32 bytes; 16 admits those that are in use. A key above the hash's
// block of 64 bytes is hashed first and gains nothing.
const (
	MinKey = 16
	MaxKey = 128
)

// Key is one HMAC key of a document.
type Key struct {
	KID       string    // "" only in a document whose writer does not know kids
	Secret    string    // as stored
	Encoding  string    // how Secret stands for the key; "": as its own bytes
	CreatedAt time.Time // zero only in a previous key
	Window

	written string // in a ring: the kid under which its document knows it
	unknown []member
}

// Window is the time in which a key may be used. Verifiers accept a key as soon
// as they see it.
type Window struct {
	SignAfter time.Time // not to be signed with before; zero: at once
	NotAfter  time.Time // not to be used at or after; zero: no end
}

// Bounds is a Window in 16 bytes, to the microsecond, for those who look at it with
// every message.
type Bounds struct{ signAfter, notAfter int64 } // Unix time in microseconds

// unbounded are the Bounds of the zero Window.
var unbounded = Bounds{math.MinInt64, math.MaxInt64}

// Bounds returns the window's.
func (w Window) Bounds() Bounds {
	b := unbounded
	if !w.SignAfter.IsZero() {
		b.signAfter = w.SignAfter.UnixMicro()
	}
	if !w.NotAfter.IsZero() {
		b.notAfter = w.NotAfter.UnixMicro()
	}
	return b
}

func (b Bounds) live(at int64) bool { return at < b.notAfter }

func (b Bounds) signs(at int64) bool { return b.live(at) && at >= b.signAfter }

// GenerateKey makes a key of 32 random bytes. Its secret is their 43 base64url
// characters and the key is those characters' bytes, so that every language
// uses the string as it stands.
func GenerateKey(kid string, createdAt time.Time) Key {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return Key{KID: kid, Secret: base64.RawURLEncoding.EncodeToString(b[:]), CreatedAt: createdAt}
}

// Bytes returns the key itself. It cannot fail on a decoded or generated Key.
func (k *Key) Bytes() ([]byte, error) {
	b, problem := k.bytes()
	if problem != "" {
		return nil, malformed("shared_secret %s", problem)
	}
	return b, nil
}

// bytes is Bytes with what is wrong with shared_secret; "": nothing.
func (k *Key) bytes() (key []byte, problem string) {
	b, ok := decodeSecret(k.Secret, k.Encoding)
	if !ok {
		return nil, "is not in the encoding that it names"
	}
	if err := CheckKey(b); err != nil {
		return nil, err.Error()
	}
	return b, ""
}

// CheckKey refuses what cannot be a key.
func CheckKey(key []byte) error {
	if string(key) == Redaction {
		return malformed(isRedaction)
	}
	if len(key) < MinKey || len(key) > MaxKey {
		return malformed("has %d bytes, and a key has %d to %d", len(key), MinKey, MaxKey)
	}
	return nil
}

const isRedaction = "is the text that is printed in place of a secret"

// decodeSecret is strict: a secret has one text in each encoding, but for the
// padding, with which base64 is found in the wild both ways.
func decodeSecret(secret, encoding string) (key []byte, ok bool) {
	var err error
	switch encoding {
	case "":
		return []byte(secret), true
	case "hex":
		key, err = hex.DecodeString(secret)
		return key, err == nil && hex.EncodeToString(key) == secret // lower case
	case "base64":
		key, err = decodeBase64(base64.StdEncoding, base64.RawStdEncoding, secret)
	case "base64url":
		key, err = decodeBase64(base64.URLEncoding, base64.RawURLEncoding, secret)
	case "whsec": // Standard Webhooks, "Symmetric": whsec_ and base64
		secret, ok = strings.CutPrefix(secret, whsecPrefix)
		if !ok {
			return nil, false
		}
		key, err = decodeBase64(base64.StdEncoding, base64.RawStdEncoding, secret)
	default:
		return nil, false
	}
	return key, err == nil
}

const whsecPrefix = "whsec_"

// Whsec returns a key as Standard Webhooks hands it to a customer.
func Whsec(key []byte) string { return whsecPrefix + base64.StdEncoding.EncodeToString(key) }

func decodeBase64(padded, raw *base64.Encoding, s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") { // which the decoder would skip
		return nil, base64.CorruptInputError(0)
	}
	if strings.HasSuffix(s, "=") {
		return padded.Strict().DecodeString(s)
	}
	return raw.Strict().DecodeString(s)
}

// takeKey takes the members that the newest and a previous key share.
func takeKey(o *object) (k Key) {
	k.Secret = o.required("shared_secret")
	k.Encoding = takeEncoding(o)
	k.KID, _ = o.text("kid")
	k.CreatedAt = o.instant("created_at")
	k.SignAfter = o.instant("sign_after")
	k.NotAfter = o.instant("not_after")
	if o.isBad("encoding") {
		return k // it does not say what the key is
	}
	if _, problem := k.bytes(); problem != "" {
		o.bad("shared_secret", "%s", problem)
	}
	return k
}

func takeEncoding(o *object) string {
	encoding, present := o.text("encoding")
	switch encoding {
	case "hex", "base64", "base64url", "whsec":
	default:
		if present {
			o.bad("encoding", "is none of hex, base64, base64url and whsec")
		}
	}
	return encoding
}
