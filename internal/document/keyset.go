package document

import (
	"encoding/base64"
	"slices"
	"time"
)

// Keyset is encryption keys, of which one encrypts:
//
//	{"primary": "kid", "keys": [{"kid", "material", "status", "created_at"}]}
//
// material is the key in base64. A destroyed key has none: its entry says that what it
// encrypted is lost on purpose.
type Keyset struct {
	Primary string
	Keys    []DataKey
}

// DataKey is one key of a keyset.
type DataKey struct {
	KID       string
	Material  []byte
	Status    string
	CreatedAt time.Time // zero: not known
}

// The statuses of a key.
const (
	KeyEnabled     = "enabled"      // encrypts, if it is the primary, and decrypts
	KeyDecryptOnly = "decrypt_only" // decrypts
	KeyDestroyed   = "destroyed"
)

// The shortest and longest encryption key in bytes: AES-128, and AES-256 in a mode that
// takes two keys.
const (
	minDataKey = 16
	maxDataKey = 64
)

// DecodeKeyset reads one. The error is a Malformed.
func DecodeKeyset(text string) (k Keyset, err error) {
	err = decodeKind(text, func(o *object) (err error) {
		if k.Primary, err = o.required("primary"); err != nil {
			return err
		}
		err = o.each("keys", func(entry *object) error {
			key, err := takeDataKey(entry)
			k.Keys = append(k.Keys, key)
			return err
		})
		if err != nil {
			return err
		}
		return k.check()
	})
	return k, err
}

func takeDataKey(o *object) (k DataKey, err error) {
	if k.KID, err = o.required("kid"); err != nil {
		return k, err
	}
	if k.Status, err = o.required("status"); err != nil {
		return k, err
	}
	if k.CreatedAt, err = o.instant("created_at"); err != nil {
		return k, err
	}
	material, err := o.optionalSecret("material")
	if err != nil {
		return k, err
	}
	if k.Material, err = decodeBase64(base64.StdEncoding, base64.RawStdEncoding, material); err != nil {
		return k, malformed("%smaterial is not base64", o.at)
	}
	return k, k.check(o.at)
}

func (k *DataKey) check(at string) error {
	switch k.Status {
	case KeyEnabled, KeyDecryptOnly:
		if n := len(k.Material); n < minDataKey || n > maxDataKey {
			return malformed("%smaterial has %d bytes, and a key has %d to %d", at, n, minDataKey, maxDataKey)
		}
	case KeyDestroyed:
		if len(k.Material) > 0 {
			return malformed("%sstatus is %s, and its material is still there", at, KeyDestroyed)
		}
	default:
		return malformed("%sstatus is none of %s, %s and %s", at, KeyEnabled, KeyDecryptOnly, KeyDestroyed)
	}
	return nil
}

func (k *Keyset) check() error {
	kids := map[string]bool{}
	for _, key := range k.Keys {
		if kids[key.KID] {
			return malformed("two keys have one kid")
		}
		kids[key.KID] = true
	}
	i := slices.IndexFunc(k.Keys, func(key DataKey) bool { return key.KID == k.Primary })
	switch {
	case i < 0:
		return malformed("primary is the kid of none of the keys")
	case k.Keys[i].Status != KeyEnabled:
		return malformed("primary is the kid of a key that is not %s", KeyEnabled)
	}
	return nil
}

// Encode writes it. The error is a Malformed.
func (k Keyset) Encode() (string, error) {
	return encodeKind(func(w *writer) {
		w.text("primary", k.Primary)
		w.list("keys", len(k.Keys), func(i int) {
			key := k.Keys[i]
			w.open()
			w.text("kid", key.KID)
			w.optional("material", base64.StdEncoding.EncodeToString(key.Material))
			w.text("status", key.Status)
			w.time("created_at", key.CreatedAt)
			w.close()
		})
	}, DecodeKeyset)
}
