package document

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// A version id is chosen by who writes the version, as the token of the request
// (API reference, PutSecretValue, ClientRequestToken: 32 to 64 characters).

// VersionID is the same for everybody who writes the same thing: a UUID of our own
// making (RFC 9562, version 8) of what is to be written.
func VersionID(purpose string, parts ...string) string {
	sum := sha256.Sum256([]byte(purpose + "\x00" + strings.Join(parts, "\x00")))
	return uuid([16]byte(sum[:16]), 8)
}

// RandomVersionID is nobody else's (RFC 9562, version 4).
func RandomVersionID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return uuid(b, 4)
}

func uuid(b [16]byte, version byte) string {
	b[6] = b[6]&0x0f | version<<4
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Nonce makes a document unlike any other. Without it a change that holds nothing new,
// such as a revocation after its version was moved aside by hand, would be taken for the
// repetition of the first one: the same id with the same value is answered as a success,
// and changes nothing (API reference, PutSecretValue, ClientRequestToken).
func Nonce() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
