package tenantsecrets

import (
	"fmt"
	"time"

	"github.com/formbridge/tenantsecrets/internal/document"
)

// Keyset is encryption keys, of which one encrypts and all that are not destroyed
// decrypt:
//
//	{"primary": "k2", "tenant_id": "t_abc123", "keys": [
//	  {"kid": "k2", "material": "…", "status": "enabled", "created_at": "2026-01-02T15:04:05Z"},
//	  {"kid": "k1", "material": "…", "status": "decrypt_only"},
//	  {"kid": "k0", "status": "destroyed"}]}
//
// primary names an enabled key. material is 16 to 64 bytes in base64. A destroyed key
// has none.
//
// Every process must have seen a key before one encrypts with it: put a new one as
// enabled beside the primary, and make it the primary when the largest MaxStale of any
// reader and 5 min have passed. Nothing checks that.
type Keyset struct {
	Primary string // the kid of the key that encrypts
	Keys    []DataKey
}

// DataKey is one key of a [Keyset].
type DataKey struct {
	KID       string
	Material  Value // the key's bytes as they are, not base64
	Status    KeyStatus
	CreatedAt time.Time // zero: not known
}

// KeyStatus is what a [DataKey] may be used for.
type KeyStatus string

// The statuses of a key.
const (
	KeyEnabled     KeyStatus = document.KeyEnabled     // encrypts, where it is the primary, and decrypts
	KeyDecryptOnly KeyStatus = document.KeyDecryptOnly // decrypts
	KeyDestroyed   KeyStatus = document.KeyDestroyed   // has no material any more; versions of the past still do, until the secret is deleted
)

// Key returns the key of a kid, to decrypt with, or with [Keyset].Primary to encrypt.
// The error is ErrNoKey, where there is none or it is destroyed.
func (k Keyset) Key(kid string) (DataKey, error) {
	for _, key := range k.Keys {
		switch {
		case key.KID != kid:
		case key.Status == KeyDestroyed:
			return DataKey{}, fmt.Errorf("%w: the key %s is destroyed", ErrNoKey, quote(kid))
		default:
			return key, nil
		}
	}
	return DataKey{}, fmt.Errorf("%w: there is no key %s", ErrNoKey, quote(kid))
}

// EncryptionKey is the encryption keys of a tenant, or of the [Global] space, at
// encryption_key.
func EncryptionKey() Kind[Keyset] {
	return Kind[Keyset]{Path: "encryption_key", Decode: decodeKeyset, Encode: encodeKeyset}
}

func decodeKeyset(stored []byte) (Keyset, error) {
	d, err := document.DecodeKeyset(string(stored))
	if err != nil {
		return Keyset{}, err
	}
	k := Keyset{Primary: d.Primary}
	for _, key := range d.Keys {
		k.Keys = append(k.Keys, DataKey{key.KID, NewValue(string(key.Material)), KeyStatus(key.Status), key.CreatedAt})
	}
	return k, nil
}

func encodeKeyset(k Keyset) ([]byte, error) {
	d := document.Keyset{Primary: k.Primary}
	for _, key := range k.Keys {
		d.Keys = append(d.Keys, document.DataKey{
			KID: key.KID, Material: []byte(key.Material.Reveal()), Status: string(key.Status), CreatedAt: key.CreatedAt,
		})
	}
	return encoded(d.Encode())
}
