package tenantsecrets

// This file holds the Keyring: it signs and verifies with the HMAC-SHA256 keys of one
// secret. The package functions SignHMAC and VerifyHMAC are its methods in another
// form. Which keys are live and in which order they are tried is in internal/keyring.

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/keyring"
	"github.com/formbridge/tenantsecrets/internal/mac"
)

// A Keyring holds the HMAC-SHA256 keys of one secret. Which of them verify, and which
// one signs, depends on the time of the call. Get one from [TenantSecret.Keys], from
// [Get] with [DestinationHMACKey], or in tests from [NewKeyring].
//
// A Keyring is immutable, prints as "[redacted]" and may be used by any number of
// goroutines. It does not follow a rotation: ask for it with each request.
//
// The zero Keyring has no key. Its methods return ErrNoKey.
type Keyring struct {
	open func() *keyring.Ring // a closure, for the state in it is as good as the keys
}

// newKeyring hides a ring, which must not be moved from then on.
func newKeyring(r *keyring.Ring) Keyring { return Keyring{func() *keyring.Ring { return r }} }

// noKeys is the ring of the zero Keyring.
var noKeys keyring.Ring

func (k Keyring) ring() *keyring.Ring {
	if k.open == nil {
		return &noKeys
	}
	return k.open()
}

// NewKeyring returns a keyring for tests and test vectors. Its keys do not end. The
// first one signs, and the kid of key i, counted from 0, is i in decimal. A key is the
// value's bytes as they are, 16 to 128 of them; the error is ErrInvalidKey otherwise.
// The first 8 keys are used.
func NewKeyring(keys ...Value) (Keyring, error) {
	var stored []document.Key
	for i, v := range keys {
		if err := document.CheckKey([]byte(v.Reveal())); err != nil {
			return Keyring{}, fmt.Errorf("%w: key %d %s", ErrInvalidKey, i, err.Error())
		}
		stored = append(stored, document.Key{KID: strconv.Itoa(i), Secret: v.Reveal()})
	}
	var r keyring.Ring
	r.Set(stored, nil)
	return newKeyring(&r), nil
}

// Match returns the kid of the newest live key that made one of the tags. newest
// reports whether that is the newest live key: if it is, the signer has the key of the
// last rotation. The message is the concatenation of its parts.
//
// The error is ErrMismatch if no live key made any of the tags, ErrSignature if none of
// the tags is 32 bytes long, and ErrNoKey if no key is live.
//
// Each tag is compared in constant time. Every live key is tried before the tags are
// refused, so a refusal takes the same time whichever tag was close and however close
// it was. A match ends the search, and the key that matched last is tried first: who
// has a valid signature can tell by the time whether the key that made it is that one.
//
// Match never asks Secrets Manager; it is what [Client.Verify] is used with.
func (k Keyring) Match(tags [][]byte, message ...[]byte) (kid string, newest bool, err error) {
	return k.ring().Match(tags, message...)
}

// MACs returns one 32-byte tag of the message per live key, for schemes that send
// several signatures. The signing key's tag is the first. The message is the
// concatenation of its parts. The error is ErrNoKey if no key may sign.
func (k Keyring) MACs(message ...[]byte) ([][]byte, error) { return k.ring().MACs(message...) }

// SignHMAC returns the HMAC-SHA256 of the message, made with the signing key, as 64
// lower-case hex digits. The error is ErrNoKey if no key may sign.
//
// A tenant's own keys verify what the tenant sends. Sign with them only as the tenant
// would: in the tenant's program, in your own producers, and in tests. What you send to
// a tenant is signed with the key of the destination, see [DestinationHMACKey].
func (k Keyring) SignHMAC(message []byte) (string, error) {
	tag, err := k.ring().Sign(message)
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(tag[:]), nil
}

// VerifyHMAC verifies a signature with the keys of this keyring alone and never
// refreshes them, where [Client.VerifyHMAC] loads newer keys before it refuses a
// signature. In a server use the client's.
//
// The signature is 64 lower-case hex digits, with or without "sha256=" before them, or
// 44 characters of strict standard base64. The error is ErrSignature for any other
// text, ErrMismatch if no live key made the signature, and ErrNoKey if no key is live.
// It takes as long as [Keyring.Match] with one tag; text of the wrong form is refused
// before a key is used.
func (k Keyring) VerifyHMAC(message []byte, signature string) error {
	var tag [mac.Size]byte
	if !parseSignature(&tag, signature) {
		return ErrSignature
	}
	return k.ring().Verify(&tag, message)
}

// SignHMAC is [Keyring.SignHMAC] as a function.
func SignHMAC(k Keyring, message []byte) (string, error) { return k.SignHMAC(message) }

// VerifyHMAC is [Keyring.VerifyHMAC] as a function: it never refreshes the keys, where
// [Client.VerifyHMAC] loads newer keys before it refuses a signature. In a server use
// the client's.
func VerifyHMAC(k Keyring, message []byte, signature string) error {
	return k.VerifyHMAC(message, signature)
}

const hexPrefix = "sha256="

// parseSignature knows the encoding by the length of the text. Each tag has exactly one
// text in each encoding.
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
